//! `build kustomization` and `diff kustomization`: a folder, and what the cluster has of it.

use super::Embedded;
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = Self(std::env::temp_dir().join(format!("gitops-local-{}-{name}", std::process::id())));
        files.iter().for_each(|(path, text)| folder.write(path, text));
        folder
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.0.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    fn path(&self, below: &str) -> String {
        self.0.join(below).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const APPS: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: apps}
spec:
  interval: 1m
  path: ./apps
  prune: true
  sourceRef: {kind: GitRepository, name: fleet}
  postBuild:
    substituteFrom: [{kind: ConfigMap, name: vars}]
";
const WEB: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: apps}\ndata: {who: '${who:=nobody}'}\n";

#[test]
fn a_folder_is_built_as_the_cluster_would_have_it() {
    let embedded = Embedded::start("local-build");
    let folder =
        Folder::new("build", &[("apps/web.yaml", WEB), ("apps/skipped.yaml", WEB), ("apps.yaml", APPS)]);
    embedded.apply(APPS);
    embedded
        .apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: apps}\ndata: {who: me}\n");
    let path = folder.path("apps");
    let built = embedded.ok(&format!("build ks apps -n apps --path {path} --ignore-paths skipped.yaml"));
    assert_eq!(
        built,
        "---\napiVersion: v1\ndata:\n  who: me\nkind: ConfigMap\nmetadata:\n  labels:\n    \
         kustomize.toolkit.fluxcd.io/name: apps\n    kustomize.toolkit.fluxcd.io/namespace: apps\n  name: web\n  namespace: apps\n"
    );
    // Two files with one object; without a cluster, and so without variables, nothing is replaced.
    let file = folder.path("apps.yaml");
    let line =
        format!("build kustomization apps -n apps --path {path} --kustomization-file {file} --dry-run");
    assert!(embedded.refused(&line).contains("may not add resource with an already registered id"));
    let built = embedded.ok(&format!("{line} --ignore-paths skipped.yaml"));
    assert!(built.contains("  who: ${who:=nobody}\n"), "{built}");
    assert!(embedded.refused(&format!("build ks gone -n apps --path {path}")).contains("\"gone\" not found"));
    assert!(embedded.refused("build ks apps -n apps --path /nowhere").contains("invalid resource path"));
}

#[test]
fn a_folder_is_compared_with_the_cluster_and_what_it_leads_to_as_well() {
    let embedded = Embedded::start("local-diff");
    let folder = Folder::new("diff", &[("clusters/apps.yaml", APPS), ("apps/web.yaml", WEB)]);
    let root = APPS.replace("name: apps, ", "name: root, ").replace("./apps", "./clusters");
    embedded.apply(root.split("  postBuild").next().unwrap());
    embedded
        .apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: apps}\ndata: {who: me}\n");
    let sources = format!("--local-sources GitRepository/apps/fleet={}", folder.path(""));
    let line = format!("diff ks root -n apps --path {} -r {sources}", folder.path("clusters"));
    let diff = |code: i32| {
        let words: Vec<&str> = line.split(' ').collect();
        let done = embedded.run(&words);
        assert_eq!(done.status.code(), Some(code), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    assert_eq!(diff(1), "► Kustomization/apps/apps created\n► ConfigMap/apps/web created\n");
    // What is applied is what is built.
    let built = embedded.ok(&line.replacen("diff", "build", 1));
    embedded.apply(&built);
    assert_eq!(diff(0), "");
    folder.write("apps/web.yaml", &WEB.replace("{who: '${who:=nobody}'}", "{who: you}"));
    let drifted = diff(1);
    assert_eq!(drifted, "► ConfigMap/apps/web drifted\n      data.who: me -> you\n");
    let words = ["diff", "ks", "root", "-n", "apps", "--path", "/nowhere"];
    assert_eq!(embedded.run(&words).status.code(), Some(2));
}
