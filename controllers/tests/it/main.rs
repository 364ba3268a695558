//! The reconcilers against a world of fakes.

mod git_repository;
mod helm_release_cluster;
mod world;
