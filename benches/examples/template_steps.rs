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

use helm_rs::chart::{Chart, File};
use helm_rs::render::{ReleaseFacts, RenderOptions, render};
use helm_rs::values::{Nulls, Table, coalesce, process_dependencies};
use helm_rs::{TemplateOptions, Warnings, template};

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
        let options = TemplateOptions::new(RenderOptions::new(ReleaseFacts::install("rel", "default")));
        let values = Table::new();
        let whole = chart.clone();
        let mut copy = chart.clone();
        timed("dependencies", || process_dependencies(&mut copy, &values, &mut Warnings::new()).unwrap());
        let ready =
            timed("coalesce", || coalesce(&copy, &values, Nulls::Remove, &mut Warnings::new()).unwrap());
        let rendered = timed("render", || render(&copy, &ready, &options.render).unwrap());
        timed("drop", || drop((rendered, copy, ready)));
        let templated =
            timed("template", || template(whole, &values, &options, &mut Warnings::new()).unwrap());
        let text = timed("print", || templated.print());
        timed("drop", || drop((templated, chart, files)));
        println!("{} bytes", text.len());
    }
}
