//! Renders a chart's folder as `gitops template` does and says what each step took: `template_steps FOLDER [TIMES]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::exit,
    missing_docs,
    reason = "a tool for measuring"
)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use helm_rs::Warnings;
use helm_rs::chart::{Chart, File};
use helm_rs::manifest::{KindOrder, sort_manifests};
use helm_rs::render::{ReleaseFacts, RenderOptions, render};
use helm_rs::values::{Nulls, Table, coalesce, process_dependencies};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Reads a folder's files, those of folders beneath included.
fn read(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else {
            files.push(File::new(name, &std::fs::read(&path).unwrap()));
        }
    }
}

fn timed<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let made = step();
    println!("{what:12} {:8.2} ms", start.elapsed().as_secs_f64() * 1e3);
    made
}

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap());
    let times: usize = args.next().map_or(1, |n| n.parse().unwrap());
    for _ in 0..times {
        let mut files = Vec::new();
        timed("read", || read(&folder, "", &mut files));
        let chart = timed("load", || Chart::load(&files, &mut Warnings::new()).unwrap());
        let world = gitops_template::Seeded::new(1, 0);
        let options = RenderOptions::new(ReleaseFacts::install("rel", "default")).world(&world);
        let values = Table::new();
        let mut chart = chart;
        let warnings = &mut Warnings::new();
        timed("dependencies", || process_dependencies(&mut chart, &values, warnings).unwrap());
        let values = timed("coalesce", || coalesce(&chart, &values, Nulls::Remove, warnings).unwrap());
        let rendered = timed("render", || render(&chart, &values, &options).unwrap());
        let sorted = timed("sort", || sort_manifests(&rendered.files, KindOrder::Install, warnings).unwrap());
        let bytes: usize = sorted.manifests.iter().map(|manifest| manifest.content.len()).sum();
        timed("drop", || drop((rendered, sorted, chart, values, files)));
        println!("{bytes} bytes");
    }
}
