//! The table of all field specs of a build: upstream's defaults, and what `configurations` and `crds` add.

use gitops_yaml::Node;

use crate::error::Error;
use crate::field_spec::{FieldSpec, merge_all};
use crate::id::Gvk;
use crate::kustomization::decode::{Decode, Decoder, fields};

/// Kinds and the fields that hold names of their objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameReference {
    pub(crate) group: gitops_yaml::Str,
    pub(crate) version: gitops_yaml::Str,
    pub(crate) kind: gitops_yaml::Str,
    /// The fields that refer to them.
    pub(crate) referrers: Vec<FieldSpec>,
}

impl NameReference {
    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(self.group.clone(), self.version.clone(), self.kind.clone())
    }
}

fields!(NameReference = "NameBackReferences" {
    group: "group", version: "version", kind: "kind", referrers: "fieldSpecs",
});

/// Which fields each transformer changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSpecs {
    pub(crate) name_prefix: Vec<FieldSpec>,
    pub(crate) name_suffix: Vec<FieldSpec>,
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) common_labels: Vec<FieldSpec>,
    pub(crate) labels: Vec<FieldSpec>,
    pub(crate) template_labels: Vec<FieldSpec>,
    pub(crate) volume_claim_template_labels: Vec<FieldSpec>,
    pub(crate) common_annotations: Vec<FieldSpec>,
    pub(crate) name_reference: Vec<NameReference>,
    pub(crate) var_reference: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
    pub(crate) replicas: Vec<FieldSpec>,
}

fields!(FieldSpecs = "TransformerConfig" {
    name_prefix: "namePrefix", name_suffix: "nameSuffix", namespace: "namespace", common_labels: "commonLabels",
    labels: "labels", template_labels: "templateLabels", volume_claim_template_labels: "volumeClaimTemplateLabels",
    common_annotations: "commonAnnotations", name_reference: "nameReference", var_reference: "varReference",
    images: "images", replicas: "replicas",
});

impl FieldSpecs {
    /// Returns upstream's table.
    pub(crate) fn builtin() -> Self {
        let mut specs = Self::default();
        let mut section = "";
        for line in include_str!("defaults.txt").lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
                continue;
            }
            let mut words = line.split(' ');
            let (Some(mark @ ("+" | "-" | "@")), Some(kind)) = (words.next(), words.next()) else { continue };
            let gvk = read_gvk(kind);
            if mark == "@" {
                let Gvk { group, version, kind } = gvk;
                specs.name_reference.push(NameReference { group, version, kind, referrers: Vec::new() });
                continue;
            }
            let path = words.next().unwrap_or_default().into();
            let spec = FieldSpec {
                group: gvk.group,
                version: gvk.version,
                kind: gvk.kind,
                path,
                create: mark == "+",
            };
            let list = match section {
                "namePrefix" => &mut specs.name_prefix,
                "nameSuffix" => &mut specs.name_suffix,
                "namespace" => &mut specs.namespace,
                "commonLabels" => &mut specs.common_labels,
                "templateLabels" => &mut specs.template_labels,
                "volumeClaimTemplateLabels" => &mut specs.volume_claim_template_labels,
                "commonAnnotations" => &mut specs.common_annotations,
                "images" => &mut specs.images,
                "replicas" => &mut specs.replicas,
                "varReference" => &mut specs.var_reference,
                _ => match specs.name_reference.last_mut() {
                    Some(reference) => &mut reference.referrers,
                    None => continue,
                },
            };
            list.push(spec);
        }
        specs
    }

    /// Reads a file that `configurations` lists.
    ///
    /// # Errors
    /// When it has other fields.
    pub(crate) fn read(node: &Node) -> Result<Self, Error> {
        let mut specs = Self::decode(node, &mut Decoder::strict_plugin())?;
        specs.sort();
        Ok(specs)
    }

    /// Adds another table to this one.
    ///
    /// # Errors
    /// When both say otherwise about making one field.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Error> {
        let lists = [
            ("NamePrefix", &mut self.name_prefix, &other.name_prefix),
            ("NameSuffix", &mut self.name_suffix, &other.name_suffix),
            ("NameSpace", &mut self.namespace, &other.namespace),
            ("CommonAnnotations", &mut self.common_annotations, &other.common_annotations),
            ("CommonLabels", &mut self.common_labels, &other.common_labels),
            ("Labels", &mut self.labels, &other.labels),
            ("TemplateLabels", &mut self.template_labels, &other.template_labels),
            (
                "VolumeClaimTemplateLabels",
                &mut self.volume_claim_template_labels,
                &other.volume_claim_template_labels,
            ),
            ("VarReference", &mut self.var_reference, &other.var_reference),
            ("Images", &mut self.images, &other.images),
            ("Replicas", &mut self.replicas, &other.replicas),
        ];
        for (name, list, new) in lists {
            merge_all(list, new)
                .map_err(|error| error.within(format!("failed to merge {name} fieldSpec")))?;
        }
        for new in &other.name_reference {
            self.add_name_reference(new)
                .map_err(|error| error.within("failed to merge NameReference fieldSpec"))?;
        }
        self.sort();
        Ok(())
    }

    /// Adds fields that refer to a kind.
    pub(crate) fn add_name_reference(&mut self, new: &NameReference) -> Result<(), Error> {
        let mut found = false;
        for reference in self.name_reference.iter_mut().filter(|reference| reference.gvk() == new.gvk()) {
            merge_all(&mut reference.referrers, &new.referrers)?;
            found = true;
        }
        if !found {
            self.name_reference.push(new.clone());
        }
        Ok(())
    }

    fn sort(&mut self) {
        let lists = [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.volume_claim_template_labels,
            &mut self.common_annotations,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ];
        for list in lists {
            list.sort_by_cached_key(|spec| sort_key(&spec.gvk()));
        }
        self.name_reference.sort_by_cached_key(|reference| sort_key(&reference.gvk()));
    }
}

fn read_gvk(text: &str) -> Gvk {
    let mut parts = text.split(',');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(group), Some(version), Some(kind)) => Gvk::new(group, version, kind),
        (Some("*"), ..) | (None, ..) => Gvk::default(),
        (Some(kind), ..) => Gvk::new("", "", kind),
    }
}

/// The order of upstream's field specs: some kinds stand first or last, the others by group, version and kind.
fn sort_key(gvk: &Gvk) -> (i32, String) {
    (crate::sort::default_rank(&gvk.kind), crate::sort::gvk_text(gvk))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_spec::merge_one;

    #[test]
    fn the_builtin_table_is_in_its_own_order() {
        let builtin = FieldSpecs::builtin();
        let mut sorted = builtin.clone();
        sorted.sort();
        assert_eq!(builtin, sorted);
        assert_eq!(builtin.name_reference.len(), 16);
        assert_eq!(builtin.var_reference.len(), 72);
    }

    #[test]
    fn merging_refuses_a_contradiction() {
        let mut specs = FieldSpecs::builtin();
        let mut other = FieldSpecs::default();
        merge_one(&mut other.name_prefix, FieldSpec::everywhere("metadata/name", false)).unwrap();
        specs.merge(&other).unwrap();
        assert_eq!(specs.name_prefix.len(), 1);
        other.name_prefix[0].create = true;
        let error = specs.merge(&other).unwrap_err();
        assert_eq!(error.to_string(), "failed to merge NamePrefix fieldSpec: conflicting fieldspecs");
    }
}
