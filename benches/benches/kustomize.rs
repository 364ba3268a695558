//! Building an overlay in memory: `cargo bench --package gitops-benches --bench kustomize`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gitops_core::tree::MemTree;
use kustomize_rs::Build;

const OVERLAY: &str = "namePrefix: prod-
labels:
- pairs: {env: prod}
  includeSelectors: true
configMapGenerator:
- name: settings
  literals: [LOG_LEVEL=warn]
resources:
- ../base
";

fn tree(objects: usize) -> MemTree {
    let mut tree = MemTree::new();
    let mut list = String::from("resources:\n");
    for i in 0..objects {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{i}\nspec:\n  selector:\n    matchLabels: {{app: app-{i}}}\n  \
             template:\n    metadata:\n      labels: {{app: app-{i}}}\n    spec:\n      containers:\n      - name: main\n        \
             image: registry.example.org/app-{i}:1.0\n        envFrom:\n        - configMapRef: {{name: settings}}\n"
        );
        list.push_str(&format!("- r/{i}.yaml\n"));
        tree.add_file(&format!("base/r/{i}.yaml"), text).unwrap();
    }
    tree.add_file("base/kustomization.yaml", list).unwrap();
    tree.add_file("overlay/kustomization.yaml", OVERLAY).unwrap();
    tree
}

fn kustomize(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kustomize");
    for objects in [1, 100, 1_000] {
        let tree = tree(objects);
        group.sample_size(20).throughput(Throughput::Elements(objects as u64));
        group.bench_function(BenchmarkId::new("build and print", objects), |bencher| {
            bencher.iter(|| black_box(Build::new(&tree).run("overlay").unwrap().to_yaml().unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, kustomize);
criterion_main!(benches);
