//! `gitops completion`: scripts that complete commands, flags and the names of a cluster's objects in a shell.

mod names;

use crate::{Failure, commands};
use clap::Subcommand;
use clap_complete::Shell;
use std::io::Write;
use std::process::ExitCode;

/// Print a completion script for a shell.
///
/// Names of objects are asked of the cluster that the line is about, for at most two seconds; bash, zsh and fish complete them.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  source <(gitops completion bash)
  gitops completion zsh > \"${fpath[1]}/_gitops\"
  gitops completion fish > ~/.config/fish/completions/gitops.fish")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// For bash.
    #[command(after_help = "Example, in ~/.bashrc:\n  source <(gitops completion bash)")]
    Bash,
    /// For elvish.
    Elvish,
    /// For fish.
    #[command(after_help = "Example:\n  gitops completion fish > ~/.config/fish/completions/gitops.fish")]
    Fish,
    /// For PowerShell.
    Powershell,
    /// For zsh.
    #[command(after_help = "Example:\n  gitops completion zsh > \"${fpath[1]}/_gitops\"")]
    Zsh,
    /// Print the names that may stand at the end of a line; the scripts ask for them.
    #[command(hide = true)]
    Names {
        /// The words behind `gitops`, the last of which is being typed.
        #[arg(last = true)]
        words: Vec<String>,
    },
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (shell, more) = match &args.what {
        What::Bash => (Shell::Bash, BASH),
        What::Elvish => (Shell::Elvish, ""),
        What::Fish => (Shell::Fish, FISH),
        What::Powershell => (Shell::PowerShell, ""),
        What::Zsh => (Shell::Zsh, ""),
        What::Names { words } => {
            let names: String = names::names(words).into_iter().map(|name| name + "\n").collect();
            std::io::stdout().write_all(names.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut commands::definition(None), "gitops", &mut script);
    if shell == Shell::Zsh {
        script = with_names(&String::from_utf8(script)?).into_bytes();
    }
    script.extend_from_slice(more.as_bytes());
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Where the cluster has names they are offered, and nothing else; flags where they are begun.
const BASH: &str = r#"
_gitops_with_names() {
    if [[ "${COMP_WORDS[COMP_CWORD]}" != -* && COMP_CWORD -gt 1 ]]; then
        local IFS=$'\n'
        COMPREPLY=($(gitops completion names -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
        [[ ${#COMPREPLY[@]} -gt 0 ]] && return 0
        unset IFS
    fi
    _gitops "$@"
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _gitops_with_names -o nosort -o bashdefault -o default gitops
else
    complete -F _gitops_with_names -o bashdefault -o default gitops
fi
"#;

const FISH: &str = r"
function __gitops_names
    set -l words (commandline -opc) (commandline -ct)
    gitops completion names -- $words[2..-1] 2>/dev/null
end
complete -c gitops -a '(__gitops_names)'
";

const ZSH: &str = r#"
_gitops_names() {
    local -a typed names
    typed=(${(z)LBUFFER})
    [[ $LBUFFER == *' ' ]] && typed+=('')
    names=(${(f)"$(gitops completion names -- "${(@)typed[2,-1]}" 2>/dev/null)"})
    if (( $#names )); then compadd -a names; else _default; fi
}
"#;

/// Lets zsh ask for names where a command takes one.
fn with_names(script: &str) -> String {
    let mut text = String::with_capacity(script.len());
    for line in script.lines() {
        let is_name = line.contains(":name -- ") || line.contains(":names -- ");
        match line.strip_suffix(":_default' \\").filter(|_| is_name) {
            Some(begin) => text.extend([begin, ":_gitops_names' \\"]),
            None => text.push_str(line),
        }
        text.push('\n');
        // The first line says to zsh whose completion it is.
        if line.starts_with("#compdef") {
            text.push_str(ZSH);
        }
    }
    text
}
