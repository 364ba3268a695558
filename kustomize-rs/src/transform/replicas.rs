//! Sets the number of replicas of workloads by their names.

use super::set::{for_each_field, set_scalar};
use super::{Context, Transformer};
use crate::error::{Error, ErrorKind};
use crate::field_spec::{FieldSpec, NewField};
use crate::kustomization::Replica;
use crate::resource_map::ResourceMap;
use gitops_core::did_you_mean;

/// Sets one number of replicas.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplicaCountTransformer {
    pub(crate) replica: Replica,
    pub(crate) fields: Vec<FieldSpec>,
}

impl Transformer for ReplicaCountTransformer {
    fn transform(&self, resources: &mut ResourceMap, _: &Context<'_>) -> Result<(), Error> {
        let named = resources.with_any_name(&self.replica.name);
        let mut found = false;
        for spec in &self.fields {
            for &position in &named {
                let Some(resource) = resources.get(position) else { continue };
                let is_it = |id: crate::id::ResourceId| id.name == self.replica.name && spec.selects(&id.gvk);
                let chosen =
                    is_it(resources.current_id(resource)) || resources.previous_ids(resource).any(is_it);
                if !chosen {
                    continue;
                }
                found = true;
                let Some(resource) = resources.get_mut(position) else { continue };
                let count = self.replica.count.to_string();
                for_each_field(resource, std::slice::from_ref(spec), NewField::Scalar, &mut |node| {
                    set_scalar(node, count.as_str())
                })?;
            }
        }
        if found { Ok(()) } else { Err(self.no_match(resources)) }
    }
}

impl ReplicaCountTransformer {
    fn no_match(&self, resources: &ResourceMap) -> Error {
        let kinds: Vec<String> = self.fields.iter().map(|spec| spec.gvk().to_string()).collect();
        let mut message = format!(
            "resource with name {} does not match a config with the following GVK [{}]",
            self.replica.name,
            kinds.join(" ")
        );
        let scalable = resources.iter().filter(|resource| {
            let gvk = resource.gvk();
            self.fields.iter().any(|spec| spec.selects(&gvk))
        });
        let names: Vec<_> = scalable.map(crate::resource::Resource::name).collect();
        if let Some(near) = did_you_mean(&self.replica.name, names.iter().map(gitops_yaml::Str::as_str)) {
            message.push_str(&format!(" (did you mean {near}?)"));
        }
        Error::new(ErrorKind::Transform, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::check;

    fn transformer(name: &str) -> ReplicaCountTransformer {
        let fields = crate::field_specs::FieldSpecs::builtin().replicas;
        ReplicaCountTransformer { replica: Replica { name: name.into(), count: 3 }, fields }
    }

    #[test]
    fn a_number_in_quotes_stays_in_quotes() {
        let web = |replicas| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {replicas}\n"
            )
        };
        check(&transformer("web"), &web("1"), &web("3"));
        check(&transformer("web"), &web("'1'"), &web("\"3\""));
    }

    #[test]
    fn a_name_that_nothing_has_is_an_error() {
        check(
            &transformer("wbe"),
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}",
            "resource with name wbe does not match a config with the following GVK [Deployment.[noVer].[noGrp] \
             StatefulSet.[noVer].[noGrp] ReplicaSet.[noVer].[noGrp] ReplicationController.[noVer].[noGrp]] (did you mean web?)",
        );
    }
}
