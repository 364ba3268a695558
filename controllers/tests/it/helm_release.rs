//! HelmRelease: installed, upgraded when chart or values change, left alone otherwise, uninstalled.

use std::time::Duration;

use gitops_conformance::{Suite, folder, rows};
use gitops_controllers::helm_release::{Form, ReleaseNames, ReleaseValues, config_digest};
use gitops_controllers::{Key, Kind};
use gitops_core::api::HelmRelease;
use gitops_yaml::{Dialect, Node, print_sigs};
use helm_rs::values::{Table, Value, load_values};

use crate::world::{Fleet, tree};

const URL: &str = "https://git.example/fleet";
const OBJECTS: &str = "
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system}
spec: {url: https://git.example/fleet, interval: 1m, ref: {branch: main}}
---
apiVersion: v1
kind: Secret
metadata: {name: more, namespace: flux-system}
data: {values.yaml: Y29sb3VyOiByZWQK, size: NQ==}
---
apiVersion: helm.toolkit.fluxcd.io/v2beta1
kind: HelmRelease
metadata: {name: web, namespace: flux-system}
spec:
  interval: 5m
  chart: {spec: {chart: charts/web, sourceRef: {kind: GitRepository, name: fleet}}}
  valuesFrom:
    - {kind: Secret, name: more}
    - {kind: Secret, name: more, valuesKey: size, targetPath: size}
  values: {shape: VALUE}
";

fn chart(version: &str) -> Vec<(&'static str, String)> {
    vec![
        ("charts/web/Chart.yaml", format!("apiVersion: v2\nname: web\nversion: {version}\n")),
        ("charts/web/values.yaml", "colour: blue\nshape: round\nsize: 1\n".to_owned()),
        (
            "charts/web/templates/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  all: {{ .Values.colour }}-{{ .Values.shape }}-{{ .Values.size }}-{{ .Release.Revision }}\n".to_owned(),
        ),
    ]
}

fn commit(fleet: &Fleet, version: &str) {
    let files = chart(version);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    fleet.context.world.git.commit(URL, "main", tree(&files), "Chart");
}

fn key() -> Key {
    Key::new(Kind::HelmRelease, "flux-system", "web")
}

fn all(fleet: &Fleet) -> Option<String> {
    let object = fleet.get("v1", "ConfigMap", "web")?;
    object.at_path(&["data", "all"]).and_then(Node::as_str).map(str::to_owned)
}

#[test]
fn a_release_follows_its_chart_and_its_values() {
    let mut fleet = Fleet::new();
    commit(&fleet, "1.0.0");
    fleet.apply(&OBJECTS.replace("VALUE", "flat"));
    fleet.settle();
    assert_eq!(
        fleet.ready(&key()),
        "True InstallSucceeded: Helm install succeeded for release flux-system/web.v1 with chart web@1.0.0"
    );
    assert_eq!(all(&fleet).as_deref(), Some("red-flat-5-1"));
    fleet.context.world.cluster.forget_requests();
    fleet.after(Duration::from_secs(400));
    assert_eq!(fleet.context.world.cluster.writes(), [""; 0], "nothing is written where nothing has changed");
    fleet.apply(&OBJECTS.replace("VALUE", "steep"));
    fleet.settle();
    assert_eq!(all(&fleet).as_deref(), Some("red-steep-5-2"));
    commit(&fleet, "1.1.0");
    fleet.after(Duration::from_secs(62));
    assert_eq!(
        fleet.ready(&key()),
        "True UpgradeSucceeded: Helm upgrade succeeded for release flux-system/web.v3 with chart web@1.1.0"
    );
    assert!(fleet.get("v1", "Secret", "sh.helm.release.v1.web.v3").is_some(), "records as Helm keeps them");
    fleet.delete(&key());
    fleet.settle();
    assert_eq!(all(&fleet), None);
    assert!(fleet.context.cache.get(&key()).is_none());
}

#[test]
fn what_is_missing_is_named_and_no_secret_is_shown() {
    let mut fleet = Fleet::new();
    commit(&fleet, "1.0.0");
    fleet.apply(&OBJECTS.replace("VALUE", "flat").replace("valuesKey: size", "valuesKey: sizes"));
    fleet.settle();
    assert_eq!(
        fleet.ready(&key()),
        "False ValuesError: could not resolve Secret chart values reference 'flux-system/more' with key 'sizes': key not found"
    );
}

fn same<T: PartialEq + std::fmt::Debug>(ours: &T, wanted: &T) -> Result<(), String> {
    if ours == wanted { Ok(()) } else { Err(format!("{ours:?} and not {wanted:?}")) }
}

#[test]
fn names_are_those_of_flux() {
    let Some(folder) = folder("flux") else { return };
    let mut suite = Suite::new("release_name");
    for row in rows(&folder.join("release_name.jsonl")) {
        let text = |field: &str| row[field].as_str().map(str::to_owned);
        let spec = HelmRelease {
            release_name: text("releaseName"),
            target_namespace: text("targetNamespace"),
            storage_namespace: text("storageNamespace"),
            ..HelmRelease::default()
        };
        let names = ReleaseNames::of(&text("name").unwrap(), &text("namespace").unwrap(), &spec);
        let ours = (names.name.to_string(), names.namespace.to_string(), names.storage.to_string());
        let wanted = ["release", "release_namespace", "storage_namespace"].map(|field| text(field).unwrap());
        suite.check(row["id"].as_str().unwrap(), || same(&ours, &wanted.into()));
    }
    suite.finish(99.0);
}

/// Merges the values of a recorded case.
fn merged(row: &serde_json::Value) -> Result<Table, String> {
    let inline = row["values"].as_str().unwrap_or_default();
    let mut all = ReleaseValues::new(load_values(inline.as_bytes(), "inline").map_err(|e| e.to_string())?);
    for reference in row["valuesFrom"].as_array().unwrap() {
        let text = |field: &str| reference[field].as_str();
        let kind = text("kind").unwrap();
        let group = if kind == "Secret" { "secrets" } else { "configmaps" };
        let key = text("valuesKey").filter(|key| !key.is_empty()).unwrap_or("values.yaml");
        let shown = format!(
            "could not resolve {kind} chart values reference 'default/{}' with key '{key}'",
            text("name").unwrap()
        );
        let is_optional = reference["optional"].as_bool() == Some(true);
        let object = row[group].get(text("name").unwrap());
        let Some(content) = object.and_then(|object| object.get(key)).and_then(serde_json::Value::as_str)
        else {
            if is_optional && matches!(kind, "ConfigMap" | "Secret") {
                continue;
            }
            return Err(shown);
        };
        let form = Form::of(text("targetPath"), reference["literal"].as_bool() == Some(true));
        all.lay(content, form).map_err(|error| format!("{shown}: {error}"))?;
    }
    Ok(all.finish())
}

/// A path and a text of a stranger's ConfigMap cost no more than they are long, and a refused one changes nothing.
#[test]
fn paths_of_values_are_bounded() {
    let deep = |levels: usize| vec!["a"; levels].join(".");
    let lists = format!("a{}", "[0]".repeat(100_000));
    let open = format!("{{{}", "1,".repeat(10));
    let cases = [
        ("a[65537]".to_owned(), "1", "65536"),
        ("a[99999999999999999999]".to_owned(), "1", "out of range"),
        ("a[-1]".to_owned(), "1", "negative"),
        (deep(40), "1", "nested level"),
        (lists, "1", "nested more than"),
        ("a".to_owned(), &open, "list must terminate"),
    ];
    for (path, text, wanted) in &cases {
        let mut values = ReleaseValues::new(load_values(b"kept: 1", "inline").unwrap());
        values.lay("size: 2", Form::File).unwrap();
        let error = values.lay(text, Form::At(path)).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.len() < 500, "{}: {error}", &path[..path.len().min(40)]);
        let finished = values.finish();
        assert_eq!(finished["kept"].to_string(), "1");
        assert_eq!(finished["size"].to_string(), "2");
    }
    let mut values = ReleaseValues::new(load_values(b"kept: 1", "inline").unwrap());
    values.lay("x", Form::At(&deep(30))).unwrap();
    values.lay("x", Form::LiteralAt("list[65536]")).unwrap();
    assert_eq!(values.finish()["kept"].to_string(), "1");
}

#[test]
fn values_are_merged_as_flux_merges_them() {
    let Some(folder) = folder("flux") else { return };
    let mut suite = Suite::new("helm_values");
    for row in rows(&folder.join("helm_values.jsonl")) {
        let id = row["id"].as_str().unwrap();
        match (merged(&row), row["output"].as_str()) {
            (Ok(values), Some(output)) => {
                let node = Value::table(values.clone()).to_node();
                let ours = print_sigs(&node, Dialect::V3).unwrap();
                let digest = config_digest(&values);
                let wanted = (output.to_owned(), row["configDigest"].as_str().unwrap().to_owned());
                suite.check(id, || same(&(ours, digest), &wanted));
            }
            (Err(why), None) => {
                // The reference is named in the same words; what is wrong with it may be said better.
                let wanted = row["error"].as_str().unwrap();
                let start = why.split(": ").next().unwrap();
                let head = wanted.get(..start.len()).unwrap_or_default();
                suite.check(id, || same(&start, &head));
            }
            (ours, wanted) => suite.check(id, || Err(format!("{ours:?} and not {wanted:?}"))),
        }
    }
    suite.finish(100.0);
}

#[test]
fn a_failed_upgrade_goes_back_and_gives_up_after_its_retries() {
    let mut fleet = Fleet::new();
    commit(&fleet, "1.0.0");
    let spec = "  upgrade: {remediation: {retries: 1}}\n";
    fleet.apply(&format!("{}{spec}", OBJECTS.replace("VALUE", "flat")));
    fleet.settle();
    assert_eq!(all(&fleet).as_deref(), Some("red-flat-5-1"));
    // A map that the API refuses, so that the upgrade fails after its record was made.
    fleet.context.world.cluster.set_immutable("ConfigMap", &["data", "all"]);
    fleet.apply(&format!("{}{spec}", OBJECTS.replace("VALUE", "steep")));
    fleet.settle();
    fleet.after(Duration::from_secs(120));
    let told = fleet.ready(&key());
    assert!(
        told.starts_with(
            "False UpgradeFailed: Helm upgrade failed for release flux-system/web with chart web@1.0.0"
        ),
        "{told}"
    );
    assert_eq!(all(&fleet).as_deref(), Some("red-flat-5-1"), "what was deployed stays");
    let object = fleet.context.cache.get(&key()).unwrap();
    let status = |field: &str| object.at_path(&["status", field]).and_then(Node::as_str).map(str::to_owned);
    assert_eq!(status("upgradeFailures").as_deref(), Some("2"), "one try and one retry");
    fleet.context.world.cluster.forget_requests();
    fleet.after(Duration::from_secs(3600));
    let writes = fleet.context.world.cluster.writes();
    assert!(!writes.iter().any(|write| write.contains("ConfigMap")), "{writes:?}");
}

#[test]
fn objects_are_changed_and_marked_before_they_are_applied() {
    let mut fleet = Fleet::new();
    commit(&fleet, "1.0.0");
    let spec = "  commonMetadata: {labels: {team: blue}}\n  postRenderers:\n    - kustomize:\n        patches:\n          - target: {kind: ConfigMap}\n            patch: |\n              - {op: add, path: /data/more, value: patched}\n";
    fleet.apply(&format!("{}{spec}", OBJECTS.replace("VALUE", "flat")));
    fleet.settle();
    let map = fleet.get("v1", "ConfigMap", "web").unwrap();
    let text = |path: &[&str]| map.at_path(path).and_then(Node::as_str).map(str::to_owned);
    assert_eq!(text(&["data", "more"]).as_deref(), Some("patched"));
    assert_eq!(text(&["metadata", "labels", "team"]).as_deref(), Some("blue"));
    assert_eq!(text(&["metadata", "labels", "helm.toolkit.fluxcd.io/name"]).as_deref(), Some("web"));
    // A change of the patches alone is an upgrade.
    fleet.apply(&format!(
        "{}{}",
        OBJECTS.replace("VALUE", "flat"),
        spec.replace("value: patched", "value: anew")
    ));
    fleet.settle();
    let map = fleet.get("v1", "ConfigMap", "web").unwrap();
    assert_eq!(map.at_path(&["data", "more"]).and_then(Node::as_str), Some("anew"));
}

#[test]
fn hooks_are_changed_too_unless_the_strategy_leaves_them_out() {
    for (strategy, wanted) in [("", Some("patched")), ("  postRenderStrategy: nohooks\n", None)] {
        let mut fleet = Fleet::new();
        let mut files = chart("1.0.0");
        let hook = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hook, annotations: {helm.sh/hook: pre-install}}\ndata: {a: b}\n";
        files.push(("charts/web/templates/hook.yaml", hook.to_owned()));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        fleet.context.world.git.commit(URL, "main", tree(&files), "Chart");
        let patch = "  postRenderers:\n    - kustomize:\n        patches:\n          - target: {kind: ConfigMap}\n            patch: |\n              - {op: add, path: /data/more, value: patched}\n";
        fleet.apply(&format!("{}{patch}{strategy}", OBJECTS.replace("VALUE", "flat")));
        fleet.settle();
        let more = |name: &str| {
            let map = fleet.get("v1", "ConfigMap", name).unwrap_or_else(|| panic!("{}", fleet.ready(&key())));
            map.at_path(&["data", "more"]).and_then(Node::as_str).map(str::to_owned)
        };
        assert_eq!(more("web").as_deref(), Some("patched"));
        assert_eq!(more("hook").as_deref(), wanted);
    }
}

#[test]
fn what_is_not_followed_is_named_in_a_condition() {
    let mut fleet = Fleet::new();
    commit(&fleet, "1.0.0");
    let objects = OBJECTS.replace("VALUE", "flat");
    fleet.apply(&format!("{objects}  rollback: {{force: true}}\n  waitStrategy: {{name: legacy}}\n"));
    fleet.settle();
    assert!(fleet.ready(&key()).starts_with("True"), "{}", fleet.ready(&key()));
    let warnings = |fleet: &Fleet| {
        let object = fleet.context.cache.get(&key()).unwrap();
        let conditions = object.at_path(&["status", "conditions"]).and_then(Node::items).unwrap().to_vec();
        let found = conditions.iter().find(|it| it.get("type").and_then(Node::as_str) == Some("Warnings"));
        found.and_then(|it| it.get("message")).and_then(Node::as_str).map(str::to_owned)
    };
    let told = warnings(&fleet).unwrap();
    assert!(told.contains("spec.rollback.force replaces nothing"), "{told}");
    assert!(told.contains("spec.waitStrategy legacy is not followed"), "{told}");
    fleet.apply(&objects);
    fleet.settle();
    assert_eq!(warnings(&fleet), None);
}

#[test]
fn a_new_name_replaces_the_release() {
    let mut fleet = Fleet::new();
    commit(&fleet, "1.0.0");
    fleet.apply(&OBJECTS.replace("VALUE", "flat"));
    fleet.settle();
    fleet.apply(&format!("{}  releaseName: net\n", OBJECTS.replace("VALUE", "flat")));
    fleet.settle();
    assert!(fleet.get("v1", "ConfigMap", "web").is_none(), "the old one is uninstalled");
    assert!(fleet.get("v1", "ConfigMap", "net").is_some());
}

#[test]
fn drift_is_told_and_undone_where_that_is_wanted() {
    let mut fleet = Fleet::new();
    commit(&fleet, "1.0.0");
    fleet.apply(&format!("{}  driftDetection: {{mode: enabled}}\n", OBJECTS.replace("VALUE", "flat")));
    fleet.settle();
    fleet.after(Duration::from_secs(400));
    assert_eq!(all(&fleet).as_deref(), Some("red-flat-5-1"));
    let mut map = fleet.get("v1", "ConfigMap", "web").unwrap();
    map.get_mut("data").unwrap().set("all", Node::string("by hand"));
    fleet.context.world.cluster.put(map);
    fleet.after(Duration::from_secs(400));
    assert_eq!(all(&fleet).as_deref(), Some("red-flat-5-1"));
}

#[test]
fn templates_see_what_the_cluster_holds() {
    let mut fleet = Fleet::new();
    // The second question follows from the first one's answer; a list and what is not there are asked for as well.
    let template = "{{- $more := lookup \"v1\" \"Secret\" .Release.Namespace \"more\" -}}\n{{- $next := lookup \"v1\" \"Secret\" .Release.Namespace (index $more.metadata.labels \"next\") -}}\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  all: {{ $next.data.word | b64dec }}-{{ len (lookup \"v1\" \"Secret\" .Release.Namespace \"\").items }}-{{ len (lookup \"v1\" \"Secret\" .Release.Namespace \"none\") }}\n";
    let mut files = chart("1.0.0");
    files[2].1 = template.to_owned();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    fleet.context.world.git.commit(URL, "main", tree(&files), "Chart");
    fleet.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: other, namespace: flux-system}\ndata: {word: Zm91bmQ=}\n");
    let objects = OBJECTS.replace("metadata: {name: more,", "metadata: {name: more, labels: {next: other},");
    fleet.apply(&objects.replace("VALUE", "flat"));
    fleet.settle();
    assert_eq!(all(&fleet).as_deref(), Some("found-2-0"), "{}", fleet.ready(&key()));
    let records = fleet.context.world.cluster.addresses();
    let records: Vec<_> = records.iter().filter(|it| it.name.starts_with("sh.helm.release")).collect();
    assert_eq!(records.len(), 1, "one release was made: {records:?}");
}
