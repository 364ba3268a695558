//! Reading and printing 10 MB of manifests: `cargo bench --package gitops-benches --bench yaml`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitops_yaml::{Dialect, FileId, PrintOptions, ReadOptions, append_sigs, print_v3, read_stream};

const BYTES: usize = 10 << 20;

fn stream() -> String {
    let mut text = String::new();
    for i in 0.. {
        if text.len() >= BYTES {
            break;
        }
        let _ = write!(
            text,
            "---\n# number {i}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{i}\n  labels: {{app: app-{i}}}\nspec:\n  \
             replicas: 2\n  template:\n    spec:\n      containers:\n      - name: main\n        image: registry.example.org/app-{i}:1.0\n        \
             env:\n        - name: INDEX\n          value: \"{i}\"\n        ports:\n        - containerPort: 8080\n"
        );
    }
    text
}

fn yaml(criterion: &mut Criterion) {
    let text = stream();
    let mut group = criterion.benchmark_group("yaml");
    group.sample_size(10).throughput(Throughput::Bytes(text.len() as u64));
    let read = |options: &ReadOptions| read_stream(text.as_bytes(), FileId::NONE, options).unwrap();
    group.bench_function("read", |bencher| bencher.iter(|| black_box(read(&ReadOptions::v3()))));
    group.bench_function("read and print as sigs.k8s.io/yaml", |bencher| {
        bencher.iter(|| {
            let mut out = String::new();
            for document in read(&ReadOptions::yaml11()) {
                append_sigs(&document.root, Dialect::Yaml11, &mut out).unwrap();
            }
            black_box(out)
        });
    });
    group.bench_function("read and print as yaml.v3", |bencher| {
        bencher.iter(|| {
            for document in read(&ReadOptions::v3()) {
                black_box(print_v3(&document.root, &PrintOptions::v3()).unwrap());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, yaml);
criterion_main!(benches);
