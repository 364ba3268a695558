//! A cache changes nothing but the time: what it gives is what a fresh render gives, to the last place of a warning.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use gitops_controllers::fleet::{Cache, Charts, Fleet, RemoteChart, Rendered};
use gitops_core::tree::MemTree;
use helm_rs::Warnings;
use helm_rs::chart::{Chart, File};
use proptest::prelude::*;

/// Everything that anybody can see of a render.
fn shown(rendered: &Rendered) -> String {
    let mut text = format!("{:?}\n", rendered.clusters);
    for app in &rendered.apps {
        let reads: Vec<&str> = app.reads.files().collect();
        let _ = writeln!(
            text,
            "{} {} {:?} {} {} {:?} {:?} {}\n{reads:?}",
            app.id,
            app.place,
            app.parent,
            app.cluster,
            app.path,
            app.source,
            app.depends_on,
            app.is_suspended
        );
        let manifest = gitops_yaml::print_sigs(&app.manifest, gitops_yaml::Dialect::V3).unwrap_or_default();
        let _ = writeln!(text, "{manifest}");
        if let Some(spec) = app.manifest.get("spec") {
            let _ = writeln!(text, "{}", app.declared_in.show(spec.place));
        }
        for object in &app.objects {
            let _ =
                writeln!(text, "--- {} {} {}\n{}", object.id, object.api_version, object.place, object.yaml);
        }
    }
    for (app, gap) in rendered.all_gaps() {
        let _ = writeln!(text, "{app:?} {gap}");
    }
    text
}

/// Charts by their name, which come and go.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<String, String>>);

impl Shelf {
    fn value(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().get(name).cloned()
    }
}

impl Charts for Shelf {
    fn chart(&self, chart: &RemoteChart) -> Result<Chart, String> {
        let value =
            self.value(&chart.name).ok_or_else(|| format!("no chart {} of {}", chart.name, chart.url))?;
        let file = |name: &str, text: String| File::new(name, text.as_bytes());
        let files = [
            file("Chart.yaml", format!("apiVersion: v2\nname: {}\nversion: 1.0.0\n", chart.name)),
            file(
                "templates/a.yaml",
                format!(
                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: from-chart}}\ndata: {{a: {value}, b: \"{{{{ .Values.b }}}}\", k: \
                     \"{{{{ .Capabilities.KubeVersion }}}}\"}}\n"
                ),
            ),
        ];
        Chart::load(&files, &mut Warnings::new()).map_err(|error| error.to_string())
    }

    fn identity(&self, chart: &RemoteChart) -> Option<String> {
        Some(format!("{:?}", self.value(&chart.name)))
    }
}

fn flux(name: &str, path: &str, source: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\n\
         spec:\n  path: {path}\n  prune: true\n  sourceRef: {{kind: GitRepository, name: {source}}}\n{more}"
    )
}

fn source(kind: &str, name: &str, url: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{url: \
         \"{url}\"}}\n"
    )
}

fn map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: flux-system}}\ndata: {{v: \"{value}\"}}\n"
    )
}

fn release(value: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web, namespace: flux-system}}\nspec:\n  \
         interval: 5m\n  chart: {{spec: {{chart: web, sourceRef: {{kind: HelmRepository, name: charts}}}}}}\n  valuesFrom: [{{kind: ConfigMap, \
         name: values}}]\n  values: {{own: {value}}}\n"
    )
}

fn start() -> BTreeMap<String, String> {
    let from =
        "  dependsOn:\n  - name: base\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: settings}]}\n";
    let files = [
        ("c/root.yaml", flux("root", "./c", "fleet", "")),
        ("c/sources.yaml", source("GitRepository", "fleet", "https://git.example.org/fleet")),
        ("c/charts.yaml", source("HelmRepository", "charts", "https://charts.example.org")),
        ("c/settings.yaml", map("settings", "one")),
        ("c/a.yaml", flux("a", "./apps/a", "fleet", from)),
        ("c/b.yaml", flux("b", "./apps/b", "other", "")),
        ("c/release.yaml", release("1")),
        ("c/values.yaml", map("values", "x").replace("v:", "values.yaml:").replace("\"x\"", "\"b: one\"")),
        ("apps/a/kustomization.yaml", "resources: [map.yaml, ../../shared]\n".to_owned()),
        ("apps/a/map.yaml", map("a", "${v}-${w:=none}")),
        ("apps/b/map.yaml", map("b", "two")),
        ("shared/kustomization.yaml", "resources: [map.yaml]\nnamePrefix: x-\n".to_owned()),
        ("shared/map.yaml", map("shared", "three")),
    ];
    files.map(|(path, text)| (path.to_owned(), text)).into()
}

#[derive(Clone, Debug)]
enum Edit {
    Remove(usize),
    Move(usize, usize),
    /// Lines before everything.
    Shift(usize),
    /// Lines within an object, which leave its first line where it is.
    Stretch(usize),
    Value(usize, u8),
    Restore(usize),
    Source(u8),
    Chart(Option<u8>),
    Invalid(usize),
    Kube(u8),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = 0usize..13;
    let edit = prop_oneof![
        at.clone().prop_map(Edit::Remove),
        (at.clone(), at.clone()).prop_map(|(from, to)| Edit::Move(from, to)),
        at.clone().prop_map(Edit::Shift),
        at.clone().prop_map(Edit::Stretch),
        (at.clone(), any::<u8>()).prop_map(|(file, value)| Edit::Value(file, value)),
        at.clone().prop_map(Edit::Restore),
        (0u8..3).prop_map(Edit::Source),
        proptest::option::of(0u8..3).prop_map(Edit::Chart),
        at.prop_map(Edit::Invalid),
        (0u8..3).prop_map(Edit::Kube),
    ];
    proptest::collection::vec(edit, 1..12)
}

struct Fixture {
    files: BTreeMap<String, String>,
    shelf: Shelf,
    capabilities: helm_rs::Capabilities,
}

impl Fixture {
    fn new() -> Self {
        let shelf = Shelf::default();
        shelf.0.lock().unwrap().insert("web".to_owned(), "1".to_owned());
        Self { files: start(), shelf, capabilities: helm_rs::Capabilities::default() }
    }

    fn edit(&mut self, edit: &Edit) {
        let name = |index: usize| start().into_keys().nth(index).unwrap();
        match edit {
            Edit::Remove(file) => {
                self.files.remove(&name(*file));
            }
            Edit::Move(from, to) => {
                let to = name(*to).replace(".yaml", "-moved.yaml");
                if let Some(text) = self.files.remove(&name(*from)) {
                    self.files.insert(to, text);
                }
            }
            Edit::Shift(file) => self.change(&name(*file), |text| format!("# a\n# b\n{text}")),
            Edit::Stretch(file) => {
                self.change(&name(*file), |text| text.replace("\nspec:", "\n\n# more\nspec:"));
            }
            Edit::Value(file, value) => {
                let texts = ["one", "two", "three", "./apps/a", "name: a,", "name: fleet", "own: 1"];
                let text = texts[usize::from(*value) % texts.len()];
                self.change(&name(*file), |all| all.replace(text, &format!("{text}{}", value % 3)));
            }
            Edit::Restore(file) => {
                let name = name(*file);
                let text = start().remove(&name).unwrap();
                self.files.insert(name, text);
            }
            Edit::Source(which) => {
                let text = match which {
                    0 => source("GitRepository", "other", "https://git.example.org/other"),
                    1 => source("GitRepository", "other", "https://git.example.org/fleet"),
                    _ => source("HelmRepository", "charts", "https://mirror.example.org"),
                };
                self.files.insert("c/z-source.yaml".to_owned(), text);
            }
            Edit::Chart(value) => {
                let mut shelf = self.shelf.0.lock().unwrap();
                shelf.clear();
                shelf.extend(value.map(|value| ("web".to_owned(), value.to_string())));
            }
            Edit::Invalid(file) => self.change(&name(*file), |text| format!("{text}: - [\n")),
            Edit::Kube(minor) => {
                self.capabilities.kube_version =
                    helm_rs::KubeVersion::parse(&format!("1.3{minor}.0")).unwrap();
            }
        }
    }

    fn change(&mut self, name: &str, change: impl Fn(&str) -> String) {
        if let Some(text) = self.files.get_mut(name) {
            *text = change(text);
        }
    }

    fn render(&self, cache: &mut Cache) -> String {
        let mut tree = MemTree::new();
        for (path, text) in &self.files {
            tree.add_file(path, text.clone()).unwrap();
        }
        shown(&Fleet::new(&tree).charts(&self.shelf).capabilities(&self.capabilities).render(cache))
    }

    /// Renders afresh, with a cache of the memory and with one of bytes.
    #[track_caller]
    fn check(&self, memory: &mut Cache, bytes: &mut Vec<u8>) {
        let fresh = self.render(&mut Cache::default());
        assert_eq!(self.render(memory), fresh, "in memory");
        let mut cache = Cache::from_bytes(std::mem::take(bytes), "test");
        assert_eq!(self.render(&mut cache), fresh, "from bytes");
        *bytes = cache.to_bytes("test");
        let mut again = Cache::from_bytes(bytes.clone(), "test");
        assert_eq!(self.render(&mut again), fresh, "from bytes again");
        assert!(!again.has_changed(), "what was written is all that is known");
    }
}

/// After each edit every cache gives what a fresh render gives.
#[track_caller]
fn check(edits: &[Edit]) {
    let mut fixture = Fixture::new();
    let (mut memory, mut bytes) = (Cache::default(), Vec::new());
    let begin = fixture.render(&mut Cache::default());
    for wanted in ["b: one", "a: 1", "v: one-none", "x-shared", "\n  name: from-chart"] {
        assert!(begin.contains(wanted), "{wanted}: {begin}");
    }
    fixture.check(&mut memory, &mut bytes);
    for edit in edits {
        fixture.edit(edit);
        fixture.check(&mut memory, &mut bytes);
    }
}

#[test]
fn a_chart_that_was_missing_is_found_later() {
    check(&[Edit::Chart(None), Edit::Chart(Some(1))]);
}

#[test]
fn a_chart_that_changes_elsewhere_is_noticed() {
    check(&[Edit::Chart(Some(1)), Edit::Chart(Some(2))]);
}

#[test]
fn what_charts_see_of_the_cluster_counts() {
    check(&[Edit::Kube(1), Edit::Kube(2), Edit::Kube(1)]);
}

#[test]
fn addresses_of_sources_in_other_files_count() {
    check(&[Edit::Source(0), Edit::Source(1), Edit::Source(2), Edit::Chart(None)]);
}

#[test]
fn lines_that_move_move_what_is_told_of_them() {
    // The release and the app without a path of their own stand in files that get longer.
    check(&[
        Edit::Chart(None),
        Edit::Shift(8),
        Edit::Stretch(8),
        Edit::Shift(4),
        Edit::Stretch(4),
        Edit::Remove(0),
    ]);
    for file in 0..13 {
        check(&[Edit::Stretch(file), Edit::Shift((file + 1) % 13), Edit::Remove((file + 2) % 13)]);
    }
}

#[test]
fn charts_that_cannot_be_told_apart_are_not_cached() {
    struct Fickle(Mutex<u32>);
    impl Charts for Fickle {
        fn chart(&self, _: &RemoteChart) -> Result<Chart, String> {
            let mut count = self.0.lock().unwrap();
            *count += 1;
            Err(format!("asked {count} times"))
        }
    }
    let mut tree = MemTree::new();
    start().into_iter().for_each(|(path, text)| tree.add_file(&path, text).unwrap());
    let (charts, mut cache) = (Fickle(Mutex::new(0)), Cache::default());
    for turn in 1..=3 {
        let shown = shown(&Fleet::new(&tree).charts(&charts).render(&mut cache));
        assert!(shown.contains(&format!("asked {turn} times")), "{shown}");
        cache = Cache::from_bytes(cache.to_bytes("a"), "a");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_edits_make_a_cache_tell_something_else(edits in edits()) {
        check(&edits);
    }
}
