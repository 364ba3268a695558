//! One stored object.

use crate::fields::Managers;
use crate::value::Value;
use gitops_yaml::Str;

/// One stored object, in the version that its kind is kept in.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// All but `metadata.managedFields`.
    pub(crate) body: Value,
    pub(crate) managers: Managers,
    /// The resource version.
    pub(crate) revision: u64,
}

impl Object {
    pub(crate) fn new(mut body: Value, managers: Managers) -> Self {
        if let Some(metadata) = body.at_mut(&["metadata"]) {
            metadata.remove("managedFields");
        }
        Self { body, managers, revision: 0 }
    }

    /// Reads an object as [`Object::whole`] gives it.
    #[must_use]
    pub fn read(mut body: Value) -> Option<Self> {
        let managed = body.at_mut(&["metadata"])?.remove("managedFields");
        let managers = managed.and_then(|managed| Managers::from_value(&managed)).unwrap_or_default();
        let revision = body.text_at(&["metadata", "resourceVersion"]).parse().ok()?;
        Some(Self { body, managers, revision })
    }

    pub(crate) fn stamp(&mut self, revision: u64) {
        self.revision = revision;
        self.body.ensure(&["metadata"]).insert("resourceVersion", Value::text(revision.to_string()));
    }

    /// Returns the object without `managedFields`.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// Returns the whole object.
    #[must_use]
    pub fn whole(&self) -> Value {
        let mut body = self.body.clone();
        if !self.managers.0.is_empty() {
            body.ensure(&["metadata"]).insert("managedFields", self.managers.to_value());
        }
        body
    }

    /// Returns the whole object in another version of its kind.
    #[must_use]
    pub fn whole_as(&self, api_version: &Str) -> Value {
        let mut body = self.whole();
        body.set("apiVersion", Value::Text(api_version.clone()));
        body
    }

    /// Returns `apiVersion`, `kind` and `metadata` alone.
    #[must_use]
    pub fn metadata_only(&self) -> Value {
        let mut metadata = self.body.get("metadata").cloned().unwrap_or_default();
        if !self.managers.0.is_empty() {
            metadata.set("managedFields", self.managers.to_value());
        }
        let mut out = Value::map();
        for field in ["apiVersion", "kind"] {
            out.set(field, self.body.get(field).cloned().unwrap_or_default());
        }
        out.set("metadata", metadata);
        out
    }

    /// Returns the resource version.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn meta(&self, field: &str) -> Option<&Value> {
        self.body.get("metadata")?.get(field)
    }

    pub(crate) fn name(&self) -> &str {
        self.body.text_at(&["metadata", "name"])
    }

    pub(crate) fn namespace(&self) -> &str {
        self.body.text_at(&["metadata", "namespace"])
    }

    pub(crate) fn uid(&self) -> Option<Str> {
        self.meta("uid").and_then(Value::as_str).map(Str::from)
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.meta("labels")?.get(key)?.as_str()
    }

    /// Whether it is being deleted.
    pub(crate) fn is_going(&self) -> bool {
        self.meta("deletionTimestamp").is_some()
    }

    pub(crate) fn finalizers(&self) -> impl Iterator<Item = &str> {
        let list = self.meta("finalizers").and_then(Value::as_list).unwrap_or_default();
        list.iter().filter_map(Value::as_str)
    }

    /// The uids of those that own it.
    pub(crate) fn owners(&self) -> Vec<Str> {
        let owners = self.meta("ownerReferences").and_then(Value::as_list).unwrap_or_default();
        owners.iter().filter_map(|owner| owner.get("uid")?.as_str().map(Str::from)).collect()
    }
}
