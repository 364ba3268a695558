//! The example fleet, within the program, so that it runs on any machine and without a network.

use crate::Failure;
use crate::scratch::ScratchFolder;
use std::path::Path;

macro_rules! file {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../../examples/", $path)))
    };
}

/// Paths as below `examples/`, and contents.
const FILES: &[(&str, &str)] = &[
    file!("charts/ingress-nginx/Chart.yaml"),
    file!("charts/ingress-nginx/templates/controller.yaml"),
    file!("charts/ingress-nginx/values.yaml"),
    file!("fleet/k8s/apps/base/echo/deployment.yaml"),
    file!("fleet/k8s/apps/base/echo/ingress.yaml"),
    file!("fleet/k8s/apps/base/echo/kustomization.yaml"),
    file!("fleet/k8s/apps/base/echo/namespace.yaml"),
    file!("fleet/k8s/apps/base/echo/service.yaml"),
    file!("fleet/k8s/apps/demo/echo/ingress.yaml"),
    file!("fleet/k8s/apps/demo/echo/kustomization.yaml"),
    file!("fleet/k8s/apps/demo/echo/replicas.yaml"),
    file!("fleet/k8s/clusters/demo/apps/echo.yaml"),
    file!("fleet/k8s/clusters/demo/config/apps.yaml"),
    file!("fleet/k8s/clusters/demo/config/core.yaml"),
    file!("fleet/k8s/clusters/demo/config/infrastructure.yaml"),
    file!("fleet/k8s/clusters/demo/configuration.yaml"),
    file!("fleet/k8s/clusters/demo/core/ingress-nginx.yaml"),
    file!("fleet/k8s/core/base/ingress-nginx/kustomization.yaml"),
    file!("fleet/k8s/core/base/ingress-nginx/namespace.yaml"),
    file!("fleet/k8s/core/base/ingress-nginx/release.yaml"),
    file!("fleet/k8s/core/demo/ingress-nginx/kustomization.yaml"),
    file!("fleet/k8s/core/demo/ingress-nginx/release.yaml"),
    file!("fleet/k8s/infrastructure/git-repositories/fleet.yaml"),
    file!("fleet/k8s/infrastructure/helm-repositories/ingress-nginx.yaml"),
    file!("fleet/k8s/infrastructure/image-automation/echo.yaml"),
    file!("fleet/k8s/infrastructure/image-automation/fleet.yaml"),
    file!("fleet/k8s/infrastructure/notifications/kustomizations.yaml"),
    file!("fleet/k8s/infrastructure/notifications/slack.yaml"),
];

/// What stands for the servers that the fleet names.
pub(super) const REPLACE: [(&str, &str); 2] = [
    ("https://git.example.org/platform/fleet", "fleet"),
    ("https://charts.example.org/ingress-nginx", "charts"),
];

/// The image that the fleet follows, and its tags: the last is newer than what the files say.
pub(super) const TAGS: &str = "registry.example.org/echo=1.1.0,1.2.0";

/// The Secret that is in no repository: where alerts are sent.
pub(super) fn web_hook(address: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "slack-webhook", "namespace": "flux-system"},
        "stringData": {"address": address},
    })
}

/// Writes the fleet and its chart into a folder of their own.
pub(super) fn lay_out() -> Result<ScratchFolder, Failure> {
    let folder = ScratchFolder::new("example")?;
    for (path, content) in FILES {
        gitops_fs::write_below(folder.path(), Path::new(path), content.as_bytes())?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn no_file_of_the_example_is_missing() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let mut found = Vec::new();
        collect(&examples.join("fleet/k8s"), &mut found);
        collect(&examples.join("charts/ingress-nginx"), &mut found);
        let mut found: Vec<_> = found.iter().map(|path| path.strip_prefix(&examples).unwrap()).collect();
        found.sort();
        assert_eq!(found, FILES.iter().map(|(path, _)| Path::new(path)).collect::<Vec<_>>());
    }
}
