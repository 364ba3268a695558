//! Kustomization: each field does what it says.

use std::time::Duration;

use gitops_controllers::{Key, Kind, RemoteBases, Settings};
use gitops_yaml::Node;

use crate::world::{Fleet, tree};

const URL: &str = "https://git.example/fleet";
const REPOSITORY: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet, namespace: flux-system}\nspec: {url: https://git.example/fleet, interval: 1m, ref: {branch: main}}\n---\n";
const MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: flux-system}\ndata: {k: one}\n";
const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: flux-system}\nspec: {replicas: 1, template: {spec: {containers: [{name: web, image: 'web:1.0.0'}]}}}\n";
const COMPONENT: &str = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- patch: |\n    - {op: replace, path: /data/k, value: from the component}\n  target: {kind: ConfigMap}\n";
const DATABASE: &str = "apiVersion: db.example.com/v1\nkind: Database\nmetadata: {name: main, namespace: flux-system}\nspec: {size: 1}\n";
const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: databases.db.example.com}\nspec: {group: db.example.com, scope: Namespaced, names: {kind: Database, plural: databases, singular: database}, versions: [{name: v1, served: true, storage: true, subresources: {status: {}}, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}\nstatus: {conditions: [{type: Established, status: 'True'}, {type: NamesAccepted, status: 'True'}]}\n---\n";

fn key(name: &str) -> Key {
    Key::new(Kind::Kustomization, "flux-system", name)
}

fn kustomization(name: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{interval: 5m, prune: true, path: {name}, sourceRef: {{kind: GitRepository, name: fleet}}{more}}}\n---\n"
    )
}

fn fleet(files: &[(&str, &str)], objects: &str) -> Fleet {
    let mut fleet = Fleet::new();
    fleet.context.world.git.commit(URL, "main", tree(files), "Begin");
    fleet.apply(&format!("{REPOSITORY}{objects}"));
    fleet.settle();
    fleet
}

/// Every object that a Kustomization holds, as compact JSON.
fn applied(fleet: &Fleet, name: &str) -> Vec<String> {
    let cluster = &fleet.context.world.cluster;
    let objects = cluster.addresses().into_iter().filter_map(|address| cluster.stored(&address));
    let owner = |object: &Node| {
        let labels = object.at_path(&["metadata", "labels", "kustomize.toolkit.fluxcd.io/name"]);
        labels.and_then(Node::as_str).map(str::to_owned)
    };
    let owned = objects.filter(|object| owner(object).as_deref() == Some(name));
    owned.map(|object| gitops_yaml::to_json(&object, gitops_yaml::Dialect::Yaml11).unwrap()).collect()
}

#[test]
fn fields_of_the_build_lie_over_what_the_path_holds() {
    let cases: [(&str, &[&str]); 12] = [
        ("", &[r#""name":"a""#, r#""k":"one""#, r#""image":"web:1.0.0""#]),
        (", targetNamespace: team", &[r#""namespace":"team""#]),
        (", namePrefix: pre-", &[r#""name":"pre-a""#, r#""name":"pre-web""#]),
        (", nameSuffix: -post", &[r#""name":"a-post""#]),
        (
            ", commonMetadata: {labels: {team: x}, annotations: {note: why}}",
            &[r#""team":"x""#, r#""note":"why""#],
        ),
        (", components: [../component]", &[r#""k":"from the component""#]),
        (", images: [{name: web, newName: other, newTag: 2.0.0}]", &[r#""image":"other:2.0.0""#]),
        (
            ", images: [{name: web, digest: 'sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3'}]",
            &[r#""image":"web@sha256:24a0"#],
        ),
        (
            ", patches: [{patch: '[{\"op\": \"replace\", \"path\": \"/data/k\", \"value\": \"two\"}]', target: {kind: ConfigMap, name: a}}]",
            &[r#""k":"two""#],
        ),
        (
            ", patches: [{patch: '{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\", \"namespace\": \"flux-system\"}, \"data\": {\"l\": \"new\"}}'}]",
            &[r#""l":"new""#, r#""k":"one""#],
        ),
        (
            ", patchesStrategicMerge: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: flux-system}, data: {k: old form}}]",
            &[r#""k":"old form""#],
        ),
        (", postBuild: {substitute: {who: everybody}}", &[r#""hello":"everybody and $${who}""#]),
    ];
    let hello = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hello, namespace: flux-system}\ndata: {hello: '${who} and $${who}'}\n";
    for (more, wanted) in cases {
        let mut files =
            vec![("apps/a.yaml", MAP), ("apps/web.yaml", WEB), ("component/kustomization.yaml", COMPONENT)];
        if more.contains("postBuild") {
            files.push(("apps/hello.yaml", hello));
        }
        let fleet = fleet(&files, &kustomization("apps", more));
        let ready = fleet.ready(&key("apps"));
        assert!(ready.starts_with("True"), "{more}: {ready}");
        let objects = applied(&fleet, "apps").join("\n");
        for part in wanted {
            let part = part.replace("$${who}", "${who}");
            assert!(objects.contains(&part), "{more}: {part} is not in {objects}");
        }
    }
}

#[test]
fn a_suspended_one_does_nothing_until_it_is_resumed() {
    let mut fleet = fleet(&[("apps/a.yaml", MAP)], &kustomization("apps", ", suspend: true"));
    assert_eq!(applied(&fleet, "apps").len(), 0);
    fleet.apply(&kustomization("apps", ", suspend: false"));
    fleet.settle();
    assert_eq!(applied(&fleet, "apps").len(), 1);
    // Deleted while suspended, its objects stay.
    fleet.apply(&kustomization("apps", ", suspend: true"));
    fleet.settle();
    fleet.delete(&key("apps"));
    fleet.settle();
    assert_eq!(applied(&fleet, "apps").len(), 1);
    assert!(fleet.context.cache.get(&key("apps")).is_none());
}

#[test]
fn deletion_policies_say_what_becomes_of_the_objects() {
    for (more, left) in [
        ("", 0),
        (", prune: false", 1),
        (", deletionPolicy: MirrorPrune", 0),
        (", deletionPolicy: Delete, prune: false", 0),
        (", deletionPolicy: WaitForTermination", 0),
        (", deletionPolicy: Orphan", 1),
    ] {
        let object = kustomization("apps", more);
        // A field that is given twice would be refused.
        let object =
            if more.contains("prune: false") { object.replacen("prune: true, ", "", 1) } else { object };
        let mut fleet = fleet(&[("apps/a.yaml", MAP)], &object);
        assert_eq!(applied(&fleet, "apps").len(), 1, "{more}");
        fleet.delete(&key("apps"));
        fleet.settle();
        assert_eq!(applied(&fleet, "apps").len(), left, "{more}");
        assert!(fleet.context.cache.get(&key("apps")).is_none(), "{more}");
    }
}

#[test]
fn what_is_no_longer_built_stays_where_nothing_is_pruned() {
    let object = kustomization("apps", "").replacen("prune: true", "prune: false", 1);
    let mut fleet = fleet(&[("apps/a.yaml", MAP), ("apps/web.yaml", WEB)], &object);
    assert_eq!(applied(&fleet, "apps").len(), 2);
    fleet.context.world.git.commit(URL, "main", tree(&[("apps/web.yaml", WEB)]), "Remove");
    fleet.after(Duration::from_secs(62));
    assert_eq!(applied(&fleet, "apps").len(), 2);
}

#[test]
fn only_force_replaces_what_can_not_be_changed() {
    for (more, wanted) in [("", false), (", force: true", true)] {
        let mut fleet =
            fleet(&[("apps/a.yaml", MAP)], &kustomization("apps", &format!(", retryInterval: 10s{more}")));
        fleet.context.world.cluster.set_immutable("ConfigMap", &["data"]);
        let changed = MAP.replace("k: one", "k: two");
        fleet.context.world.git.commit(URL, "main", tree(&[("apps/a.yaml", &changed)]), "Change");
        fleet.after(Duration::from_secs(62));
        fleet.after(Duration::from_secs(12));
        let is_changed = applied(&fleet, "apps").join("").contains(r#""k":"two""#);
        let ready = fleet.ready(&key("apps"));
        assert_eq!((is_changed, ready.starts_with("True")), (wanted, wanted), "{more}: {ready}");
    }
}

#[test]
fn named_objects_are_waited_for_by_kstatus_or_by_their_own_words() {
    let files = [("apps/a.yaml", MAP), ("apps/db.yaml", DATABASE)];
    let expressions = ", healthCheckExprs: [{apiVersion: db.example.com/v1, kind: Database, failed: \"status.phase == 'Broken'\", current: \"status.phase == 'Up'\"}]";
    let check = ", timeout: 30s, retryInterval: 1m, healthChecks: [{apiVersion: db.example.com/v1, kind: Database, name: main, namespace: flux-system}]";
    let own = kustomization("apps", &format!("{check}{expressions}"));
    for (phase, wanted) in
        [("Broken", "False HealthCheckFailed"), ("Odd", "False HealthCheckFailed"), ("Up", "True")]
    {
        let database = format!("{DATABASE}status: {{phase: {phase}}}\n---\n");
        let fleet = fleet(&files, &format!("{DEFINITION}{database}{own}"));
        let ready = fleet.ready(&key("apps"));
        assert!(ready.starts_with(wanted), "{phase}: {ready}");
        let state = if phase == "Broken" { "status: 'Failed'" } else { "status: 'InProgress'" };
        assert_eq!(ready.contains(state), phase != "Up", "{phase}: {ready}");
    }
}

#[test]
fn ready_expressions_wait_for_an_answer_and_are_refused_where_they_are_none() {
    let two = |expression: &str| {
        kustomization(
            "two",
            &format!(", retryInterval: 10s, dependsOn: [{{name: one, readyExpr: \"{expression}\"}}]"),
        )
    };
    let files = [("one/a.yaml", MAP), ("two/web.yaml", WEB)];
    let expression = "dep.metadata.labels.release == 'done'";
    let mut fleet = fleet(&files, &format!("{}{}", kustomization("one", ""), two(expression)));
    let ready = fleet.ready(&key("two"));
    assert!(ready.starts_with("False DependencyNotReady: dependency 'flux-system/one' is not ready according to readyExpr eval: "), "{ready}");
    let labelled = kustomization("one", "")
        .replace("metadata: {name: one,", "metadata: {name: one, labels: {release: done},");
    fleet.apply(&labelled);
    fleet.after(Duration::from_secs(31));
    assert!(fleet.ready(&key("two")).starts_with("True"), "{}", fleet.ready(&key("two")));
    fleet.apply(&two("dep.metadata."));
    fleet.after(Duration::from_secs(1));
    let ready = fleet.ready(&key("two"));
    assert!(
        ready.starts_with("False InvalidCELExpression: dependency 'flux-system/one': readyExpr: "),
        "{ready}"
    );
}

#[test]
fn objects_are_applied_as_whom_and_where_it_is_asked() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: elsewhere, namespace: flux-system}\nstringData: {value: 'clusters: here', own.yaml: 'clusters: there'}\n---\n";
    let deployer = Some(("flux-system".to_owned(), "deployer".to_owned()));
    let default = Some(("flux-system".to_owned(), "default".to_owned()));
    let (one, other) = (Some("clusters: here"), Some("clusters: there"));
    let cases = [
        ("", None, None, None),
        (", serviceAccountName: deployer", None, None, deployer.clone()),
        (", kubeConfig: {secretRef: {name: elsewhere}}", None, one, None),
        (", kubeConfig: {secretRef: {name: elsewhere, key: own.yaml}}", None, other, None),
        (
            ", kubeConfig: {secretRef: {name: elsewhere}}, serviceAccountName: deployer",
            None,
            one,
            deployer.clone(),
        ),
        ("", Some("default"), None, default),
        (", serviceAccountName: deployer", Some("default"), None, deployer),
    ];
    for (more, setting, kubeconfig, account) in cases {
        let settings =
            Settings { default_service_account: setting.map(str::to_owned), ..Settings::default() };
        let mut fleet = Fleet::with(settings);
        fleet.context.world.git.commit(URL, "main", tree(&[("apps/a.yaml", MAP)]), "Begin");
        fleet.apply(&format!("{REPOSITORY}{secret}{}", kustomization("apps", more)));
        fleet.settle();
        assert_eq!(applied(&fleet, "apps").len(), 1, "{more}: {}", fleet.ready(&key("apps")));
        let through = fleet.context.world.through.lock().unwrap().clone();
        if kubeconfig.is_none() && account.is_none() {
            assert!(through.is_empty(), "{more}");
            continue;
        }
        assert!(!through.is_empty(), "{more}");
        for access in through {
            let seen = access.kubeconfig.as_ref().map(|secret| secret.reveal().to_owned());
            assert_eq!((seen.as_deref(), &access.service_account), (kubeconfig, &account), "{more}");
        }
    }
    let words = [
        (", kubeConfig: {secretRef: {name: nowhere}}", "failed to get secret 'flux-system/nowhere': "),
        (", kubeConfig: {secretRef: {name: elsewhere, key: x}}", "does not contain a 'x' key"),
        (", kubeConfig: {configMapRef: {name: x}}", "put a kubeconfig into a Secret"),
    ];
    for (more, wanted) in words {
        let fleet = fleet(&[("apps/a.yaml", MAP)], &format!("{secret}{}", kustomization("apps", more)));
        let ready = fleet.ready(&key("apps"));
        assert!(
            ready.starts_with("False ReconciliationFailed: ") && ready.contains(wanted),
            "{more}: {ready}"
        );
        assert!(applied(&fleet, "apps").is_empty(), "{more}");
    }
}

#[test]
fn mistakes_in_objects_of_flux_are_told_where_they_were_written() {
    let files = [
        ("apps/a.yaml", MAP),
        (
            "apps/images.yaml",
            "apiVersion: image.toolkit.fluxcd.io/v1beta1\nkind: ImageRegistry\nmetadata: {name: web, namespace: flux-system}\nspec: {image: web}\n",
        ),
        (
            "apps/root.yaml",
            "# A note.\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: other, namespace: flux-system}\nspec:\n  interval: often\n  prune: true\n  path: other\n  sourceRef: {kind: GitRepository, name: fleet}\n",
        ),
    ];
    let fleet = fleet(&files, &kustomization("apps", ""));
    let ready = fleet.ready(&key("apps"));
    assert!(
        ready.contains("apps/images.yaml:2:7: unknown kind ImageRegistry, did you mean ImageRepository?"),
        "{ready}"
    );
    assert_eq!(applied(&fleet, "apps").len(), 2, "the others are applied");
    let ready = fleet.ready(&key("other"));
    assert!(ready.starts_with("False InvalidSpec: apps/root.yaml:6:13: "), "{ready}");
}

#[test]
fn bases_of_other_repositories_are_fetched() {
    let elsewhere = "https://git.example/base";
    let base = |value: &str| {
        let map =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: base}}\ndata: {{k: {value}}}\n");
        tree(&[
            ("deploy/kustomization.yaml", "resources: [map.yaml, ../more]\n"),
            ("deploy/map.yaml", &map),
            ("more/kustomization.yaml", "resources: [a.yaml]\n"),
            ("more/a.yaml", MAP),
        ])
    };
    let kustomization_file =
        "namespace: flux-system\nresources: [\"https://git.example/base//deploy?ref=main\"]\n";
    let mut fleet = Fleet::new();
    fleet.context.world.git.commit(
        URL,
        "main",
        tree(&[("apps/kustomization.yaml", kustomization_file)]),
        "Begin",
    );
    let first = fleet.context.world.git.commit(elsewhere, "main", base("one"), "Base");
    fleet.apply(&format!("{REPOSITORY}{}", kustomization("apps", "")));
    fleet.settle();
    assert!(fleet.ready(&key("apps")).starts_with("True"), "{}", fleet.ready(&key("apps")));
    let text = applied(&fleet, "apps").join("\n");
    assert!(text.contains(r#""name":"base""#) && text.contains(r#""name":"a""#), "{text}");
    let fetched = |fleet: &mut Fleet| {
        fleet.told().iter().filter(|told| told.starts_with("RemoteBasesFetched")).cloned().collect::<Vec<_>>()
    };
    let told = fetched(&mut fleet);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("https://git.example/base@main is ") && told[0].contains(&first), "{told:?}");
    let second = fleet.context.world.git.commit(elsewhere, "main", base("two"), "Change");
    fleet.after(Duration::from_secs(331));
    assert!(applied(&fleet, "apps").join("\n").contains(r#""k":"two""#), "{}", fleet.ready(&key("apps")));
    let told = fetched(&mut fleet);
    assert!(told.last().is_some_and(|told| told.contains(&second)), "{told:?}");
}

#[test]
fn bases_of_other_repositories_may_be_refused() {
    let check = |settings: Settings, url: &str, wanted: &str| {
        let mut fleet = Fleet::with(settings);
        let text = format!("resources: [\"{url}\"]\n");
        fleet.context.world.git.commit(URL, "main", tree(&[("apps/kustomization.yaml", &text)]), "Begin");
        fleet.apply(&format!("{REPOSITORY}{}", kustomization("apps", "")));
        fleet.settle();
        let ready = fleet.ready(&key("apps"));
        assert!(!ready.contains("s3cret"), "{ready}");
        assert!(
            ready.starts_with("False BuildFailed: kustomize build failed: ") && ready.contains(wanted),
            "{ready}"
        );
    };
    let none = Settings { remote_bases: RemoteBases::Refused, ..Settings::default() };
    check(none, "https://me:s3cret@git.example/base?ref=v1", "(--no-remote-bases)");
    check(
        Settings::default(),
        "https://git.example/nothing?ref=v1",
        "failed to fetch 'https://git.example/nothing?ref=v1'",
    );
    check(Settings::default(), "file:///srv/git/base?ref=v1", "file://");
}
