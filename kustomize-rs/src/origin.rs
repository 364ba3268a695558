//! Where a resource comes from and what changed it, for `buildMetadata`.

use gitops_yaml::Str;

use crate::remote::{Remote, without_credentials};

/// The annotation that names where a resource comes from.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that lists what changed a resource.
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// A file, or a generator or transformer and the file that configures it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The file, seen from the directory that is built, or from the root of its repository.
    pub(crate) path: Str,
    /// The repository, where it is remote.
    pub(crate) repo: Str,
    /// The branch, tag or commit of the repository.
    pub(crate) reference: Str,
    /// The file that configures the generator or transformer.
    pub(crate) configured_in: Str,
    /// `apiVersion` of the generator or transformer.
    pub(crate) api_version: Str,
    /// Its kind.
    pub(crate) kind: Str,
    /// Its name.
    pub(crate) name: Str,
    /// Its namespace.
    pub(crate) namespace: Str,
}

impl Origin {
    /// Returns the origin of what this one includes.
    pub(crate) fn append(&self, path: &str) -> Self {
        let mut origin = self.clone();
        if let Some(remote) = Remote::parse(path).filter(|remote| remote.repository.is_some()) {
            origin.repo = without_credentials(&remote.repository.unwrap_or_default()).as_ref().into();
            origin.reference = remote.reference.into();
            origin.path = clean_relative(&remote.directory).into();
        } else {
            origin.path = clean_relative(&format!("{}/{path}", origin.path)).into();
        }
        origin
    }

    /// Returns the origin of what a generator or transformer of the kustomization makes.
    pub(crate) fn builtin(&self, file: &str, kind: &'static str) -> Self {
        Self {
            repo: self.repo.clone(),
            reference: self.reference.clone(),
            configured_in: clean_relative(&format!("{}/{file}", self.path)).into(),
            api_version: Str::literal("builtin"),
            kind: Str::literal(kind),
            ..Self::default()
        }
    }

    /// Prints it as YAML, every line but the first behind `indent`.
    pub(crate) fn to_yaml(&self, indent: &str) -> String {
        let mut lines = Vec::new();
        let mut add = |key: &str, value: &Str| {
            if !value.is_empty() {
                lines.push(format!("{key}: {}", scalar(value)));
            }
        };
        add("path", &self.path);
        add("repo", &self.repo);
        add("ref", &self.reference);
        add("configuredIn", &self.configured_in);
        let by = [
            ("apiVersion", &self.api_version),
            ("kind", &self.kind),
            ("name", &self.name),
            ("namespace", &self.namespace),
        ];
        if by.iter().any(|(_, value)| !value.is_empty()) {
            lines.push("configuredBy:".to_owned());
            let fields = by.iter().filter(|(_, value)| !value.is_empty());
            lines.extend(fields.map(|(key, value)| format!("  {key}: {}", scalar(value))));
        }
        let text = lines.join(&format!("\n{indent}"));
        if text.is_empty() { "{}\n".to_owned() } else { text + "\n" }
    }
}

/// Writes text as a scalar: plain, or quoted where it would not be read back as it is.
fn scalar(text: &Str) -> String {
    let mut node = gitops_yaml::Node::mapping(Vec::new());
    node.set("a", gitops_yaml::Node::string(text.clone()));
    let printed = gitops_yaml::print_sigs(&node, gitops_yaml::Dialect::V3).unwrap_or_default();
    printed.trim_start_matches("a: ").trim_end().to_owned()
}

/// Cleans a relative path by text alone, keeping leading `..`; empty for the directory itself.
fn clean_relative(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_directory_that_is_built() {
        let origin = Origin::default().append("../base").append("service.yaml");
        assert_eq!(origin.to_yaml(""), "path: ../base/service.yaml\n");
        let remote = origin.append("github.com/org/repo//deploy?ref=v1").append("a.yaml");
        assert_eq!(remote.to_yaml(""), "path: deploy/a.yaml\nrepo: https://github.com/org/repo\nref: v1\n");
    }

    #[test]
    fn plugins_are_named_below() {
        let origin = Origin::default().append("../base").builtin("kustomization.yaml", "ConfigMapGenerator");
        let wanted = "configuredIn: ../base/kustomization.yaml\n  configuredBy:\n    apiVersion: builtin\n    \
                      kind: ConfigMapGenerator\n";
        assert_eq!(origin.to_yaml("  "), wanted);
    }
}
