//! Lists, written object by object as they are stored: no copy of all of them is made.

use super::request::Form;
use super::resource::partial;
use super::respond::{self, ApiBody};
use super::table;
use crate::store::{Listed, Object, Target};
use crate::value::{Map, Value};
use gitops_yaml::Str;
use http::Response;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// Answers with a list in the form that the client wants.
pub(super) fn answer(form: Form, target: &Target, listed: &Listed) -> Response<ApiBody> {
    let resource = &target.resource;
    let mut metadata = Value::from([("resourceVersion", listed.revision.to_string().into())]);
    if listed.more
        && let Some(last) = listed.items.last()
    {
        let token = format!("{}~{}~{}", listed.revision, last.namespace(), last.name());
        metadata.set("continue", token.into());
        if let Some(remaining) = listed.remaining.and_then(|count| i64::try_from(count).ok()) {
            metadata.set("remainingItemCount", remaining.into());
        }
    }
    if !resource.is_built_in() && form == Form::Whole && !listed.more {
        metadata.set("continue", "".into());
    }
    let version = resource.api_version(target.version);
    let (kind, api_version) = match form {
        Form::Table => {
            let items: Vec<&Object> = listed.items.iter().map(AsRef::as_ref).collect();
            let mut out = table::of(target, &items, true);
            out.set("metadata", metadata);
            return respond::json(200, &out);
        }
        Form::Metadata => ("PartialObjectMetadataList".into(), "meta.k8s.io/v1".into()),
        Form::Whole => (resource.list_kind.clone(), version.clone()),
    };
    // Items of lists of built-in kinds do not repeat what the list says.
    let version = (!resource.is_built_in()).then_some(&version);
    respond::json(200, &List { kind, api_version, metadata, items: Items { listed, form, version } })
}

struct List<'a> {
    kind: Str,
    api_version: Str,
    metadata: Value,
    items: Items<'a>,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("apiVersion", self.api_version.as_str())?;
        map.serialize_entry("items", &self.items)?;
        map.serialize_entry("kind", self.kind.as_str())?;
        map.serialize_entry("metadata", &self.metadata)?;
        map.end()
    }
}

struct Items<'a> {
    listed: &'a Listed,
    form: Form,
    version: Option<&'a Str>,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(Some(self.listed.items.len()))?;
        for object in &self.listed.items {
            match self.form {
                Form::Metadata => items.serialize_element(&partial(object))?,
                _ => items.serialize_element(&Item { object, version: self.version })?,
            }
        }
        items.end()
    }
}

/// An object with its managed fields, in a version of its kind, or without version and kind.
struct Item<'a> {
    object: &'a Object,
    version: Option<&'a Str>,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.object.body().as_map().into_iter().flat_map(Map::iter) {
            match (key.as_str(), self.version) {
                ("apiVersion" | "kind", None) => {}
                ("apiVersion", Some(version)) => map.serialize_entry(key.as_str(), version.as_str())?,
                ("metadata", _) => {
                    let managed = self.object.managers.to_value();
                    map.serialize_entry("metadata", &Metadata { fields: value.as_map(), managed })?;
                }
                _ => map.serialize_entry(key.as_str(), value)?,
            }
        }
        map.end()
    }
}

struct Metadata<'a> {
    fields: Option<&'a Map>,
    managed: Value,
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const MANAGED: &str = "managedFields";
        let mut map = serializer.serialize_map(None)?;
        let is_managed = self.managed.as_list().is_some_and(|entries| !entries.is_empty());
        let fields = || self.fields.into_iter().flat_map(Map::iter);
        for (key, value) in fields().filter(|(key, _)| key.as_str() < MANAGED) {
            map.serialize_entry(key.as_str(), value)?;
        }
        if is_managed {
            map.serialize_entry(MANAGED, &self.managed)?;
        }
        for (key, value) in fields().filter(|(key, _)| key.as_str() > MANAGED) {
            map.serialize_entry(key.as_str(), value)?;
        }
        map.end()
    }
}
