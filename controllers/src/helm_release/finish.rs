//! What a HelmRelease changes of what its chart rendered: patches and images, common metadata, and the labels that say whose
//! objects they are.

use std::collections::BTreeMap;

use gitops_core::api::{HelmRelease, KustomizeRenderer};
use gitops_core::tree::MemTree;
use gitops_yaml::{Dialect, FileId, Node, ReadOptions, Str, print_sigs, read_stream};
use helm_rs::{PostRenderStrategy, PostRenderer};
use kustomize_rs::{Build, LoadRestrictions, Options};

use crate::fleet::kustomize::own;

/// The post-renderer of a HelmRelease.
#[derive(Clone, Debug)]
pub(crate) struct Finish<'a> {
    renderers: Vec<&'a KustomizeRenderer>,
    hooks: PostRenderStrategy,
    labels: Vec<(Str, Str)>,
    annotations: Vec<(Str, Str)>,
}

impl<'a> Finish<'a> {
    /// Reads what is to be done for an object of this name and namespace.
    pub(crate) fn new(name: &str, namespace: &str, spec: &'a HelmRelease) -> Self {
        let pairs = |map: &BTreeMap<String, String>| -> Vec<(Str, Str)> {
            map.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect()
        };
        let common = spec.common_metadata.clone().unwrap_or_default();
        let mut labels = pairs(&common.labels);
        labels.push((Str::literal("helm.toolkit.fluxcd.io/name"), name.into()));
        labels.push((Str::literal("helm.toolkit.fluxcd.io/namespace"), namespace.into()));
        Self {
            renderers: spec.post_renderers.iter().filter_map(|step| step.kustomize.as_ref()).collect(),
            hooks: match spec.post_render_strategy.as_deref() {
                Some("nohooks") => PostRenderStrategy::NoHooks,
                Some("separate") => PostRenderStrategy::Separate,
                _ => PostRenderStrategy::Combined,
            },
            labels,
            annotations: pairs(&common.annotations),
        }
    }

    /// Returns how hooks are passed to it.
    pub(crate) fn hooks(&self) -> PostRenderStrategy {
        self.hooks
    }

    /// Does it to objects, in their order.
    pub(crate) fn objects(&self, mut objects: Vec<Node>) -> Result<Vec<Node>, String> {
        for renderer in &self.renderers {
            objects = kustomized(&objects, renderer)?;
        }
        for object in &mut objects {
            own(object, &self.labels, &self.annotations);
        }
        Ok(objects)
    }
}

impl PostRenderer for Finish<'_> {
    fn run(&self, manifests: &str) -> Result<String, String> {
        let options = ReadOptions::yaml11();
        let documents = read_stream(manifests.as_bytes(), FileId::NONE, &options);
        let documents = documents.map_err(|error| error.to_string())?;
        let objects = documents.into_iter().map(|document| document.root).filter(Node::is_mapping);
        stream(&self.objects(objects.collect())?)
    }
}

fn stream(objects: &[Node]) -> Result<String, String> {
    let mut all = String::new();
    for object in objects {
        all.push_str("---\n");
        all.push_str(&print_sigs(object, Dialect::V3).map_err(|error| error.to_string())?);
    }
    Ok(all)
}

fn kustomized(objects: &[Node], renderer: &KustomizeRenderer) -> Result<Vec<Node>, String> {
    let list = |value: Result<Node, gitops_yaml::Error>| value.map_err(|error| error.to_string());
    let mut kustomization = Node::mapping(Vec::new());
    kustomization.set("resources", Node::sequence(vec![Node::string("all.yaml")]));
    kustomization.set("patches", list(gitops_yaml::to_node(&renderer.patches))?);
    kustomization.set("images", list(gitops_yaml::to_node(&renderer.images))?);
    let printed = print_sigs(&kustomization, Dialect::V3).map_err(|error| error.to_string())?;
    let mut tree = MemTree::new();
    tree.add_file("all.yaml", stream(objects)?).map_err(|error| error.to_string())?;
    tree.add_file("kustomization.yaml", printed).map_err(|error| error.to_string())?;
    let mut options = Options::default();
    options.load_restrictions = LoadRestrictions::RootOnly;
    let built = Build::new(&tree).options(options).run(".").map_err(|error| error.to_string())?;
    Ok(built.resources().iter().map(|resource| resource.node.clone()).collect())
}
