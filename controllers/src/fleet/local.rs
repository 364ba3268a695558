//! What one Kustomization makes of a local folder, whatever its source holds.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_core::api::{Kustomization, Object};
use gitops_core::object::{Gvk, ObjectId};
use gitops_core::substitute::{Strictness, Variables};
use gitops_core::tree::Source;
use gitops_sops::{Format, PLACEHOLDER};
use gitops_yaml::{Dialect, Files, Node, Str, from_node};

use super::app::{App, AppId, AppKind, RenderedObject};
use super::kustomize::own;
use super::recorder::Reads;
use super::sealed::hold_places;
use crate::kind::Kind;
use crate::kustomization::{BuildError, build, substitute};

/// A Kustomization, and the objects that its controller would apply. Its debug form shows no content.
#[non_exhaustive]
pub struct Local {
    /// The namespace in which it runs.
    pub namespace: Str,
    /// The Kustomization's own manifest.
    pub manifest: Node,
    /// What it applies, in kustomize's order; sealed values are masked.
    pub objects: Vec<Node>,
    /// The files that places of the objects refer to.
    pub files: Files,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Returns what a Kustomization asks for; one that lacks what it needs for running is read all the same.
///
/// # Errors
/// Where a field is of another type.
pub fn specification(manifest: &Node) -> Result<Kustomization, String> {
    Object::<Kustomization>::read(manifest).map(|object| object.spec).or_else(|error| {
        let spec = manifest.get("spec").and_then(|spec| from_node(spec, Dialect::Yaml11).ok());
        spec.ok_or(error.message)
    })
}

impl Local {
    /// Builds a folder of a tree as the Kustomization says, puts variables into the objects, and marks them as its own. The
    /// Kustomization's path and source are not looked at.
    ///
    /// # Errors
    /// As [`build`] and [`substitute`].
    pub fn build(
        source: &dyn Source,
        path: &str,
        manifest: Node,
        namespace: &str,
        (variables, strictness): (&Variables, Strictness),
    ) -> Result<Self, BuildError> {
        let mut spec = specification(&manifest).map_err(|message| BuildError { location: None, message })?;
        path.clone_into(&mut spec.path);
        let built = substitute(build(source, &spec)?, &spec, variables, strictness)?;
        let name = text(&manifest, &["metadata", "name"]);
        let mark = |key: &str| Str::from(format!("kustomize.toolkit.fluxcd.io/{key}"));
        let labels = [(mark("name"), name), (mark("namespace"), namespace.into())];
        let common = spec.common_metadata.unwrap_or_default();
        let pairs = |pairs: std::collections::BTreeMap<String, String>| -> Vec<(Str, Str)> {
            pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
        };
        let (more, annotations) = (pairs(common.labels), pairs(common.annotations));
        let mut objects = built.objects;
        for object in &mut objects {
            own(object, &labels, &[]);
            own(object, &more, &annotations);
            mask(object);
        }
        let namespace = namespace.into();
        Ok(Self { namespace, manifest, objects, files: built.files, warnings: built.warnings })
    }

    /// Returns what the Kustomization is known by.
    #[must_use]
    pub fn id(&self) -> AppId {
        let name = text(&self.manifest, &["metadata", "name"]);
        AppId { kind: AppKind::Kustomization, namespace: self.namespace.clone(), name }
    }

    /// Lists the Kustomizations among the objects, but for this one itself.
    pub fn nested(&self) -> impl Iterator<Item = &Node> {
        let own = self.id();
        self.objects.iter().filter(move |object| {
            let id = ObjectId::of(object);
            Kind::of(&Gvk::of(object)) == Some(Kind::Kustomization)
                && (&id.namespace, &id.name) != (&own.namespace, &own.name)
        })
    }

    /// Returns it as an app of a fleet.
    pub(super) fn app(&self) -> App {
        let objects = self
            .objects
            .iter()
            .filter_map(|object| RenderedObject::of(object, self.files.show(object.place)).ok());
        let mut manifest = self.manifest.clone();
        own_namespace(&mut manifest, &self.namespace);
        App {
            id: self.id(),
            place: Str::EMPTY,
            parent: None,
            cluster: 0,
            path: Str::EMPTY,
            source: None,
            depends_on: Vec::new(),
            is_suspended: false,
            objects: objects.collect(),
            manifest,
            gaps: Vec::new(),
            reads: Reads::default(),
            declared_in: Arc::default(),
            files: Arc::default(),
            elsewhere: None,
        }
    }
}

fn own_namespace(manifest: &mut Node, namespace: &Str) {
    if let Some(metadata) = manifest.get_mut("metadata") {
        metadata.set("namespace", Node::string(namespace.clone()));
    }
}

fn text(node: &Node, path: &[&str]) -> Str {
    node.at_path(path).and_then(Node::scalar).cloned().unwrap_or_default()
}

/// Puts a placeholder in place of what SOPS has sealed: values of an object, and files within the data of a Secret.
fn mask(object: &mut Node) {
    if object.get("sops").is_some() {
        hold_places(object);
        return;
    }
    if text(object, &["kind"]) != "Secret" {
        return;
    }
    for entry in object.get_mut("data").and_then(Node::entries_mut).into_iter().flatten() {
        let packed = entry.value.as_str().unwrap_or_default();
        let is_sealed = |content: Vec<u8>| {
            [Format::Yaml, Format::Json, Format::Dotenv].iter().any(|form| form.is_encrypted(&content))
        };
        if STANDARD.decode(packed).is_ok_and(is_sealed) {
            entry.value = Node::string(STANDARD.encode(PLACEHOLDER)).at(entry.value.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::tree::MemTree;
    use gitops_yaml::{FileId, ReadOptions, read_document};

    #[test]
    fn objects_are_built_filled_marked_and_masked() {
        let mut tree = MemTree::new();
        let sealed = STANDARD.encode("a: ENC[x]\nsops:\n    mac: ENC[y]\n");
        tree.add_file(
            "app/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: '${who}'}\n",
        )
        .unwrap();
        tree.add_file(
            "app/secret.yaml",
            format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{f: {sealed}}}\n"),
        )
        .unwrap();
        let manifest = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\nspec: {path: ./elsewhere, commonMetadata: {labels: {team: a}}, postBuild: {substitute: {who: me}}}\n";
        let manifest =
            read_document(manifest.as_bytes(), FileId::NONE, &ReadOptions::yaml11()).unwrap().unwrap().root;
        let mut variables = Variables::default();
        variables.set("who", "me");
        let local =
            Local::build(&tree, "app", manifest, "flux-system", (&variables, Strictness::Strict)).unwrap();
        let find = |kind: &str| local.objects.iter().find(|object| text(object, &["kind"]) == kind).unwrap();
        assert_eq!(text(find("ConfigMap"), &["data", "a"]), "me");
        let label = |key: &str| text(find("ConfigMap"), &["metadata", "labels", key]);
        assert_eq!(label("kustomize.toolkit.fluxcd.io/namespace"), "flux-system");
        assert_eq!(label("team"), "a");
        assert_eq!(&*text(find("Secret"), &["data", "f"]), STANDARD.encode(PLACEHOLDER));
        assert!(!format!("{local:?}").contains("me\""));
    }
}
