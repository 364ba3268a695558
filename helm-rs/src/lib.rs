//! Helm charts and releases as a pure library.
