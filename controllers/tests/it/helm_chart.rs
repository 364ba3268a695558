//! HelmChart: a version of a chart as an artifact, from an index, a registry or a git repository; and who installs it.

use std::sync::Arc;
use std::time::Duration;

use gitops_controllers::{Key, Kind};
use gitops_core::artifact::pack;
use gitops_core::digest::sha256;
use gitops_core::ports::{ArtifactStore, Blob, ImageManifest, Registry};
use gitops_core::testing::Fault;
use gitops_yaml::Node;
use helm_rs::chart::Chart;

use crate::world::{Fleet, block_on, tree};

const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const INDEXED: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts, namespace: flux-system}\nspec: {url: https://charts.example, interval: 1m}\n";
const REGISTRY: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts, namespace: flux-system}\nspec: {url: oci://registry.example/charts, type: oci}\n";
const GIT: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet, namespace: flux-system}\nspec: {url: https://git.example/fleet, interval: 1m, ref: {branch: main}}\n";

fn key() -> Key {
    Key::new(Kind::HelmChart, "flux-system", "web")
}

fn object(source: &str, fields: &str) -> String {
    let (kind, chart) = match source {
        "fleet" => ("GitRepository", "charts/web"),
        _ => ("HelmRepository", "web"),
    };
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmChart\nmetadata: {{name: web, namespace: flux-system}}\nspec: {{chart: {chart}, interval: 1m, sourceRef: {{kind: {kind}, name: {source}}}{fields}}}\n"
    )
}

/// A chart's archive, with files of values beside its own.
fn archive(version: &str) -> Arc<[u8]> {
    let metadata = format!("apiVersion: v2\nname: web\nversion: {version}\n");
    let files = [
        ("web/Chart.yaml", metadata.as_str()),
        ("web/values.yaml", "colour: blue\nsize: 1\n"),
        ("web/values-prod.yaml", "colour: red\n"),
        (
            "web/templates/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {colour: {{ .Values.colour }}, version: \"{{ .Chart.Version }}\"}\n",
        ),
    ];
    pack(&tree(&files), None).unwrap().content.into()
}

/// Serves an index of these versions.
fn serve(fleet: &Fleet, versions: &[&str]) {
    let mut index = "apiVersion: v1\nentries:\n  web:\n".to_owned();
    for version in versions {
        let archive = archive(version);
        let digest = sha256(&archive);
        let digest = digest.trim_start_matches("sha256:");
        index.push_str(&format!(
            "  - {{name: web, version: {version}, urls: [web-{version}.tgz], digest: {digest}}}\n"
        ));
        fleet.context.world.charts.put(&format!("web-{version}.tgz"), archive);
    }
    fleet.context.world.charts.put("index.yaml", index.into_bytes().into());
}

fn push(fleet: &Fleet, tag: &str, version: &str) -> String {
    let layers = vec![Blob { media_type: CHART_LAYER.into(), ..Blob::default() }];
    let manifest = ImageManifest { layers, ..ImageManifest::default() };
    let registry = &fleet.context.world.registry;
    block_on(registry.push("registry.example/charts/web", tag, &manifest, archive(version))).unwrap()
}

fn commit(fleet: &Fleet, version: &str, more: &[(&str, &str)]) -> String {
    let metadata = format!("apiVersion: v2\nname: web\nversion: {version}\n");
    let mut files = vec![
        ("charts/web/Chart.yaml", metadata.as_str()),
        ("charts/web/values.yaml", "colour: blue\nsize: 1\n"),
        ("env/prod.yaml", "colour: red\n"),
    ];
    files.extend(more);
    fleet.context.world.git.commit("https://git.example/fleet", "main", tree(&files), "Chart")
}

fn status(fleet: &Fleet, path: &[&str]) -> String {
    let object = fleet.context.cache.get(&key()).unwrap();
    let found = object.get("status").and_then(|status| status.at_path(path));
    found.and_then(Node::as_str).unwrap_or_default().to_owned()
}

fn stored(fleet: &Fleet) -> Chart {
    let content =
        block_on(fleet.context.world.store.get(&status(fleet, &["artifact", "path"]))).unwrap().unwrap();
    assert_eq!(status(fleet, &["artifact", "digest"]), sha256(&content));
    Chart::load_archive(&content, &mut Vec::new()).unwrap()
}

#[test]
fn a_version_is_pulled_once_from_an_index() {
    let mut fleet = Fleet::new();
    serve(&fleet, &["1.0.0", "1.2.0", "2.0.0-rc.1"]);
    fleet.apply(INDEXED);
    fleet.apply(&object("charts", ", version: 1.x"));
    fleet.settle();
    assert_eq!(fleet.ready(&key()), "True ChartPullSucceeded: pulled 'web' chart with version '1.2.0'");
    assert_eq!(status(&fleet, &["artifact", "revision"]), "1.2.0");
    assert_eq!(status(&fleet, &["observedChartName"]), "web");
    assert!(status(&fleet, &["observedSourceArtifactRevision"]).starts_with("sha256:"));
    assert!(status(&fleet, &["artifact", "path"]).ends_with("/web-1.2.0.tgz"));
    assert!(fleet.told().contains(&"ChartPullSucceeded: pulled 'web' chart with version '1.2.0'".to_owned()));
    fleet.context.world.charts.forget();
    fleet.after(Duration::from_secs(61));
    assert_eq!(fleet.context.world.charts.asked(), ["index.yaml (known)"], "the chart is not pulled again");
    serve(&fleet, &["1.0.0", "1.2.0", "1.3.0"]);
    fleet.after(Duration::from_secs(61));
    assert_eq!(stored(&fleet).metadata().version, "1.3.0", "a new index wakes its charts");
}

#[test]
fn files_of_values_are_merged_and_make_another_version() {
    let mut fleet = Fleet::new();
    serve(&fleet, &["1.2.0"]);
    fleet.apply(INDEXED);
    fleet.apply(&object("charts", ", valuesFiles: [values.yaml, ./values-prod.yaml]"));
    fleet.settle();
    assert_eq!(
        fleet.ready(&key()),
        "True ChartPackageSucceeded: packaged 'web' chart with version '1.2.0+1' and merged values files [values.yaml ./values-prod.yaml]"
    );
    let chart = stored(&fleet);
    assert_eq!(chart.metadata().version, "1.2.0+1");
    let values = format!("{:?}", chart.values().unwrap());
    assert!(values.contains("red") && values.contains("size") && !values.contains("blue"), "{values}");
    fleet.apply(&object("charts", ", valuesFiles: [values.yaml, none.yaml]"));
    fleet.after(Duration::from_secs(1));
    assert_eq!(
        fleet.ready(&key()),
        "False ValuesFilesError: values files merge error: no values file found at path 'none.yaml'"
    );
    fleet.apply(&object("charts", ", valuesFiles: [values.yaml, none.yaml], ignoreMissingValuesFiles: true"));
    fleet.after(Duration::from_secs(1));
    assert!(
        fleet.ready(&key()).ends_with("'1.2.0+3' and merged values files [values.yaml]"),
        "{}",
        fleet.ready(&key())
    );
    // What was merged is still told when nothing is done.
    fleet.after(Duration::from_secs(61));
    assert!(fleet.ready(&key()).ends_with("merged values files [values.yaml]"), "{}", fleet.ready(&key()));
}

#[test]
fn a_registrys_tags_are_versions() {
    let mut fleet = Fleet::new();
    push(&fleet, "1.0.0", "1.0.0");
    push(&fleet, "1.1.0_build.2", "1.1.0+build.2");
    fleet.apply(REGISTRY);
    fleet.apply(&object("charts", ", version: '>=1.0.0'"));
    fleet.settle();
    assert_eq!(
        fleet.ready(&key()),
        "True ChartPullSucceeded: pulled 'web' chart with version '1.1.0+build.2'"
    );
    // A whole version needs no list of tags.
    fleet.context.world.registry.faults.push("tags", Fault::Error("asked for nothing".into()));
    fleet.apply(&object("charts", ", version: 1.0.0"));
    fleet.after(Duration::from_secs(1));
    assert_eq!(stored(&fleet).metadata().version, "1.0.0");
}

#[test]
fn a_folder_is_packed_for_each_version_or_each_revision() {
    for (strategy, follows) in [("", false), (", reconcileStrategy: Revision", true)] {
        let mut fleet = Fleet::new();
        let first = commit(&fleet, "1.0.0", &[]);
        fleet.apply(GIT);
        fleet.apply(&object("fleet", strategy));
        fleet.settle();
        let version =
            |commit: &str| if follows { format!("1.0.0+{}", &commit[..12]) } else { "1.0.0".to_owned() };
        let wanted =
            format!("True ChartPackageSucceeded: packaged 'web' chart with version '{}'", version(&first));
        assert_eq!(fleet.ready(&key()), wanted);
        let before = status(&fleet, &["artifact", "digest"]);
        let second = commit(&fleet, "1.0.0", &[("charts/web/templates/a.yaml", "kind: ConfigMap")]);
        fleet.after(Duration::from_secs(61));
        assert_eq!(status(&fleet, &["artifact", "revision"]), version(&second));
        assert_eq!(status(&fleet, &["artifact", "digest"]) != before, follows);
        commit(&fleet, "1.1.0", &[]);
        fleet.after(Duration::from_secs(61));
        assert!(status(&fleet, &["artifact", "revision"]).starts_with("1.1.0"));
    }
    let mut fleet = Fleet::new();
    let id = commit(&fleet, "1.0.0", &[]);
    fleet.apply(GIT);
    fleet.apply(&object(
        "fleet",
        ", reconcileStrategy: Revision, valuesFiles: [charts/web/values.yaml, env/prod.yaml]",
    ));
    fleet.settle();
    assert_eq!(status(&fleet, &["artifact", "revision"]), format!("1.0.0+{}.1", &id[..12]));
    assert!(format!("{:?}", stored(&fleet).values().unwrap()).contains("red"));
}

/// A chart in git that depends on one beside it, on one of an index, twice, and on one of a registry.
fn umbrella(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut files = vec![
        (
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n\
             - {name: common, version: 0.x, repository: \"file://../common\"}\n\
             - {name: db, version: 1.x, repository: \"https://charts.example/\"}\n\
             - {name: db, version: 1.x, repository: \"https://charts.example\", alias: replica}\n\
             - {name: cache, version: ^2.0.0, repository: \"oci://registry.example/charts\"}\n",
        ),
        ("charts/common/Chart.yaml", "apiVersion: v2\nname: common\nversion: 0.1.0\ntype: library\n"),
        ("charts/common/templates/_names.tpl", "{{ define \"name\" }}{{ end }}"),
    ];
    files.extend(more);
    files
}

/// An archive of a chart that has nothing but a name.
fn bare(name: &str, version: &str) -> Arc<[u8]> {
    let metadata = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    pack(&tree(&[(&*format!("{name}/Chart.yaml"), metadata.as_str())]), None).unwrap().content.into()
}

/// Serves what the umbrella wants.
fn serve_dependencies(fleet: &Fleet) {
    let charts = &fleet.context.world.charts;
    let mut index = "apiVersion: v1\nentries:\n  db:\n".to_owned();
    for version in ["1.0.0", "1.4.0", "2.0.0"] {
        index.push_str(&format!("  - {{name: db, version: {version}, urls: [db-{version}.tgz]}}\n"));
        charts.put(&format!("db-{version}.tgz"), bare("db", version));
    }
    charts.put("index.yaml", index.into_bytes().into());
    for version in ["1.9.0", "2.3.0"] {
        let layers = vec![Blob { media_type: CHART_LAYER.into(), ..Blob::default() }];
        let manifest = ImageManifest { layers, ..ImageManifest::default() };
        let registry = &fleet.context.world.registry;
        let pushed =
            registry.push("registry.example/charts/cache", version, &manifest, bare("cache", version));
        block_on(pushed).unwrap();
    }
}

fn dependencies(chart: &Chart) -> Vec<String> {
    let name = |chart: &Chart| format!("{} {}", chart.name(), chart.metadata().version);
    let mut names: Vec<String> = chart.dependencies().iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn what_charts_lacks_is_brought() {
    let mut fleet = Fleet::new();
    serve_dependencies(&fleet);
    commit(&fleet, "1.0.0", &umbrella(&[]));
    fleet.apply(GIT);
    fleet.apply(&object("fleet", ""));
    fleet.settle();
    assert_eq!(fleet.ready(&key()), "True ChartPackageSucceeded: packaged 'web' chart with version '1.0.0'");
    assert_eq!(dependencies(&stored(&fleet)), ["cache 2.3.0", "common 0.1.0", "db 1.4.0"]);
    assert_eq!(
        fleet.context.world.charts.asked().iter().filter(|asked| asked.starts_with("index.yaml")).count(),
        1,
        "one repository is asked for one index"
    );
    // The lock decides, and the index of a HelmRepository of the same address is not asked for again.
    let lock = "dependencies:\n\
        - {name: common, version: 0.1.0, repository: \"file://../common\"}\n\
        - {name: db, version: 1.0.0, repository: \"https://charts.example/\"}\n\
        - {name: cache, version: 2.3.0, repository: \"oci://registry.example/charts\"}\n\
        digest: sha256:00\ngenerated: \"2024-05-01T12:00:00Z\"\n";
    fleet.apply(INDEXED);
    fleet.settle();
    fleet.context.world.charts.forget();
    let later = "apiVersion: v2\nname: web\nversion: 1.1.0\ndependencies: [{name: db, version: 1.x, repository: \"https://charts.example\"}]\n";
    commit(&fleet, "1.1.0", &umbrella(&[("charts/web/Chart.yaml", later), ("charts/web/Chart.lock", lock)]));
    fleet.after(Duration::from_secs(61));
    assert_eq!(dependencies(&stored(&fleet)), ["cache 2.3.0", "common 0.1.0", "db 1.0.0"]);
    let asked = fleet.context.world.charts.asked();
    assert!(!asked.iter().any(|asked| asked == "index.yaml"), "{asked:?}");
}

#[test]
fn what_is_wrong_with_a_dependency_is_told() {
    let check = |dependency: &str, wanted: &str| {
        let mut fleet = Fleet::new();
        serve_dependencies(&fleet);
        let metadata = format!("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{dependency}]\n");
        commit(&fleet, "1.0.0", &[("charts/web/Chart.yaml", &metadata)]);
        fleet.apply(GIT);
        fleet.apply(&object("fleet", ""));
        fleet.settle();
        let ready = fleet.ready(&key());
        assert!(ready.starts_with("False DependencyBuildError: ") && ready.contains(wanted), "{ready}");
        assert_eq!(status(&fleet, &["artifact", "revision"]), "");
    };
    check(
        "{name: db, version: 3.x, repository: 'https://charts.example'}",
        "version '3.x' from 'https://charts.example'",
    );
    check("{name: db, version: 1.x, repository: '@stable'}", "repository '@stable' is no URL");
    check("{name: db, version: 1.x, repository: 'file://../db'}", "no chart found at '/charts/db'");
    check(
        "{name: db, version: 1.x, repository: 'file://../../../db'}",
        "failed to add local dependency 'db'",
    );
    check("{name: db, version: 1.x}", "no chart found at '/charts/web/charts/db'");
    check("{name: cache, version: 9.x, repository: 'oci://registry.example/charts'}", "version '9.x'");
    check(
        "{name: web, version: 9.x, repository: 'file://.'}",
        "can't get a valid version for constraint '9.x'",
    );
}

#[test]
fn what_is_wrong_with_a_chart_is_told() {
    for (source, fields, wanted) in [
        (
            INDEXED,
            ", version: 9.x",
            "False InvalidChartReference: invalid chart reference: failed to get chart version for remote reference",
        ),
        (
            INDEXED,
            ", verify: {provider: cosign}",
            "False ChartVerificationError: chart verification error: signatures by 'cosign' are not verified here",
        ),
        (REGISTRY, ", version: 9.x", "False InvalidChartReference: invalid chart reference"),
        (
            "",
            "",
            "False SourceUnavailable: failed to get source: HelmRepository.source.toolkit.fluxcd.io \"charts\" not found",
        ),
    ] {
        let mut fleet = Fleet::new();
        serve(&fleet, &["1.0.0"]);
        push(&fleet, "1.0.0", "1.0.0");
        fleet.apply(source);
        fleet.apply(&object("charts", fields));
        fleet.settle();
        assert!(fleet.ready(&key()).starts_with(wanted), "{fields}: {}", fleet.ready(&key()));
        assert_eq!(status(&fleet, &["artifact", "revision"]), "");
    }
    let mut fleet = Fleet::new();
    commit(
        &fleet,
        "1.0.0",
        &[(
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: db, version: 1.x, repository: https://charts.example}]\n",
        )],
    );
    fleet.apply(GIT);
    fleet.apply(&object("fleet", ""));
    fleet.settle();
    let wanted = "False DependencyBuildError: dependency build error: failed to add remote dependency 'db': ";
    assert!(fleet.ready(&key()).starts_with(wanted), "{}", fleet.ready(&key()));
    fleet.apply(&object("fleet", "").replace("charts/web", "charts/wep"));
    fleet.after(Duration::from_secs(1));
    assert!(fleet.ready(&key()).starts_with("False InvalidChartReference"), "{}", fleet.ready(&key()));
    fleet.apply(&object("fleet", "").replace("GitRepository", "OCIRepository"));
    fleet.after(Duration::from_secs(1));
    assert!(
        fleet.ready(&key()).contains("unsupported source kind 'OCIRepository'"),
        "{}",
        fleet.ready(&key())
    );
    // An archive that is not what the index says is not stored.
    let mut fleet = Fleet::new();
    serve(&fleet, &["1.0.0"]);
    fleet.context.world.charts.put("web-1.0.0.tgz", archive("1.0.1"));
    fleet.apply(INDEXED);
    fleet.apply(&object("charts", ""));
    fleet.settle();
    assert!(fleet.ready(&key()).contains("but the index says"), "{}", fleet.ready(&key()));
}

fn release(chart: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: app, namespace: flux-system}}\nspec: {{interval: 10m, {chart}}}\n"
    )
}

fn released() -> Key {
    Key::new(Kind::HelmRelease, "flux-system", "app")
}

fn map(fleet: &Fleet, field: &str) -> Option<String> {
    fleet.get("v1", "ConfigMap", "app")?.at_path(&["data", field]).and_then(Node::as_str).map(str::to_owned)
}

#[test]
fn a_release_makes_its_chart_and_takes_it_away() {
    let mut fleet = Fleet::new();
    serve(&fleet, &["1.0.0"]);
    fleet.apply(INDEXED);
    let chart = "chart: {metadata: {labels: {team: a}}, spec: {chart: web, version: 1.x, interval: 5m, sourceRef: {kind: HelmRepository, name: charts}}}";
    fleet.apply(&release(chart));
    fleet.settle();
    assert_eq!(
        fleet.ready(&released()),
        "True InstallSucceeded: Helm install succeeded for release flux-system/app.v1 with chart web@1.0.0"
    );
    let own = Key::new(Kind::HelmChart, "flux-system", "flux-system-app");
    let made = fleet.context.cache.get(&own).unwrap();
    let text = |path: &[&str]| made.at_path(path).and_then(Node::as_str).unwrap_or_default().to_owned();
    assert_eq!((text(&["spec", "chart"]), text(&["spec", "version"])), ("web".into(), "1.x".into()));
    assert_eq!(
        (text(&["spec", "interval"]), text(&["metadata", "labels", "team"])),
        ("5m0s".into(), "a".into())
    );
    assert_eq!(text(&["metadata", "labels", "helm.toolkit.fluxcd.io/name"]), "app");
    let status = fleet.context.cache.get(&released()).unwrap();
    assert_eq!(
        status.at_path(&["status", "helmChart"]).and_then(Node::as_str),
        Some("flux-system/flux-system-app")
    );
    // A new index makes a new artifact, which wakes the release.
    serve(&fleet, &["1.0.0", "1.1.0"]);
    fleet.after(Duration::from_secs(61));
    fleet.after(Duration::from_secs(1));
    assert_eq!(map(&fleet, "version").as_deref(), Some("1.1.0"));
    // Another chart of the release is another wish of its HelmChart.
    fleet.apply(&release(&chart.replace("version: 1.x", "version: 1.0.0")));
    fleet.settle();
    assert_eq!(map(&fleet, "version").as_deref(), Some("1.0.0"));
    fleet.delete(&released());
    fleet.settle();
    assert!(fleet.context.cache.get(&released()).is_none() && fleet.context.cache.get(&own).is_none());
    assert_eq!(map(&fleet, "version"), None);
}

#[test]
fn a_release_takes_a_chart_by_reference() {
    let mut fleet = Fleet::new();
    let digest = push(&fleet, "1.0.0", "1.0.0");
    fleet.apply("apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: web, namespace: flux-system}\nspec: {url: oci://registry.example/charts/web, interval: 1m, ref: {semver: '*'}, layerSelector: {mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}}\n");
    fleet.apply(&release("chartRef: {kind: OCIRepository, name: web}"));
    fleet.settle();
    let hash = &digest.trim_start_matches("sha256:")[..12];
    let wanted = format!("with chart web@1.0.0+{hash}");
    assert!(fleet.ready(&released()).ends_with(&wanted), "{}", fleet.ready(&released()));
    assert_eq!(map(&fleet, "version"), Some(format!("1.0.0+{hash}")));
    let object = fleet.context.cache.get(&released()).unwrap();
    let attempted = object.at_path(&["status", "lastAttemptedRevisionDigest"]).and_then(Node::as_str);
    assert_eq!(attempted, Some(digest.as_str()));
    // Extracted and packed anew, the chart is the same.
    let moved = push(&fleet, "1.1.0", "1.1.0");
    fleet.apply("apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: web, namespace: flux-system}\nspec: {url: oci://registry.example/charts/web, interval: 1m, ref: {semver: '*'}}\n");
    fleet.after(Duration::from_secs(61));
    assert_eq!(map(&fleet, "version"), Some(format!("1.1.0+{}", &moved.trim_start_matches("sha256:")[..12])));
    // A HelmChart that somebody else made is used, and stays.
    serve(&fleet, &["3.0.0"]);
    fleet.apply(INDEXED);
    fleet.apply(&object_named("other"));
    fleet.apply(&release("chartRef: {kind: HelmChart, name: other}"));
    fleet.settle();
    fleet.after(Duration::from_secs(30));
    assert_eq!(map(&fleet, "version").as_deref(), Some("3.0.0"), "{}", fleet.ready(&released()));
    fleet.delete(&released());
    fleet.settle();
    assert!(fleet.context.cache.get(&Key::new(Kind::HelmChart, "flux-system", "other")).is_some());
}

fn object_named(name: &str) -> String {
    object("charts", "").replace("name: web, namespace", &format!("name: {name}, namespace"))
}

#[test]
fn a_reference_that_leads_nowhere_is_told() {
    for (chart, wanted) in [
        (
            "chartRef: {kind: OCIRepository, name: none}",
            "False ArtifactFailed: OCIRepository.source.toolkit.fluxcd.io \"none\" not found",
        ),
        (
            "chartRef: {kind: GitRepository, name: fleet}",
            "False InvalidSpec: spec.chartRef.kind 'GitRepository' is no chart",
        ),
        ("releaseName: app", "False InvalidSpec: neither spec.chart nor spec.chartRef is set"),
        (
            "chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: none}}}",
            "False SourceNotReady: HelmChart 'flux-system/flux-system-app' is not ready: failed to get source: HelmRepository.source.toolkit.fluxcd.io \"none\" not found",
        ),
    ] {
        let mut fleet = Fleet::new();
        fleet.apply(&release(chart));
        fleet.settle();
        fleet.after(Duration::from_secs(31));
        assert!(fleet.ready(&released()).starts_with(wanted), "{}", fleet.ready(&released()));
    }
}
