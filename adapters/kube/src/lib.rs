//! Any Kubernetes API as a cluster.
