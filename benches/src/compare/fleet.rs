//! Whole fleets: `gitops render` against a loop of `kustomize build` over the same folders, cold, and after one file has
//! changed.

use crate::inputs::{Input, deployment, fresh, service, write};
use crate::measure::{Cost, measure, median};
use std::path::{Path, PathBuf};

/// Numbers of apps.
const SIZES: [usize; 3] = [50, 1_000, 10_000];
/// The peer is not run on larger fleets: it takes minutes.
const LARGEST_FOR_PEER: usize = 1_000;

/// Makes a fleet: a bootstrapped root, one Flux Kustomization an app, and for each app a base and an overlay of it.
pub(crate) fn fleet(work: &Path, apps: usize) -> PathBuf {
    let folder = fresh(work, &format!("fleet-{apps}"));
    let flux = |name: &str, path: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: \
             flux-system\nspec:\n  interval: 10m\n  prune: true\n  wait: true\n  path: {path}\n  sourceRef:\n    kind: \
             GitRepository\n    name: fleet\n"
        )
    };
    write(&folder.join(".git/HEAD"), "ref: refs/heads/main\n");
    write(&folder.join("clusters/demo/root.yaml"), &flux("root", "./clusters/demo"));
    for i in 0..apps {
        write(
            &folder.join(format!("clusters/demo/app-{i}.yaml")),
            &flux(&format!("app-{i}"), &format!("./apps/app-{i}/demo")),
        );
        let base = folder.join(format!("apps/app-{i}/base"));
        write(&base.join("deployment.yaml"), &deployment(i));
        write(&base.join("service.yaml"), &service(i));
        write(&base.join("kustomization.yaml"), "resources:\n- deployment.yaml\n- service.yaml\n");
        let overlay = folder.join(format!("apps/app-{i}/demo"));
        write(
            &overlay.join("replicas.yaml"),
            &format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{i}\nspec:\n  replicas: 3\n"
            ),
        );
        write(
            &overlay.join("kustomization.yaml"),
            &format!(
                "namespace: team-{}\nresources:\n- ../base\npatches:\n- path: replicas.yaml\nconfigMapGenerator:\n- name: \
                 settings\n  literals:\n  - LEVEL=info\n  - INDEX={i}\nimages:\n- name: registry.example.org/team/app-{i}\n  \
                 newTag: 2.0.{i}\n",
                i % 20
            ),
        );
    }
    folder
}

/// Prints the table.
pub(crate) fn table(ours: &Path, peer: Option<&Path>, work: &Path, runs: usize) {
    println!("\n### fleet\n");
    println!(
        "| fleet | what | ours: CPU s | wall s | MiB | kustomize in a loop: CPU s | wall s | CPU ratio | wall ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for apps in SIZES {
        let folder = fleet(work, apps);
        let runs = if apps > LARGEST_FOR_PEER { runs.min(3) } else { runs };
        let args = |list: &[&str]| Input {
            folder: folder.clone(),
            args: list.iter().map(|text| (*text).to_owned()).collect(),
        };
        let theirs = peer.filter(|_| apps <= LARGEST_FOR_PEER).map(|peer| {
            let script = format!("for d in apps/*/demo; do '{}' build $d || exit 1; done", peer.display());
            measure(Path::new("/bin/sh"), &args(&["-c", &script]))
        });
        let cold = medians(&(0..runs).map(|_| measure(ours, &args(&["render"]))).collect::<Vec<_>>());
        row(apps, "everything", cold, theirs);
        let cached = args(&["render", "--cache", "../fleet-cache"]);
        let _ = std::fs::remove_dir_all(work.join("fleet-cache"));
        measure(ours, &cached);
        let warm = (0..runs).map(|run| {
            let file = folder.join("apps/app-7/demo/replicas.yaml");
            let text = std::fs::read_to_string(&file).expect("a patch");
            let text = text.lines().filter(|line| !line.contains("replicas:")).collect::<Vec<_>>().join("\n");
            write(&file, &format!("{text}\n  replicas: {}\n", run + 4));
            measure(ours, &cached)
        });
        row(apps, "after one file changed", medians(&warm.collect::<Vec<_>>()), theirs);
    }
}

fn row(apps: usize, what: &str, mine: Cost, theirs: Option<Cost>) {
    let Cost { cpu, wall, mib } = mine;
    match theirs {
        Some(t) => println!(
            "| {apps} apps | {what} | {cpu:.3} | {wall:.3} | {mib:.0} | {:.2} | {:.2} | {:.0}x | {:.0}x |",
            t.cpu,
            t.wall,
            t.cpu / cpu.max(1e-4),
            t.wall / wall.max(1e-4)
        ),
        None => println!("| {apps} apps | {what} | {cpu:.3} | {wall:.3} | {mib:.0} | | | | |"),
    }
}

fn medians(all: &[Cost]) -> Cost {
    Cost {
        cpu: median(all.iter().map(|cost| cost.cpu)),
        wall: median(all.iter().map(|cost| cost.wall)),
        mib: median(all.iter().map(|cost| cost.mib)),
    }
}
