//! The reconcilers against a world of fakes.

mod git_repository;
mod world;
