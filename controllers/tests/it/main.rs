//! The reconcilers against a world of fakes.

mod generate;
mod git_repository;
mod helm_release_cluster;
mod kustomization;
mod world;
