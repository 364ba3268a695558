//! Runs a crate against what the real programs wrote: finds the folder of recorded cases, counts, prints one line a
//! suite and fails below a floor.
//!
//! The folder is named by the variable `CONFORMANCE`; its default is `../shared/conformance`, seen from the
//! workspace's root. Where it is absent, [`folder`] says so on stderr and returns `None`, and the test passes.
//! A test-only crate: it reads files, which the crates that it tests may not.
//!
//! ```no_run
//! let Some(folder) = gitops_conformance::folder("semver") else { return };
//! let mut suite = gitops_conformance::Suite::new("semver");
//! for row in gitops_conformance::rows(&folder.join("version.jsonl")) {
//!     suite.check(row["name"].as_str().unwrap(), || {
//!         if row["ok"] == true { Ok(()) } else { Err("expected an error".into()) }
//!     });
//! }
//! suite.finish(100.0); // prints `conformance semver: P/N`, panics below 100 %
//! ```
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, reason = "a test harness")]

pub mod differential;

use std::path::{Path, PathBuf};

/// Returns the conformance folder joined with `part`, or `None` (with a line on stderr) where it is absent.
#[must_use]
pub fn folder(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
        PathBuf::from,
    );
    // A relative CONFORMANCE is seen from the workspace's root, wherever cargo runs the test.
    let root = if root.is_relative() {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(root)
    } else {
        root
    };
    let wanted = root.join(part);
    if wanted.exists() {
        return Some(wanted);
    }
    eprintln!("skipped: no conformance data at {} (set CONFORMANCE)", wanted.display());
    None
}

/// Reads a file of one JSON object a line.
///
/// # Panics
/// When the file can't be read or a line is not JSON.
#[must_use]
pub fn rows(file: &Path) -> Vec<serde_json::Value> {
    read(file)
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{}: {e}", file.display())))
        .collect()
}

/// Reads a text file.
///
/// # Panics
/// When the file can't be read as UTF-8.
#[must_use]
pub fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// Lists the entries of a folder, sorted by name.
///
/// # Panics
/// When the folder can't be read.
#[must_use]
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("a readable folder entry").path())
        .collect();
    found.sort();
    found
}

/// Counts the cases of one suite.
///
/// `CONFORMANCE_SHOW=N` prints the first N failures (default 5), `CONFORMANCE_ONLY=TEXT` runs only the cases whose
/// name contains TEXT (no floor is held then).
#[derive(Debug)]
pub struct Suite {
    name: String,
    passed: usize,
    total: usize,
    failures: Vec<String>,
    only: Option<String>,
}

impl Suite {
    /// Starts a suite; `name` is what its line prints.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            passed: 0,
            total: 0,
            failures: Vec::new(),
            only: std::env::var("CONFORMANCE_ONLY").ok(),
        }
    }

    /// Runs one case; an `Err` or a panic counts as failed, and its text is shown.
    pub fn check(&mut self, case: &str, run: impl FnOnce() -> Result<(), String>) {
        if self.only.as_ref().is_some_and(|only| !case.contains(only.as_str())) {
            return;
        }
        self.total += 1;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        match outcome {
            Ok(Ok(())) => self.passed += 1,
            Ok(Err(why)) => self.failures.push(format!("{case}: {why}")),
            Err(_) => self.failures.push(format!("{case}: PANIC")),
        }
    }

    /// Prints `conformance NAME: PASSED/TOTAL` and the first failures.
    ///
    /// # Panics
    /// When fewer than `floor` percent of the cases passed, when a case panicked, or when no case was run.
    pub fn finish(self, floor: f64) {
        println!("conformance {}: {}/{}", self.name, self.passed, self.total);
        let show = std::env::var("CONFORMANCE_SHOW").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
        for failure in self.failures.iter().take(show) {
            println!("  failed: {failure}");
        }
        assert!(!self.failures.iter().any(|f| f.ends_with(": PANIC")), "{}: a case panicked", self.name);
        if self.only.is_some() {
            return;
        }
        assert!(self.total > 0, "{}: no case was run", self.name);
        #[allow(clippy::cast_precision_loss, reason = "a few thousand cases")]
        let percent = 100.0 * self.passed as f64 / self.total as f64;
        assert!(percent >= floor, "{}: {percent:.2} % is below the floor of {floor} %", self.name);
    }
}

/// Compares two texts, and names the first line that differs.
///
/// # Errors
/// A text with both lines, for [`Suite::check`].
pub fn same_text(wanted: &str, got: &str) -> Result<(), String> {
    if wanted == got {
        return Ok(());
    }
    let mut line = 0;
    let (mut w, mut g) = (wanted.split('\n'), got.split('\n'));
    loop {
        line += 1;
        match (w.next(), g.next()) {
            (Some(a), Some(b)) if a == b => {}
            (None, None) => return Err("differs".to_owned()),
            (a, b) => return Err(format!("line {line}: wanted {a:?}, got {b:?}")),
        }
    }
}
