//! A repository of 5,000 files and 500 commits: `gitops source git`, which fetches it into memory and packs the artifact,
//! against `git clone --depth 1`, which writes it to a disk.

use crate::inputs::{Input, fresh};
use crate::measure::{Cost, measure, median};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

const FILES: usize = 5_000;
const COMMITS: usize = 500;

/// Makes the repository through `git fast-import`, or returns `None` where there is no git.
fn repository(folder: PathBuf) -> Option<PathBuf> {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let path = folder.to_str()?;
    git(&["init", "-q", "--bare", "-b", "main", path]).status().ok().filter(ExitStatus::success)?;
    let mut stream = String::new();
    for commit in 0..COMMITS {
        let message = format!("change {commit}");
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter A <a@example.org> {} +0000\ndata {}\n{message}\n",
            1_700_000_000 + commit,
            message.len()
        );
        // The first commit has all files, the others change ten each.
        let changed = if commit == 0 { 0..FILES } else { commit * 7..commit * 7 + 10 };
        for file in changed {
            let text = manifest(file % FILES, commit);
            let path = format!("apps/{}/app-{}.yaml", file % FILES % 100, file % FILES);
            let _ = write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
        }
    }
    let mut import = git(&["-C", path, "fast-import", "--quiet"]).spawn().ok()?;
    import.stdin.take()?.write_all(stream.as_bytes()).ok()?;
    import.wait().ok().filter(ExitStatus::success)?;
    git(&["-C", path, "repack", "-adq"]).status().ok().filter(ExitStatus::success)?;
    Some(folder)
}

/// A manifest of 1 KiB or so, of which no two are equal.
fn manifest(file: usize, commit: usize) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-{file}\ndata:\n  commit: \"{commit}\"\n"
    );
    let mut state = file as u64 + 1;
    for line in 0..24 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let _ = writeln!(text, "  setting-{line}: value-{:012x}", state >> 16);
    }
    text
}

/// Prints the table.
pub(crate) fn table(ours: &Path, work: &Path, runs: usize) {
    println!("\n### git: {FILES} files, {COMMITS} commits\n");
    let Some(folder) = repository(fresh(work, "repository.git")) else {
        eprintln!("git is not on PATH: there is nothing to compare with");
        return;
    };
    println!(
        "| over | ours: CPU s | wall s | MiB | git clone --depth 1: CPU s | wall s | MiB | wall, ours to git's |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    row("file", &format!("file://{}", folder.display()), ours, work, runs);
    match (std::env::var("GIT_URL"), std::env::var("GIT_ROOT")) {
        (Ok(url), Ok(root)) => {
            if let Some(served) = repository(fresh(Path::new(&root), "compare.git")) {
                row("HTTP", &format!("{url}/compare.git"), ours, work, runs);
                let _ = std::fs::remove_dir_all(served);
            }
        }
        _ => eprintln!("GIT_URL and GIT_ROOT name no server: the row of HTTP is left out"),
    }
}

fn row(over: &str, url: &str, ours: &Path, work: &Path, runs: usize) {
    let input = |args: &[&str]| Input {
        folder: work.to_path_buf(),
        args: args.iter().map(|text| (*text).to_owned()).collect(),
    };
    let mut own = Vec::new();
    let mut git = Vec::new();
    for run in 0..runs {
        own.push(measure(ours, &input(&["source", "git", url, "--branch", "main"])));
        let clone = fresh(work, &format!("clone-{run}"));
        let target = clone.display().to_string();
        git.push(measure(Path::new("git"), &input(&["clone", "-q", "--depth", "1", url, &target])));
        let _ = std::fs::remove_dir_all(clone);
    }
    let middle = |all: &[Cost], of: fn(&Cost) -> f64| median(all.iter().map(of));
    let figures = |all: &[Cost]| [middle(all, |c| c.cpu), middle(all, |c| c.wall), middle(all, |c| c.mib)];
    let ([cpu, wall, mib], [git_cpu, git_wall, git_mib]) = (figures(&own), figures(&git));
    println!(
        "| {over} | {cpu:.3} | {wall:.3} | {mib:.0} | {git_cpu:.3} | {git_wall:.3} | {git_mib:.0} | {:.2} |",
        wall / git_wall
    );
}
