//! The port over a client: every call is one request, made again where that can help.

use crate::answer;
use crate::connection::{Connection, ConnectionError};
use crate::discovery::{Kinds, group_versions};
use crate::impersonation::Impersonation;
use crate::request::{
    self, AGGREGATED, APPLY, Call, JSON, METADATA, METADATA_LIST, Query, collection, delete_body,
};
use crate::session::Session;
use crate::throttle::{Rate, Throttle};
use crate::watch::KubeWatch;
use bytes::Bytes;
use gitops_core::object::Gvk;
use gitops_core::ports::{
    Cluster, ClusterError, ClusterFault, DeleteOptions, ListOptions, ObjectList, ObjectRef, Part, Patch,
    ServedKind, WriteOptions,
};
use gitops_yaml::{Dialect, HtmlEscape, Node, Str, to_json_with};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::client::{AuthError, Body};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What one request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How long an answer may take; a minute by default, since admission may call others. Watches have their own time.
    pub timeout: Duration,
    /// How large an answer may be; 256 MiB by default.
    pub answer_bytes: usize,
    /// How large one event of a watch may be; 32 MiB by default.
    pub event_bytes: usize,
    /// How many objects come in one page of a list; 500 by default.
    pub page: u32,
    /// How often a request is made again; 4 times by default.
    pub retries: u32,
    /// How long at most is waited before a request is made again; a server that asks for more is left to the caller. 30
    /// seconds by default.
    pub most_wait: Duration,
    /// How long a watch is asked to last; five minutes by default.
    pub watch: Duration,
    /// How many requests a second, until an answer says that the server shares its time among its clients itself (API
    /// priority and fairness), which almost every server does; no bound by default.
    pub rate: Option<Rate>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            answer_bytes: 256 << 20,
            event_bytes: 32 << 20,
            page: 500,
            retries: 4,
            most_wait: Duration::from_secs(30),
            watch: Duration::from_secs(300),
            rate: None,
        }
    }
}

/// A Kubernetes API server, reached through a client. Clones share connections and what is known of kinds.
#[derive(Clone)]
pub struct KubeCluster {
    session: Arc<Session>,
    headers: HeaderMap,
    kinds: Arc<Mutex<Option<Arc<Kinds>>>>,
    throttle: Option<Arc<Throttle>>,
    limits: Limits,
}

impl fmt::Debug for KubeCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeCluster").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl KubeCluster {
    /// Makes a client for a connection; no request is made yet.
    ///
    /// # Errors
    /// Where its certificates or logins can't be read.
    pub fn connect(connection: Connection) -> Result<Self, ConnectionError> {
        let Connection { config, impersonation } = connection;
        let session = Session::connect(config).map_err(|error| {
            ConnectionError::new(format!("the cluster can not be reached: {}", why(&error)))
        })?;
        let cluster = Self::over(session);
        Ok(match impersonation {
            Some(impersonation) => cluster.impersonating(&impersonation)?,
            None => cluster,
        })
    }

    /// Speaks through a client that was made elsewhere, such as one over a service in this process.
    #[must_use]
    pub fn new(client: kube::Client) -> Self {
        Self::over(Session::of(client))
    }

    fn over(session: Session) -> Self {
        Self {
            session: Arc::new(session),
            headers: HeaderMap::new(),
            kinds: Arc::default(),
            throttle: None,
            limits: Limits::default(),
        }
    }

    /// Makes requests as somebody else, over the same connections. What is known of kinds is shared.
    ///
    /// # Errors
    /// Where the names can't stand in headers.
    pub fn impersonating(&self, impersonation: &Impersonation) -> Result<Self, ConnectionError> {
        Ok(Self { headers: impersonation.headers()?, ..self.clone() })
    }

    /// Sets what one request may cost, and how many there may be: this handle and its clones from here on share the rate.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.throttle = limits.rate.map(|rate| Arc::new(Throttle::new(rate)));
        self.limits = limits;
        self
    }

    /// Forgets which kinds are served.
    pub fn forget_kinds(&self) {
        *lock(&self.kinds) = None;
    }

    fn request(&self, call: &Call) -> Result<Request<Body>, ClusterError> {
        let mut builder = Request::builder()
            .method(call.method.clone())
            .uri(&call.uri)
            .header(ACCEPT, call.accept)
            .header(USER_AGENT, HeaderValue::from_static("gitops-rs"));
        if !call.body.is_empty() {
            builder = builder.header(CONTENT_TYPE, call.content_type);
        }
        let mut request = builder
            .body(Body::from(call.body.clone()))
            .map_err(|error| ClusterError::new(ClusterFault::Invalid, error.to_string()))?;
        request.headers_mut().extend(self.headers.clone());
        Ok(request)
    }

    /// Makes a request as one client and returns its answer, whatever it is.
    async fn ask(&self, client: &kube::Client, call: &Call) -> Result<Response<Body>, ClusterError> {
        let request = self.request(call)?;
        if let Some(throttle) = &self.throttle {
            throttle.turn().await;
        }
        let response = self.within(client.send(request)).await?.map_err(|error| unreachable(&error))?;
        if let Some(throttle) = &self.throttle
            && response.headers().contains_key(FLOW_CONTROL)
        {
            throttle.lift();
        }
        Ok(response)
    }

    /// Makes a request once and returns the answer's head where the server has agreed. A login that the server does not take
    /// any more is renewed first.
    pub(crate) async fn send(&self, call: &Call) -> Result<Response<Body>, ClusterError> {
        let (number, client) = self.session.client();
        let mut response = self.ask(&client, call).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.session.renew(number).await {
            response = self.ask(&self.session.client().1, call).await?;
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = self.collect(body).await.unwrap_or_default();
        Err(answer::refusal(head.status, &head.headers, &body))
    }

    async fn within<T>(&self, future: impl Future<Output = T>) -> Result<T, ClusterError> {
        tokio::time::timeout(self.limits.timeout, future).await.map_err(|_| {
            let message = format!("no answer within {}s", self.limits.timeout.as_secs());
            ClusterError::new(ClusterFault::Busy, message)
        })
    }

    async fn collect(&self, body: Body) -> Result<Bytes, ClusterError> {
        let most = self.limits.answer_bytes;
        let collected = self.within(Limited::new(body, most).collect()).await?;
        collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
            if error.is::<LengthLimitError>() {
                return ClusterError::new(
                    ClusterFault::Invalid,
                    format!("the answer is larger than {most} bytes"),
                );
            }
            ClusterError::new(ClusterFault::Unreachable, format!("the answer broke off: {error}"))
        })
    }

    /// Makes a request, and makes it again where the server is busy or did not answer, and where that can do no harm.
    async fn call(&self, call: &Call) -> Result<Bytes, ClusterError> {
        let mut tries = 0;
        loop {
            let outcome = match self.send(call).await {
                Ok(response) => self.collect(response.into_body()).await,
                Err(error) => Err(error),
            };
            let error = match outcome {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            let wait = error.retry_after.unwrap_or_else(|| pause(tries));
            if tries >= self.limits.retries || wait > self.limits.most_wait || !can_repeat(call, &error) {
                return Err(error);
            }
            tries += 1;
            tokio::time::sleep(wait).await;
        }
    }

    pub(crate) async fn read(&self, call: &Call) -> Result<Node, ClusterError> {
        answer::read(&self.call(call).await?)
    }

    /// Asks which kinds are served: in two requests, or in one a version of a group where the server is older.
    async fn discover(&self) -> Result<Arc<Kinds>, ClusterError> {
        let mut kinds = Kinds::at(Instant::now());
        for path in ["/api", "/apis"] {
            let list = self.read(&Call::get(path.to_owned(), AGGREGATED)).await?;
            if kinds.add_aggregated(&list) {
                continue;
            }
            let versions = if path == "/api" { vec!["v1".to_owned()] } else { group_versions(&list) };
            for version in versions {
                match self.read(&Call::get(format!("{path}/{version}"), JSON)).await {
                    Ok(list) => kinds.add_resources(&list),
                    // A group may have gone since.
                    Err(error) if error.fault == ClusterFault::UnknownKind => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let kinds = Arc::new(kinds);
        let mut known = lock(&self.kinds);
        // Of two that asked at once, the later one knows more.
        if known.as_ref().is_none_or(|known| known.asked <= kinds.asked) {
            *known = Some(Arc::clone(&kinds));
        }
        Ok(kinds)
    }

    fn known(&self) -> Option<Arc<Kinds>> {
        lock(&self.kinds).clone()
    }

    async fn served(&self, gvk: &Gvk) -> Result<ServedKind, ClusterError> {
        self.kind(gvk).await?.ok_or_else(|| unknown_kind(gvk))
    }

    /// Makes a call on a kind; where the server does not know its path any more, what is known of kinds is forgotten.
    async fn on_kind(&self, kind: &ServedKind, call: &Call) -> Result<Bytes, ClusterError> {
        self.call(call).await.map_err(|error| self.seen(kind, error))
    }

    fn seen(&self, kind: &ServedKind, error: ClusterError) -> ClusterError {
        if error.fault != ClusterFault::UnknownKind {
            return error;
        }
        self.forget_kinds();
        ClusterError { status: error.status, reason: error.reason, ..unknown_kind(&kind.gvk) }
    }

    /// Makes a write and reads the object that comes back.
    async fn written(&self, kind: &ServedKind, call: &Call) -> Result<Node, ClusterError> {
        let mut object = answer::read(&self.on_kind(kind, call).await?)?;
        if object.get("kind").is_none() {
            answer::name_kind(&mut object, &kind.gvk, false);
        }
        Ok(object)
    }

    async fn page(
        &self,
        kind: &ServedKind,
        options: &ListOptions,
        limit: u32,
        next: &str,
    ) -> Result<Node, ClusterError> {
        let mut query = Query::of_list(options);
        if limit > 0 {
            query.add("limit", &limit.to_string());
        }
        if !next.is_empty() {
            query.add("continue", next);
        }
        let uri = query.behind(&collection(kind, options.namespace.as_deref())?);
        let accept = if options.metadata_only { METADATA_LIST } else { JSON };
        answer::read(&self.on_kind(kind, &Call::get(uri, accept)).await?)
    }

    async fn list_in_pages(
        &self,
        kind: &ServedKind,
        options: &ListOptions,
        limit: u32,
    ) -> Result<ObjectList, ClusterError> {
        let mut list = ObjectList::default();
        let mut next = String::new();
        loop {
            let mut page = self.page(kind, options, limit, &next).await?;
            let text = |field| {
                page.at_path(&["metadata", field]).and_then(Node::scalar).cloned().unwrap_or_default()
            };
            let (version, follows): (Str, Str) = (text("resourceVersion"), text("continue"));
            let items =
                page.get_mut("items").and_then(Node::items_mut).map(std::mem::take).unwrap_or_default();
            list.items.extend(items.into_iter().map(|mut object| {
                answer::name_kind(&mut object, &kind.gvk, options.metadata_only);
                object
            }));
            list.resource_version = version;
            if follows.is_empty() {
                return Ok(list);
            }
            if follows.as_str() == next {
                return Err(ClusterError::new(ClusterFault::Busy, "the server's pages go in a circle"));
            }
            next = follows.into();
        }
    }
}

impl Cluster for KubeCluster {
    type Watch = KubeWatch;

    async fn kind(&self, gvk: &Gvk) -> Result<Option<ServedKind>, ClusterError> {
        let asked = Instant::now();
        if let Some(found) = self.known().and_then(|kinds| kinds.find(gvk).cloned()) {
            return Ok(Some(found));
        }
        // Others may have asked meanwhile; what they were told is new enough.
        let kinds = match self.known() {
            Some(kinds) if kinds.asked >= asked => kinds,
            _ => self.discover().await?,
        };
        match kinds.find(gvk) {
            Some(kind) => Ok(Some(kind.clone())),
            None if kinds.is_stale(gvk) => {
                let message = format!("the server of {} does not answer just now", gvk.api_version());
                Err(ClusterError::new(ClusterFault::Busy, message))
            }
            None => Ok(None),
        }
    }

    async fn kinds(&self) -> Result<Vec<ServedKind>, ClusterError> {
        Ok(self.discover().await?.preferred())
    }

    async fn get(&self, target: &ObjectRef) -> Result<Option<Node>, ClusterError> {
        let kind = self.served(&target.gvk).await?;
        let call = Call::get(request::object(&kind, target, Part::Main)?, JSON);
        match self.on_kind(&kind, &call).await {
            Ok(body) => answer::read(&body).map(Some),
            Err(error) if error.fault == ClusterFault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, gvk: &Gvk, options: &ListOptions) -> Result<ObjectList, ClusterError> {
        let kind = self.served(gvk).await?;
        match self.list_in_pages(&kind, options, self.limits.page).await {
            // The pages took longer than the server remembers: all at once, then.
            Err(error) if error.fault == ClusterFault::Expired => self.list_in_pages(&kind, options, 0).await,
            listed => listed,
        }
    }

    async fn watch(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        resource_version: &str,
    ) -> Result<KubeWatch, ClusterError> {
        let kind = self.served(gvk).await?;
        let mut query = Query::of_list(options);
        query.add("watch", "true");
        query.add("allowWatchBookmarks", "true");
        query.add("timeoutSeconds", &self.limits.watch.as_secs().max(1).to_string());
        query.add("resourceVersion", resource_version);
        let uri = query.behind(&collection(&kind, options.namespace.as_deref())?);
        let call = Call::get(uri, if options.metadata_only { METADATA } else { JSON });
        let response = self.send(&call).await.map_err(|error| self.seen(&kind, error))?;
        let idle = self.limits.watch + Duration::from_secs(30);
        Ok(KubeWatch::new(
            response.into_body(),
            gvk.clone(),
            options.metadata_only,
            self.limits.event_bytes,
            idle,
        ))
    }

    async fn create(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = ObjectRef::of(object);
        let kind = self.served(&target.gvk).await?;
        if kind.namespaced && target.namespace.is_empty() {
            let message = "namespace not specified: the server could not find the requested resource";
            return Err(ClusterError::new(ClusterFault::Invalid, message));
        }
        let path = collection(&kind, Some(&target.namespace))?;
        let uri = Query::of_write(options, false).behind(&path);
        self.written(&kind, &Call::write(Method::POST, uri, JSON, body(object)?)).await
    }

    async fn replace(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = ObjectRef::of(object);
        let kind = self.served(&target.gvk).await?;
        let uri = Query::of_write(options, false).behind(&request::object(&kind, &target, options.part)?);
        self.written(&kind, &Call::write(Method::PUT, uri, JSON, body(object)?)).await
    }

    async fn apply(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = ObjectRef::of(object);
        let kind = self.served(&target.gvk).await?;
        let uri = Query::of_write(options, true).behind(&request::object(&kind, &target, options.part)?);
        self.written(&kind, &Call::write(Method::PATCH, uri, APPLY, body(object)?)).await
    }

    async fn patch(
        &self,
        target: &ObjectRef,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Node, ClusterError> {
        let kind = self.served(&target.gvk).await?;
        let uri = Query::of_write(options, false).behind(&request::object(&kind, target, options.part)?);
        let (content_type, patch) = match patch {
            Patch::Merge(patch) => ("application/merge-patch+json", patch),
            Patch::Json(patch) => ("application/json-patch+json", patch),
            Patch::Strategic(patch) => ("application/strategic-merge-patch+json", patch),
        };
        self.written(&kind, &Call::write(Method::PATCH, uri, content_type, body(patch)?)).await
    }

    async fn delete(&self, target: &ObjectRef, options: &DeleteOptions) -> Result<bool, ClusterError> {
        let kind = self.served(&target.gvk).await?;
        let uri = request::object(&kind, target, Part::Main)?;
        let call = Call::write(Method::DELETE, uri, JSON, delete_body(options));
        match self.on_kind(&kind, &call).await {
            Ok(_) => Ok(true),
            Err(error) if error.fault == ClusterFault::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Prints an object as JSON, read as Kubernetes reads YAML.
fn body(object: &Node) -> Result<String, ClusterError> {
    to_json_with(object, Dialect::Yaml11, HtmlEscape::No)
        .map_err(|error| ClusterError::new(ClusterFault::Invalid, error.to_string()))
}

fn unknown_kind(gvk: &Gvk) -> ClusterError {
    let message = format!("no matches for kind \"{}\" in version \"{}\"", gvk.kind, gvk.api_version());
    ClusterError::new(ClusterFault::UnknownKind, message)
}

/// The header of every answer of a server that shares its time among its clients.
const FLOW_CONTROL: &str = "x-kubernetes-pf-flowschema-uid";

fn unreachable(error: &kube::Error) -> ClusterError {
    let fault = match error {
        kube::Error::Auth(_) => ClusterFault::Unauthorized,
        _ => ClusterFault::Unreachable,
    };
    ClusterError::new(fault, why(error))
}

/// Says why a request got no answer, down to the cause, and nothing of what a program for logins has printed.
fn why(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(AuthError::AuthExecRun { cmd, out }) => {
            return format!("the login program {cmd:?} failed: {}", out.status);
        }
        kube::Error::Auth(AuthError::AuthExecParse(_)) => {
            return "the login program's answer can not be read".to_owned();
        }
        _ => {}
    }
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let text = next.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = next.source();
    }
    message
}

/// How long to wait before the next try where the server does not say.
fn pause(tries: u32) -> Duration {
    Duration::from_millis(100) * 2_u32.saturating_pow(tries.min(5))
}

/// Whether a request may be made again: always where the server has not begun with it, else where it does the same twice.
fn can_repeat(call: &Call, error: &ClusterError) -> bool {
    let status = StatusCode::from_u16(error.status).ok();
    match (error.fault, status) {
        (ClusterFault::Busy, Some(StatusCode::TOO_MANY_REQUESTS)) => true,
        (ClusterFault::Busy, Some(StatusCode::SERVICE_UNAVAILABLE)) => {
            call.repeatable || error.retry_after.is_some()
        }
        (ClusterFault::Busy, Some(StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT)) => call.repeatable,
        // A server's own fault: asking costs nothing, writing may be what breaks it.
        (ClusterFault::Busy, Some(_)) => call.method == Method::GET,
        (ClusterFault::Unreachable, _) => call.repeatable,
        _ => false,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
