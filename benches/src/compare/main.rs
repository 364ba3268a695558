//! Side by side with the real programs: the same inputs, whole process against whole process, medians of one run.
//!
//! ```console
//! $ cargo build --release --package gitops
//! $ cargo run --release --package gitops-benches --bin compare            # everything
//! $ cargo run --release --package gitops-benches --bin compare -- kustomize --runs 5
//! $ cargo run --release --package gitops-benches --bin compare -- scale   # ours alone, on growing inputs
//! $ cargo run --release --package gitops-benches --bin compare -- fleet   # whole fleets, cold and after one change
//! $ cargo run --release --package gitops-benches --bin compare -- git     # a repository into memory
//! $ cargo run --release --package gitops-benches --bin compare -- yaml    # YAML alone, beside Go's libraries and Rust's
//! ```
//!
//! CPU seconds are user plus system time, memory is the peak resident set; both come from the kernel's account of the
//! finished child. A peer that is not on PATH is left out with a line that says so.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::exit, reason = "a command line prints")]

mod fleet;
mod generate;
mod git;
mod inputs;
mod measure;
mod yaml;

use inputs::Input;
use measure::{Cost, measure, median};
use std::path::{Path, PathBuf};

/// A row of the table: one input, our command and the peer's.
struct Row {
    name: &'static str,
    input: fn(&Path) -> Input,
    /// How often the peer is run; its large inputs take minutes.
    peer_runs: Option<usize>,
}

const KUSTOMIZE: &[Row] = &[
    Row { name: "one ConfigMap", input: inputs::one_config_map, peer_runs: Some(9) },
    Row { name: "small overlay (fleet's echo)", input: inputs::fleet_echo, peer_runs: Some(9) },
    Row { name: "30 layers, 200 resources", input: inputs::layers, peer_runs: Some(3) },
    Row { name: "1,000 Deployments + 1,000 Services", input: inputs::pairs_1000, peer_runs: Some(1) },
    Row { name: "10,000 plain resources", input: inputs::plain_10000, peer_runs: None },
];

const HELM: &[Row] = &[
    Row { name: "small chart (echo)", input: inputs::chart_echo, peer_runs: Some(9) },
    Row { name: "ingress-nginx", input: inputs::ingress_nginx, peer_runs: Some(9) },
    Row { name: "kube-prometheus-stack", input: inputs::kube_prometheus_stack, peer_runs: Some(5) },
    Row { name: "umbrella of 50 subcharts", input: inputs::umbrella_50, peer_runs: Some(3) },
    Row { name: "umbrella of 200 subcharts", input: inputs::umbrella_200, peer_runs: Some(1) },
    Row { name: "chain of 40 nested subcharts", input: inputs::chain_40, peer_runs: Some(1) },
];

const SCALE: &[Row] = &[
    Row { name: "2,000 resources", input: inputs::pairs_1000, peer_runs: None },
    Row { name: "20,000 resources", input: inputs::pairs_10000, peer_runs: None },
    Row { name: "100,000 resources", input: inputs::pairs_50000, peer_runs: None },
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|a| a == measure::CHILD) {
        measure::child(&args[1..]);
    }
    if args.first().is_some_and(|a| a == yaml::CHILD) {
        yaml::child(&args[1..]);
    }
    let runs = flag(&args, "--runs").and_then(|n| n.parse().ok()).unwrap_or(9);
    let slow = args.iter().any(|a| a == "--slow");
    let only = args.first().filter(|a| !a.starts_with("--")).map(String::as_str);
    let work = std::env::temp_dir().join("gitops-compare");
    std::fs::create_dir_all(&work).expect("a temporary folder");
    if only.is_none_or(|only| only == "yaml") {
        yaml::table(&work, runs);
    }
    if only.is_some_and(|only| only == "yaml") {
        return;
    }
    let ours = sibling("gitops");
    for (name, peer, rows) in
        [("kustomize", "kustomize", KUSTOMIZE), ("helm", "helm", HELM), ("scale", "", SCALE)]
    {
        if only.is_none_or(|only| only == name) {
            table(name, rows, &ours, find(peer).as_deref(), &work, runs, slow);
        }
    }
    if only.is_none_or(|only| only == "git") {
        git::table(&ours, &work, runs);
    }
    if only.is_none_or(|only| only == "fleet") {
        fleet::table(&ours, find("kustomize").as_deref(), find("helm").as_deref(), &work, runs);
    }
}

/// Prints one table in Markdown.
fn table(name: &str, rows: &[Row], ours: &Path, peer: Option<&Path>, work: &Path, runs: usize, slow: bool) {
    println!("\n### {name}\n");
    if peer.is_none() && name != "scale" {
        eprintln!("{name} is not on PATH: its columns stay empty");
    }
    println!(
        "| input | ours: CPU s | wall s | MiB | {name}: CPU s | wall s | MiB | CPU ratio | wall ratio | memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let input = (row.input)(work);
        if !input.folder.is_dir() {
            eprintln!("{} is left out: CONFORMANCE names no folder that holds it", row.name);
            continue;
        }
        let mine = cost(ours, &input, runs);
        let theirs = peer
            .filter(|_| row.peer_runs.is_some() || slow && name != "scale")
            .map(|peer| cost(peer, &input, row.peer_runs.unwrap_or(1)));
        let Cost { cpu, wall, mib } = mine;
        match theirs {
            Some(t) => println!(
                "| {} | {cpu:.4} | {wall:.4} | {mib:.1} | {:.3} | {:.3} | {:.0} | {:.0}x | {:.0}x | {:.2} |",
                row.name,
                t.cpu,
                t.wall,
                t.mib,
                t.cpu / cpu.max(1e-4),
                t.wall / wall.max(1e-4),
                mib / t.mib
            ),
            None => println!("| {} | {cpu:.4} | {wall:.4} | {mib:.1} | | | | | | |", row.name),
        }
    }
}

/// Runs a program `runs` times on an input and returns the medians.
fn cost(program: &Path, input: &Input, runs: usize) -> Cost {
    let all: Vec<Cost> = (0..runs.max(1)).map(|_| measure(program, input)).collect();
    Cost {
        cpu: median(all.iter().map(|c| c.cpu)),
        wall: median(all.iter().map(|c| c.wall)),
        mib: median(all.iter().map(|c| c.mib)),
    }
}

/// Finds our binary beside this one.
fn sibling(name: &str) -> PathBuf {
    let path = std::env::current_exe().expect("this program's path").with_file_name(name);
    if !path.exists() {
        eprintln!("{} is missing: cargo build --release --package gitops", path.display());
        std::process::exit(2);
    }
    path
}

/// Finds a program on PATH.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| !name.is_empty() && file.is_file())
}

fn flag<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let at = args.iter().position(|a| a == name)?;
    args.get(at + 1).map(String::as_str)
}
