//! Flux's treatment of objects before it applies them: it reads built-in kinds into their types and writes them again.
//!
//! What that changes is done here and said; fields that the types do not know are left out only when the server does not know
//! them either, see [`drop_undeclared`].

use super::set::Warning;
use crate::object::{Gvk, ObjectId};
use crate::schema::Schema;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_yaml::{Node, Place};

/// The groups whose kinds Flux has types for.
const TYPED_GROUPS: [&str; 22] = [
    "",
    "admissionregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Brings an object into the form in which Flux applies it.
pub(super) fn normalize(object: &mut Node, warnings: &mut Vec<Warning>) {
    let gvk = Gvk::of(object);
    let is_core = gvk.group.is_empty() && gvk.version == "v1";
    if is_left_alone(&gvk) {
        return;
    }
    match gvk.kind.as_str() {
        "Service" if is_core => default_protocols(object, &["spec", "ports"]),
        "Secret" if is_core => move_string_data(object),
        "CustomResourceDefinition" => drop_broken_ca(object, warnings),
        _ => {}
    }
    if let Some(path) = pod_spec_path(&gvk) {
        default_container_protocols(object, path);
    }
    if let Some(metadata) = object.get_mut("metadata") {
        metadata.remove("creationTimestamp");
    }
    if gvk.kind != "CustomResourceDefinition" && object.get("status").is_some() {
        let place = object.get("status").map_or(Place::NONE, |status| status.place);
        let is_empty = object.remove("status").is_none_or(|status| {
            status.is_null() || status.entries().is_some_and(<[gitops_yaml::Entry]>::is_empty)
        });
        if !is_empty {
            let message = "field status belongs to the cluster and was left out".to_owned();
            warnings.push(Warning { id: ObjectId::of(object), place, message });
        }
    }
}

/// Flux leaves roles as they are.
fn is_left_alone(gvk: &Gvk) -> bool {
    gvk.group == "rbac.authorization.k8s.io"
        && gvk.version == "v1"
        && matches!(&*gvk.kind, "Role" | "ClusterRole")
}

fn pod_spec_path(gvk: &Gvk) -> Option<&'static [&'static str]> {
    match (&*gvk.group, &*gvk.version, &*gvk.kind) {
        ("", "v1", "Pod") => Some(&["spec"]),
        ("apps", "v1", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "v1", "Job") => Some(&["spec", "template", "spec"]),
        ("batch", "v1", "CronJob") => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        _ => None,
    }
}

fn at_path_mut<'a>(object: &'a mut Node, path: &[&str]) -> Option<&'a mut Node> {
    path.iter().try_fold(object, |node, key| node.get_mut(key))
}

/// Ports are merged by number and protocol, so that one without a protocol is another than the one that is stored.
fn default_protocols(object: &mut Node, path: &[&str]) {
    let ports = at_path_mut(object, path).and_then(Node::items_mut);
    for port in ports.into_iter().flatten().filter(|port| port.is_mapping()) {
        if port.get("protocol").is_none_or(|protocol| protocol.is_null() || protocol.as_str() == Some("")) {
            port.set("protocol", Node::string("TCP").at(port.place));
        }
    }
}

fn default_container_protocols(object: &mut Node, path: &[&str]) {
    let containers =
        at_path_mut(object, path).and_then(|spec| spec.get_mut("containers")).and_then(Node::items_mut);
    for container in containers.into_iter().flatten() {
        default_protocols(container, &["ports"]);
    }
}

/// The server keeps who owns `stringData` for ever, though it stores `data` alone.
fn move_string_data(object: &mut Node) {
    let Some(texts) = object.get("stringData").and_then(Node::entries).map(<[_]>::to_vec) else { return };
    // What is no text is the server's to refuse.
    if texts.iter().any(|entry| !entry.value.is_scalar()) {
        return;
    }
    object.remove("stringData");
    if texts.is_empty() {
        return;
    }
    if object.get("data").is_none_or(|data| !data.is_mapping()) {
        object.set("data", Node::mapping(Vec::new()));
    }
    let Some(data) = object.get_mut("data") else { return };
    for entry in texts {
        let (Some(key), place) = (entry.key.scalar(), entry.value.place) else { continue };
        let text = if entry.value.is_null() { "" } else { entry.value.as_str().unwrap_or_default() };
        data.set(key.clone(), Node::string(STANDARD.encode(text)).at(place));
    }
}

/// A certificate that is none makes the server refuse the whole definition; the one who injects it comes later.
fn drop_broken_ca(object: &mut Node, warnings: &mut Vec<Warning>) {
    let path = ["spec", "conversion", "webhook", "clientConfig"];
    let Some(client) = at_path_mut(object, &path) else { return };
    let Some(bundle) = client.get("caBundle") else { return };
    let place = bundle.place;
    let text = bundle.as_str().unwrap_or_default();
    let is_valid = text.is_empty()
        || STANDARD.decode(text).is_ok_and(|decoded| {
            decoded.is_empty() || String::from_utf8_lossy(&decoded).contains("-----BEGIN CERTIFICATE-----")
        });
    if !is_valid {
        client.remove("caBundle");
        let message =
            "field spec.conversion.webhook.clientConfig.caBundle holds no certificate and was left out";
        warnings.push(Warning { id: ObjectId::of(object), place, message: message.to_owned() });
    }
}

/// What a server says of a field that its types do not have.
const UNDECLARED: &str = ": field not declared in schema";

/// Takes the fields out of an object of a built-in kind that a server has refused as not declared; returns a warning for
/// each, and nothing where the error is another one or the kind is none of those that Flux has types for.
pub(super) fn drop_undeclared(object: &mut Node, refusal: &str) -> Vec<Warning> {
    let gvk = Gvk::of(object);
    if !TYPED_GROUPS.contains(&&*gvk.group) || is_left_alone(&gvk) {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    let schema = Schema::kubernetes();
    for (end, _) in refusal.match_indices(UNDECLARED) {
        let before = refusal.get(..end).unwrap_or_default();
        let path = before.rsplit(char::is_whitespace).next().unwrap_or_default();
        if let Some(place) = remove_at(object, path) {
            let known = path.trim_start_matches('.');
            let near = near_field(&schema, &gvk, path);
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let message = format!("field {known} is not known to the cluster and was left out{near}");
            warnings.push(Warning { id: ObjectId::of(object), place, message });
        }
    }
    warnings
}

/// Finds the field that was meant where a path ends in one that its kind does not have.
fn near_field<'s>(schema: &'s Schema, gvk: &Gvk, path: &str) -> Option<&'s str> {
    let mut node = schema.kind(&gvk.api_version(), &gvk.kind)?;
    let mut rest = path;
    loop {
        if let Some(selector) = rest.strip_prefix('[') {
            rest = selector.get(selector_end(selector)? + 1..)?;
            node = node.element()?;
            continue;
        }
        let name = rest.strip_prefix('.')?;
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (name, after) = name.split_at_checked(end)?;
        if after.is_empty() {
            return gitops_yaml::did_you_mean(name, node.field_names());
        }
        (node, rest) = (node.field(name)?, after);
    }
}

/// Removes the field at a path such as `.spec.ports[port=80,protocol="TCP"].nodeport`; returns where it stood.
fn remove_at(node: &mut Node, path: &str) -> Option<Place> {
    if let Some(rest) = path.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at_checked(end)?;
        if !rest.is_empty() {
            return remove_at(node.get_mut(name)?, rest);
        }
        let entries = node.entries_mut()?;
        let index = entries.iter().position(|entry| entry.key.as_str() == Some(name))?;
        let entry = entries.remove(index);
        return Some(if entry.key.place.is_known() { entry.key.place } else { entry.value.place });
    }
    let rest = path.strip_prefix('[')?;
    let end = selector_end(rest)?;
    let (selector, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
    let items = node.items_mut()?;
    let item = match selector.parse::<usize>() {
        Ok(index) => items.get_mut(index)?,
        Err(_) => items.iter_mut().find(|item| is_selected(item, selector))?,
    };
    remove_at(item, rest)
}

/// Finds the bracket that ends a selector; those in quotes do not.
fn selector_end(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    text.char_indices().find_map(|(index, c)| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '"' if !was_escaped => quoted = !quoted,
            '\\' if !was_escaped => escaped = true,
            ']' if !quoted => return Some(index),
            _ => {}
        }
        None
    })
}

fn is_selected(item: &Node, selector: &str) -> bool {
    selector.split(',').all(|pair| {
        let Some((key, value)) = pair.split_once('=') else { return false };
        item.get(key).and_then(Node::as_str) == Some(value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{Dialect, FileId, Files, ReadOptions, read_document, to_json};

    fn read(text: &str) -> Node {
        read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().unwrap().root
    }

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let mut object = read(text);
        normalize(&mut object, &mut Vec::new());
        assert_eq!(to_json(&object, Dialect::V3).unwrap(), wanted);
    }

    #[test]
    fn ports_get_a_protocol() {
        check(
            "{apiVersion: v1, kind: Service, spec: {ports: [{port: 80}, {port: 53, protocol: UDP}]}}",
            r#"{"apiVersion":"v1","kind":"Service","spec":{"ports":[{"port":80,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]}}"#,
        );
        check(
            "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [{name: a, ports: [{containerPort: 1}]}]}}}}",
            r#"{"apiVersion":"apps/v1","kind":"Deployment","spec":{"template":{"spec":{"containers":[{"name":"a","ports":[{"containerPort":1,"protocol":"TCP"}]}]}}}}"#,
        );
        check(
            "{apiVersion: example.com/v1, kind: Service, spec: {ports: [{port: 80}]}}",
            r#"{"apiVersion":"example.com/v1","kind":"Service","spec":{"ports":[{"port":80}]}}"#,
        );
    }

    #[test]
    fn a_secrets_texts_become_data() {
        check(
            "{apiVersion: v1, kind: Secret, data: {a: eA==}, stringData: {a: hunter2, n: 1}}",
            r#"{"apiVersion":"v1","data":{"a":"aHVudGVyMg==","n":"MQ=="},"kind":"Secret"}"#,
        );
    }

    #[test]
    fn a_status_is_left_out_with_a_warning_but_not_of_definitions() {
        let mut files = Files::default();
        let file = files.add("ks.yaml");
        let text = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nstatus:\n  ready: true\n";
        let mut object = read_document(text.as_bytes(), file, &ReadOptions::v3()).unwrap().unwrap().root;
        let mut warnings = Vec::new();
        normalize(&mut object, &mut warnings);
        assert!(object.get("status").is_none());
        assert_eq!(
            warnings[0].show(&files),
            "ks.yaml:5:3: Widget/w: field status belongs to the cluster and was left out"
        );
        let definition =
            "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, status: {a: 1}}";
        check(
            definition,
            r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","status":{"a":1}}"#,
        );
    }

    #[test]
    fn fields_that_the_server_does_not_declare_are_left_out_with_their_place() {
        let mut files = Files::default();
        let file = files.add("base/ingress.yaml");
        let text = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: echo, namespace: echo}\nspec:\n  ingressClass: nginx\n  rules: []\n";
        let mut object = read_document(text.as_bytes(), file, &ReadOptions::v3()).unwrap().unwrap().root;
        let refusal = "failed to create typed patch object (echo/echo; networking.k8s.io/v1, Kind=Ingress): .spec.ingressClass: field not declared in schema";
        let warnings = drop_undeclared(&mut object, refusal);
        assert_eq!(
            warnings[0].show(&files),
            "base/ingress.yaml:5:3: Ingress/echo/echo: field spec.ingressClass is not known to the cluster and was left out; did you mean ingressClassName?"
        );
        assert!(object.at_path(&["spec", "ingressClass"]).is_none());
        assert!(drop_undeclared(&mut object, "something else").is_empty());
    }

    #[test]
    fn fields_in_lists_are_found_by_key() {
        let mut object = read(
            "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, x: 1}, {name: b, x: 2, y: 3}]}}",
        );
        let refusal = "failed to create typed patch object: errors:\n  .spec.containers[name=\"b\"].x: field not declared in schema\n  .spec.containers[name=\"b\"].y: field not declared in schema";
        let warnings = drop_undeclared(&mut object, refusal);
        assert_eq!(warnings.len(), 2);
        assert_eq!(
            to_json(object.get("spec").unwrap(), Dialect::V3).unwrap(),
            r#"{"containers":[{"name":"a","x":1},{"name":"b"}]}"#
        );
        let mut custom = read("{apiVersion: example.com/v1, kind: Widget, spec: {x: 1}}");
        assert!(drop_undeclared(&mut custom, ".spec.x: field not declared in schema").is_empty());
    }
}
