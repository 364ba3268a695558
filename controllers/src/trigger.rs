//! Who has to be reconciled because an object changed. No poll waits for what a watch has already shown.

use gitops_yaml::Node;

use crate::cache::Cache;
use crate::context::REQUESTED_AT;
use crate::kind::{Key, Kind};

/// Returns the objects that a change of one concerns, itself included where it has to be reconciled.
///
/// `before` is what was known of it, `after` what is known now; `None` where there was or is nothing.
#[must_use]
pub fn concerned(cache: &Cache, key: &Key, before: Option<&Node>, after: Option<&Node>) -> Vec<Key> {
    let mut keys = Vec::new();
    if let Some(after) = after
        && before.is_none_or(|before| asks_for_work(before, after))
    {
        keys.push(key.clone());
    }
    let changed = |path: &[&str]| text(before, path) != text(after, path);
    let became = changed(&["status", "observedGeneration"]) || readiness(before) != readiness(after);
    match key.kind {
        Kind::GitRepository
        | Kind::OciRepository
        | Kind::HelmRepository
        | Kind::HelmChart
        | Kind::Bucket
        | Kind::ExternalArtifact => {
            let new_artifact = changed(&["status", "artifact", "revision"])
                || changed(&["status", "artifact", "digest"])
                // The same artifact, stored once more: what was kept is lost at a restart without a folder for it.
                || changed(&["status", "artifact", "lastUpdateTime"])
                || before.is_none() != after.is_none();
            if new_artifact || became {
                keys.extend(users_of_source(cache, key));
            }
        }
        Kind::Kustomization | Kind::HelmRelease => {
            if became || changed(&["status", "lastAppliedRevision"]) {
                keys.extend(dependants(cache, key));
            }
        }
        Kind::ImageRepository => {
            if became
                || changed(&["status", "lastScanResult", "revision"])
                || changed(&["status", "lastScanResult", "tagCount"])
            {
                keys.extend(cache.list(Kind::ImagePolicy).iter().filter_map(|policy| {
                    refers(policy, &["spec", "imageRepositoryRef"], key, Some(Kind::ImageRepository))
                        .then(|| Key::of(policy))?
                }));
            }
        }
        Kind::ImagePolicy => {
            let image =
                |field| changed(&["status", "latestRef", field]) || changed(&["status", "latestImage"]);
            if image("name") || image("tag") || image("digest") {
                keys.extend(cache.list(Kind::ImageUpdateAutomation).iter().filter_map(|automation| {
                    Key::of(automation).filter(|found| found.namespace == key.namespace)
                }));
            }
        }
        Kind::Provider => {
            if before.is_none() != after.is_none() {
                keys.extend(cache.list(Kind::Alert).iter().filter_map(|alert| {
                    refers(alert, &["spec", "providerRef"], key, Some(Kind::Provider))
                        .then(|| Key::of(alert))?
                }));
            }
        }
        Kind::ImageUpdateAutomation | Kind::Alert | Kind::Receiver => {}
    }
    keys
}

/// Whether a change of an object is one of its wishes, not of its status alone.
fn asks_for_work(before: &Node, after: &Node) -> bool {
    let changed = |path: &[&str]| text(Some(before), path) != text(Some(after), path);
    changed(&["metadata", "generation"])
        || changed(&["metadata", "uid"])
        || changed(&["metadata", "deletionTimestamp"])
        || changed(&["metadata", "annotations", REQUESTED_AT])
        || changed(&["metadata", "annotations", "reconcile.fluxcd.io/forceAt"])
        || changed(&["metadata", "annotations", "reconcile.fluxcd.io/resetAt"])
}

/// Returns the objects that read a ConfigMap or Secret: those of its namespace that name it somewhere in their spec.
#[must_use]
pub fn users_of_config(cache: &Cache, kind: &str, namespace: &str, name: &str) -> Vec<Key> {
    let mut keys = Vec::new();
    for user in Kind::ALL.into_iter().flat_map(|kind| cache.list(kind)) {
        let is_near = text(Some(&user), &["metadata", "namespace"]) == Some(namespace);
        if is_near && user.get("spec").is_some_and(|spec| names_config(spec, "", kind, name, 0)) {
            keys.extend(Key::of(&user));
        }
    }
    keys
}

/// Whether a value, which stands under a key, names a ConfigMap or Secret: `{kind: Secret, name: x}`, or `secretRef: {name: x}`.
fn names_config(node: &Node, under: &str, kind: &str, name: &str, depth: usize) -> bool {
    if depth > 32 {
        return false;
    }
    let own = text(Some(node), &["kind"]);
    let is_kind = own.map_or_else(
        || under.to_lowercase().ends_with(&format!("{}ref", kind.to_lowercase())),
        |own| own == kind,
    );
    if is_kind && text(Some(node), &["name"]) == Some(name) {
        return true;
    }
    let below = |node: &Node, under: &str| names_config(node, under, kind, name, depth + 1);
    node.entries()
        .unwrap_or_default()
        .iter()
        .any(|entry| below(&entry.value, entry.key.as_str().unwrap_or_default()))
        || node.items().unwrap_or_default().iter().any(|item| below(item, under))
}

fn users_of_source(cache: &Cache, source: &Key) -> Vec<Key> {
    const REFERENCES: [(Kind, &[&[&str]]); 4] = [
        (Kind::HelmChart, &[&["spec", "sourceRef"]]),
        (Kind::Kustomization, &[&["spec", "sourceRef"]]),
        (Kind::HelmRelease, &[&["spec", "chartRef"], &["spec", "chart", "spec", "sourceRef"]]),
        (Kind::ImageUpdateAutomation, &[&["spec", "sourceRef"], &["spec", "checkout", "gitRepositoryRef"]]),
    ];
    let mut keys = Vec::new();
    for (kind, paths) in REFERENCES {
        for user in cache.list(kind) {
            let default = (kind == Kind::ImageUpdateAutomation).then_some(Kind::GitRepository);
            if paths.iter().any(|path| refers(&user, path, source, default)) {
                keys.extend(Key::of(&user));
            }
        }
    }
    // A release that names a chart of a repository uses the HelmChart that was made for it.
    if source.kind == Kind::HelmChart {
        keys.extend(cache.list(Kind::HelmRelease).iter().filter_map(|release| {
            let chart = text(Some(release), &["status", "helmChart"])?;
            (chart == format!("{}/{}", source.namespace, source.name)).then(|| Key::of(release))?
        }));
    }
    keys
}

fn dependants(cache: &Cache, key: &Key) -> Vec<Key> {
    let depends = |object: &Node| {
        let own = text(Some(object), &["metadata", "namespace"]);
        let list = object.at_path(&["spec", "dependsOn"]).and_then(Node::items).unwrap_or_default();
        list.iter().any(|one| {
            text(Some(one), &["name"]) == Some(&*key.name)
                && text(Some(one), &["namespace"]).or(own) == Some(&*key.namespace)
        })
    };
    cache
        .list(key.kind)
        .iter()
        .filter(|object| depends(object))
        .filter_map(|object| Key::of(object))
        .collect()
}

fn refers(object: &Node, path: &[&str], target: &Key, default: Option<Kind>) -> bool {
    let Some(reference) = object.at_path(path).filter(|reference| reference.is_mapping()) else {
        return false;
    };
    let kind = text(Some(reference), &["kind"]).map_or(default, Kind::named);
    let own = text(Some(object), &["metadata", "namespace"]);
    kind == Some(target.kind)
        && text(Some(reference), &["name"]) == Some(&*target.name)
        && text(Some(reference), &["namespace"]).or(own) == Some(&*target.namespace)
}

fn readiness(object: Option<&Node>) -> Option<&str> {
    crate::status::condition_of(object?, "Ready")?.get("status")?.as_str()
}

fn text<'a>(object: Option<&'a Node>, path: &[&str]) -> Option<&'a str> {
    object?.at_path(path)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node;

    fn cache(objects: &[&str]) -> Cache {
        let cache = Cache::new();
        for text in objects {
            let object = node(text);
            cache.put(&Key::of(&object).unwrap(), object);
        }
        cache
    }

    const REPOSITORY: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: r, namespace: n, generation: 1}\n";
    const APPS: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: n, generation: 1}\nspec: {sourceRef: {kind: GitRepository, name: r}, dependsOn: [{name: base}]}\n";

    #[test]
    fn a_new_revision_wakes_who_reads_it() {
        let cache = cache(&[REPOSITORY, APPS]);
        let after = node(&format!("{REPOSITORY}status: {{artifact: {{revision: main@sha1:1}}}}\n"));
        let key = Key::of(&after).unwrap();
        let woken = concerned(&cache, &key, Some(&node(REPOSITORY)), Some(&after));
        assert_eq!(woken, [Key::new(Kind::Kustomization, "n", "apps")]);
        assert!(concerned(&cache, &key, Some(&after), Some(&after)).is_empty());
    }

    #[test]
    fn readiness_wakes_who_depends_on_it() {
        let cache = cache(&[APPS]);
        let base = APPS.replace("name: apps", "name: base");
        let after = node(&format!("{base}status: {{conditions: [{{type: Ready, status: 'True'}}]}}\n"));
        let key = Key::of(&after).unwrap();
        let woken = concerned(&cache, &key, Some(&node(&base)), Some(&after));
        assert_eq!(woken, [Key::new(Kind::Kustomization, "n", "apps")]);
    }

    #[test]
    fn a_config_wakes_who_names_it() {
        let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: n}\nspec: {valuesFrom: [{kind: Secret, name: values}]}\n";
        let provider = "apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Provider\nmetadata: {name: p, namespace: n}\nspec: {certSecretRef: {name: ca}}\n";
        let cache = cache(&[release, provider, APPS]);
        let names = |kind, namespace, name| -> Vec<String> {
            users_of_config(&cache, kind, namespace, name).iter().map(|key| key.name.to_string()).collect()
        };
        assert_eq!(names("Secret", "n", "values"), ["r"]);
        assert_eq!(names("Secret", "n", "ca"), ["p"]);
        assert!(names("ConfigMap", "n", "values").is_empty() && names("Secret", "m", "values").is_empty());
    }

    #[test]
    fn wishes_wake_the_object_itself() {
        let cache = Cache::new();
        let before = node(APPS);
        let key = Key::of(&before).unwrap();
        assert_eq!(concerned(&cache, &key, None, Some(&before)), std::slice::from_ref(&key));
        let after = node(&APPS.replace("generation: 1", "generation: 2"));
        assert_eq!(concerned(&cache, &key, Some(&before), Some(&after)), std::slice::from_ref(&key));
        assert!(concerned(&cache, &key, Some(&before), None).is_empty());
    }
}
