//! What several kinds share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An object of the same namespace, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalReference {
    /// The name.
    pub name: String,
}

/// A Secret of the same namespace and perhaps one of its keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretKeyReference {
    /// The Secret's name.
    pub name: String,
    /// The key; the reader's default where `None`.
    pub key: Option<String>,
}

/// An object by kind, name and perhaps namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CrossReference {
    /// The API version; that of the kind's own group where `None`.
    pub api_version: Option<String>,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The namespace; that of the object that refers where `None`.
    pub namespace: Option<String>,
}

/// An object of the same kind that has to be ready first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dependency {
    /// The name.
    pub name: String,
    /// The namespace; that of the dependant where `None`.
    pub namespace: Option<String>,
    /// A CEL expression over `self` and `dep` that says whether it is ready, instead of its conditions.
    pub ready_expr: Option<String>,
}

/// How another cluster is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubeConfig {
    /// A Secret that holds a kubeconfig: key `value`, else `value.yaml`.
    pub secret_ref: Option<SecretKeyReference>,
    /// A ConfigMap that describes a cloud's cluster.
    pub config_map_ref: Option<LocalReference>,
}

/// Labels and annotations that every applied object gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommonMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// When objects of a custom kind are ready, in CEL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheckExpression {
    /// The API version of the kind.
    pub api_version: String,
    /// The kind; all of the group where `None`.
    pub kind: Option<String>,
    /// When it is being worked on.
    pub in_progress: Option<String>,
    /// When it has failed.
    pub failed: Option<String>,
    /// When it is as wanted.
    pub current: String,
}

/// Which objects a patch is for. All given fields must match; names are regular expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PatchTarget {
    /// The API group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A label selector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<String>,
    /// An annotation selector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation_selector: Option<String>,
}

/// A patch, strategic or JSON 6902, with the objects it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PatchWithTarget {
    /// The patch's text.
    pub patch: String,
    /// The objects; a strategic patch may name its one object itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<PatchTarget>,
}

/// What an image is replaced with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageOverride {
    /// The image's name as it stands in the objects.
    pub name: String,
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
    /// The new tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_tag: Option<String>,
    /// The digest, which wins over a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Which objects are meant, by their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that must have these values.
    pub match_labels: BTreeMap<String, String>,
    /// Rules on labels.
    pub match_expressions: Vec<LabelRule>,
}

/// One rule on a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelRule {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// The values of `In` and `NotIn`.
    pub values: Vec<String>,
}

impl LabelSelector {
    /// Returns whether labels match; an operator that does not exist matches nothing.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.match_labels.iter().all(|(key, value)| label(key) == Some(value))
            && self.match_expressions.iter().all(|rule| {
                let found = label(&rule.key);
                let listed = found.is_some_and(|found| rule.values.iter().any(|value| value == found));
                match rule.operator.as_str() {
                    "In" => listed,
                    "NotIn" => !listed,
                    "Exists" => found.is_some(),
                    "DoesNotExist" => found.is_none(),
                    _ => false,
                }
            })
    }
}
