//! Which cluster an object's work is done in, and as whom.

use gitops_core::api::KubeConfig;

use crate::context::{Context, Failure};
use crate::kind::Key;
use crate::world::{ClusterAccess, World};

impl<W: World> Context<W> {
    /// Reads how the cluster is reached that `spec.kubeConfig` and `spec.serviceAccountName` ask for. `reason` is the condition's
    /// where that fails.
    pub(crate) async fn cluster_access(
        &self,
        key: &Key,
        config: Option<&KubeConfig>,
        account: Option<&str>,
        reason: &'static str,
    ) -> Result<ClusterAccess, Failure> {
        let mut access = ClusterAccess::default();
        if let Some(config) = config {
            let Some(secret) = &config.secret_ref else {
                let message = "spec.kubeConfig.configMapRef is not supported: put a kubeconfig into a Secret";
                return Err(Failure::lasting(reason, message));
            };
            let failed = |message: String| Failure::passing(reason, message);
            let data =
                self.secret(&key.namespace, &secret.name).await.map_err(|error| failed(error.to_string()))?;
            let names: Vec<&str> = match &secret.key {
                Some(name) => vec![name],
                None => vec!["value", "value.yaml"],
            };
            let found = names.iter().find_map(|name| data.get(*name)).ok_or_else(|| {
                let name = &secret.name;
                failed(format!(
                    "KubeConfig secret '{}/{name}' does not contain a '{}' key",
                    key.namespace, names[0]
                ))
            })?;
            let text = String::from_utf8_lossy(found).into_owned();
            access.kubeconfig = Some(gitops_core::ports::Secret::new(text));
        }
        let account = account.map(str::to_owned).or_else(|| self.settings.default_service_account.clone());
        access.service_account = account.map(|account| (key.namespace.to_string(), account));
        Ok(access)
    }
}
