//! The pure layer that the GitOps engines share: objects, schemas, merging, trees, ports.
