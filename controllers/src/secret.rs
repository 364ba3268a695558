//! Secrets and ConfigMaps as what they hold.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_core::ports::{ClusterFault, PortError, Secret};
use gitops_yaml::Node;

use crate::context::Context;
use crate::world::{HttpAccess, World};

/// Returns a Secret's data, decoded; `stringData` wins where it stands.
///
/// # Errors
/// Where a value is not base64: the key is named, the value is not.
pub fn secret_data(secret: &Node) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut data = BTreeMap::new();
    for entry in secret.get("data").and_then(Node::entries).unwrap_or_default() {
        let key = entry.key.as_str().unwrap_or_default();
        let text: String =
            entry.value.as_str().unwrap_or_default().chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| format!("the value of '{key}' is not base64: write clear text under stringData"))?;
        data.insert(key.to_owned(), bytes);
    }
    for entry in secret.get("stringData").and_then(Node::entries).unwrap_or_default() {
        let text = entry.value.as_str().unwrap_or_default();
        data.insert(entry.key.as_str().unwrap_or_default().to_owned(), text.as_bytes().to_vec());
    }
    Ok(data)
}

impl<W: World> Context<W> {
    /// Reads a Secret's data from the cluster.
    ///
    /// # Errors
    /// In Flux's words: `failed to get secret 'ns/name': secrets "name" not found`; to be retried, since it may come.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<BTreeMap<String, Vec<u8>>, PortError> {
        let failed =
            |why: &dyn std::fmt::Display| format!("failed to get secret '{namespace}/{name}': {why}");
        let secret = self.read("Secret", namespace, name).await.map_err(|error| match error.fault {
            ClusterFault::Forbidden => PortError::stalled(failed(&error)),
            _ => PortError::retry(failed(&error)),
        })?;
        secret_data(&secret).map_err(|why| PortError::stalled(failed(&why)))
    }

    /// Reads how a registry or chart repository is reached from up to three Secrets: credentials, certificates, proxy.
    ///
    /// # Errors
    /// As [`Context::secret`], and where what belongs together is not.
    pub async fn http_access(
        &self,
        namespace: &str,
        credentials: Option<&str>,
        certificates: Option<&str>,
        proxy: Option<&str>,
    ) -> Result<HttpAccess, PortError> {
        let mut access = HttpAccess::default();
        if let Some(name) = credentials {
            access.read_credentials(&self.secret(namespace, name).await?)?;
        }
        if let Some(name) = certificates {
            access.read_certificates(&self.secret(namespace, name).await?)?;
        }
        if let Some(name) = proxy {
            access.proxy = Some(proxy_url(&self.secret(namespace, name).await?)?);
        }
        Ok(access)
    }
}

impl<W: World> Context<W> {
    /// Adds the pull secrets of a service account to what is known of a registry's logins; what is known wins.
    ///
    /// # Errors
    /// As [`Context::secret`], and where there is no such account.
    pub(crate) async fn add_pull_secrets(
        &self,
        namespace: &str,
        account: &str,
        access: &mut HttpAccess,
    ) -> Result<(), PortError> {
        let found = self.read("ServiceAccount", namespace, account).await.map_err(|error| {
            PortError::retry(format!("failed to get service account '{namespace}/{account}': {error}"))
        })?;
        let names = found.get("imagePullSecrets").and_then(Node::items).unwrap_or_default();
        let mut configs: Vec<Secret> = access.docker_config.take().into_iter().collect();
        for name in names.iter().filter_map(|one| one.get("name")?.as_str()) {
            let mut one = HttpAccess::default();
            one.read_credentials(&self.secret(namespace, name).await?)?;
            configs.extend(one.docker_config);
        }
        access.docker_config = merged_docker_configs(&configs)?;
        Ok(())
    }
}

/// Merges docker configurations; the first that knows a registry wins.
fn merged_docker_configs(configs: &[Secret]) -> Result<Option<Secret>, PortError> {
    let mut merged = serde_json::Map::new();
    for config in configs {
        let refused = || PortError::stalled("docker's configuration in a pull secret is no JSON object");
        let read: serde_json::Value = serde_json::from_str(config.reveal()).map_err(|_| refused())?;
        let read = read.as_object().ok_or_else(refused)?;
        // The old form has the registries at its top.
        let auths = match read.get("auths") {
            Some(auths) => auths.as_object().ok_or_else(refused)?,
            None => read,
        };
        for (registry, login) in auths {
            merged.entry(registry.clone()).or_insert_with(|| login.clone());
        }
    }
    let merged = (!merged.is_empty()).then(|| serde_json::json!({ "auths": merged }).to_string());
    Ok(merged.map(Secret::new))
}

impl HttpAccess {
    /// Reads credentials of a Secret: `username` and `password`, or docker's configuration; certificates too, where they
    /// stand beside them as Flux once allowed.
    ///
    /// # Errors
    /// Where one of a name and a password is missing.
    pub fn read_credentials(&mut self, data: &BTreeMap<String, Vec<u8>>) -> Result<(), PortError> {
        if let Some(config) = data.get(".dockerconfigjson").or_else(|| data.get(".dockercfg")) {
            self.docker_config = Some(Secret::new(String::from_utf8_lossy(config)));
        }
        match (text(data, "username"), text(data, "password")) {
            (Some(username), Some(password)) => {
                self.username = Some(username);
                self.password = Some(Secret::new(password));
            }
            (None, None) => {}
            _ => return Err(PortError::stalled("'username' and 'password' must both be set, or neither")),
        }
        self.read_certificates(data)
    }

    /// Reads certificates of a Secret: `ca.crt`, `tls.crt`, `tls.key`, or their old names `caFile`, `certFile`, `keyFile`.
    ///
    /// # Errors
    /// Where one of a certificate and its key is missing.
    pub fn read_certificates(&mut self, data: &BTreeMap<String, Vec<u8>>) -> Result<(), PortError> {
        if let Some(ca) = text(data, "ca.crt").or_else(|| text(data, "caFile")) {
            self.ca = Some(ca);
        }
        let certificate = text(data, "tls.crt").or_else(|| text(data, "certFile"));
        let key = text(data, "tls.key").or_else(|| text(data, "keyFile"));
        match (certificate, key) {
            (Some(certificate), Some(key)) => {
                self.client_certificate = Some(certificate);
                self.client_key = Some(Secret::new(key));
            }
            (None, None) => {}
            _ => return Err(PortError::stalled("'tls.crt' and 'tls.key' must both be set, or neither")),
        }
        Ok(())
    }
}

fn text(data: &BTreeMap<String, Vec<u8>>, key: &str) -> Option<String> {
    data.get(key).map(|bytes| String::from_utf8_lossy(bytes).trim_end_matches(['\r', '\n']).to_owned())
}

fn proxy_url(data: &BTreeMap<String, Vec<u8>>) -> Result<Secret, PortError> {
    let address =
        text(data, "address").ok_or_else(|| PortError::stalled("the proxy's secret has no key 'address'"))?;
    let Some(username) = text(data, "username") else { return Ok(Secret::new(address)) };
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", &address));
    let password = text(data, "password").unwrap_or_default();
    Ok(Secret::new(format!("{scheme}://{}:{}@{rest}", percent(&username), percent(&password))))
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node;

    #[test]
    fn values_are_never_shown() {
        let error = secret_data(&node("data: {password: '%%hunter2'}")).unwrap_err();
        assert!(error.contains("'password'") && !error.contains("hunter2"), "{error}");
        let data = secret_data(&node("data: {a: YQ==}\nstringData: {b: c}")).unwrap();
        assert_eq!((data["a"].as_slice(), data["b"].as_slice()), (&b"a"[..], &b"c"[..]));
    }

    #[test]
    fn pull_secrets_add_up() {
        let configs = [
            Secret::new(r#"{"auths": {"a.io": {"auth": "1"}}}"#),
            Secret::new(r#"{"a.io": {"auth": "2"}, "b.io": {"auth": "3"}}"#),
        ];
        let merged = merged_docker_configs(&configs).unwrap().unwrap();
        assert_eq!(merged.reveal(), r#"{"auths":{"a.io":{"auth":"1"},"b.io":{"auth":"3"}}}"#);
        assert_eq!(merged_docker_configs(&[]).unwrap(), None);
        let error = merged_docker_configs(&[Secret::new("hunter2")]).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn halves_of_pairs_are_refused() {
        let data = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec())).collect::<BTreeMap<_, _>>()
        };
        let mut access = HttpAccess::default();
        assert!(access.read_credentials(&data(&[("username", "u")])).is_err());
        assert!(access.read_certificates(&data(&[("tls.key", "k")])).is_err());
        let proxy = proxy_url(&data(&[("address", "http://p:1"), ("username", "a@b"), ("password", "c")]));
        assert_eq!(proxy.unwrap().reveal(), "http://a%40b:c@p:1");
    }
}
