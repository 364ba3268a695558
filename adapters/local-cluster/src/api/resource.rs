//! Requests about objects.

use super::request::{APPLY, Call, Form};
use super::{list, respond, scale, table, watch};
use crate::cluster::LocalCluster;
use crate::failure::{Failure, Wrong};
use crate::store::{
    Deleted, Deleting, Listed, Object, Patching, Query, Store, Subresource, Target, UnknownFields, Write,
    Written,
};
use crate::value::Value;
use gitops_core::ports::Propagation;
use gitops_yaml::Str;
use http::{Method, Response};
use respond::ApiBody;

/// Answers a request below a group and version.
pub(super) fn answer(
    cluster: &LocalCluster,
    call: &Call,
    group: &str,
    version: &str,
    rest: &[&str],
) -> Result<Response<ApiBody>, Failure> {
    if group == "authorization.k8s.io" && call.method == Method::POST {
        return allowed(call);
    }
    let target = target(cluster, group, version, rest)?;
    if target.part == Subresource::Scale {
        return scale::answer(cluster, call, &target);
    }
    match (&call.method, target.name.is_empty()) {
        (&Method::GET, true) if call.flag("watch") => watch::answer(cluster, call, &target),
        (&Method::GET, true) => list(cluster, call, &target),
        (&Method::GET, false) => get(cluster, call, &target),
        (&Method::POST, true) => create(cluster, call, &target),
        (&Method::PUT, false) => replace(cluster, call, &target),
        (&Method::PATCH, false) => patch(cluster, call, &target),
        (&Method::DELETE, false) => delete(cluster, call, &target),
        (&Method::DELETE, true) => delete_all(cluster, call, &target),
        _ => Err(not_allowed()),
    }
}

pub(super) fn not_allowed() -> Failure {
    let mut failure = Failure::new(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    );
    failure.details = Some(crate::failure::Details::default());
    failure
}

/// There are no users here: everybody may do everything.
fn allowed(call: &Call) -> Result<Response<ApiBody>, Failure> {
    let mut review = call.value()?;
    if !matches!(review, Value::Map(_)) {
        return Err(Failure::bad_request("the review is no object"));
    }
    let every = |fields: &[&str]| {
        let all = fields.iter().map(|field| (*field, Value::List(vec!["*".into()])));
        Value::List(vec![Value::Map(all.map(|(field, all)| (field.into(), all)).collect())])
    };
    let status = if review.text_at(&["kind"]) == "SelfSubjectRulesReview" {
        Value::from([
            ("incomplete", false.into()),
            ("nonResourceRules", every(&["nonResourceURLs", "verbs"])),
            ("resourceRules", every(&["apiGroups", "resources", "verbs"])),
        ])
    } else {
        Value::from([("allowed", true.into())])
    };
    review.set("status", status);
    Ok(respond::json(201, &review))
}

fn target(cluster: &LocalCluster, group: &str, version: &str, rest: &[&str]) -> Result<Target, Failure> {
    let (namespace, rest) = match rest {
        ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        _ => ("", rest),
    };
    let (plural, name, part) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, part] => (*plural, *name, *part),
        _ => return Err(respond::nowhere()),
    };
    let state = cluster.state();
    // Groups of custom kinds are served by a part of the API server that has no words for what it does not serve.
    let nothing = || {
        if state.store.kinds().iter().any(|kind| kind.group == group && kind.is_built_in()) {
            respond::nowhere()
        } else {
            Failure::new(404, respond::PAGE, "")
        }
    };
    if !state.store.kinds().iter().any(|kind| kind.group == group && kind.version(version).is_some()) {
        return Err(nothing());
    }
    let resource = state.store.kinds().by_path(group, plural).cloned().ok_or_else(nothing)?;
    let index = resource.version(version).ok_or_else(respond::nowhere)?;
    let served = &resource.versions[index];
    let part = match part {
        "" => Subresource::Main,
        "status" if served.status => Subresource::Status,
        "finalize" if plural == "namespaces" => Subresource::Main,
        "scale" if served.scale.is_some() => Subresource::Scale,
        _ => return Err(respond::nowhere()),
    };
    if resource.namespaced && namespace.is_empty() && !name.is_empty()
        || !resource.namespaced && !namespace.is_empty()
    {
        return Err(respond::nowhere());
    }
    Ok(Target { resource, version: index, namespace: namespace.into(), name: name.into(), part })
}

fn write(call: &Call) -> Write {
    Write {
        manager: call.manager(),
        force: call.flag("force"),
        dry_run: call.dry_run(),
        unknown: call.unknown_fields(),
    }
}

/// An object in the form that the client wants.
pub(super) fn shown(object: &Object, target: &Target, form: Form) -> Value {
    let version = target.resource.api_version(target.version);
    match form {
        Form::Whole => object.whole_as(&version),
        Form::Metadata => partial(object),
        Form::Table => table::of(target, std::slice::from_ref(&object), true),
    }
}

pub(super) fn partial(object: &Object) -> Value {
    let mut out = object.metadata_only();
    out.set("apiVersion", "meta.k8s.io/v1".into());
    out.set("kind", "PartialObjectMetadata".into());
    out
}

#[allow(clippy::needless_pass_by_value, reason = "the write is over")]
fn written(call: &Call, target: &Target, written: Written) -> Response<ApiBody> {
    let status = if written.created { 201 } else { 200 };
    let body = shown(&written.object, target, call.form());
    respond::warned(respond::json(status, &body), &written.warnings)
}

fn get(cluster: &LocalCluster, call: &Call, target: &Target) -> Result<Response<ApiBody>, Failure> {
    let object = cluster.state().store.get(target)?.clone();
    Ok(respond::json(200, &shown(&object, target, call.form())))
}

pub(super) fn query(call: &Call) -> Result<Query, Failure> {
    let limit = match call.option("limit") {
        "" => 0,
        text => text.parse().map_err(|_| {
            Failure::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
        })?,
    };
    let after = match call.option("continue") {
        "" => None,
        token => Some(continued(token)?),
    };
    Ok(Query {
        labels: call.option("labelSelector").to_owned(),
        fields: call.option("fieldSelector").to_owned(),
        limit,
        after,
    })
}

/// Where a list ended, in letters that survive in a path: `revision~namespace~name`.
fn continued(token: &str) -> Result<(u64, Str, Str), Failure> {
    let mut parts = token.splitn(3, '~');
    let mut part = || parts.next();
    let read = (|| Some((part()?.parse().ok()?, Str::from(part()?), Str::from(part()?))))();
    read.ok_or_else(|| {
        Failure::bad_request("invalid continue token: continue key is not valid: its form is unknown")
    })
}

/// What is said of a resource version that is no number.
pub(super) fn no_version(text: &str) -> String {
    let quoted = crate::failure::go_quoted(text);
    format!("resourceVersion: Invalid value: {quoted}: strconv.ParseUint: parsing {quoted}: invalid syntax")
}

/// Checks the options of lists and watches that go together or not at all.
pub(super) fn check_list(call: &Call) -> Result<(), Failure> {
    let (version, matched) = (call.option("resourceVersion"), call.option("resourceVersionMatch"));
    let forbidden = |field: &str, why: &str| Some(Wrong::forbidden(field, why));
    let unknown = |known: &[&str]| Some(Wrong::not_supported("resourceVersionMatch", &matched.into(), known));
    let wrong = match (call.flag("watch"), call.has("sendInitialEvents")) {
        (true, true) => match matched {
            "" => forbidden(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            "NotOlderThan" => None,
            _ => unknown(&["NotOlderThan"]),
        },
        (true, false) if !matched.is_empty() => forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (false, true) => forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"),
        (false, false) if !matched.is_empty() => match (matched, version) {
            (_, "") => forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
            _ if !call.option("continue").is_empty() => forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden when continue is provided",
            ),
            ("Exact", "0") => forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ),
            ("Exact" | "NotOlderThan", _) => None,
            _ => unknown(&["Exact", "NotOlderThan", ""]),
        },
        _ => None,
    };
    wrong.map_or(Ok(()), |wrong| Err(Failure::invalid("meta.k8s.io", "ListOptions", "", &[wrong])))
}

fn list(cluster: &LocalCluster, call: &Call, target: &Target) -> Result<Response<ApiBody>, Failure> {
    check_list(call)?;
    let version = call.option("resourceVersion");
    if !version.is_empty() && version.parse::<u64>().is_err() {
        return Err(Failure::bad_request(format!("invalid resource version: {}", no_version(version))));
    }
    let listed = cluster.state().store.list(target, &query(call)?)?;
    Ok(list::answer(call.form(), target, &listed))
}

fn create(cluster: &LocalCluster, call: &Call, target: &Target) -> Result<Response<ApiBody>, Failure> {
    call.check_options("CreateOptions")?;
    let value = call.value()?;
    let mut target = target.clone();
    if target.resource.namespaced && target.namespace.is_empty() {
        return Err(Failure::bad_request("an empty namespace may not be set during creation"));
    }
    let done = cluster.write(|store, world| store.create(&target, value, &write(call), world))?;
    target.name = done.object.name().into();
    Ok(written(call, &target, done))
}

fn replace(cluster: &LocalCluster, call: &Call, target: &Target) -> Result<Response<ApiBody>, Failure> {
    call.check_options("UpdateOptions")?;
    let value = call.value()?;
    let done = cluster.write(|store, world| store.replace(target, value, &write(call), world))?;
    Ok(written(call, target, done))
}

/// The change that a request asks for.
pub(super) enum Asked {
    Apply(Value),
    Patch(Patching),
}

pub(super) fn asked(call: &Call) -> Result<Asked, Failure> {
    let value = || {
        call.value().map_err(|why| {
            if call.content_type == APPLY {
                why
            } else {
                Failure::bad_request(format!("error decoding patch: {why}"))
            }
        })
    };
    Ok(match call.content_type.as_str() {
        APPLY => Asked::Apply(value()?),
        "application/merge-patch+json" => Asked::Patch(Patching::Merge(value()?)),
        "application/json-patch+json" => Asked::Patch(Patching::Json(value()?)),
        "application/strategic-merge-patch+json" => Asked::Patch(Patching::Strategic(value()?)),
        _ => {
            let mut failure = Failure::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
            failure.details = Some(crate::failure::Details::default());
            return Err(failure);
        }
    })
}

fn patch(cluster: &LocalCluster, call: &Call, target: &Target) -> Result<Response<ApiBody>, Failure> {
    call.check_options("PatchOptions")?;
    let options = write(call);
    let done = match asked(call)? {
        Asked::Apply(value) => {
            // What is applied is checked against the schema, not silently pruned.
            let options = Write { unknown: UnknownFields::Dropped, ..options };
            cluster.write(|store, world| store.apply(target, value, &options, world))?
        }
        Asked::Patch(patching) => {
            cluster.write(|store, world| store.patch(target, patching, &options, world))?
        }
    };
    Ok(written(call, target, done))
}

fn deleting(call: &Call) -> Result<Deleting, Failure> {
    let body = if call.body.is_empty() { Value::map() } else { call.value()? };
    let option = |name: &str| -> String {
        let in_body = body.text_at(&[name]);
        if in_body.is_empty() { call.option(name).to_owned() } else { in_body.to_owned() }
    };
    let orphans = body.get("orphanDependents").and_then(Value::as_bool);
    let propagation = match (option("propagationPolicy").as_str(), orphans) {
        ("Orphan", _) => Some(Propagation::Orphan),
        ("Foreground", _) => Some(Propagation::Foreground),
        ("Background", _) => Some(Propagation::Background),
        ("", Some(true)) => Some(Propagation::Orphan),
        ("", Some(false)) => Some(Propagation::Background),
        ("", None) => None,
        (other, _) => {
            let wrong = Wrong::not_supported(
                "propagationPolicy",
                &other.into(),
                &["Foreground", "Background", "Orphan", "nil"],
            );
            return Err(Failure::invalid("meta.k8s.io", "DeleteOptions", "", &[wrong]));
        }
    };
    let precondition = |name: &str| body.at(&["preconditions", name]).and_then(Value::as_str).map(Str::from);
    let dry_run = call.dry_run()
        || body
            .get("dryRun")
            .and_then(Value::as_list)
            .is_some_and(|all| all.iter().any(|one| one.as_str() == Some("All")));
    Ok(Deleting {
        propagation,
        uid: precondition("uid"),
        resource_version: precondition("resourceVersion"),
        dry_run,
    })
}

fn delete(cluster: &LocalCluster, call: &Call, target: &Target) -> Result<Response<ApiBody>, Failure> {
    let deleting = deleting(call)?;
    let done = cluster.write(|store, world| store.delete(target, &deleting, world))?;
    Ok(match done {
        Deleted::Marked(object) => respond::json(200, &shown(&object, target, call.form())),
        Deleted::Gone(object) if returns_object(target) => {
            respond::json(200, &shown(&object, target, call.form()))
        }
        Deleted::Gone(object) => {
            let resource = &target.resource;
            let uid = object.uid().unwrap_or_default();
            respond::json(200, &respond::success(&resource.group, &resource.plural, &target.name, &uid))
        }
    })
}

/// Some kinds answer a deletion with what was deleted.
fn returns_object(target: &Target) -> bool {
    target.resource.group.is_empty()
        && matches!(
            target.resource.plural.as_str(),
            "pods"
                | "services"
                | "serviceaccounts"
                | "podtemplates"
                | "resourcequotas"
                | "persistentvolumes"
                | "persistentvolumeclaims"
        )
        || target.resource.group == "policy"
        || target.resource.group == "storage.k8s.io"
}

fn delete_all(cluster: &LocalCluster, call: &Call, target: &Target) -> Result<Response<ApiBody>, Failure> {
    if target.resource.namespaced && target.namespace.is_empty() || target.resource.plural == "namespaces" {
        return Err(not_allowed());
    }
    let deleting = deleting(call)?;
    let query = query(call)?;
    let items =
        cluster.write(|store: &mut Store, world| store.delete_all(target, &query, &deleting, world))?;
    let revision = cluster.state().store.revision();
    let listed = Listed { items, revision, ..Listed::default() };
    Ok(list::answer(call.form(), target, &listed))
}
