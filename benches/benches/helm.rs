//! Rendering a loaded chart in memory: `cargo bench --package gitops-benches --bench helm`.
//!
//! `CHART` names the folder of a chart of one's own; the example chart otherwise.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use helm_rs::chart::{Chart, File};
use helm_rs::render::{ParsedTemplates, ReleaseFacts, RenderOptions};
use helm_rs::values::Table;
use helm_rs::{TemplateOptions, Warnings, template};

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

fn helm(criterion: &mut Criterion) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/charts/echo");
    let folder = std::env::var_os("CHART").map_or(example, PathBuf::from);
    let mut files = Vec::new();
    read(&folder, "", &mut files);
    let chart = Chart::load(&files, &mut Warnings::new()).unwrap();
    let values = Table::new();
    criterion.bench_function(&format!("helm/render {}", chart.name()), |bencher| {
        bencher.iter(|| {
            let options = TemplateOptions::new(RenderOptions::new(ReleaseFacts::install("web", "default")));
            let templated = template(chart.clone(), &values, &options, &mut Warnings::new()).unwrap();
            black_box(templated.print())
        });
    });
    let parsed = Arc::new(ParsedTemplates::new());
    criterion.bench_function(&format!("helm/render again {}", chart.name()), |bencher| {
        bencher.iter(|| {
            let render =
                RenderOptions::new(ReleaseFacts::install("web", "default")).keep(Arc::clone(&parsed));
            let options = TemplateOptions::new(render);
            let templated = template(chart.clone(), &values, &options, &mut Warnings::new()).unwrap();
            black_box(templated.print())
        });
    });
    criterion.bench_function(&format!("helm/load {}", chart.name()), |bencher| {
        bencher.iter(|| black_box(Chart::load(&files, &mut Warnings::new()).unwrap()));
    });
}

criterion_group!(benches, helm);
criterion_main!(benches);
