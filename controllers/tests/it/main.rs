//! The reconcilers against a world of fakes, and releases on a real API server.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests"
)]

mod alerts;
mod decryption;
mod faults;
mod fleet;
mod fleet_cache;
mod fleet_explain;
mod fleet_sops;
mod generate;
mod git_repository;
mod helm_chart;
mod helm_release;
mod helm_release_cluster;
mod helm_release_real;
mod image;
mod kustomization;
mod kustomization_fields;
mod notification;
mod oci_repository;
mod world;
