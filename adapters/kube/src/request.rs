//! Requests: their paths and parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_core::ports::{
    ClusterError, ClusterFault, DeleteOptions, FieldConflicts, ListOptions, ObjectRef, Part, Propagation,
    ServedKind, WriteMode, WriteOptions,
};
use http::Method;

/// A request before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) uri: String,
    pub(crate) accept: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    /// Whether the request does the same when it is made twice.
    pub(crate) repeatable: bool,
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
pub(crate) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
pub(crate) const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
pub(crate) const APPLY: &str = "application/apply-patch+yaml";

impl Call {
    pub(crate) fn get(uri: String, accept: &'static str) -> Self {
        Self { method: Method::GET, uri, accept, content_type: JSON, body: Vec::new(), repeatable: true }
    }

    pub(crate) fn write(method: Method, uri: String, content_type: &'static str, body: String) -> Self {
        // A patch that is applied, a replacement and a deletion do the same when they are made twice.
        let repeatable = method == Method::DELETE || method == Method::PUT || content_type == APPLY;
        Self { method, uri, accept: JSON, content_type, body: body.into_bytes(), repeatable }
    }
}

/// Builds a query.
#[derive(Debug, Default)]
pub(crate) struct Query(String);

impl Query {
    pub(crate) fn add(&mut self, key: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '?' } else { '&' });
        self.0.push_str(key);
        self.0.push('=');
        encode_into(value, &mut self.0);
    }

    pub(crate) fn of_write(options: &WriteOptions, is_apply: bool) -> Self {
        let mut query = Self::default();
        if !options.manager.is_empty() {
            query.add("fieldManager", &options.manager);
        }
        if is_apply {
            query.add("force", if options.conflicts == FieldConflicts::TakenOver { "true" } else { "false" });
        }
        if options.mode == WriteMode::DryRun {
            query.add("dryRun", "All");
        }
        query
    }

    pub(crate) fn of_list(options: &ListOptions) -> Self {
        let mut query = Self::default();
        if !options.labels.is_empty() {
            query.add("labelSelector", &options.labels);
        }
        if !options.fields.is_empty() {
            query.add("fieldSelector", &options.fields);
        }
        query
    }

    pub(crate) fn behind(self, path: &str) -> String {
        format!("{path}{}", self.0)
    }
}

/// The path of a kind's objects, of one namespace or of all.
pub(crate) fn collection(kind: &ServedKind, namespace: Option<&str>) -> Result<String, ClusterError> {
    let gvk = &kind.gvk;
    let mut path = if gvk.group.is_empty() { "/api".to_owned() } else { "/apis".to_owned() };
    if !gvk.group.is_empty() {
        push_segment(&mut path, &gvk.group)?;
    }
    push_segment(&mut path, &gvk.version)?;
    if let (true, Some(namespace)) = (kind.namespaced, namespace) {
        path.push_str("/namespaces");
        push_segment(&mut path, namespace)?;
    }
    push_segment(&mut path, &kind.plural)?;
    Ok(path)
}

/// The path of one object, or of its status.
pub(crate) fn object(kind: &ServedKind, target: &ObjectRef, part: Part) -> Result<String, ClusterError> {
    if kind.namespaced && target.namespace.is_empty() {
        let message = "namespace not specified: the server could not find the requested resource";
        return Err(ClusterError::new(ClusterFault::Invalid, message));
    }
    let mut path = collection(kind, Some(&target.namespace))?;
    push_segment(&mut path, &target.name)?;
    if part == Part::Status {
        path.push_str("/status");
    }
    Ok(path)
}

/// Adds a part of a path; one that would lead elsewhere is refused, as every client of Kubernetes does.
pub(crate) fn push_segment(path: &mut String, segment: &str) -> Result<(), ClusterError> {
    if matches!(segment, "" | "." | "..") || segment.contains(['/', '%']) {
        let message =
            format!("invalid name {segment:?}: may not be empty, '.' or '..', or contain '/' or '%'");
        return Err(ClusterError::new(ClusterFault::Invalid, message));
    }
    path.push('/');
    encode_into(segment, path);
    Ok(())
}

fn encode_into(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&format!("{byte:02X}"));
        }
    }
}

/// The body of a deletion.
pub(crate) fn delete_body(options: &DeleteOptions) -> String {
    let propagation = match options.propagation {
        Propagation::Background => "Background",
        Propagation::Foreground => "Foreground",
        Propagation::Orphan => "Orphan",
    };
    let mut body = serde_json::json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": propagation,
    });
    if let Some(uid) = &options.uid {
        body["preconditions"] = serde_json::json!({ "uid": uid.as_str() });
    }
    if options.mode == WriteMode::DryRun {
        body["dryRun"] = serde_json::json!(["All"]);
    }
    body.to_string()
}

/// Reads base64 of a text.
pub(crate) fn decode_base64(encoded: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::object::Gvk;

    fn kind(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> ServedKind {
        ServedKind { gvk: Gvk::new(api_version, kind), plural: plural.into(), namespaced }
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let target = |namespace: &str, name: &str| ObjectRef {
            namespace: namespace.into(),
            name: name.into(),
            ..ObjectRef::default()
        };
        let deployments = kind("apps/v1", "Deployment", "deployments", true);
        assert_eq!(
            object(&deployments, &target("n", "d"), Part::Status).unwrap(),
            "/apis/apps/v1/namespaces/n/deployments/d/status"
        );
        assert_eq!(collection(&deployments, None).unwrap(), "/apis/apps/v1/deployments");
        let nodes = kind("v1", "Node", "nodes", false);
        assert_eq!(object(&nodes, &target("", "a b"), Part::Main).unwrap(), "/api/v1/nodes/a%20b");
        let roles = kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false);
        assert_eq!(
            object(&roles, &target("ignored", "system:a"), Part::Main).unwrap(),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a"
        );
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let maps = kind("v1", "ConfigMap", "configmaps", true);
        for (namespace, name) in
            [("n", ".."), ("n", "../secrets/x"), ("..", "a"), ("n", "a%2fb"), ("n", ""), ("", "a")]
        {
            let target = ObjectRef { namespace: namespace.into(), name: name.into(), ..ObjectRef::default() };
            let error = object(&maps, &target, Part::Main).unwrap_err();
            assert_eq!(error.fault, ClusterFault::Invalid, "{namespace}/{name}");
        }
    }

    #[test]
    fn queries_are_escaped() {
        let mut query = Query::default();
        query.add("labelSelector", "a=b,c in (d)&x");
        assert_eq!(query.behind("/p"), "/p?labelSelector=a%3Db%2Cc%20in%20%28d%29%26x");
    }
}
