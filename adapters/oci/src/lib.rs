//! OCI registries: tags, artifacts, charts.
