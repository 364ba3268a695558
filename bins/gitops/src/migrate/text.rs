//! One file's text, with the lines changed that older versions need changed.

use super::edits::{Edits, Field, Remark};
use super::versions::{self, Wanted};
use super::{automation, patches};
use crate::cluster::KindInfo;
use gitops_yaml::{Dialect, Document, FileId, Node, ReadOptions, print_sigs, read_stream};

/// A text that is today's, and what was done for it.
#[derive(Debug)]
pub(super) struct Migration {
    pub(super) text: String,
    pub(super) changes: Vec<Remark>,
    /// What a person has to change.
    pub(super) left: Vec<Remark>,
    /// Whether the text is no YAML.
    pub(super) is_unread: bool,
}

/// Brings a text to the wanted versions. Of one that is no YAML, as templates of charts are, versions alone are rewritten.
pub(super) fn migrate(text: &str, wanted: Wanted) -> Migration {
    let (text, mut versions) = versions::rewrite(text, wanted);
    let text = text.as_str();
    let mut edits = Edits::new(text);
    let documents = read(text);
    let is_unread = documents.is_none();
    let before = documents.unwrap_or_default();
    for document in &before {
        object(&mut edits, &document.root, wanted);
    }
    let after = edits.text().filter(|new| is_rest_kept(&before, new));
    let Edits { mut done, mut left, .. } = edits;
    let text = after.unwrap_or_else(|| {
        // An anchor that others refer to, or an odd form.
        for mut remark in done.drain(..) {
            remark.what.push_str(": to be done by hand, the file can't be rewritten in place");
            left.push(remark);
        }
        text.to_owned()
    });
    done.append(&mut versions);
    done.sort_by_key(|change| change.line);
    left.sort_by_key(|gap| gap.line);
    Migration { text, changes: done, left, is_unread }
}

fn read(text: &str) -> Option<Vec<Document>> {
    read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).ok()
}

/// The fields of a specification that are rewritten, and what they become.
const REWRITTEN: [&str; 17] = [
    "validation",
    "serviceAccount",
    "serviceAccountName",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "gitImplementation",
    "accessFrom",
    "valuesFile",
    "valuesFiles",
    "chart",
    "install",
    "upgrade",
    "checkout",
    "commit",
    "push",
    "sourceRef",
];

/// Whether a changed text holds the same objects, but for the fields that are rewritten.
fn is_rest_kept(before: &[Document], new: &str) -> bool {
    let rest = |document: &Document| {
        let kept = |node: &Node, gone: &[&str]| -> Node {
            let entries = node.entries().unwrap_or_default().iter();
            let is_kept = |key: Option<&str>| key.is_none_or(|key| !gone.contains(&key));
            Node::mapping(entries.filter(|entry| is_kept(entry.key.as_str())).cloned().collect())
        };
        let root = &document.root;
        if !root.is_mapping() || root.get("kind").and_then(Node::as_str) == Some("List") {
            return Vec::<String>::new();
        }
        let spec = root.get("spec").map(|spec| kept(spec, &[&REWRITTEN[..], &["git"]].concat()));
        let printed = |node: &Node| print_sigs(node, Dialect::Yaml11).unwrap_or_default();
        let others = kept(root, &["apiVersion", "spec"]);
        let patches = root.get("spec").map(patches::all).unwrap_or_default();
        std::iter::once(&others).chain(&spec).map(printed).chain(patches).collect()
    };
    read(new).is_some_and(|after| {
        after.len() == before.len() && before.iter().zip(&after).all(|(old, new)| rest(old) == rest(new))
    })
}

fn object(edits: &mut Edits<'_>, node: &Node, wanted: Wanted) {
    let text = |field| node.get(field).and_then(Node::as_str).unwrap_or_default();
    if text("kind") == "List" {
        let items = node.get("items").and_then(Node::items).unwrap_or_default();
        items.iter().for_each(|item| object(edits, item, wanted));
        return;
    }
    let Some(kind) = KindInfo::of(text("kind")).filter(|kind| kind.kind == text("kind")) else { return };
    let group = |version: &str| version.split_once('/').map(|(group, _)| group.to_owned());
    if group(text("apiVersion")) != group(kind.api_version) {
        return;
    }
    if let Some(new) = wanted.instead_of(text("apiVersion"), kind.kind)
        && let Some(version) = node.get("apiVersion")
    {
        let what = versions::what(kind.kind, text("apiVersion"), new);
        if edits.swap(version, text("apiVersion"), new) {
            edits.say(version, what);
        } else {
            edits.leave(version, what);
        }
    }
    if let Some(of_kind) = node.get("spec") {
        spec(edits, kind.kind, of_kind);
    }
}

fn spec(edits: &mut Edits<'_>, kind: &str, spec: &Node) {
    match kind {
        "Kustomization" => {
            remove(edits, spec, "validation");
            service_account(edits, spec);
            patches::migrate(edits, spec);
        }
        "GitRepository" => {
            remove(edits, spec, "gitImplementation");
            remove(edits, spec, "accessFrom");
        }
        "HelmChart" => values_file(edits, spec),
        "HelmRelease" => {
            if let Some(chart) = spec.at_path(&["chart", "spec"]) {
                values_file(edits, chart);
            }
            for action in ["install", "upgrade"] {
                if let Some(action) = spec.get(action) {
                    skip_crds(edits, action);
                }
            }
        }
        "ImageUpdateAutomation" => {
            automation::migrate(edits, spec);
            automation::template(edits, spec);
        }
        _ => {}
    }
}

fn remove(edits: &mut Edits<'_>, mapping: &Node, name: &str) {
    if let Some(field) = Field::of(mapping, name) {
        let is_removed = edits.remove(&field);
        tell(edits, &field, is_removed, "was removed", "was removed: take it away");
    }
}

/// Says that a field was rewritten, or that a person has to.
fn tell(edits: &mut Edits<'_>, field: &Field<'_>, is_done: bool, done: &str, left: &str) {
    let key = &field.entry.key;
    let name = key.as_str().unwrap_or_default();
    if is_done {
        edits.say(key, format!("{name} {done}"));
    } else {
        edits.leave(key, format!("{name} {left}"));
    }
}

fn service_account(edits: &mut Edits<'_>, spec: &Node) {
    let Some(field) = Field::of(spec, "serviceAccount") else { return };
    let name = field.value().get("name").and_then(Node::as_str).unwrap_or_default();
    let is_done = if name.is_empty() || spec.get("serviceAccountName").is_some() {
        edits.remove(&field)
    } else {
        edits.replace(&field, &[("serviceAccountName", Node::string(name))])
    };
    tell(edits, &field, is_done, "-> serviceAccountName", "was removed: write it as serviceAccountName");
}

fn values_file(edits: &mut Edits<'_>, spec: &Node) {
    let Some(field) = Field::of(spec, "valuesFile") else { return };
    let value = field.value();
    if spec.get("valuesFiles").is_some() || value.as_str().is_none_or(str::is_empty) {
        remove(edits, spec, "valuesFile");
        return;
    }
    let line = edits.line(super::edits::line_of(value));
    let raw = edits.raw_scalar(value).filter(|raw| line.contains(raw));
    let is_done = match raw {
        // The value keeps its quotes, and the line its comment.
        Some(raw) => edits.swap(value, raw, &format!("[{raw}]")) && edits.rename(&field, "valuesFiles"),
        None => edits.replace(&field, &[("valuesFiles", Node::sequence(vec![value.clone()]))]),
    };
    tell(edits, &field, is_done, "-> valuesFiles", "was removed: write it as valuesFiles, a list");
}

fn skip_crds(edits: &mut Edits<'_>, action: &Node) {
    let Some(field) = Field::of(action, "skipCRDs") else { return };
    let skips = field.value().scalar().is_some_and(|value| &**value == "true");
    let is_done = if !skips || action.get("crds").is_some() {
        edits.remove(&field)
    } else {
        // What is in flow style may have quotes.
        let is_swapped = !field.is_in_flow() && edits.swap(field.value(), "true", "Skip");
        is_swapped && edits.rename(&field, "crds") || edits.replace(&field, &[("crds", Node::string("Skip"))])
    };
    tell(edits, &field, is_done, "was removed", "was removed: write crds: Skip");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_fields_go_and_comments_stay() {
        let text = "# the apps\napiVersion: kustomize.toolkit.fluxcd.io/v1beta1 # old\nkind: Kustomization\nmetadata:\n  name: apps\nspec:\n  validation: client # of old\n\n  serviceAccount:\n    name: deployer\n  # kept\n  interval: 5m\n";
        let migrated = migrate(text, Wanted::Newest);
        assert_eq!(
            migrated.text,
            "# the apps\napiVersion: kustomize.toolkit.fluxcd.io/v1 # old\nkind: Kustomization\nmetadata:\n  name: apps\nspec:\n\n  serviceAccountName: deployer\n  # kept\n  interval: 5m\n"
        );
        assert_eq!(migrated.changes.len(), 3);
        assert_eq!(migrated.changes[0].what, "Kustomization v1beta1 -> v1");
        let again = migrate(&migrated.text, Wanted::Newest);
        assert!(again.changes.is_empty() && again.text == migrated.text);
    }

    #[test]
    fn renamed_fields_keep_their_values() {
        let text = "apiVersion: helm.toolkit.fluxcd.io/v2beta1\nkind: HelmRelease\nspec:\n  chart:\n    spec:\n      chart: x\n      valuesFile: prod.yaml # mine\n  install:\n    skipCRDs: true # ours\n    replace: true\n";
        let migrated = migrate(text, Wanted::Newest);
        assert!(migrated.text.contains("      valuesFiles: [prod.yaml] # mine\n"), "{}", migrated.text);
        assert!(
            migrated.text.contains("  install:\n    crds: Skip # ours\n    replace: true\n"),
            "{}",
            migrated.text
        );
    }

    #[test]
    fn what_can_not_be_rewritten_is_named() {
        let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1beta2\nkind: Kustomization\nspec:\n  validation: &v client\n  postBuild: {substitute: {v: *v}}\n";
        let migrated = migrate(text, Wanted::Newest);
        assert_eq!(migrated.text, text.replace("v1beta2", "v1"));
        assert_eq!(migrated.changes.len(), 1);
        assert_eq!(migrated.left.iter().map(|gap| gap.line).collect::<Vec<_>>(), [4]);
        let images = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\nspec:\n  git:\n    commit:\n      messageTemplate: '{{ len .Updated.Images }}'\n";
        assert_eq!(migrate(images, Wanted::Newest).left.len(), 1);
        assert!(migrate("apiVersion: apps/v1\nkind: Deployment\n", Wanted::Newest).changes.is_empty());
        assert!(migrate("{{ no yaml", Wanted::Newest).is_unread);
    }

    /// Migrates a Kustomization of v1beta2 with this specification; what comes out must be left as it is.
    #[track_caller]
    fn check(kind: &str, before: &str, after: &str) {
        let (group, new) = match kind {
            "Kustomization" => ("kustomize.toolkit.fluxcd.io/v1beta2", "kustomize.toolkit.fluxcd.io/v1"),
            "HelmRelease" => ("helm.toolkit.fluxcd.io/v2beta1", "helm.toolkit.fluxcd.io/v2"),
            _ => ("image.toolkit.fluxcd.io/v1alpha1", "image.toolkit.fluxcd.io/v1"),
        };
        let object = |version: &str, spec: &str| format!("apiVersion: {version}\nkind: {kind}\nspec:{spec}");
        let migrated = migrate(&object(group, before), Wanted::Newest);
        assert_eq!(migrated.text, object(new, after));
        assert!(migrated.left.is_empty(), "{:?}", migrated.left);
        let again = migrate(&migrated.text, Wanted::Newest);
        assert!(again.changes.is_empty() && again.left.is_empty(), "{again:?}");
    }

    #[test]
    fn merges_and_operations_become_patches_with_their_comments() {
        check(
            "Kustomization",
            "\n  # merges\n  patchesStrategicMerge: # old\n  # first\n  - kind: A # a\n    spec:\n      # b\n      c: |\n        # text\n\n        d\n  # second\n  - kind: B\n  prune: true\n",
            "\n  # merges\n  patches: # old\n  # first\n  - patch: |\n      kind: A # a\n      spec:\n        # b\n        c: |\n          # text\n\n          d\n  # second\n  - patch: |\n      kind: B\n  prune: true\n",
        );
        check(
            "Kustomization",
            "\n  patchesJson6902:\n    - target:\n        kind: A # a\n      patch: # b\n      - op: add\n        # c\n        path: /x\n    - patch:\n        - op: remove\n      target: {kind: B}\n  prune: true\n",
            "\n  patches:\n    - target:\n        kind: A # a\n      patch: | # b\n        - op: add\n          # c\n          path: /x\n    - patch: |\n        - op: remove\n      target: {kind: B}\n  prune: true\n",
        );
        check(
            "Kustomization",
            "\n  patches:\n    # kept\n    - path: x.yaml\n  patchesStrategicMerge:\n  - {kind: A}\n  patchesJson6902:\n  - target: {kind: B}\n    patch: [{op: remove, path: /a}]\n",
            "\n  patches:\n    # kept\n    - patch: |\n        kind: A\n    - path: x.yaml\n    - target: {kind: B}\n      patch: |\n        - {op: remove, path: /a}\n",
        );
    }

    #[test]
    fn flow_style_and_json_stay_what_they_are() {
        check(
            "Kustomization",
            " {interval: 1m, serviceAccount: {name: deployer}, patchesStrategicMerge: [{kind: \"it's\"}], validation: client}\n",
            " {interval: 1m, serviceAccountName: deployer, patches: [{\"patch\":\"kind: \\\"it's\\\"\\n\"}]}\n",
        );
        check(
            "HelmRelease",
            " {\"chart\": {\"spec\": {\"valuesFile\": \"a.yaml\"}}, \"install\": {\"skipCRDs\": true}, \"upgrade\": {\"skipCRDs\": false, \"force\": true}}\n",
            " {\"chart\": {\"spec\": {\"valuesFiles\": [\"a.yaml\"]}}, \"install\": {\"crds\": \"Skip\"}, \"upgrade\": {\"force\": true}}\n",
        );
    }

    #[test]
    fn line_breaks_of_windows_stay() {
        check(
            "Kustomization",
            "\r\n  validation: client\r\n  patchesStrategicMerge:\r\n  - kind: A\r\n    spec: {}\r\n  prune: true\r\n",
            "\r\n  patches:\r\n  - patch: |\r\n      kind: A\r\n      spec: {}\r\n  prune: true\r\n",
        );
    }

    #[test]
    fn automations_of_v1alpha1_get_sources_and_templates_of_today() {
        check(
            "ImageUpdateAutomation",
            "\n  checkout:\n    gitRepositoryRef:\n      name: fleet # ours\n    branch: main\n  commit:\n    authorName: bot\n    authorEmail: bot@example.org\n    messageTemplate: |\n      # subject\n      {{ range $file, $_ := .Updated.Files }}{{ $file }}{{ end }}\n  push:\n    branch: auto\n  interval: 1m\n",
            "\n  # ours\n  sourceRef:\n    kind: GitRepository\n    name: fleet\n  git:\n    checkout:\n      ref:\n        branch: main\n    commit:\n      author:\n        name: bot\n        email: bot@example.org\n      messageTemplate: |\n        # subject\n        {{ range $file, $_ := .Changed.FileChanges }}{{ $file }}{{ end }}\n    push:\n      branch: auto\n  interval: 1m\n",
        );
    }

    #[test]
    fn versions_are_rewritten_in_references_patches_and_templates() {
        let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  healthChecks:\n    - apiVersion: \"helm.toolkit.fluxcd.io/v2beta1\" # old\n      kind: HelmRelease\n  patchesStrategicMerge:\n    - apiVersion: helm.toolkit.fluxcd.io/v2beta2\n      kind: HelmRelease\n";
        let migrated = migrate(text, Wanted::Newest);
        assert!(!migrated.text.contains("v2beta"), "{}", migrated.text);
        assert!(migrated.text.contains("    - patch: |\n        apiVersion: helm.toolkit.fluxcd.io/v2\n"));
        assert!(migrated.text.contains("\"helm.toolkit.fluxcd.io/v2\" # old\n"));
        let template = "{{- if .Values.on }}\napiVersion: image.toolkit.fluxcd.io/v1beta1\nkind: ImagePolicy\n{{- end }}\n";
        let migrated = migrate(template, Wanted::V2_6);
        assert!(migrated.is_unread && migrated.left.is_empty());
        assert_eq!(migrated.text, template.replace("v1beta1", "v1beta2"));
        assert_eq!(Wanted::parse("v2.6.4"), Ok(Wanted::V2_6));
        assert!(Wanted::parse("2.5").is_err());
    }
}
