//! Commits of a local repository as trees in memory, read by git without a checkout.

use crate::Failure;
use gitops_core::tree::MemTree;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

fn git(root: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(root);
    git
}

/// Runs git and returns what it prints.
fn output(root: &Path, args: &[&str]) -> Result<Vec<u8>, Failure> {
    let output = git(root).args(args).output().map_err(|error| format!("git: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("fatal: ").into());
    }
    Ok(output.stdout)
}

/// Splits `A..B` into two revisions; `A` alone is compared with the working tree.
pub(crate) fn changed_revisions(text: &str) -> (String, Option<String>) {
    let or_head = |text: &str| if text.is_empty() { "HEAD".to_owned() } else { text.to_owned() };
    match text.split_once("...").or_else(|| text.split_once("..")) {
        Some((from, to)) => (or_head(from), Some(or_head(to))),
        None => (text.to_owned(), None),
    }
}

/// Reads all files of a commit.
pub(crate) fn commit_tree(root: &Path, revision: &str) -> Result<MemTree, Failure> {
    if revision.starts_with('-') {
        return Err(format!("'{revision}' is no revision").into());
    }
    let wanted = format!("{revision}^{{tree}}");
    let listing = output(root, &["ls-tree", "-r", "-z", "--full-tree", &wanted])?;
    let mut entries = Vec::new();
    for line in listing.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let line = String::from_utf8_lossy(line);
        let Some((facts, path)) = line.split_once('\t') else { continue };
        let facts: Vec<&str> = facts.split(' ').collect();
        if let [mode, "blob", id] = facts[..] {
            entries.push((mode.to_owned(), id.to_owned(), path.to_owned()));
        }
    }
    let mut child = git(root)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("git: {error}"))?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("git: no pipe".into());
    };
    let ids: String = entries.iter().map(|(_, id, _)| format!("{id}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(ids.as_bytes()));
    let mut stdout = BufReader::new(stdout);
    let mut tree = MemTree::new();
    for (mode, id, path) in entries {
        let mut header = String::new();
        stdout.read_line(&mut header)?;
        let size: usize = header
            .trim_end()
            .rsplit(' ')
            .next()
            .and_then(|size| size.parse().ok())
            .ok_or_else(|| format!("git has no object {id}"))?;
        let mut content = vec![0; size + 1];
        stdout.read_exact(&mut content)?;
        content.truncate(size);
        if mode == "120000" {
            tree.add_link(&path, &String::from_utf8_lossy(&content))?;
        } else {
            tree.add_file(&path, content)?;
        }
    }
    let _ = writer.join();
    child.wait()?;
    Ok(tree)
}
