//! Fleets with documents that SOPS encrypted: opened where a key is given, and never told.

use gitops_controllers::fleet::diff::FleetDiff;
use gitops_controllers::fleet::{Cache, Fleet, Rendered, Severity};
use gitops_core::tree::MemTree;
use gitops_sops::AgeKeys;
use gitops_yaml::FieldPath;

const SECRET: &str = include_str!("sops/secret.yaml");
const ENV: &str = include_str!("sops/app.env");
const KEY: &str = include_str!("sops/test.agekey");
const OTHER: &str = include_str!("sops/other.agekey");

fn flux(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\n\
         spec: {{path: {path}, interval: 5m, prune: true, sourceRef: {{kind: GitRepository, name: fleet}}{more}}}\n"
    )
}

fn tree(secret: &str) -> MemTree {
    let mut tree = MemTree::new();
    let decryption = ", decryption: {provider: sops, secretRef: {name: sops}}";
    let variables = ", postBuild: {substituteFrom: [{kind: Secret, name: db}]}";
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\n\
                   spec:\n  interval: 5m\n  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: fleet}}}\n  \
                   valuesFrom: [{kind: Secret, name: db, valuesKey: password, targetPath: login}]\n";
    let files = [
        ("clusters/keys.yaml", flux("keys", "./keys", decryption)),
        ("clusters/apps.yaml", flux("apps", "./apps", variables)),
        (
            "keys/kustomization.yaml",
            "resources: [secret.yaml]\nsecretGenerator: [{name: app, envs: [app.env]}]\n".to_owned(),
        ),
        ("keys/secret.yaml", secret.to_owned()),
        ("keys/app.env", ENV.to_owned()),
        (
            "apps/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: url}\ndata: {url: 'db://me:${password}@db'}\n".to_owned(),
        ),
        ("apps/web.yaml", release.to_owned()),
        ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned()),
        (
            "charts/web/templates/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {login: \"{{ .Values.login }}\"}\n".to_owned(),
        ),
    ];
    files.iter().for_each(|(path, text)| tree.add_file(path, text).unwrap());
    tree
}

fn keys(text: &str) -> AgeKeys {
    let mut keys = AgeKeys::default();
    keys.add(text).unwrap();
    keys
}

fn yaml(rendered: &Rendered, name: &str) -> String {
    let mut objects = rendered.apps.iter().flat_map(|app| &app.objects);
    objects.find(|object| object.id.name.starts_with(name)).unwrap().yaml.to_string()
}

fn gaps(rendered: &Rendered) -> Vec<(Severity, String)> {
    rendered.all_gaps().map(|(_, gap)| (gap.severity, gap.to_string())).collect()
}

#[test]
fn with_a_key_values_are_opened_and_reach_what_is_made_of_them() {
    let (tree, keys) = (tree(SECRET), keys(KEY));
    let rendered = Fleet::new(&tree).keys(&keys).render(&mut Cache::default());
    assert_eq!(gaps(&rendered), []);
    assert!(yaml(&rendered, "db").contains("password: hunter2"));
    assert!(!yaml(&rendered, "db").contains("sops"));
    assert!(yaml(&rendered, "app-").contains("TOKEN: czNjcmV0"));
    assert!(yaml(&rendered, "url").contains("db://me:hunter2@db"));
    let web = rendered.apps.iter().find(|app| app.id.name == "web" && !app.objects.is_empty()).unwrap();
    assert!(web.objects[0].yaml.contains("login: hunter2"));
}

#[test]
fn without_a_key_words_stand_in_their_place_and_one_note_names_each_file() {
    let (tree, other) = (tree(SECRET), keys(OTHER));
    for fleet in [Fleet::new(&tree), Fleet::new(&tree).keys(&other)] {
        let rendered = fleet.render(&mut Cache::default());
        let gaps = gaps(&rendered);
        assert!(gaps.iter().all(|(severity, _)| *severity == Severity::Unresolved), "{gaps:?}");
        let files: Vec<&str> = gaps.iter().filter_map(|(_, text)| text.split(':').next()).collect();
        assert_eq!(files, ["keys/app.env", "keys/secret.yaml"]);
        assert!(yaml(&rendered, "db").contains("password: '**SOPS**'"));
        assert!(yaml(&rendered, "app-").contains("TOKEN: KipTT1BTKio="));
        assert!(!yaml(&rendered, "app-").contains("sops"), "{}", yaml(&rendered, "app-"));
        assert!(yaml(&rendered, "url").contains("db://me:__SOPS__@db"));
    }
}

#[test]
fn without_a_key_sealed_variables_and_values_leave_every_document_whole() {
    let mut tree = tree(SECRET);
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bare}\ndata:\n  plain: ${password}\n  flow: {a: ['${password}', b]}\n";
    tree.add_file("apps/bare.yaml", map).unwrap();
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: all, namespace: flux-system}\n\
                   spec:\n  interval: 5m\n  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: fleet}}}\n  \
                   valuesFrom: [{kind: Secret, name: db, valuesKey: password}]\n";
    tree.add_file("apps/all.yaml", release).unwrap();
    let rendered = Fleet::new(&tree).render(&mut Cache::default());
    assert!(
        gaps(&rendered).iter().all(|(severity, _)| *severity == Severity::Unresolved),
        "{:?}",
        gaps(&rendered)
    );
    assert!(
        yaml(&rendered, "bare").contains("    - __SOPS__\n    - b\n  plain: __SOPS__\n"),
        "{}",
        yaml(&rendered, "bare")
    );
    let told = "note: the values of Secret/db are sealed and left out";
    assert!(gaps(&rendered).iter().any(|(_, gap)| gap.contains(told)), "{:?}", gaps(&rendered));
}

#[test]
fn opened_values_are_in_no_cache_no_debug_form_and_no_comparison() {
    let (tree, keys) = (tree(SECRET), keys(KEY));
    let mut cache = Cache::default();
    let rendered = Fleet::new(&tree).keys(&keys).render(&mut cache);
    let again = Fleet::new(&tree).keys(&keys).render(&mut cache);
    assert_eq!(cache.hits_and_misses(), (3, 0), "in memory they are kept");
    assert_eq!(yaml(&again, "url"), yaml(&rendered, "url"));
    let is_told =
        |text: &str| ["hunter2", "aHVudGVyMg", "s3cret", "czNjcmV0"].iter().any(|value| text.contains(value));
    assert!(!is_told(&String::from_utf8_lossy(&cache.to_bytes("a"))));
    assert!(!is_told(&format!("{rendered:?} {cache:?}")));
    let locked = Fleet::new(&tree).render(&mut Cache::from_bytes(cache.to_bytes("a"), "a"));
    let diff = FleetDiff::between(&locked, &rendered);
    let url = diff.changes.iter().find(|change| change.id.name == "url").unwrap();
    assert_eq!(url.fields.len(), 1);
    let lines: Vec<String> = diff.to_lines().into_iter().map(|line| line.text).collect();
    for text in [lines.join("\n"), diff.to_unified(), diff.to_markdown(60_000), diff.to_json().to_string()] {
        assert!(!is_told(&text), "{text}");
        assert!(text.contains("db://me:***@db"), "{text}");
    }
    assert!(!is_told(&format!("{diff:?}")));
}

#[test]
fn explanations_and_mistakes_tell_no_opened_value() {
    let (mut tree, keys) = (tree(SECRET), keys(KEY));
    tree.add_file(
        "apps/broken.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: broken}\ndata: {a: '${password//}'}\n",
    )
    .unwrap();
    let fleet = Fleet::new(&tree).keys(&keys);
    let path = FieldPath::parse("data.url").unwrap();
    let found = fleet.explain(&"ConfigMap/url".parse().unwrap(), &path).unwrap();
    assert_eq!(found[0].value.as_deref(), Some("db://me:***@db"));
    let place = &found[0].layers[0].place;
    assert!(place.starts_with("keys/secret.yaml:7:"), "{place}");
    let shown = format!("{found:?} {:?} {:?}", fleet.validate(), fleet.render(&mut Cache::default()));
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("substitution of ${password} = *** from Secret/flux-system/db"), "{shown}");
}

#[test]
fn what_was_changed_after_it_was_sealed_is_an_error() {
    let (tree, keys) = (tree(&SECRET.replace("password:", "passphrase:")), keys(KEY));
    let rendered = Fleet::new(&tree).keys(&keys).render(&mut Cache::default());
    let gaps = gaps(&rendered);
    assert!(
        gaps.iter().any(|(s, text)| *s == Severity::Error && text.contains("stringData.passphrase")),
        "{gaps:?}"
    );
    assert!(!format!("{gaps:?}").contains("hunter2"));
}
