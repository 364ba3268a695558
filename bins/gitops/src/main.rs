//! The command line. Each command is a file beside this one: it reads its flags and files, calls one engine, and
//! prints the result. Nothing here knows how to build, render or choose.
//!
//! Exit codes: 0 done, 1 refused or failed (the reason is on stderr), 2 the flags were wrong.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod artifact;
mod build;
mod cluster;
mod completion;
mod confirm;
mod create;
mod delete;
mod dependency;
mod diff;
mod events;
mod explain;
mod export;
mod flags;
mod fleet;
mod get;
mod graph;
mod helm;
mod image;
mod install;
mod kustomize;
mod lint;
mod local_cluster;
mod migrate;
mod named;
mod package;
mod reconcile;
mod remote;
mod render;
mod show;
mod source;
mod stats;
mod suspend;
mod template;
mod tree;
mod uninstall;
mod up;
mod validate;
mod version;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use cluster::{say, told};
use flags::{commands_first, refusal, with_boolean_values};
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
    Create(Box<create::Args>),
    Delete(delete::Args),
    Dependency(Box<dependency::Args>),
    Diff(diff::Args),
    Events(events::Args),
    Explain(explain::Args),
    Export(export::Args),
    Get(get::Args),
    Graph(graph::Args),
    Image(image::Args),
    Install(Box<install::Args>),
    Edit(kustomize::edit::Args),
    Kustomize(kustomize::Args),
    Lint(Box<lint::Args>),
    List(artifact::list::Args),
    LocalCluster(local_cluster::Args),
    Migrate(migrate::Args),
    Package(package::Args),
    Pull(artifact::pull::Args),
    Push(artifact::push::Args),
    Reconcile(reconcile::Args),
    Render(render::Args),
    Resume(suspend::resume::Args),
    Show(show::Args),
    Source(source::Args),
    Tag(artifact::tag::Args),
    Stats(stats::Args),
    Suspend(suspend::Args),
    Template(Box<template::Args>),
    Tree(tree::Args),
    Uninstall(uninstall::Args),
    Up(up::Args),
    Validate(validate::Args),
    Version(version::Args),
}

/// Why a command failed: printed on stderr as `Error: …`.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The commands that answer as Flux's do, down to the words of a refusal.
const OPERATOR: [&str; 8] =
    ["create", "delete", "export", "get", "reconcile", "resume", "suspend", "install"];

/// Reads the command line.
fn parse(arguments: Vec<String>) -> Result<Cli, ExitCode> {
    let command = with_boolean_values(Cli::command(), &arguments);
    let is_operator = arguments.get(1).is_some_and(|name| OPERATOR.contains(&name.as_str()));
    command.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches)).map_err(
        |error| match refusal(&error).filter(|_| is_operator) {
            Some(why) => {
                say::failure(why);
                ExitCode::FAILURE
            }
            None => error.exit(),
        },
    )
}

fn main() -> ExitCode {
    let cli = match parse(commands_first(std::env::args().collect())) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let result = match cli.command {
        Command::Build(args) => build::run(&args),
        Command::Completion(args) => completion::run(&args),
        Command::Create(args) => told(create::run(&args)),
        Command::Delete(args) => told(delete::run(&args)),
        Command::Dependency(args) => dependency::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Events(args) => told(events::run(&args)),
        Command::Explain(args) => explain::run(&args),
        Command::Export(args) => told(export::run(&args)),
        Command::Get(args) => told(get::run(&args)),
        Command::Graph(args) => graph::run(&args),
        Command::Image(args) => image::run(&args),
        Command::Install(args) => told(install::run(&args)),
        Command::Edit(args) => kustomize::edit::run(&args),
        Command::Kustomize(args) => kustomize::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::List(args) => artifact::list::run(&args),
        Command::LocalCluster(args) => local_cluster::run(&args),
        Command::Migrate(args) => told(migrate::run(&args)),
        Command::Package(args) => package::run(&args),
        Command::Pull(args) => artifact::pull::run(&args),
        Command::Push(args) => artifact::push::run(&args),
        Command::Reconcile(args) => told(reconcile::run(&args)),
        Command::Render(args) => render::run(&args),
        Command::Resume(args) => told(suspend::resume::run(&args)),
        Command::Show(args) => show::run(&args),
        Command::Source(args) => source::run(&args),
        Command::Tag(args) => artifact::tag::run(&args),
        Command::Stats(args) => told(stats::run(&args)),
        Command::Suspend(args) => told(suspend::run(&args)),
        Command::Template(args) => template::run(&args),
        Command::Tree(args) => tree::run(&args),
        Command::Uninstall(args) => told(uninstall::run(&args)),
        Command::Up(args) => up::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Version(args) => version::run(&args),
    };
    result.unwrap_or_else(|failure| {
        anstream::eprintln!("Error: {failure}");
        ExitCode::FAILURE
    })
}
