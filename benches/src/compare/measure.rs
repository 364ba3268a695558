//! Runs one program once and reads what it cost from the kernel.
//!
//! The kernel's account of children is cumulative, so each run happens below a helper process: this same binary, which
//! starts the program, waits for it, and prints the account of its only child.

use crate::inputs::Input;
use nix::sys::resource::{UsageWho, getrusage};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The word that makes this binary the helper.
pub(crate) const CHILD: &str = "--measure-one";

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// User plus system time, in seconds.
    pub(crate) cpu: f64,
    /// Time on the wall, in seconds.
    pub(crate) wall: f64,
    /// Peak resident set, in MiB.
    pub(crate) mib: f64,
}

/// Runs the program on the input; panics when it fails, since a failed run measures nothing.
pub(crate) fn measure(program: &Path, input: &Input) -> Cost {
    let helper = std::env::current_exe().expect("this program's path");
    let output = Command::new(helper)
        .arg(CHILD)
        .arg(program)
        .args(&input.args)
        .current_dir(&input.folder)
        .output()
        .expect("the helper starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{} {:?}: {}",
        program.display(),
        input.args,
        String::from_utf8_lossy(&output.stderr)
    );
    let figures: Vec<f64> = text.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    let [cpu, wall, mib] = figures[..] else { panic!("the helper printed {text:?}") };
    Cost { cpu, wall, mib }
}

/// The helper's main: runs the command, prints `cpu wall mib`, exits as the command did.
pub(crate) fn child(command: &[String]) -> ! {
    let start = Instant::now();
    let status =
        Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let wall = start.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the account of children");
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    let mib = usage.max_rss() as f64 / 1024.0;
    println!("{cpu} {wall} {mib}");
    std::process::exit(status.ok().and_then(|s| s.code()).unwrap_or(1));
}

/// Returns the middle value.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
