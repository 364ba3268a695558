//! Fleets: what a repository written for Flux means, rendered and reconciled over ports, with no I/O of its own.
