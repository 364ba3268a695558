//! Versions and ranges with the rules of Masterminds/semver, which Helm and Flux use.
