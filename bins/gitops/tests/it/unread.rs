//! Output that nobody reads, or that can't be written, ends a command without a panic.

use std::process::{Command, Stdio};

fn run(words: &[&str], output: Stdio) -> (Option<i32>, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_gitops")).args(words).stdout(output).output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn who_stops_reading_hears_nothing_more() {
    for words in [&["install", "--export"][..], &["completion", "bash"], &["version", "--client"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, said) = run(words, writer.into());
        assert!(said.is_empty() && matches!(code, Some(0 | 141)), "{words:?}: {code:?} {said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    for words in [&["install", "--export"][..], &["completion", "bash"], &["version", "--client"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (code, said) = run(words, full.into());
        assert_eq!(code, Some(1), "{words:?}");
        assert!(said.contains("No space left on device") && said.lines().count() == 1, "{words:?}: {said}");
    }
}
