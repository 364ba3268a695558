//! The reconcilers against a world of fakes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod alerts;
mod fleet;
mod generate;
mod git_repository;
mod helm_release;
mod helm_release_cluster;
mod image;
mod kustomization;
mod notification;
mod oci_repository;
mod world;
