//! Which of Flux's commands are here, with which of their flags.

use gitops_conformance::{Suite, folder, rows};
use std::collections::BTreeSet;
use std::process::Command;

/// What `gitops COMMAND --help` says; `None` where there is no such command.
fn help(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let done = Command::new(env!("CARGO_BIN_EXE_gitops")).args(&words).arg("--help").output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    // The help of another command may answer for words that are none of its subcommands.
    let usage = format!("Usage: gitops {}", words.join(" "));
    let is_it = text.lines().any(|line| line == usage || line.starts_with(&format!("{usage} ")));
    (done.status.success() && is_it).then_some(text)
}

fn flags_of(help: &str) -> BTreeSet<String> {
    let names = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    names.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

#[test]
fn knows_fluxs_commands_and_their_flags() {
    let Some(flux) = folder("flux") else { return };
    let all = rows(&flux.join("cli_commands.jsonl"));
    let mut commands = Suite::new("cli_commands");
    let mut flags = Suite::new("cli_flags");
    for row in all.iter().skip(1) {
        let command = row["command"].as_str().unwrap();
        let help = help(command);
        commands.check(command, || help.as_ref().map(|_| ()).ok_or_else(|| "not there".to_owned()));
        let Some(help) = help else { continue };
        let known = flags_of(&help);
        for flag in row["flags"].as_array().into_iter().flatten().filter_map(|flag| flag["flag"].as_str()) {
            if flag != "--help" {
                flags.check(&format!("{command} {flag}"), || {
                    known.contains(flag).then_some(()).ok_or_else(|| "not there".to_owned())
                });
            }
        }
    }
    commands.finish(95.0);
    flags.finish(100.0);
}

/// Flags that every command takes are accepted before the command and behind it, with the values that scripts give them.
#[test]
fn takes_fluxs_global_flags_anywhere() {
    let Some(flux) = folder("flux") else { return };
    let all = rows(&flux.join("cli_commands.jsonl"));
    let mut globals = Suite::new("cli_globals");
    for row in all[0]["flags"].as_array().into_iter().flatten() {
        let flag = row["flag"].as_str().unwrap();
        if matches!(flag, "--help" | "--version") {
            continue;
        }
        let mut words = vec![flag];
        match row["type"].as_str() {
            Some("bool") => {}
            Some("int" | "float32") => words.push("7"),
            Some("duration") => words.push("7s"),
            _ => words.push("k=v"),
        }
        let command =
            ["create", "source", "git", "web", "--url=https://example.com/web", "--branch=a", "--export"];
        for arguments in [[&words[..], &command].concat(), [&command, &words[..]].concat()] {
            globals.check(&arguments.join(" "), || {
                let done = Command::new(env!("CARGO_BIN_EXE_gitops")).args(&arguments).output().unwrap();
                let refusal = String::from_utf8_lossy(&done.stderr).into_owned();
                (done.status.success() && !done.stdout.is_empty()).then_some(()).ok_or(refusal)
            });
        }
    }
    globals.finish(100.0);
}
