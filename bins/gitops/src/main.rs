//! The command line. Each command is a file beside this one: it reads its flags and files, calls one engine, and
//! prints the result. Nothing here knows how to build, render or choose.
//!
//! Exit codes: 0 done, 1 refused or failed (the reason is on stderr), 2 the flags were wrong.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod artifact;
mod build;
mod completion;
mod diff;
mod explain;
mod fleet;
mod graph;
mod helm;
mod image;
mod install;
mod kustomize;
mod lint;
mod package;
mod remote;
mod render;
mod show;
mod source;
mod template;
mod tree;
mod up;
mod validate;
mod version;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Build kustomizations, render charts and update images from git, with no cluster at all.
#[derive(Parser)]
#[command(name = "gitops", version, arg_required_else_help = true, infer_subcommands = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "parsed once")]
enum Command {
    Build(build::Args),
    Completion(completion::Args),
    Diff(diff::Args),
    Explain(explain::Args),
    Graph(graph::Args),
    Image(image::Args),
    Install(install::Args),
    Edit(kustomize::edit::Args),
    Kustomize(kustomize::Args),
    Lint(Box<lint::Args>),
    List(artifact::list::Args),
    Package(package::Args),
    Pull(artifact::pull::Args),
    Push(artifact::push::Args),
    Render(render::Args),
    Show(show::Args),
    Source(source::Args),
    Tag(artifact::tag::Args),
    Template(Box<template::Args>),
    Tree(tree::Args),
    Up(up::Args),
    Validate(validate::Args),
    Version(version::Args),
}

/// Why a command failed: printed on stderr as `Error: …`.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Build(args) => build::run(&args),
        Command::Completion(args) => completion::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Image(args) => image::run(&args),
        Command::Install(args) => install::run(&args),
        Command::Edit(args) => kustomize::edit::run(&args),
        Command::Kustomize(args) => kustomize::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::List(args) => artifact::list::run(&args),
        Command::Package(args) => package::run(&args),
        Command::Pull(args) => artifact::pull::run(&args),
        Command::Push(args) => artifact::push::run(&args),
        Command::Render(args) => render::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Source(args) => source::run(&args),
        Command::Tag(args) => artifact::tag::run(&args),
        Command::Template(args) => template::run(&args),
        Command::Tree(args) => tree::run(&args),
        Command::Up(args) => up::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Version(args) => version::run(&args),
    };
    result.unwrap_or_else(|failure| {
        anstream::eprintln!("Error: {failure}");
        ExitCode::FAILURE
    })
}
