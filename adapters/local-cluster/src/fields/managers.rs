//! Who owns which fields of an object, and how writes change that.

use super::compare::{Comparison, compare};
use super::merge::merge;
use super::prune::remove_items;
use super::set::FieldSet;
use super::step::Step;
use super::to_set::to_set;
use crate::failure::{Cause, Details, Failure};
use crate::types::{TypeId, Types};
use crate::value::Value;
use gitops_yaml::Str;

/// How fields came to be owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

/// Who writes: entries of one identity are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) manager: Str,
    pub(crate) operation: Operation,
    pub(crate) api_version: Str,
    pub(crate) subresource: Str,
}

/// One entry of `managedFields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManagedEntry {
    pub(crate) identity: Identity,
    /// Seconds since the Unix epoch.
    pub(crate) time: Option<i64>,
    pub(crate) fields: FieldSet,
}

/// All entries of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Managers(pub(crate) Vec<ManagedEntry>);

/// The type of objects in a version; `None` where it is not served any more.
pub(crate) trait Versions {
    fn types(&self, api_version: &str) -> Option<(&Types, TypeId)>;
}

/// What a write is checked and recorded by.
pub(crate) struct FieldChange<'a, V> {
    pub(crate) versions: &'a V,
    pub(crate) identity: Identity,
    /// Fields that this kind of write never changes.
    pub(crate) reset: &'a FieldSet,
    /// Seconds since the Unix epoch.
    pub(crate) now: i64,
}

/// More updaters than this are merged into one.
const MAX_UPDATERS: usize = 10;

impl Identity {
    /// An applier is one whatever the version it applies in.
    fn same(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    /// As it stands in messages: `"kubectl" using apps/v1`.
    fn shown(&self) -> String {
        let mut out = format!("{:?}", self.manager.as_str());
        if !self.subresource.is_empty() {
            out = format!("{out} with subresource {:?}", self.subresource.as_str());
        }
        if self.operation == Operation::Update {
            out = format!("{out} using {}", self.api_version);
        }
        out
    }
}

impl Managers {
    fn find(&self, identity: &Identity) -> Option<usize> {
        self.0.iter().position(|entry| entry.identity.same(identity))
    }

    /// Returns when a manager last changed something.
    pub(crate) fn time(&self, identity: &Identity) -> Option<i64> {
        self.0.get(self.find(identity)?)?.time
    }

    pub(crate) fn set_time(&mut self, identity: &Identity, time: Option<i64>) {
        if let Some(index) = self.find(identity) {
            self.0[index].time = time;
        }
    }

    /// Takes from the others what a write changes; returns what it took from whom.
    fn yield_to<V: Versions>(
        &mut self,
        change: &FieldChange<'_, V>,
        old: &Value,
        new: &Value,
        own: &Comparison,
        skip: Option<usize>,
    ) -> Vec<(Identity, FieldSet)> {
        let mut taken = Vec::new();
        let mut others: Vec<(Str, Comparison)> = Vec::new();
        let mut index = 0;
        self.0.retain_mut(|entry| {
            let this = index;
            index += 1;
            if Some(this) == skip {
                return true;
            }
            let version = &entry.identity.api_version;
            let compared = if *version == change.identity.api_version {
                own
            } else {
                if !others.iter().any(|(known, _)| known == version) {
                    let Some((types, id)) = change.versions.types(version) else { return false };
                    others.push((version.clone(), compare(types, id, old, new).without(change.reset)));
                }
                let Some((_, compared)) = others.iter().find(|(known, _)| known == version) else {
                    return false;
                };
                compared
            };
            let conflict = entry.fields.intersection(&compared.modified.union(&compared.added));
            entry.fields = entry.fields.difference(&conflict).difference(&compared.removed);
            if !conflict.is_empty() {
                taken.push((entry.identity.clone(), conflict));
            }
            true
        });
        taken
    }

    /// Records a write that is no apply.
    pub(crate) fn update<V: Versions>(&mut self, change: &FieldChange<'_, V>, old: &Value, new: &Value) {
        let Some((types, id)) = change.versions.types(&change.identity.api_version) else { return };
        let own = compare(types, id, old, new).without(change.reset);
        self.yield_to(change, old, new, &own, None);
        let mut fields = own.modified.union(&own.added);
        fields = fields.difference(&unowned());
        if !fields.is_empty() {
            match self.find(&change.identity) {
                Some(index) => {
                    let entry = &mut self.0[index];
                    entry.fields = fields.union(&entry.fields);
                    entry.time = Some(change.now);
                }
                None => self.0.push(ManagedEntry {
                    identity: change.identity.clone(),
                    time: Some(change.now),
                    fields,
                }),
            }
        }
        self.0.retain(|entry| !entry.fields.is_empty());
        self.cap();
        self.sort();
    }

    /// Merges an applied configuration into the live object and returns the outcome, `None` where nothing changed.
    pub(crate) fn apply<V: Versions>(
        &mut self,
        change: &FieldChange<'_, V>,
        live: &Value,
        applied: &Value,
        force: bool,
    ) -> Result<Option<Value>, Failure> {
        let version = &change.identity.api_version;
        let Some((types, id)) = change.versions.types(version) else { return Ok(None) };
        let mut outcome = merge(types, id, live, applied);
        let set = to_set(types, id, applied).recursive_difference(change.reset);
        let before = self.find(&change.identity);
        let last = before.map(|index| {
            let entry = &self.0[index];
            (entry.identity.api_version.clone(), entry.fields.clone())
        });
        let index = match before {
            Some(index) => {
                self.0[index].fields = set;
                self.0[index].identity.api_version = version.clone();
                index
            }
            None => {
                let entry = ManagedEntry { identity: change.identity.clone(), time: None, fields: set };
                self.0.push(entry);
                self.0.len() - 1
            }
        };
        if let Some((last_version, last)) = last
            && !last.is_empty()
        {
            outcome = self.pruned(change, outcome, &last_version, &last);
        }
        let own = compare(types, id, live, &outcome).without(change.reset);
        let taken = self.yield_to(change, live, &outcome, &own, Some(index));
        if !force && !taken.is_empty() {
            return Err(conflict(&taken));
        }
        let changed = outcome != *live;
        if let Some(index) = self.find(&change.identity) {
            let entry = &mut self.0[index];
            entry.fields = entry.fields.difference(&unowned());
            if changed {
                entry.time = Some(change.now);
            }
        }
        self.0.retain(|entry| !entry.fields.is_empty());
        self.sort();
        Ok(changed.then_some(outcome))
    }

    /// Takes away what the applier owned before, applies no more, and nobody else owns.
    fn pruned<V: Versions>(
        &self,
        change: &FieldChange<'_, V>,
        merged: Value,
        last_version: &str,
        last: &FieldSet,
    ) -> Value {
        let Some((types, id)) = change.versions.types(last_version) else { return merged };
        let mut pruned = remove_items(types, id, &merged, &last.with_named_fields(types, id));
        let mut by_version: Vec<(&Str, FieldSet)> = Vec::new();
        for entry in &self.0 {
            let version = &entry.identity.api_version;
            match by_version.iter_mut().find(|(known, _)| *known == version) {
                Some((_, set)) => *set = set.union(&entry.fields),
                None => by_version.push((version, entry.fields.clone())),
            }
        }
        by_version.sort_by_key(|(version, _)| version.as_str() != last_version);
        for (version, managed) in &by_version {
            let Some((types, id)) = change.versions.types(version) else { continue };
            let all = to_set(types, id, &merged).with_named_fields(types, id);
            let kept = to_set(types, id, &pruned).with_named_fields(types, id);
            let gone = all.difference(&kept.union(&managed.with_named_fields(types, id)));
            pruned = remove_items(types, id, &merged, &gone);
        }
        // What hung on removed items, but was never applied, stays.
        let all = to_set(types, id, &merged).with_named_fields(types, id);
        let kept = to_set(types, id, &pruned).with_named_fields(types, id);
        let gone = all.difference(&kept).intersection(&last.with_named_fields(types, id));
        remove_items(types, id, &merged, &gone)
    }

    /// Returns whether both record the same, whenever it was.
    pub(crate) fn same_but_times(&self, other: &Self) -> bool {
        let same = |a: &ManagedEntry, b: &ManagedEntry| a.identity == b.identity && a.fields == b.fields;
        self.0.len() == other.0.len()
            && self.0.iter().all(|entry| other.0.iter().any(|known| same(entry, known)))
    }

    fn cap(&mut self) {
        let is_update = |entry: &ManagedEntry| entry.identity.operation == Operation::Update;
        while self.0.iter().filter(|entry| is_update(entry)).count() > MAX_UPDATERS {
            let oldest = self
                .0
                .iter()
                .enumerate()
                .filter(|(_, entry)| is_update(entry) && entry.identity.manager != "ancient-changes")
                .min_by_key(|(_, entry)| (entry.time.unwrap_or(0), entry.identity.manager.clone()));
            let Some((index, _)) = oldest else { return };
            let mut entry = self.0.remove(index);
            entry.identity.manager = Str::literal("ancient-changes");
            match self.find(&entry.identity) {
                Some(known) => {
                    let known = &mut self.0[known];
                    known.fields = known.fields.union(&entry.fields);
                    known.time = known.time.max(entry.time);
                }
                None => self.0.push(entry),
            }
        }
    }

    fn sort(&mut self) {
        self.0.sort_by(|a, b| {
            let key = |entry: &ManagedEntry| (entry.identity.operation, entry.time);
            key(a).cmp(&key(b)).then_with(|| {
                let key = |entry: &ManagedEntry| {
                    let id = &entry.identity;
                    (id.manager.clone(), id.api_version.clone(), id.subresource.clone())
                };
                key(a).cmp(&key(b))
            })
        });
    }

    /// Returns the entries as `managedFields`.
    pub(crate) fn to_value(&self) -> Value {
        let entries = self.0.iter().map(|entry| {
            let id = &entry.identity;
            let mut out = Value::from([
                ("apiVersion", Value::Text(id.api_version.clone())),
                ("fieldsType", "FieldsV1".into()),
                ("fieldsV1", entry.fields.to_v1()),
                ("manager", Value::Text(id.manager.clone())),
                ("operation", if id.operation == Operation::Apply { "Apply" } else { "Update" }.into()),
            ]);
            if !id.subresource.is_empty() {
                out.set("subresource", Value::Text(id.subresource.clone()));
            }
            if let Some(time) = entry.time {
                out.set("time", crate::time::seconds(time).into());
            }
            out
        });
        Value::List(entries.collect())
    }

    /// Reads `managedFields`; `None` where an entry has not their form.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let mut out = Self::default();
        for entry in value.as_list()? {
            let operation = match entry.text_at(&["operation"]) {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            let fields = match entry.get("fieldsV1") {
                Some(fields) => FieldSet::from_v1(fields)?,
                None => FieldSet::default(),
            };
            out.0.push(ManagedEntry {
                identity: Identity {
                    manager: entry.text_at(&["manager"]).into(),
                    operation,
                    api_version: entry.text_at(&["apiVersion"]).into(),
                    subresource: entry.text_at(&["subresource"]).into(),
                },
                time: crate::time::read(entry.text_at(&["time"])),
                fields,
            });
        }
        Some(out)
    }
}

/// Fields of the object's identity, which nobody owns.
fn unowned() -> FieldSet {
    let mut set = FieldSet::default();
    for name in ["apiVersion", "kind", "metadata"] {
        set.insert(&[Step::field(name)]);
    }
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        set.insert(&[Step::field("metadata"), Step::field(name)]);
    }
    set
}

fn conflict(taken: &[(Identity, FieldSet)]) -> Failure {
    let mut by_manager: Vec<(String, Vec<String>)> = taken
        .iter()
        .map(|(identity, set)| {
            let mut paths = Vec::new();
            set.each_path(&mut |path| paths.push(path.to_owned()));
            (identity.shown(), paths)
        })
        .collect();
    by_manager.sort();
    let causes: Vec<Cause> = by_manager
        .iter()
        .flat_map(|(manager, paths)| {
            paths.iter().map(move |path| Cause {
                reason: "FieldManagerConflict",
                message: format!("conflict with {manager}"),
                field: path.clone(),
            })
        })
        .collect();
    let message = match causes.as_slice() {
        [one] => format!("Apply failed with 1 conflict: {}: {}", one.message, one.field),
        several => {
            let lines = by_manager.iter().flat_map(|(manager, paths)| {
                std::iter::once(format!("conflicts with {manager}:"))
                    .chain(paths.iter().map(|path| format!("- {path}")))
            });
            let lines: Vec<_> = lines.collect();
            format!("Apply failed with {} conflicts: {}", several.len(), lines.join("\n"))
        }
    };
    let mut failure = Failure::new(409, "Conflict", message);
    failure.details = Some(Details { causes, ..Details::default() });
    failure
}
