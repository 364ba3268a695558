//! HelmRelease: installed, upgraded when chart or values change, left alone otherwise, uninstalled.

use std::time::Duration;

use gitops_controllers::{Key, Kind};
use gitops_yaml::Node;

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
