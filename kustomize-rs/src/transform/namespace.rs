//! Puts objects, and what in them names their namespace, into one namespace.

use gitops_yaml::{Node, Str};

use super::set::{for_each_field, set_string, shown_id, wrong_kind};
use super::{Context, Transformer};
use crate::error::{Error, ErrorKind};
use crate::field_spec::{FieldSpec, NewField};
use crate::resource::Resource;
use crate::resource_map::ResourceMap;

/// Which subjects of role bindings get the namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those named `default`.
    #[default]
    NamedDefault,
    /// Every ServiceAccount.
    ServiceAccounts,
    /// None.
    None,
}

impl Subjects {
    /// Reads `setRoleBindingSubjects`.
    ///
    /// # Errors
    /// When it is another word.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "" | "defaultOnly" => Ok(Self::NamedDefault),
            "allServiceAccounts" => Ok(Self::ServiceAccounts),
            "none" => Ok(Self::None),
            other => Err(Error::new(
                ErrorKind::Kustomization,
                format!(
                    "invalid value {other:?} for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \
                     \"allServiceAccounts\""
                ),
            )),
        }
    }
}

/// Sets the namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamespaceTransformer {
    pub(crate) namespace: Str,
    pub(crate) fields: Vec<FieldSpec>,
    /// Namespaces that are set stay.
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

impl Transformer for NamespaceTransformer {
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        context.take_for_each(resources, self.namespace.len())?;
        for position in 0..resources.len() {
            let Some(resource) = resources.get(position) else { continue };
            if resource.is_empty() || resource.history.made_by_helm {
                continue;
            }
            let cluster_scoped = resources.scopes().is_cluster_scoped(&resource.gvk());
            resources.store_previous_id(position);
            let Some(resource) = resources.get_mut(position) else { continue };
            self.apply(resource, cluster_scoped)?;
            let Some(resource) = resources.get(position) else { continue };
            let id = resources.current_id(resource);
            let same = resources.with_current_id(&id);
            if same.len() != 1 {
                return Err(conflict(resources, &same));
            }
        }
        Ok(())
    }
}

impl NamespaceTransformer {
    /// Sets the namespace of one resource, and in it.
    pub(super) fn apply(&self, resource: &mut Resource, cluster_scoped: bool) -> Result<(), Error> {
        if !cluster_scoped {
            let everywhere = [FieldSpec::everywhere("metadata/namespace", true)];
            for_each_field(resource, &everywhere, NewField::Scalar, &mut |node| self.set(node))?;
        }
        let core = resource.api_version() == "v1";
        let kind = resource.kind();
        let binds = matches!(kind, "RoleBinding" | "ClusterRoleBinding");
        if binds {
            self.set_subjects(resource)?;
        }
        let specs = self.fields.iter().filter(|spec| {
            let of_subjects = binds
                && matches!(spec.kind.as_str(), "RoleBinding" | "ClusterRoleBinding")
                && spec.path == "subjects/namespace";
            // An object's own namespace is set above, which leaves those of the cluster alone.
            spec.path != "metadata/namespace" && (core || spec.path != "metadata/name") && !of_subjects
        });
        for spec in specs {
            let mut other_kind = false;
            let set = &mut |node: &mut Node| {
                other_kind |= !node.is_scalar();
                self.set(node)
            };
            let outcome = for_each_field(resource, std::slice::from_ref(spec), NewField::Scalar, set);
            outcome.map_err(|error| {
                error.within(if other_kind {
                    "namespace field specs must target scalar nodes"
                } else {
                    "namespace transformation failed"
                })
            })?;
        }
        Ok(())
    }

    fn set(&self, node: &mut Node) -> Result<(), Error> {
        let is_set =
            node.is_scalar() && !node.is_null() && node.as_str().is_some_and(|text| !text.is_empty());
        if self.unset_only && is_set {
            return Ok(());
        }
        set_string(node, self.namespace.clone())
    }

    fn set_subjects(&self, resource: &mut Resource) -> Result<(), Error> {
        let (field, wanted) = match self.subjects {
            Subjects::None => return Ok(()),
            Subjects::NamedDefault => ("name", "default"),
            Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
        };
        let id = shown_id(resource);
        let Some(subjects) = resource.node.get_mut("subjects").filter(|subjects| !subjects.is_null()) else {
            return Ok(());
        };
        let failed = |error: Error| {
            error.within("setting namespace on (cluster)role binding subjects").within(format!("{id}"))
        };
        if !subjects.is_sequence() {
            return Err(failed(wrong_kind("SequenceNode", subjects)));
        }
        for subject in subjects.items_mut().into_iter().flatten() {
            if !subject.is_mapping() {
                if subject.is_null() {
                    continue;
                }
                return Err(failed(wrong_kind("MappingNode", subject)));
            }
            if subject.get(field).and_then(Node::as_str) != Some(wanted) {
                continue;
            }
            if subject.get("namespace").is_none() {
                subject.set("namespace", Node::string(""));
            }
            if let Some(namespace) = subject.get_mut("namespace") {
                self.set(namespace).map_err(failed)?;
            }
        }
        Ok(())
    }
}

fn conflict(resources: &ResourceMap, positions: &[usize]) -> Error {
    let found: Vec<&Resource> = positions.iter().filter_map(|&position| resources.get(position)).collect();
    let shown = found
        .iter()
        .map(|resource| gitops_yaml::to_json(&resource.node, gitops_yaml::Dialect::V3).unwrap_or_default());
    let message =
        format!("namespace transformation produces ID conflict: [{}]", shown.collect::<Vec<_>>().join(" "));
    let place = found.last().map(|resource| resource.place()).unwrap_or_default();
    Error::new(ErrorKind::Duplicate, message).at(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::{check, map, run};

    fn transformer() -> NamespaceTransformer {
        let fields = crate::field_specs::FieldSpecs::builtin().namespace;
        NamespaceTransformer { namespace: "ns".into(), fields, ..NamespaceTransformer::default() }
    }

    #[test]
    fn what_belongs_to_the_cluster_stays_there() {
        check(
            &transformer(),
            "{apiVersion: v1, kind: Pod, metadata: {name: p}}\n---\n{apiVersion: v1, kind: Node, metadata: {name: one}}\n---\n\
             {apiVersion: v1, kind: Namespace, metadata: {name: old}}\n",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  namespace: ns\n---\napiVersion: v1\nkind: Node\nmetadata:\n  \
             name: one\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: ns\n",
        );
    }

    #[test]
    fn the_default_account_gets_the_namespace() {
        check(
            &transformer(),
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b}, \
             subjects: [{kind: ServiceAccount, name: default}, {kind: ServiceAccount, name: other}]}",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: b\nsubjects:\n\
             - kind: ServiceAccount\n  name: default\n  namespace: ns\n- kind: ServiceAccount\n  name: other\n",
        );
    }

    #[test]
    fn two_objects_may_not_become_one() {
        let mut map = map(
            "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ns}}\n",
        );
        let error = run(&transformer(), &mut map).unwrap_err();
        assert!(error.message().starts_with("namespace transformation produces ID conflict: [{"), "{error}");
    }
}
