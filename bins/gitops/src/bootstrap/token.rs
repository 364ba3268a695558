//! A password or token that stands in the environment or is asked for.

use crate::Failure;
use gitops_core::ports::Secret;
use std::io::{BufRead, IsTerminal};
use std::process::{Command, Stdio};

/// Reads a token from an environment variable, else from a line of standard input that no screen shows.
pub(super) fn token(variable: &str, question: &str) -> Result<Secret, Failure> {
    match std::env::var(variable) {
        Ok(text) if !text.is_empty() => Ok(Secret::new(text)),
        _ => asked(question, variable),
    }
}

fn asked(question: &str, variable: &str) -> Result<Secret, Failure> {
    anstream::eprint!("{question}: ");
    let mut text = String::new();
    {
        let _hidden = Hidden::start();
        std::io::stdin().lock().read_line(&mut text)?;
    }
    text.truncate(text.trim_end().len());
    if text.is_empty() {
        return Err(format!("could not read token: set {variable}, or answer the question").into());
    }
    Ok(Secret::new(text))
}

/// A terminal that does not show what is typed, until the value is dropped.
struct Hidden(bool);

impl Hidden {
    fn start() -> Self {
        Self(std::io::stdin().is_terminal() && stty("-echo"))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if self.0 {
            stty("echo");
            anstream::eprintln!();
        }
    }
}

fn stty(word: &str) -> bool {
    let done = Command::new("stty").arg(word).stdout(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}
