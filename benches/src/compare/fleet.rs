//! Whole fleets: `gitops render` against loops of `kustomize build` and `helm template` over the same folders, cold, and
//! after one file has changed.

use crate::generate::{Apps, fleet, replicas};
use crate::inputs::{Input, fresh, write};
use crate::measure::{Cost, measure, median};
use std::path::Path;

/// Numbers of apps.
const SIZES: [usize; 3] = [50, 1_000, 10_000];
/// The peer is not run on larger fleets: it takes minutes.
const LARGEST_FOR_PEER: usize = 1_000;

/// Prints the table.
pub(crate) fn table(ours: &Path, kustomize: Option<&Path>, helm: Option<&Path>, work: &Path, runs: usize) {
    println!("\n### fleet\n");
    println!(
        "| fleet | what | ours: CPU s | wall s | MiB | kustomize and helm in a loop: CPU s | wall s | CPU ratio | wall ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (count, apps) in SIZES.iter().flat_map(|count| [(*count, Apps::Overlays), (*count, Apps::WithCharts)])
    {
        let what = if apps == Apps::WithCharts { "apps, half of them with a chart" } else { "apps" };
        let name = format!("{count} {what}");
        let folder = fresh(work, &format!("fleet-{count}"));
        fleet(&folder, count, apps);
        let runs = if count > LARGEST_FOR_PEER { runs.min(3) } else { runs };
        let args = |list: &[&str]| Input {
            folder: folder.clone(),
            args: list.iter().map(|text| (*text).to_owned()).collect(),
        };
        let script = |kustomize: &Path| {
            let builds =
                format!("for d in apps/*/demo; do '{}' build $d || exit 1; done", kustomize.display());
            match (apps, helm) {
                (Apps::Overlays, _) => Some(builds),
                (Apps::WithCharts, Some(helm)) => Some(format!(
                    "{builds}; for v in apps/*/values.yaml; do '{}' template web charts/web -f $v || exit 1; done",
                    helm.display()
                )),
                (Apps::WithCharts, None) => None,
            }
        };
        let script = kustomize.filter(|_| count <= LARGEST_FOR_PEER).and_then(script);
        let theirs = script.map(|script| measure(Path::new("/bin/sh"), &args(&["-c", &script])));
        let cold = medians(&(0..runs).map(|_| measure(ours, &args(&["render"]))).collect::<Vec<_>>());
        row(&name, "everything", cold, theirs);
        let cached = args(&["render", "--cache", "../fleet-cache"]);
        let _ = std::fs::remove_dir_all(work.join("fleet-cache"));
        let first = measure(ours, &cached);
        row(&name, "everything, into a cache", first, theirs);
        measure(ours, &cached);
        let warm = (0..runs).map(|run| {
            write(&folder.join("apps/app-7/demo/replicas.yaml"), &replicas(7, run + 4));
            measure(ours, &cached)
        });
        row(&name, "after one file changed", medians(&warm.collect::<Vec<_>>()), theirs);
    }
}

fn row(name: &str, what: &str, mine: Cost, theirs: Option<Cost>) {
    let Cost { cpu, wall, mib } = mine;
    match theirs {
        Some(t) => println!(
            "| {name} | {what} | {cpu:.3} | {wall:.3} | {mib:.0} | {:.2} | {:.2} | {:.0}x | {:.0}x |",
            t.cpu,
            t.wall,
            t.cpu / cpu.max(1e-4),
            t.wall / wall.max(1e-4)
        ),
        None => println!("| {name} | {what} | {cpu:.3} | {wall:.3} | {mib:.0} | | | | |"),
    }
}

fn medians(all: &[Cost]) -> Cost {
    Cost {
        cpu: median(all.iter().map(|cost| cost.cpu)),
        wall: median(all.iter().map(|cost| cost.wall)),
        mib: median(all.iter().map(|cost| cost.mib)),
    }
}
