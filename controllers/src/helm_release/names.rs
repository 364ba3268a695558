//! What a release is called, and in which namespaces it and its records are.

use gitops_core::api::HelmRelease;
use gitops_yaml::Str;

/// The longest name of a release.
const LONGEST: usize = 53;

/// A release's name and namespaces.
///
/// ```
/// use gitops_controllers::helm_release::ReleaseNames;
/// use gitops_core::api::HelmRelease;
/// let mut spec = HelmRelease::default();
/// spec.target_namespace = Some("prod".into());
/// let names = ReleaseNames::of("web", "flux-system", &spec);
/// assert_eq!((&*names.name, &*names.namespace, &*names.storage), ("prod-web", "prod", "flux-system"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseNames {
    /// The release's name: the one given, else the target namespace and the object's name; cut to 53 bytes.
    pub name: Str,
    /// The namespace that the release goes into: the target namespace, else the object's.
    pub namespace: Str,
    /// The namespace that the records go into: the object's unless another is given.
    pub storage: Str,
}

impl ReleaseNames {
    /// Names the release of an object.
    #[must_use]
    pub fn of(object: &str, namespace: &str, spec: &HelmRelease) -> Self {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let target = given(&spec.target_namespace);
        let name = match (given(&spec.release_name), &target) {
            (Some(name), _) => name,
            (None, Some(target)) => format!("{target}-{object}"),
            (None, None) => object.to_owned(),
        };
        Self {
            name: short(name).into(),
            namespace: target.as_deref().unwrap_or(namespace).into(),
            storage: given(&spec.storage_namespace).as_deref().unwrap_or(namespace).into(),
        }
    }
}

/// Cuts a name that is too long, and tells it apart by a digest.
fn short(name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let digest = gitops_core::digest::sha256(name.as_bytes());
    let hex = digest.trim_start_matches("sha256:");
    let head: String = name.chars().take(40).collect();
    format!("{head}-{}", hex.get(..12).unwrap_or_default())
}
