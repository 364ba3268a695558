//! Random cases tried against the real program on the PATH: a stream of choices that a seed decides, the files of a case,
//! and how the two outputs differ.
//!
//! `DIFFERENTIAL_CASES` sets how many cases are tried, `DIFFERENTIAL_FIRST` the seed of the first of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The files of a case: path and text.
pub type Files = BTreeMap<String, String>;

/// Says whether a program is on the PATH; prints that the test is skipped where it is not.
#[must_use]
pub fn on_path(program: &str) -> bool {
    let found = Command::new(program).arg("version").output().is_ok();
    if !found {
        println!("skipped: no {program} on the PATH");
    }
    found
}

/// Tries the seeds that the environment names (else `cases` of them), and prints each failure as it is found.
///
/// `check` says whether both programs answered, rather than both refused.
///
/// # Panics
/// At the end, when a case failed.
pub fn run(cases: u64, mut check: impl FnMut(u64) -> Result<bool, String>) {
    let number = |name: &str, default| {
        std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(default)
    };
    let (cases, first) = (number("DIFFERENTIAL_CASES", cases), number("DIFFERENTIAL_FIRST", 1));
    let (mut refused, mut failed) = (0_u64, Vec::new());
    for seed in first..first.saturating_add(cases) {
        match check(seed) {
            Ok(answered) => refused += u64::from(!answered),
            Err(difference) => {
                println!("seed {seed}: {difference}");
                failed.push(seed);
            }
        }
    }
    println!("{cases} cases from seed {first}: {} differ, {refused} refused by both", failed.len());
    assert!(failed.is_empty(), "{} of {cases} differ; their seeds: {failed:?}", failed.len());
}

/// A folder with the files of a case, removed when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Writes the files into a folder of this process.
    ///
    /// # Panics
    /// When they can't be written.
    #[must_use]
    pub fn with(name: &str, files: &Files) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        for (path, text) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        Self(folder)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Runs a program in the folder.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program).args(arguments).current_dir(&self.0).output().expect("the program runs")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Prints the files of a case one after another.
#[must_use]
pub fn show(files: &Files) -> String {
    files.iter().map(|(path, text)| format!("=== {path}\n{text}\n")).collect()
}

/// Compares what both programs answered: the same text, or a refusal by both whose words `same_refusal` accepts.
///
/// # Errors
/// What differs, with the files.
pub fn compare(
    ours: Result<String, String>,
    upstream: &Output,
    same_refusal: impl FnOnce(&str, &str) -> bool,
    files: &Files,
) -> Result<bool, String> {
    let (stdout, stderr) =
        (String::from_utf8_lossy(&upstream.stdout), String::from_utf8_lossy(&upstream.stderr));
    let difference = match (ours, upstream.status.success()) {
        (Ok(ours), true) if ours == stdout => return Ok(true),
        (Ok(ours), true) => unified_diff(&stdout, &ours),
        (Err(error), false) if same_refusal(&stderr, &error) => return Ok(false),
        (Err(error), false) => format!("wanted {stderr}\ngot {error}"),
        (Ok(_), false) => format!("rendered, wanted {stderr}"),
        (Err(error), true) => format!("refused: {error}"),
    };
    Err(format!("{difference}\n{}", show(files)))
}

/// Prints the lines in which two texts differ, with two lines around them: `-` is wanted, `+` was got.
#[must_use]
pub fn unified_diff(wanted: &str, got: &str) -> String {
    let (wanted, got): (Vec<_>, Vec<_>) = (wanted.lines().collect(), got.lines().collect());
    // How many lines the two have in common from each pair of lines on.
    let width = got.len() + 1;
    let mut common = vec![0_u32; (wanted.len() + 1) * width];
    for i in (0..wanted.len()).rev() {
        for j in (0..got.len()).rev() {
            common[i * width + j] = if wanted[i] == got[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < wanted.len() || j < got.len() {
        if i < wanted.len() && j < got.len() && wanted[i] == got[j] {
            lines.push((' ', wanted[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == got.len()
            || i < wanted.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]
        {
            lines.push(('-', wanted[i]));
            i += 1;
        } else {
            lines.push(('+', got[j]));
            j += 1;
        }
    }
    let near = |at: usize| {
        lines[at.saturating_sub(2)..(at + 3).min(lines.len())].iter().any(|(mark, _)| *mark != ' ')
    };
    let mut text = String::from("--- wanted\n+++ got\n");
    let mut last = None;
    for (at, (mark, line)) in lines.iter().enumerate().filter(|(at, _)| near(*at)) {
        if last.is_none_or(|last: usize| last + 1 != at) {
            text.push_str(&format!("@@ line {} @@\n", at + 1));
        }
        text.push_str(&format!("{mark}{line}\n"));
        last = Some(at);
    }
    text
}

/// A stream of choices that a seed decides.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The stream of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        // Spreads small seeds over all bits.
        Self((seed ^ (seed >> 3)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(usize::MAX) % sides
    }

    /// One of some texts.
    pub fn pick<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.roll(choices.len())]
    }

    /// True one time in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_with_what_stands_around_it() {
        let text = unified_diff("a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nx\ne\nf\ng\nh\n");
        assert_eq!(text, "--- wanted\n+++ got\n@@ line 2 @@\n b\n c\n-d\n+x\n e\n f\n g\n+h\n");
        let far = unified_diff("1\n2\n3\n4\n5\n6\n7\n", "0\n2\n3\n4\n5\n6\n8\n");
        assert_eq!(far, "--- wanted\n+++ got\n@@ line 1 @@\n-1\n+0\n 2\n 3\n@@ line 6 @@\n 5\n 6\n-7\n+8\n");
    }

    #[test]
    fn a_seed_decides_the_choices() {
        let rolls = |seed| {
            let mut dice = Dice::of(seed);
            (0..8).map(|_| dice.roll(100)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(7), rolls(7));
        assert_ne!(rolls(7), rolls(8));
    }
}
