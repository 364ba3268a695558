//! A service that answers requests from a script and remembers them.

use gitops_kube::{KubeCluster, Limits};
use http::{Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

/// What is answered to one request: status, headers, body.
pub(crate) type Answer = (u16, Vec<(&'static str, &'static str)>, String);

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// `GET /api/v1/pods?limit=500`
    pub(crate) line: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Server {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Answers of the discovery, while the script has none.
    kinds: Arc<Mutex<String>>,
}

pub(crate) const CORE: &str = r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[{"metadata":{"name":""},"versions":[{"version":"v1","freshness":"Current","resources":[{"resource":"configmaps","responseKind":{"group":"","version":"","kind":"ConfigMap"},"scope":"Namespaced","verbs":["get"]},{"resource":"namespaces","responseKind":{"group":"","version":"","kind":"Namespace"},"scope":"Cluster","verbs":["get"]}]}]}]}"#;

pub(crate) const GROUPS: &str = r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[{"metadata":{"name":"apps"},"versions":[{"version":"v1","freshness":"Current","resources":[{"resource":"deployments","responseKind":{"group":"apps","version":"v1","kind":"Deployment"},"scope":"Namespaced","verbs":["get"],"subresources":[{"subresource":"status","responseKind":{"group":"apps","version":"v1","kind":"Deployment"}}]}]}]},{"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1beta1","freshness":"Stale","resources":[]}]}]}"#;

impl Server {
    pub(crate) fn new() -> Self {
        let server = Self::default();
        server.set_groups(GROUPS);
        server
    }

    pub(crate) fn set_groups(&self, groups: &str) {
        *self.kinds.lock().unwrap() = groups.to_owned();
    }

    pub(crate) fn answer(&self, status: u16, body: impl Into<String>) -> &Self {
        self.answer_with(status, vec![], body)
    }

    pub(crate) fn answer_with(
        &self,
        status: u16,
        headers: Vec<(&'static str, &'static str)>,
        body: impl Into<String>,
    ) -> &Self {
        self.answers.lock().unwrap().push_back((status, headers, body.into()));
        self
    }

    /// The requests but those of the discovery.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let all = self.seen.lock().unwrap();
        all.iter().filter(|seen| !["GET /api", "GET /apis"].contains(&seen.line.as_str())).cloned().collect()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    pub(crate) fn discoveries(&self) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.line == "GET /apis").count()
    }

    pub(crate) fn cluster(&self) -> KubeCluster {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.serve(request).await) }
        });
        KubeCluster::new(kube::Client::new(service, "default")).with_limits(Limits::default())
    }

    async fn serve(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let line = format!("{} {}", head.method, head.uri);
        let fixed = match line.as_str() {
            "GET /api" => Some(CORE.to_owned()),
            "GET /apis" => Some(self.kinds.lock().unwrap().clone()),
            _ => None,
        };
        self.seen.lock().unwrap().push(Seen { line, headers: head.headers, body });
        let (status, headers, body) = match fixed {
            Some(body) => (200, vec![], body),
            None => {
                self.answers.lock().unwrap().pop_front().unwrap_or((500, vec![], "no answer left".into()))
            }
        };
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(Body::from(body.into_bytes())).unwrap()
    }
}
