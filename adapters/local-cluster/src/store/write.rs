//! Creating, replacing, patching and applying.

use super::decode::{decode, zero};
use super::{Object, Store, Subresource, Surroundings, Target, names, prepare};
use crate::failure::{Failure, Wrong, go_quoted};
use crate::fields::{self, Duplicates, FieldSet, Identity, Managers, Operation};
use crate::kinds::Resource;
use crate::types::{TypeId, Types};
use crate::value::Value;
use gitops_yaml::Str;
use std::sync::Arc;

/// How to write.
#[derive(Clone, Debug, Default)]
pub struct Write {
    /// The field manager.
    pub manager: Str,
    /// Whether an apply takes fields that others own.
    pub force: bool,
    /// Whether it is only tried.
    pub dry_run: bool,
    /// What becomes of fields that the kind does not have.
    pub unknown: UnknownFields,
}

/// What becomes of fields that a kind does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// They are dropped, and the answer warns.
    #[default]
    Warned,
    /// The object is refused.
    Refused,
    /// They are dropped.
    Dropped,
}

/// What a write did.
#[derive(Clone, Debug)]
pub struct Written {
    /// The object as stored, or as it would be.
    pub object: Arc<Object>,
    /// Whether it was created.
    pub created: bool,
    /// What the writer should know.
    pub warnings: Vec<String>,
}

/// Whether an object is made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changing {
    /// It is made.
    New,
    /// It was there.
    Old,
}

impl fields::Versions for Resource {
    fn types(&self, api_version: &str) -> Option<(&Types, TypeId)> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        if group != self.group.as_str() {
            return None;
        }
        let version = &self.versions[self.version(version)?];
        Some((&version.types, version.root))
    }
}

pub(super) struct Body {
    pub(super) value: Value,
    pub(super) warnings: Vec<String>,
}

impl Store {
    /// Creates an object.
    ///
    /// # Errors
    /// Where there is one already, its namespace is missing, or it breaks a rule.
    pub fn create(
        &mut self,
        target: &Target,
        value: Value,
        write: &Write,
        world: &mut dyn Surroundings,
    ) -> Result<Written, Failure> {
        let body = self.read_body(target, value, write.unknown)?;
        self.make(target, body, write, None, world)
    }

    /// Replaces an object.
    ///
    /// # Errors
    /// Where there is none, it is another one or newer than the one given, or it breaks a rule.
    pub fn replace(
        &mut self,
        target: &Target,
        value: Value,
        write: &Write,
        world: &mut dyn Surroundings,
    ) -> Result<Written, Failure> {
        let body = self.read_body(target, value, write.unknown)?;
        check_name(target, &body.value)?;
        let Ok(old) = self.get(target).cloned() else {
            if target.part == Subresource::Main && prepare::creates_on_update(&target.resource) {
                return self.make(target, body, write, None, world);
            }
            return Err(Self::missing(target));
        };
        self.change(target, &old, body, write, None, world)
    }

    /// Changes an object by a function of what it is.
    pub(super) fn patched(
        &mut self,
        target: &Target,
        write: &Write,
        world: &mut dyn Surroundings,
        patch: impl FnOnce(Value, &Target) -> Result<Value, Failure>,
    ) -> Result<Written, Failure> {
        let old = self.get(target)?.clone();
        let before = old.whole_as(&target.resource.api_version(target.version));
        let mut value = patch(before, target)?;
        if let Value::Map(map) = &mut value
            && let Some(managed) = map.get("metadata").and_then(|metadata| metadata.get("managedFields"))
            && *managed == old.managers.to_value()
        {
            map.entry_or_null("metadata").remove("managedFields");
        }
        let patched = value.clone();
        let body = self.read_body(target, value, write.unknown).map_err(|why| {
            if why.code != 400 {
                return why;
            }
            let detail = why.message.split_once(": ").map_or(why.message.as_str(), |(_, detail)| detail);
            let shown = Value::text(patched.to_json());
            Failure::invalid("", "", "", &[Wrong::invalid("patch", &shown, detail)])
        })?;
        check_name(target, &body.value)?;
        self.change(target, &old, body, write, None, world)
    }

    /// Applies a configuration on the server's side.
    ///
    /// # Errors
    /// Where others own fields, and as [`Store::create`].
    pub fn apply(
        &mut self,
        target: &Target,
        applied: Value,
        write: &Write,
        world: &mut dyn Surroundings,
    ) -> Result<Written, Failure> {
        check_applied(target, &applied)?;
        let resource = target.resource.clone();
        let version = &resource.versions[target.version];
        let api_version = resource.api_version(target.version);
        let wrong = fields::validate(&version.types, version.root, &applied, Duplicates::Refused);
        if !wrong.is_empty() {
            return Err(typed_failure(target, &applied, &wrong));
        }
        let old = self.get(target).cloned().ok();
        if old.is_none() {
            check_absent(target, &applied)?;
        }
        let mut managers = old.as_ref().map(|old| old.managers.clone()).unwrap_or_default();
        let reset = reset_fields(target);
        let empty = empty_object(target);
        let now = world.now();
        let mut live = match &old {
            Some(old) => {
                let mut body = old.body.clone();
                body.set("apiVersion", Value::Text(api_version.clone()));
                body
            }
            None => empty.clone(),
        };
        let identity = |manager: Str, operation| Identity {
            manager,
            operation,
            api_version: api_version.clone(),
            subresource: target.part.name(),
        };
        if old.is_some() && managers.0.is_empty() {
            let change = fields::FieldChange {
                versions: &*resource,
                identity: identity(Str::literal("before-first-apply"), Operation::Update),
                reset: &reset,
                now,
            };
            managers.update(&change, &empty, &live);
        }
        let change = fields::FieldChange {
            versions: &*resource,
            identity: identity(write.manager.clone(), Operation::Apply),
            reset: &reset,
            now,
        };
        let outcome = managers.apply(&change, &live, &applied, write.force)?;
        if let Some(outcome) = outcome {
            live = outcome;
        }
        // Whoever applies an older version loses, as with any other write.
        if let Some(wanted) = applied.at(&["metadata", "resourceVersion"]) {
            live.ensure(&["metadata"]).insert("resourceVersion", wanted.clone());
        }
        let body = self.read_body(target, live, write.unknown)?;
        match old {
            Some(old) => self.change(target, &old, body, write, Some(managers), world),
            None if target.part != Subresource::Main => Err(Self::missing(target)),
            None => self.make(target, body, write, Some(managers), world),
        }
    }

    /// Checks what a client sent, and reads it as its kind.
    pub(super) fn read_body(
        &self,
        target: &Target,
        value: Value,
        unknown: UnknownFields,
    ) -> Result<Body, Failure> {
        let resource = &target.resource;
        let version = &resource.versions[target.version];
        let api_version = resource.api_version(target.version);
        let Value::Map(_) = &value else {
            return Err(Failure::bad_request("the object provided is unrecognized: it is no object"));
        };
        let (found_version, found_kind) = (value.text_at(&["apiVersion"]), value.text_at(&["kind"]));
        if found_kind != resource.kind.as_str() || found_version != api_version.as_str() {
            let group = found_version.split_once('/').map_or("", |(group, _)| group);
            let known =
                self.kinds.by_kind(&gitops_core::object::Gvk::new(found_version, found_kind)).is_some();
            let why = if found_kind.is_empty() {
                format!("Object 'Kind' is missing in '{}'", value.to_json())
            } else if known && group == resource.group.as_str() && group.is_empty() {
                format!("converting (v1.{found_kind}) to (core.{}): unknown conversion", resource.kind)
            } else {
                format!(
                    "no kind {} is registered for version {} in scheme \"pkg/runtime/scheme.go:111\"",
                    go_quoted(found_kind),
                    go_quoted(found_version),
                )
            };
            let message = format!(
                "{found_kind} in version {} cannot be handled as a {}: {why}",
                go_quoted(found_version.rsplit('/').next().unwrap_or_default()),
                resource.kind,
            );
            return Err(Failure::bad_request(message));
        }
        let refuse = |why: &str| {
            let (kind, version) = (&resource.kind, &version.name);
            Failure::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a {kind}: {why}",
                version = version.as_str()
            ))
        };
        if !is_shallow(&value, MOST_LEVELS) {
            return Err(refuse(&format!("json: exceeded max depth of {MOST_LEVELS}")));
        }
        let size = self.options.object_bytes;
        let (value, unknown_fields) = match &version.custom {
            Some(structural) => {
                crate::custom::read(structural, &version.types, value).map_err(|why| refuse(&why))?
            }
            None => {
                let decoded = decode(&version.types, version.root, value).map_err(|why| refuse(&why))?;
                (decoded.value, decoded.unknown)
            }
        };
        if serde_json::to_writer(Bound(size), &value).is_err() {
            let message = format!("Request entity too large: limit is {size}");
            return Err(Failure::new(413, "RequestEntityTooLarge", message));
        }
        let mut warnings: Vec<String> =
            unknown_fields.iter().map(|path| format!("unknown field {}", go_quoted(path))).collect();
        match unknown {
            UnknownFields::Refused if !warnings.is_empty() => {
                return Err(refuse(&format!("strict decoding error: {}", warnings.join(", "))));
            }
            UnknownFields::Dropped => warnings.clear(),
            _ => {}
        }
        Ok(Body { value, warnings })
    }

    fn make(
        &mut self,
        target: &Target,
        body: Body,
        write: &Write,
        managers: Option<Managers>,
        world: &mut dyn Surroundings,
    ) -> Result<Written, Failure> {
        let Body { mut value, mut warnings } = body;
        let resource = &target.resource;
        place(target, &mut value)?;
        let generate = value.text_at(&["metadata", "generateName"]).to_owned();
        if value.text_at(&["metadata", "name"]).is_empty() && !generate.is_empty() {
            let name = names::generated(&generate, world.random());
            value.ensure(&["metadata"]).insert("name", name.into());
        }
        let name = Str::from(value.text_at(&["metadata", "name"]));
        self.check_namespace(target, &name)?;
        if !value.text_at(&["metadata", "resourceVersion"]).is_empty() {
            return Err(Failure::new(500, "", "resourceVersion should not be set on objects to be created"));
        }
        let now = world.now();
        let sent = {
            let metadata = value.ensure(&["metadata"]);
            for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"] {
                metadata.remove(field);
            }
            metadata.insert("uid", Value::Text(names::uid(world.random())));
            metadata.insert("creationTimestamp", crate::time::seconds(now).into());
            metadata.remove("managedFields")
        };
        prepare::new(target, &mut value);
        prepare::defaults(target, &mut value);
        let managers = managers.unwrap_or_else(|| {
            let mut managers = sent.and_then(|sent| Managers::from_value(&sent)).unwrap_or_default();
            let reset = reset_fields(target);
            managers.update(&field_change(target, write, &reset, now), &empty_object(target), &value);
            managers
        });
        prepare::allocate(target, &mut value, world);
        let wrong = prepare::check(target, &value, None, &mut warnings);
        if !wrong.is_empty() {
            return Err(Failure::invalid(&resource.group, &resource.kind, &name, &wrong));
        }
        let target = Target { name: name.clone(), ..target.clone() };
        let key = Self::key(&target);
        if self.at(&key).is_some() {
            return Err(Failure::already_exists(&resource.group, &resource.plural, &name));
        }
        to_storage(resource, &mut value);
        let object = Object::new(value, managers);
        let object = if write.dry_run { Arc::new(object) } else { self.put(&key, object) };
        if !write.dry_run && crate::custom::is_definition(&key) {
            self.establish(&key, now);
        }
        if !write.dry_run && resource.group.is_empty() && resource.plural == "namespaces" {
            self.fill_namespace(&name, world);
        }
        Ok(Written { object, created: true, warnings })
    }

    pub(super) fn change(
        &mut self,
        target: &Target,
        old: &Arc<Object>,
        body: Body,
        write: &Write,
        managers: Option<Managers>,
        world: &mut dyn Surroundings,
    ) -> Result<Written, Failure> {
        let Body { mut value, mut warnings } = body;
        let resource = &target.resource;
        let (group, plural, name) = (&resource.group, &resource.plural, &target.name);
        place(target, &mut value)?;
        let wanted = value.text_at(&["metadata", "resourceVersion"]);
        if !wanted.is_empty() && wanted != "0" && wanted != old.revision().to_string() {
            if wanted.parse::<u64>().is_err() {
                let message = format!("strconv.ParseUint: parsing {}: invalid syntax", go_quoted(wanted));
                return Err(Failure::new(500, "", message));
            }
            return Err(Failure::modified(group, plural, name));
        }
        let needs_version = !resource.is_built_in() || prepare::needs_resource_version(resource);
        if wanted.is_empty() && needs_version && managers.is_none() {
            let wrong =
                Wrong::invalid("metadata.resourceVersion", &Value::Int(0), "must be specified for an update");
            return Err(Failure::invalid(group, plural, name, &[wrong]));
        }
        let uid = value.text_at(&["metadata", "uid"]);
        if !uid.is_empty() && old.uid().is_none_or(|found| found != uid) {
            let found = old.uid().unwrap_or_default();
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {found}",
                registry_path(target)
            );
            return Err(Failure::conflict(group, plural, name, why));
        }
        let mut before = old.body.clone();
        before.set("apiVersion", Value::Text(resource.api_version(target.version)));
        let sent = value.ensure(&["metadata"]).remove("managedFields");
        prepare::keep_identity(&before, &mut value);
        prepare::old(target, &before, &mut value);
        prepare::defaults(target, &mut value);
        prepare::revise(target, &before, &mut value);
        let now = world.now();
        let mut managers = managers.unwrap_or_else(|| {
            // One empty entry clears all.
            let cleared = |sent: &Value| matches!(sent.as_list(), Some([one]) if *one == Value::map());
            if sent.as_ref().is_some_and(cleared) {
                return Managers::default();
            }
            let sent =
                sent.as_ref().filter(|_| target.part == Subresource::Main).and_then(Managers::from_value);
            let mut managers = match sent {
                Some(sent) if !sent.0.is_empty() => sent,
                _ => old.managers.clone(),
            };
            // Of an object that nobody manages, an update takes nothing.
            if !managers.0.is_empty() {
                let reset = reset_fields(target);
                let change = field_change(target, write, &reset, now);
                managers.update(&change, &before, &value);
                if target.part == Subresource::Scale {
                    // Times come from the object's own entries, among which that of a scaler is new.
                    managers.set_time(&change.identity, old.managers.time(&change.identity));
                }
            }
            managers
        });
        prepare::keep_allocated(target, &before, &mut value);
        prepare::count_generation(target, &before, &mut value);
        let wrong = prepare::check(target, &value, Some(&before), &mut warnings);
        if !wrong.is_empty() {
            return Err(Failure::invalid(group, &resource.kind, name, &wrong));
        }
        if managers.same_but_times(&old.managers) && value == before {
            managers = old.managers.clone();
        }
        to_storage(resource, &mut value);
        let object = Object::new(value, managers);
        let key = Self::key(target);
        if object.body == old.body && object.managers == old.managers {
            return Ok(Written { object: old.clone(), created: false, warnings });
        }
        let object = Object { revision: old.revision(), ..object };
        let object = if write.dry_run {
            Arc::new(object)
        } else if self.is_finished(target, &object, Changing::Old) {
            self.finish_removal(&key, object, world)
        } else {
            let object = self.put(&key, object);
            if crate::custom::is_definition(&key) {
                self.establish(&key, now);
            }
            if resource.group.is_empty() && resource.plural == "namespaces" && object.is_going() {
                self.empty_namespace(name, world);
            }
            object
        };
        Ok(Written { object, created: false, warnings })
    }
}

/// Objects may not nest deeper: they are read back from JSON, whose reader is bounded.
const MOST_LEVELS: usize = 120;

fn is_shallow(value: &Value, left: usize) -> bool {
    match value {
        Value::Map(map) => left > 0 && map.iter().all(|(_, value)| is_shallow(value, left - 1)),
        Value::List(items) => left > 0 && items.iter().all(|item| is_shallow(item, left - 1)),
        _ => true,
    }
}

/// Refuses to write more than a number of bytes.
struct Bound(usize);

impl std::io::Write for Bound {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Subresource {
    /// Returns the subresource's name; empty for the object itself.
    #[must_use]
    pub fn name(self) -> Str {
        match self {
            Self::Main => Str::EMPTY,
            Self::Status => Str::literal("status"),
            Self::Scale => Str::literal("scale"),
        }
    }
}

fn field_change<'a>(
    target: &'a Target,
    write: &Write,
    reset: &'a FieldSet,
    now: i64,
) -> fields::FieldChange<'a, Resource> {
    fields::FieldChange {
        versions: &*target.resource,
        identity: Identity {
            manager: write.manager.clone(),
            operation: Operation::Update,
            api_version: target.resource.api_version(target.version),
            subresource: target.part.name(),
        },
        reset,
        now,
    }
}

/// What an object of the kind is before anything is set, as structured merging sees it.
fn empty_object(target: &Target) -> Value {
    let resource = &target.resource;
    let version = &resource.versions[target.version];
    let mut empty = if resource.is_built_in() { zero(&version.types, version.root) } else { Value::map() };
    if !matches!(empty, Value::Map(_)) {
        empty = Value::map();
    }
    empty.set("apiVersion", Value::Text(resource.api_version(target.version)));
    empty.set("kind", Value::Text(resource.kind.clone()));
    empty
}

/// Fields that a kind of write never changes.
fn reset_fields(target: &Target) -> FieldSet {
    let mut set = FieldSet::default();
    let step = fields::Step::field;
    let version = &target.resource.versions[target.version];
    match target.part {
        Subresource::Main if version.status => set.insert(&[step("status")]),
        Subresource::Status if target.resource.is_built_in() => {
            set.insert(&[step("spec")]);
            set.insert(&[step("metadata"), step("labels")]);
        }
        Subresource::Status => {
            set.insert(&[step("spec")]);
            set.insert(&[step("metadata")]);
        }
        _ => {}
    }
    set
}

/// Where the API server keeps an object, which some of its messages tell.
fn registry_path(target: &Target) -> String {
    let resource = &target.resource;
    let group = if resource.is_built_in() { String::new() } else { format!("{}/", resource.group) };
    let namespace = if resource.namespaced { format!("{}/", target.namespace) } else { String::new() };
    format!("/registry/{group}{}/{namespace}{}", resource.plural, target.name)
}

fn to_storage(resource: &Resource, value: &mut Value) {
    value.set("apiVersion", Value::Text(resource.api_version(resource.storage_version())));
}

/// Puts the request's namespace into an object, or refuses one that names another.
fn place(target: &Target, value: &mut Value) -> Result<(), Failure> {
    let metadata = value.ensure(&["metadata"]);
    let found = metadata.text("namespace");
    if !target.resource.namespaced {
        if !found.is_empty() {
            return Err(Failure::bad_request("namespace should be empty for cluster-scoped resources"))
                .or_else(|failure: Failure| if target.namespace.is_empty() { Err(failure) } else { Ok(()) });
        }
        return Ok(());
    }
    if found.is_empty() {
        metadata.insert("namespace", Value::Text(target.namespace.clone()));
    } else if found != target.namespace.as_str() {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

fn check_name(target: &Target, value: &Value) -> Result<(), Failure> {
    let name = value.text_at(&["metadata", "name"]);
    if name.is_empty() {
        return Err(Failure::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            target.name
        )));
    }
    if name != target.name.as_str() {
        return Err(Failure::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            target.name
        )));
    }
    Ok(())
}

fn check_applied(target: &Target, applied: &Value) -> Result<(), Failure> {
    let api_version = target.resource.api_version(target.version);
    let Value::Map(_) = applied else {
        return Err(Failure::bad_request("error decoding YAML: the configuration is no object"));
    };
    let (version, kind) = (applied.text_at(&["apiVersion"]), applied.text_at(&["kind"]));
    if kind != target.resource.kind.as_str() || version != api_version.as_str() {
        return Err(Failure::bad_request(format!("invalid object type: {}", type_name(version, kind))));
    }
    if applied.at(&["metadata", "managedFields"]).is_some_and(|managed| !managed.is_null()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    let name = applied.text_at(&["metadata", "name"]);
    if !name.is_empty() && name != target.name.as_str() {
        return Err(Failure::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            target.name
        )));
    }
    Ok(())
}

/// An applied configuration that names an uid expects the object to be there.
fn check_absent(target: &Target, applied: &Value) -> Result<(), Failure> {
    let uid = applied.text_at(&["metadata", "uid"]);
    if uid.is_empty() {
        return Ok(());
    }
    let why =
        format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
    Err(Failure::conflict(&target.resource.group, &target.resource.plural, &target.name, why))
}

fn typed_failure(target: &Target, applied: &Value, wrong: &[String]) -> Failure {
    let list = match wrong {
        [one] => one.clone(),
        several => {
            let lines: Vec<_> = several.iter().map(|line| format!("  {line}")).collect();
            format!("errors:\n{}", lines.join("\n"))
        }
    };
    let message = format!(
        "failed to create typed patch object ({}/{}; {}): {list}",
        applied.text_at(&["metadata", "namespace"]),
        applied.text_at(&["metadata", "name"]),
        type_name(&target.resource.api_version(target.version), &target.resource.kind),
    );
    Failure::new(500, "", message)
}

/// As Go prints a group, version and kind: `apps/v1, Kind=Deployment`, `/v1, Kind=Secret`.
fn type_name(api_version: &str, kind: &str) -> String {
    let slash = if api_version.contains('/') { "" } else { "/" };
    format!("{slash}{api_version}, Kind={kind}")
}
