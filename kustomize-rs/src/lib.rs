//! The whole of kustomize build as a pure library.
