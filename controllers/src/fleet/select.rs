//! Words for a part of a fleet: an app, or an object.

use std::fmt;
use std::str::FromStr;

use gitops_core::object::ObjectId;

use super::app::{App, AppId, AppKind, RenderedObject};
use super::diff::stem;

/// Which part of a fleet is meant.
///
/// `kustomization/apps` and `ks/flux-system/apps` name an app, `hr/web/echo` another, `Deployment/echo/echo` an object;
/// the namespace may be left out. Kinds are compared without regard to case.
///
/// ```
/// use gitops_controllers::fleet::Selector;
/// let selector: Selector = "hr/web/echo".parse()?;
/// assert_eq!(selector.to_string(), "helmrelease/web/echo");
/// assert!("echo".parse::<Selector>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts[..] {
            [kind, name] => (kind, None, name),
            [kind, namespace, name] => (kind, Some(namespace.to_owned()), name),
            _ => return Err(format!("'{text}' names nothing: write KIND/NAME or KIND/NAMESPACE/NAME")),
        };
        if kind.is_empty() || name.is_empty() {
            return Err(format!("'{text}' names nothing: write KIND/NAME or KIND/NAMESPACE/NAME"));
        }
        let kind = match kind.to_lowercase().as_str() {
            "ks" | "kustomizations" => "kustomization".to_owned(),
            "hr" | "helmreleases" => "helmrelease".to_owned(),
            "deploy" => "deployment".to_owned(),
            "svc" => "service".to_owned(),
            "cm" => "configmap".to_owned(),
            "ing" => "ingress".to_owned(),
            "ns" => "namespace".to_owned(),
            "sa" => "serviceaccount".to_owned(),
            "sts" => "statefulset".to_owned(),
            "ds" => "daemonset".to_owned(),
            "crd" => "customresourcedefinition".to_owned(),
            other => other.to_owned(),
        };
        Ok(Self { kind, namespace, name: name.to_owned() })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

impl Selector {
    /// Returns whether the selector can only mean an app.
    #[must_use]
    pub fn names_app(&self) -> bool {
        matches!(self.kind.as_str(), "kustomization" | "helmrelease")
    }

    /// Returns whether an app is meant.
    #[must_use]
    pub fn selects_app(&self, id: &AppId) -> bool {
        let kind = match id.kind {
            AppKind::Kustomization => "kustomization",
            AppKind::HelmRelease => "helmrelease",
        };
        self.kind == kind && self.fits(&id.namespace, &id.name)
    }

    /// Returns whether an object is meant. A ConfigMap or Secret that a generator makes may be called without the hash that
    /// ends its name.
    #[must_use]
    pub fn selects(&self, object: &ObjectId) -> bool {
        let is_generated = matches!(self.kind.as_str(), "configmap" | "secret");
        let stem = || stem(&object.name).filter(|_| is_generated);
        object.kind.eq_ignore_ascii_case(&self.kind)
            && (self.fits(&object.namespace, &object.name)
                || stem().is_some_and(|stem| self.fits(&object.namespace, stem)))
    }

    fn fits(&self, namespace: &str, name: &str) -> bool {
        self.name == name && self.namespace.as_deref().is_none_or(|wanted| wanted == namespace)
    }

    /// Lists the objects that are meant: all of an app, or single ones.
    #[must_use]
    pub fn choose<'f>(&self, apps: &'f [App]) -> Vec<(&'f App, &'f RenderedObject)> {
        let mut found = Vec::new();
        for app in apps {
            let is_whole = self.selects_app(&app.id);
            let objects = app.objects.iter().filter(|object| is_whole || self.selects(&object.id));
            found.extend(objects.map(|object| (app, object)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_need_no_hash() {
        let selects = |selector: &str, kind: &str, name: &str| {
            let id =
                ObjectId { group: "".into(), kind: kind.into(), namespace: "a".into(), name: name.into() };
            selector.parse::<Selector>().unwrap().selects(&id)
        };
        assert!(selects("cm/env", "ConfigMap", "env-466kfm2kb9"));
        assert!(selects("secret/a/env", "Secret", "env-466kfm2kb9"));
        assert!(!selects("deploy/env", "Deployment", "env-466kfm2kb9"));
        assert!(!selects("cm/b/env", "ConfigMap", "env-466kfm2kb9"));
        assert!(!selects("cm/env", "ConfigMap", "env-466"));
    }
}
