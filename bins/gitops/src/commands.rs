//! The table of commands: what each is called, how it reads its flags, and what it does.
//!
//! To define all of them takes longer than to build a small kustomization, so only the command that the arguments name is
//! defined; help, completion and the guess at what a misspelled name meant need them all.

use crate::{
    Failure, artifact, bootstrap, build, check, completion, create, debug, delete, dependency, diff,
    envsubst, events, explain, export, get, graph, image, install, kustomize, lint, local_cluster, logs,
    migrate, package, reconcile, render, show, source, stats, suspend, template, trace, tree, trigger,
    uninstall, up, validate, version,
};
use clap::{ArgMatches, Args as _, FromArgMatches as _};
use std::process::ExitCode;

/// The words in which a command refuses and fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// `Error: …`, and clap's words for wrong flags.
    Own,
    /// As Flux's command says it, for the scripts and the eyes that know it.
    Flux,
}

/// A command of the top level.
pub(crate) struct Command {
    name: &'static str,
    define: fn(clap::Command) -> clap::Command,
    /// Reads the flags and does the work: the outer error is about flags.
    pub(crate) run: fn(&ArgMatches) -> Result<Result<ExitCode, Failure>, clap::Error>,
    pub(crate) voice: Voice,
}

macro_rules! command {
    ($name:literal, $($module:ident)::+) => {
        command!($name, $($module)::+, Voice::Own)
    };
    ($name:literal, $($module:ident)::+, $voice:expr) => {
        Command {
            name: $name,
            define: $($module)::+::Args::augment_args,
            run: |matches| Ok($($module)::+::run(&$($module)::+::Args::from_arg_matches(matches)?)),
            voice: $voice,
        }
    };
}

const COMMANDS: &[Command] = &[
    command!("bootstrap", bootstrap, Voice::Flux),
    command!("build", build),
    command!("check", check, Voice::Flux),
    command!("completion", completion),
    command!("create", create, Voice::Flux),
    command!("debug", debug, Voice::Flux),
    command!("delete", delete, Voice::Flux),
    command!("dependency", dependency),
    command!("diff", diff),
    command!("events", events, Voice::Flux),
    command!("explain", explain),
    command!("export", export, Voice::Flux),
    command!("get", get, Voice::Flux),
    command!("graph", graph),
    command!("image", image),
    command!("install", install, Voice::Flux),
    command!("edit", kustomize::edit),
    command!("envsubst", envsubst, Voice::Flux),
    command!("kustomize", kustomize),
    command!("lint", lint),
    command!("list", artifact::list, Voice::Flux),
    command!("local-cluster", local_cluster),
    command!("logs", logs, Voice::Flux),
    command!("migrate", migrate, Voice::Flux),
    command!("package", package),
    command!("pull", artifact::pull, Voice::Flux),
    command!("push", artifact::push, Voice::Flux),
    command!("reconcile", reconcile, Voice::Flux),
    command!("render", render),
    command!("resume", suspend::resume, Voice::Flux),
    command!("show", show),
    command!("source", source),
    command!("tag", artifact::tag, Voice::Flux),
    command!("stats", stats, Voice::Flux),
    command!("suspend", suspend, Voice::Flux),
    command!("template", template),
    command!("trace", trace, Voice::Flux),
    command!("tree", tree, Voice::Flux),
    command!("trigger", trigger, Voice::Flux),
    command!("uninstall", uninstall, Voice::Flux),
    command!("up", up),
    command!("validate", validate),
    command!("version", version, Voice::Flux),
];

impl Command {
    /// Finds a command by its full name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|command| command.name == name)
    }
}

/// Returns the definition of one command and its flags, or of all.
pub(crate) fn definition(only: Option<&'static Command>) -> clap::Command {
    let root = clap::Command::new("gitops")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Build kustomizations, render charts and update images from git, with no cluster at all")
        .arg_required_else_help(true)
        .subcommand_required(true);
    let commands = only.map_or(COMMANDS, std::slice::from_ref);
    root.subcommands(commands.iter().map(|command| (command.define)(clap::Command::new(command.name))))
}
