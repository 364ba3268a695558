//! The same requests to a real kube-apiserver and to the embedded one, answers compared.
//!
//! `fidelity/*.txt` hold one request a line: `METHOD path body`. `APPLY`, `MERGE`, `JSON` and `STRATEGIC` are patches; a
//! line that begins with `==` starts a group with a namespace of its own, which `NS` stands for. `$rv` and `$uid` are
//! those of the last object answered. Times, uids, versions and addresses are masked before answers are compared.
//! Without `KUBECONFIG` there is no real server, and the test says that it is skipped.

use bytes::Bytes;
use gitops_local_cluster::{ApiService, LocalCluster};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tower::ServiceExt;

/// The part of the answers that must be equal, in percent.
const FLOOR: usize = 97;

static REQUESTS: &[&str] = &[
    include_str!("fidelity/objects.txt"),
    include_str!("fidelity/apply.txt"),
    include_str!("fidelity/patch.txt"),
    include_str!("fidelity/custom.txt"),
    include_str!("fidelity/kinds.txt"),
    include_str!("fidelity/lists.txt"),
];

#[derive(Clone, Debug, PartialEq)]
struct Answer {
    status: u16,
    body: Value,
}

/// A real API server behind `kubectl proxy`, which ends with the test.
struct Proxy {
    child: Child,
    address: String,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    fn start() -> Option<Self> {
        std::env::var_os("KUBECONFIG")?;
        let mut child =
            Command::new("kubectl").args(["proxy", "--port=0"]).stdout(Stdio::piped()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        let address = line.trim().rsplit(' ').next()?.to_owned();
        Some(Self { child, address })
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let socket = tokio::net::TcpStream::connect(&self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, body: read(&body) }
    }
}

async fn local(service: &ApiService, request: Request<Full<Bytes>>) -> Answer {
    let response = service.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer { status, body: read(&body) }
}

/// One document, the events of a watch, or text.
fn read(body: &[u8]) -> Value {
    let text = || Value::String(String::from_utf8_lossy(body).into_owned());
    let mut documents: Vec<Value> = match serde_json::Deserializer::from_slice(body).into_iter().collect() {
        Ok(documents) => documents,
        Err(_) => return text(),
    };
    match documents.len() {
        0 => text(),
        1 => documents.remove(0),
        _ => Value::Array(documents),
    }
}

/// What `$rv` and `$uid` stand for on one of the two servers.
#[derive(Default)]
struct Last {
    version: String,
    uid: String,
}

impl Last {
    fn see(&mut self, answer: &Answer) {
        let text = |field: &str| answer.body["metadata"][field].as_str().map(str::to_owned);
        if let (Some(version), Some(uid)) = (text("resourceVersion"), text("uid")) {
            (self.version, self.uid) = (version, uid);
        }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("$rv", &self.version).replace("$uid", &self.uid)
    }
}

fn request(line: &str) -> Request<Full<Bytes>> {
    let mut parts = line.splitn(3, ' ');
    let (word, path, body) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or_default());
    let (method, kind) = match word {
        "APPLY" => (Method::PATCH, "application/apply-patch+yaml"),
        "MERGE" => (Method::PATCH, "application/merge-patch+json"),
        "JSON" => (Method::PATCH, "application/json-patch+json"),
        "STRATEGIC" => (Method::PATCH, "application/strategic-merge-patch+json"),
        "YAML" => (Method::POST, "application/yaml"),
        method => (method.parse().unwrap(), "application/json"),
    };
    let (path, form) = match path.split_once('#') {
        Some((path, "table")) => (path, "application/json;as=Table;v=v1;g=meta.k8s.io"),
        Some((path, "metadata"))
            if !path.contains("watch=") && (path.contains('?') || path.matches('/').count() % 2 == 1) =>
        {
            (path, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")
        }
        Some((path, "metadata")) => (path, "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
        _ => (path, "application/json"),
    };
    let mut request = Request::new(Full::new(Bytes::from(body.to_owned())));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    let headers = request.headers_mut();
    headers.insert("host", "127.0.0.1".parse().unwrap());
    headers.insert("content-type", kind.parse().unwrap());
    headers.insert("accept", form.parse().unwrap());
    headers.insert("user-agent", "suite/1".parse().unwrap());
    request
}

/// Masks what differs between any two servers.
fn mask(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask_text(&text)),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(mask).collect();
            let managed = |item: &Value| item.get("fieldsType").is_some();
            items.retain(|item| item["manager"] != "kube-controller-manager");
            // Go walks through the managers of a conflict in a random order.
            let conflict = |item: &Value| item["reason"] == "FieldManagerConflict";
            if items.iter().all(managed) || items.iter().all(conflict) {
                items.sort_by_key(Value::to_string);
            }
            Value::Array(items)
        }
        Value::Object(fields) => {
            let workload = matches!(
                fields.get("kind").and_then(Value::as_str),
                Some(
                    "Deployment"
                        | "StatefulSet"
                        | "DaemonSet"
                        | "Job"
                        | "CronJob"
                        | "ReplicaSet"
                        | "PodDisruptionBudget"
                )
            );
            let mut out = Map::new();
            for (key, value) in fields {
                let masked = match key.as_str() {
                    "resourceVersion"
                    | "uid"
                    | "clusterIP"
                    | "nodePort"
                    | "continue"
                    | "remainingItemCount"
                    | "healthCheckNodePort"
                    | "batch.kubernetes.io/controller-uid"
                    | "controller-uid"
                        if !matches!(value.as_str(), Some("" | "None")) =>
                    {
                        Value::String(key.clone())
                    }
                    "clusterIPs" if value[0] != "None" => Value::String(key.clone()),
                    // Controllers are at work on the real server.
                    "status" if workload => continue,
                    "deployment.kubernetes.io/revision" => continue,
                    "f:status" if is_real_status(&value) => continue,
                    "annotations" if is_only_revision(&value) => continue,
                    // Prose about columns is nobody's interface.
                    "description" => continue,
                    _ => mask(value),
                };
                let at = key.find("\"uid\":\"").map(|at| at + 7);
                let key = match at {
                    Some(at) if key.len() > at + 36 && is_uid(&key[at..at + 36]) => {
                        format!("{}uid{}", &key[..at], &key[at + 36..])
                    }
                    _ => key,
                };
                out.insert(key, masked);
            }
            out.sort_keys();
            Value::Object(out)
        }
        other => other,
    }
}

/// The annotation that a controller adds to Deployments.
fn is_only_revision(annotations: &Value) -> bool {
    annotations
        .as_object()
        .is_some_and(|map| map.keys().all(|key| key == "deployment.kubernetes.io/revision"))
}

/// Whether the conditions of a status could have been there before, by a controller.
fn is_real_status(status: &Value) -> bool {
    status["f:conditions"].get("k:{\"type\":\"Ours\"}").is_some()
}

fn is_uid(word: &str) -> bool {
    word.len() == 36 && word.chars().filter(|c| *c == '-').count() == 4
}

fn mask_text(text: &str) -> String {
    let is_time = |word: &str| {
        word.len() >= 20 && word.as_bytes().get(4) == Some(&b'-') && word.as_bytes().get(10) == Some(&b'T')
    };
    if is_time(text) {
        return "time".to_owned();
    }
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(['(', '.', ',', ')']);
        if is_uid(bare) {
            word.replace(bare, "uid")
        } else if text.contains("in record") && words_of_version(bare) {
            word.replace(bare, "version")
        } else {
            word.to_owned()
        }
    });
    let mut out = words.collect::<Vec<_>>().join(" ");
    for mark in ["generated-", "suite-"] {
        if let Some(at) = out.find(mark)
            && mark == "generated-"
            && out.len() == at + mark.len() + 5
        {
            out.truncate(at + mark.len());
        }
    }
    out
}

/// Versions in messages: `(843)`.
fn words_of_version(word: &str) -> bool {
    !word.is_empty() && word.len() < 7 && word.chars().all(|c| c.is_ascii_digit())
}

fn shown(value: &Value) -> String {
    value.to_string()
}

/// Returns the first place where two values differ.
fn difference(path: &str, real: &Value, local: &Value) -> Option<String> {
    match (real, local) {
        (Value::Object(a), Value::Object(b)) => {
            let mut found: Vec<String> = Vec::new();
            for (key, a) in a {
                match b.get(key) {
                    Some(b) => found.extend(difference(&format!("{path}.{key}"), a, b)),
                    None => found.push(format!("{path}.{key}: real {}, local lacks it", shown(a))),
                }
            }
            for (key, b) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                found.push(format!("{path}.{key}: real lacks it, local {}", shown(b)));
            }
            (!found.is_empty()).then(|| found.join("\n    "))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let found: Vec<String> = a
                .iter()
                .zip(b)
                .enumerate()
                .filter_map(|(index, (a, b))| difference(&format!("{path}[{index}]"), a, b))
                .collect();
            (!found.is_empty()).then(|| found.join("\n    "))
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path}:\n      real  {}\n      local {}", shown(a), shown(b))),
    }
}

#[tokio::test]
async fn answers_are_those_of_a_real_api_server() {
    let Some(proxy) = Proxy::start() else {
        println!("skipped: KUBECONFIG names no real API server");
        return;
    };
    let service = LocalCluster::new().service();
    let run = std::process::id();
    let (mut total, mut equal, mut groups) = (0, 0, 0);
    let (mut real_last, mut local_last) = (Last::default(), Last::default());
    let mut namespace = String::new();
    for line in REQUESTS.iter().flat_map(|text| text.lines()) {
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix("==") {
            groups += 1;
            namespace = format!("suite-{run}-{groups}");
            let body = format!(
                r#"POST /api/v1/namespaces {{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{namespace}"}}}}"#
            );
            proxy.send(request(&body)).await;
            local(&service, request(&body)).await;
            if name.trim().ends_with("(pods)") {
                wait_for_account(&proxy, &namespace).await;
            }
            continue;
        }
        let line = line.replace("NS", &namespace).replace("RUN", &run.to_string());
        let real = proxy.send(request(&real_last.fill(&line))).await;
        let ours = local(&service, request(&local_last.fill(&line))).await;
        real_last.see(&real);
        local_last.see(&ours);
        if line.contains("customresourcedefinitions") && line.starts_with("POST") {
            // The real server serves a new kind a little later.
            tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        }
        total += 1;
        let (real, ours) =
            (Answer { body: mask(real.body), ..real }, Answer { body: mask(ours.body), ..ours });
        if real == ours {
            equal += 1;
            continue;
        }
        let short: String = line.chars().take(300).collect();
        println!("DIFFERS {short}");
        if real.status != ours.status {
            println!("    status: real {}, local {}", real.status, ours.status);
        }
        if let Some(difference) = difference("", &real.body, &ours.body) {
            println!("    {difference}");
        }
    }
    for group in 1..=groups {
        let line = format!("DELETE /api/v1/namespaces/suite-{run}-{group}");
        proxy.send(request(&line)).await;
    }
    println!("conformance local_cluster: {equal}/{total}");
    assert!(equal * 100 >= total * FLOOR, "{equal} of {total} answers are equal");
}

/// Pods need the service account that a controller makes.
async fn wait_for_account(proxy: &Proxy, namespace: &str) {
    let line = format!("GET /api/v1/namespaces/{namespace}/serviceaccounts/default");
    for _ in 0..100 {
        if proxy.send(request(&line)).await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
