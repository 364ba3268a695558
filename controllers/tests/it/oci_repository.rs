//! OCIRepository: fetched once a digest, chosen by tag, range or digest, refused with a reason.

use std::sync::Arc;
use std::time::Duration;

use gitops_controllers::{Key, Kind, Transport};
use gitops_core::artifact::{pack, unpack};
use gitops_core::digest::sha256;
use gitops_core::ports::{ArtifactStore, Blob, ImageManifest, Registry};
use gitops_core::testing::Fault;
use gitops_core::tree::Limits;
use gitops_yaml::Node;

use crate::world::{Fleet, block_on, tree};

const REPOSITORY: &str = "registry.example/team/app";
const FLUX: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";

fn key() -> Key {
    Key::new(Kind::OciRepository, "flux-system", "app")
}

/// An object with these fields beside its URL and interval.
fn object(version: &str, fields: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/{version}\nkind: OCIRepository\nmetadata: {{name: app, namespace: flux-system}}\nspec: {{url: 'oci://{REPOSITORY}', interval: 1m{fields}}}\n"
    )
}

fn archive(files: &[(&str, &str)]) -> Arc<[u8]> {
    pack(&tree(files), None).unwrap().content.into()
}

fn push_as(fleet: &Fleet, tag: &str, media_type: &str, layer: Arc<[u8]>) -> String {
    let manifest = ImageManifest {
        layers: vec![Blob { media_type: media_type.into(), ..Blob::default() }],
        annotations: [
            ("org.opencontainers.image.source".into(), "https://git.example/app".into()),
            ("org.opencontainers.image.revision".into(), "main@sha1:abc".into()),
        ]
        .into(),
        ..ImageManifest::default()
    };
    block_on(fleet.context.world.registry.push(REPOSITORY, tag, &manifest, layer)).unwrap()
}

fn push(fleet: &Fleet, tag: &str, content: &str) -> String {
    push_as(fleet, tag, FLUX, archive(&[("app.yaml", content), ("notes.md", "n")]))
}

fn status(fleet: &Fleet, path: &[&str]) -> Option<String> {
    let object = fleet.context.cache.get(&key()).unwrap();
    object.get("status")?.at_path(path).and_then(Node::as_str).map(str::to_owned)
}

fn revision(fleet: &Fleet) -> String {
    status(fleet, &["artifact", "revision"]).unwrap_or_default()
}

fn content(fleet: &Fleet) -> Arc<[u8]> {
    let path = status(fleet, &["artifact", "path"]).unwrap();
    block_on(fleet.context.world.store.get(&path)).unwrap().unwrap()
}

#[test]
fn a_tag_is_stored_once_and_again_when_it_moves() {
    let mut fleet = Fleet::new();
    let digest = push(&fleet, "latest", "a: 1");
    fleet.apply(&object("v1", ""));
    fleet.settle();
    assert_eq!(revision(&fleet), format!("latest@{digest}"));
    assert_eq!(fleet.ready(&key()), format!("True Succeeded: stored artifact for digest 'latest@{digest}'"));
    assert_eq!(status(&fleet, &["artifact", "digest"]).unwrap(), sha256(&content(&fleet)));
    let origin = status(&fleet, &["artifact", "metadata", "org.opencontainers.image.revision"]);
    assert_eq!(origin.as_deref(), Some("main@sha1:abc"));
    assert_eq!(
        fleet.told(),
        [format!(
            "NewArtifact: stored artifact with revision 'latest@{digest}' from 'oci://{REPOSITORY}', origin source 'https://git.example/app', origin revision 'main@sha1:abc'"
        )]
    );
    // An unchanged tag costs its resolution and nothing more.
    for question in ["tags", "manifest", "blob"] {
        fleet.context.world.registry.faults.push(question, Fault::Error("asked for nothing".into()));
    }
    let version = |fleet: &Fleet| {
        let object = fleet.context.cache.get(&key()).unwrap();
        object.at_path(&["metadata", "resourceVersion"]).and_then(Node::as_str).map(str::to_owned)
    };
    let before = version(&fleet);
    fleet.after(Duration::from_secs(61));
    assert_eq!(before, version(&fleet), "nothing is written");
    assert!(fleet.told().is_empty());
    let mut fleet = Fleet::new();
    push(&fleet, "latest", "a: 1");
    fleet.apply(&object("v1beta2", ""));
    fleet.settle();
    let moved = push(&fleet, "latest", "a: 2");
    fleet.after(Duration::from_secs(61));
    assert_eq!(revision(&fleet), format!("latest@{moved}"));
}

#[test]
fn digests_win_over_ranges_and_these_over_tags() {
    for (reference, tag) in [
        ("ref: {tag: 1.0.0}", "1.0.0"),
        ("ref: {tag: 1.0.0, semver: 1.x}", "1.2.0"),
        ("ref: {semver: '>=1.0.0-0'}", "2.0.0-rc.1"),
        ("ref: {semver: '>=1.0.0-0', semverFilter: '^1\\.'}", "1.2.0"),
        ("ref: {tag: '', semver: ''}", "latest"),
    ] {
        let mut fleet = Fleet::new();
        for tag in ["1.0.0", "1.2.0", "1.10", "2.0.0-rc.1", "latest"] {
            push(&fleet, tag, &format!("a: {tag}"));
        }
        fleet.apply(&object("v1", &format!(", {reference}")));
        fleet.settle();
        assert!(
            revision(&fleet).starts_with(&format!("{tag}@sha256:")),
            "{reference}: {}",
            fleet.ready(&key())
        );
    }
    let mut fleet = Fleet::new();
    let digest = push(&fleet, "1.0.0", "a: 1");
    fleet.apply(&object("v1", &format!(", ref: {{tag: none, semver: 9.x, digest: '{digest}'}}")));
    fleet.context.world.registry.faults.push("resolve", Fault::Error("asked for nothing".into()));
    fleet.settle();
    assert_eq!(revision(&fleet), digest);
}

#[test]
fn layers_are_chosen_extracted_and_copied() {
    let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    let mut fleet = Fleet::new();
    let layer = archive(&[("app/Chart.yaml", "name: app"), ("app/logo.png", "x")]);
    push_as(&fleet, "1.0.0_a", chart, layer.clone());
    let copy = format!(", ref: {{semver: '*'}}, layerSelector: {{mediaType: {chart}, operation: copy}}");
    fleet.apply(&object("v1", &copy));
    fleet.settle();
    assert!(revision(&fleet).starts_with("1.0.0_a@"), "{}", fleet.ready(&key()));
    assert_eq!(content(&fleet), layer, "the layer as it stands");
    assert_eq!(status(&fleet, &["observedLayerSelector", "operation"]).as_deref(), Some("copy"));
    // Another operation and other rules make another artifact of the same revision.
    fleet.apply(&object("v1", &copy.replace("operation: copy", "operation: extract")));
    fleet.after(Duration::from_secs(1));
    let names = |fleet: &Fleet| {
        let files = unpack(&content(fleet), Limits::default()).unwrap();
        files.files().into_iter().map(|(path, _)| path).collect::<Vec<_>>()
    };
    assert_eq!(names(&fleet), ["app/Chart.yaml"], "pictures are left out");
    fleet.apply(&object(
        "v1",
        &copy.replace("operation: copy", "operation: extract").replace(", ref", ", ignore: '*.yaml', ref"),
    ));
    fleet.after(Duration::from_secs(1));
    assert_eq!(names(&fleet), ["app/logo.png"]);
    let other = copy.replace(chart, "text/plain").replace("{semver: '*'}", "{tag: 1.0.0_a}");
    fleet.apply(&object("v1", &other));
    fleet.after(Duration::from_secs(1));
    let ready = fleet.ready(&key());
    let wanted = "False OCIArtifactLayerOperationFailed: failed to find layer with media type 'text/plain' in artifact";
    assert!(ready.starts_with(wanted), "{ready}");
    fleet.apply(&object("v1", ", layerSelector: {operation: melt}"));
    fleet.after(Duration::from_secs(1));
    assert!(fleet.ready(&key()).contains("unsupported layer operation: melt"), "{}", fleet.ready(&key()));
}

#[test]
fn what_is_wrong_is_told() {
    for (fields, wanted) in [
        (", provider: aws", "False AuthenticationFailed: the provider 'aws' is not supported"),
        (
            ", verify: {provider: cosign}",
            "False VerificationError: failed to verify the signature using provider 'cosign': signatures of artifacts are not verified here",
        ),
        (", ref: {digest: 'sha256:1'}", "False OCIArtifactPullFailed: failed to determine artifact digest"),
        (
            ", ref: {tag: none}",
            "False OCIArtifactPullFailed: failed to determine artifact digest: registry.example/team/app:none: not found",
        ),
        (
            ", ref: {semver: 9.x}",
            "False ReadOperationFailed: failed to determine the artifact tag for 'oci://registry.example/team/app': no match found for semver: 9.x",
        ),
        (", ref: {semver: '>>1'}", "False ReadOperationFailed: failed to determine the artifact tag"),
        (
            ", secretRef: {name: login}",
            "False AuthenticationFailed: failed to get credential: failed to get secret 'flux-system/login'",
        ),
        (
            ", serviceAccountName: robot",
            "False AuthenticationFailed: failed to get credential: failed to get service account 'flux-system/robot'",
        ),
    ] {
        let mut fleet = Fleet::new();
        push(&fleet, "latest", "a: 1");
        fleet.apply(&object("v1", fields));
        fleet.settle();
        assert!(fleet.ready(&key()).starts_with(wanted), "{fields}: {}", fleet.ready(&key()));
        assert_eq!(revision(&fleet), "");
        assert!(fleet.told().iter().any(|told| told.contains(wanted.split_once(' ').unwrap().1)));
    }
    for (url, wanted) in [
        ("https://registry.example/a", "URL must be in format 'oci://<domain>/<org>/<repo>'"),
        ("oci://registry.example/a:v1", "URL must not contain a tag; remove ':v1'"),
    ] {
        let mut fleet = Fleet::new();
        fleet.apply(&object("v1", "").replace(&format!("oci://{REPOSITORY}"), url));
        fleet.settle();
        assert_eq!(
            fleet.ready(&key()),
            format!("False URLInvalid: URL validation failed for '{url}': {wanted}")
        );
    }
}

#[test]
fn what_is_no_archive_is_told_and_a_busy_registry_waited_for() {
    let mut fleet = Fleet::new();
    push_as(&fleet, "latest", FLUX, (*b"no archive").into());
    fleet.apply(&object("v1", ""));
    fleet.settle();
    assert!(
        fleet.ready(&key()).starts_with(
            "False OCIArtifactLayerOperationFailed: failed to extract layer contents from artifact"
        ),
        "{}",
        fleet.ready(&key())
    );
    let digest = push(&fleet, "latest", "a: 1");
    fleet.context.world.registry.faults.push("resolve", Fault::Error("429 Too Many Requests".into()));
    fleet.after(Duration::from_secs(10));
    fleet.after(Duration::from_secs(60));
    assert_eq!(revision(&fleet), format!("latest@{digest}"), "{}", fleet.ready(&key()));
}

#[test]
fn logins_certificates_and_proxies_are_read() {
    let mut fleet = Fleet::new();
    push(&fleet, "latest", "a: 1");
    fleet.apply(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: pull, namespace: flux-system}\nstringData: {.dockerconfigjson: '{\"auths\": {\"registry.example\": {\"username\": \"me\", \"password\": \"x\"}}}'}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: tls, namespace: flux-system}\nstringData: {ca.crt: AUTHORITY}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: proxy, namespace: flux-system}\nstringData: {address: 'http://proxy:3128'}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot, namespace: flux-system}\nimagePullSecrets: [{name: pull}]\n",
    );
    fleet.apply(&object(
        "v1",
        ", serviceAccountName: robot, certSecretRef: {name: tls}, proxySecretRef: {name: proxy}, insecure: true, timeout: 10s",
    ));
    fleet.settle();
    assert!(fleet.ready(&key()).starts_with("True"), "{}", fleet.ready(&key()));
    let access = fleet.context.world.access.lock().unwrap().last().cloned().unwrap();
    assert!(access.docker_config.unwrap().reveal().contains("registry.example"));
    assert_eq!(access.ca.as_deref(), Some("AUTHORITY"));
    assert_eq!(access.proxy.unwrap().reveal(), "http://proxy:3128");
    assert_eq!(access.plain_http_hosts, ["registry.example"]);
    assert_eq!(access.transport, Transport::Secure, "certificates that are named are checked");
    assert_eq!(access.timeout, Some(Duration::from_secs(10)));
}

#[test]
fn suspended_objects_rest_and_deleted_ones_leave_nothing() {
    let mut fleet = Fleet::new();
    push(&fleet, "latest", "a: 1");
    fleet.apply(&object("v1", ", suspend: true"));
    fleet.settle();
    assert_eq!(revision(&fleet), "");
    fleet.apply(
        &object("v1", ", suspend: false")
            .replace("{name: app,", "{name: app, finalizers: [finalizers.fluxcd.io],"),
    );
    fleet.settle();
    let path = status(&fleet, &["artifact", "path"]).unwrap();
    fleet.delete(&key());
    fleet.settle();
    assert!(fleet.context.cache.get(&key()).is_none());
    assert!(block_on(fleet.context.world.store.get(&path)).unwrap().is_none());
}

#[test]
fn a_kustomization_applies_what_it_holds() {
    let mut fleet = Fleet::new();
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {from: one}\n";
    push_as(&fleet, "latest", FLUX, archive(&[("deploy/map.yaml", map)]));
    fleet.apply(&object("v1", ""));
    fleet.apply("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: app, namespace: flux-system}\nspec: {interval: 10m, prune: true, path: ./deploy, sourceRef: {kind: OCIRepository, name: app}}\n");
    fleet.settle();
    let from = |fleet: &Fleet| {
        let map = fleet.get("v1", "ConfigMap", "settings")?;
        map.at_path(&["data", "from"]).and_then(Node::as_str).map(str::to_owned)
    };
    assert_eq!(from(&fleet).as_deref(), Some("one"));
    let kustomization = Key::new(Kind::Kustomization, "flux-system", "app");
    let object = fleet.context.cache.get(&kustomization).unwrap();
    let applied = object.at_path(&["status", "lastAppliedOriginRevision"]).and_then(Node::as_str);
    assert_eq!(applied, Some("main@sha1:abc"));
    push_as(&fleet, "latest", FLUX, archive(&[("deploy/map.yaml", &map.replace("one", "two"))]));
    fleet.after(Duration::from_secs(61));
    assert_eq!(from(&fleet).as_deref(), Some("two"));
}
