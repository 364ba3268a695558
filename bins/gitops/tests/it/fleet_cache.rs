//! `gitops render --cache` on a disk: what has changed is seen, however little of it shows; what is damaged is made anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

fn gitops(folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitops"));
    command.args(["render", "--sources", "--archives", "../archives"]).args(more).current_dir(folder);
    command.output().unwrap()
}

/// What both streams tell, and the exit code.
fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{:?}\n{}\n{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Renders with the cache and without; both tell the same. Returns that.
#[track_caller]
fn check(folder: &Path, more: &[&str]) -> String {
    let cached = [&["--cache", "../cache"], more].concat();
    let first = told(&gitops(folder, &cached));
    let fresh = told(&gitops(folder, more));
    assert_eq!(first, fresh);
    assert_eq!(told(&gitops(folder, &cached)), fresh, "the second time");
    fresh
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Sets the times of everything back, so that it counts as long settled.
fn settle(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            settle(&path);
        } else {
            set_time(&path, SystemTime::now() - Duration::from_secs(100));
        }
    }
}

fn set_time(path: &Path, time: SystemTime) {
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// Waits until what was just written has settled too: no test could tell the time of a change of the inode otherwise.
fn wait() {
    std::thread::sleep(Duration::from_millis(120));
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\ndata: {value: one}\n";

fn repository(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet-cache").join(name);
    let _ = fs::remove_dir_all(&folder);
    let folder = folder.join("repository");
    put(&folder, ".git/HEAD", "ref: refs/heads/main\n");
    let flux = |name: &str, path: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: \
             {{interval: 5m, prune: true, path: {path}, sourceRef: {{kind: GitRepository, name: fleet}}}}\n"
        )
    };
    put(&folder, "clusters/root.yaml", &flux("root", "./clusters"));
    put(&folder, "clusters/apps.yaml", &flux("apps", "./apps"));
    put(&folder, "apps/map.yaml", MAP);
    put(
        &folder,
        "clusters/release.yaml",
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts, namespace: flux-system}\nspec: {interval: 5m, url: \
         \"https://charts.example.org\"}\n---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: \
         flux-system}\nspec: {interval: 5m, chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: charts}}}}\n",
    );
    settle(&folder);
    folder
}

fn chart(folder: &Path, value: &str) {
    put(folder, "../charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    let template = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata: {{value: {value}, version: \"{{{{ .Capabilities.KubeVersion }}}}\", \
         has: \"{{{{ .Capabilities.APIVersions.Has \"example.org/v1\" }}}}\"}}\n"
    );
    put(folder, "../charts/web/templates/map.yaml", &template);
}

#[test]
fn a_chart_that_was_missing_or_changes_outside_of_the_repository_is_seen() {
    let folder = repository("charts");
    fs::create_dir_all(folder.join("../charts")).unwrap();
    let more = ["--charts", "../charts"];
    assert!(
        check(&folder, &more).contains("chart web of https://charts.example.org is not in this repository")
    );
    chart(&folder, "first");
    assert!(check(&folder, &more).contains("value: first"));
    wait();
    assert!(check(&folder, &more).contains("value: first"));
    // As long as before.
    chart(&folder, "other");
    assert!(check(&folder, &more).contains("value: other"));
    wait();
    let before = check(&folder, &more);
    assert!(before.contains("value: other") && before.contains("has: \"false\""));
    let newer = check(&folder, &["--charts", "../charts", "--kube-version", "1.31.0"]);
    assert!(newer.contains("version: v1.31.0"));
    let more = ["--charts", "../charts", "--api-versions", "example.org/v1"];
    assert!(check(&folder, &more).contains("has: \"true\""));
    fs::remove_dir_all(folder.join("../charts/web")).unwrap();
    assert!(check(&folder, &more).contains("is not in this repository"));
}

#[test]
fn a_change_is_seen_though_size_and_time_stay() {
    let folder = repository("times");
    let file = folder.join("apps/map.yaml");
    assert!(check(&folder, &[]).contains("value: one"));
    wait();
    assert!(check(&folder, &[]).contains("value: one"));
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, MAP.replace("one", "two")).unwrap();
    set_time(&file, time);
    assert!(check(&folder, &[]).contains("value: two"), "the time was set back");
    // Again and again within a tick of the clock.
    for turn in 100..130 {
        fs::write(&file, MAP.replace("one", &turn.to_string())).unwrap();
        let cached = told(&gitops(&folder, &["--cache", "../cache"]));
        assert!(cached.contains(&format!("value: {turn}")), "{cached}");
    }
    // Another file of the same size and time takes its place.
    fs::write(folder.join("other"), MAP.replace("one", "new")).unwrap();
    set_time(&folder.join("other"), time);
    fs::rename(folder.join("other"), &file).unwrap();
    assert!(check(&folder, &[]).contains("value: new"));
}

#[test]
fn lines_that_move_and_addresses_that_change_are_told_anew() {
    let folder = repository("lines");
    assert!(check(&folder, &[]).contains("clusters/release.yaml:6:1: warning: chart web"));
    let file = folder.join("clusters/release.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("# one\n# two\n{text}")).unwrap();
    assert!(check(&folder, &[]).contains("clusters/release.yaml:8:1: warning: chart web"));
    fs::write(&file, text.replace("charts.example.org", "mirror.example.org")).unwrap();
    assert!(
        check(&folder, &[]).contains("chart web of https://mirror.example.org is not in this repository")
    );
    fs::write(folder.join("clusters/apps.yaml"), "a: [\n").unwrap();
    check(&folder, &[]);
    fs::remove_file(folder.join("clusters/apps.yaml")).unwrap();
    assert!(!check(&folder, &[]).contains("ConfigMap"));
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let folder = repository("damage");
    let wanted = check(&folder, &[]);
    wait();
    check(&folder, &[]);
    for name in ["fleet", "files"] {
        let file = folder.join("../cache").join(name);
        let good = fs::read(&file).unwrap();
        for at in (0..good.len()).step_by(good.len() / 12 + 1) {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            fs::write(&file, &bad).unwrap();
            assert_eq!(told(&gitops(&folder, &["--cache", "../cache"])), wanted, "{name} {at}");
            fs::write(&file, &good[..at]).unwrap();
            assert_eq!(told(&gitops(&folder, &["--cache", "../cache"])), wanted, "{name} cut at {at}");
        }
    }
    let left: Vec<_> =
        fs::read_dir(folder.join("../cache")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[cfg(unix)]
#[test]
fn what_was_rendered_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = repository("owner");
    check(&folder, &[]);
    let mode = fs::metadata(folder.join("../cache/fleet")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
