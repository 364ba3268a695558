# The commands of daily work; `just` lists them.
default:
    @just --list

# Build the command line
build:
    cargo build --release --package gitops

# All tests, with the counts of each conformance suite
test:
    cargo test --workspace

# What the gate runs
ci:
    .ci/run

# Format and lint
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --all-features --fix --allow-dirty

# Side by side with kustomize and helm, which must be on PATH
compare:
    cargo run --release --package gitops-benches --bin compare
