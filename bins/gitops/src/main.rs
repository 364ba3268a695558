//! The command line. Each command is a file beside this one: it reads its flags and files, calls one engine, and
//! prints the result. Nothing here knows how to build, render or choose.
//!
//! Exit codes: 0 done, 1 refused or failed (the reason is on stderr), 2 the flags were wrong, 141 nobody reads the output.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod artifact;
mod bootstrap;
mod build;
mod check;
mod cluster;
mod commands;
mod completion;
mod confirm;
mod create;
mod debug;
mod delete;
mod dependency;
mod diff;
mod envsubst;
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
mod local;
mod local_cluster;
mod logs;
mod migrate;
mod named;
mod package;
mod printable;
mod reconcile;
mod remote;
mod render;
mod scratch;
mod show;
mod source;
mod stats;
mod suspend;
mod template;
mod trace;
mod tree;
mod trigger;
mod uninstall;
mod unread;
mod up;
mod validate;
mod version;

use clap::error::ErrorKind;
use cluster::say;
use commands::{Command, Voice};
use flags::{commands_first, refusal, with_boolean_values};
use printable::Printable;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why a command failed: printed on stderr as `Error: …`.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    unread::end_quietly();
    let arguments = commands_first(std::env::args().collect());
    let named = arguments.get(1).and_then(|name| Command::named(name));
    let definition = with_boolean_values(commands::definition(named), &arguments);
    let outcome = definition.try_get_matches_from(arguments).and_then(|matches| {
        // The definition asks for a command of the table.
        let (name, matches) =
            matches.subcommand().ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
        let command = Command::named(name).ok_or_else(|| clap::Error::new(ErrorKind::InvalidSubcommand))?;
        Ok((command.voice, (command.run)(matches)?))
    });
    let voice = named.map_or(Voice::Own, |command| command.voice);
    match outcome {
        Ok((_, Ok(code))) => return code,
        Ok((_, Err(failure))) if unread::is_unread(&failure) => return unread::UNREAD.into(),
        Ok((Voice::Flux, Err(failure))) => say::failure(failure),
        Ok((Voice::Own, Err(failure))) => match failure.downcast_ref::<helm_rs::Error>() {
            // Places and help come with errors of charts.
            Some(error) => anstream::eprintln!("Error: {}", Printable(error.report())),
            None => anstream::eprintln!("Error: {}", Printable(failure)),
        },
        Err(error) => match refusal(&error).filter(|_| voice == Voice::Flux) {
            Some(why) => say::failure(why),
            None => error.exit(),
        },
    }
    ExitCode::FAILURE
}
