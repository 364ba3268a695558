//! Chart repositories and notifications over HTTP.
