//! A structural schema, read from a custom resource definition.

use crate::types::{
    Empty, Field, ListMerge, ListType, MapType, PatchStrategy, Scalar, StructType, Type, TypeId, Types,
};
use crate::value::Value;
use gitops_yaml::Str;

/// A structural schema.
#[derive(Clone, Debug, Default)]
pub struct Structural {
    /// `object`, `array`, `string` …; empty where any.
    pub(crate) kind: Str,
    pub(crate) nullable: bool,
    /// Sorted by name.
    pub(crate) properties: Vec<(Str, Structural)>,
    pub(crate) additional: Option<Box<Structural>>,
    pub(crate) items: Option<Box<Structural>>,
    pub(crate) default: Option<Value>,
    pub(crate) preserve_unknown: bool,
    pub(crate) int_or_string: bool,
    pub(crate) embedded: bool,
    pub(crate) list_type: Str,
    pub(crate) list_keys: Vec<Str>,
    pub(crate) map_type: Str,
    pub(crate) rules: Rules,
}

/// What values must obey beside their type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) required: Vec<Str>,
    pub(crate) one_of_values: Vec<Value>,
    pub(crate) pattern: Str,
    pub(crate) format: Str,
    pub(crate) minimum: Option<(Value, bool)>,
    pub(crate) maximum: Option<(Value, bool)>,
    pub(crate) multiple_of: Option<Value>,
    pub(crate) length: (Option<i64>, Option<i64>),
    pub(crate) items: (Option<i64>, Option<i64>),
    pub(crate) properties: (Option<i64>, Option<i64>),
    pub(crate) unique: bool,
    pub(crate) all_of: Vec<Structural>,
    pub(crate) any_of: Vec<Structural>,
    pub(crate) one_of: Vec<Structural>,
    pub(crate) not: Option<Box<Structural>>,
}

/// Schemas nested deeper than this take anything.
const DEPTH: usize = 100;

impl Structural {
    /// Reads a schema.
    #[must_use]
    pub fn read(schema: &Value) -> Self {
        read(schema, DEPTH)
    }

    pub(crate) fn property(&self, name: &str) -> Option<&Structural> {
        let index = self.properties.binary_search_by(|(key, _)| key.as_str().cmp(name)).ok()?;
        Some(&self.properties[index].1)
    }

    /// Adds the types of whole objects to an arena that holds those of metadata.
    pub(crate) fn add_root(&self, types: &mut Types) -> TypeId {
        let metadata = types.named("meta.v1.ObjectMeta");
        let text = types.named("s");
        let id = self.add_to(types);
        let mut root = match types.get(id) {
            Type::Struct(structure) => structure.clone(),
            _ => StructType {
                name: Str::EMPTY,
                fields: Vec::new(),
                atomic: false,
                rest: Some(TypeId::DEDUCED),
            },
        };
        root.fields.retain(|field| !matches!(field.name.as_str(), "apiVersion" | "kind" | "metadata"));
        root.fields.push(plain("apiVersion", text));
        root.fields.push(plain("kind", text));
        root.fields.push(plain("metadata", metadata));
        root.fields.sort_by(|a, b| a.name.cmp(&b.name));
        types.add(Type::Struct(root))
    }

    fn add_to(&self, types: &mut Types) -> TypeId {
        if self.int_or_string {
            return types.named("x");
        }
        match self.kind.as_str() {
            "string" => types.named("s"),
            "boolean" => types.named("b"),
            "integer" => types.named("l"),
            "number" => types.named("f"),
            "array" => {
                let Some(items) = &self.items else { return TypeId::DEDUCED };
                let element = items.add_to(types);
                let merge = match self.list_type.as_str() {
                    "set" => ListMerge::Set,
                    "map" if !self.list_keys.is_empty() => ListMerge::Keys(self.list_keys.clone()),
                    _ => ListMerge::Atomic,
                };
                types.add(Type::List(ListType { element, merge, go_name: Str::EMPTY }))
            }
            "object" => {
                let atomic = self.map_type == "atomic";
                if let (Some(values), true) = (&self.additional, self.properties.is_empty()) {
                    let element = values.add_to(types);
                    return types.add(Type::Map(MapType { element, atomic }));
                }
                let mut fields: Vec<Field> = Vec::with_capacity(self.properties.len());
                for (name, schema) in &self.properties {
                    let kind = schema.add_to(types);
                    fields.push(Field { default: schema.default.clone(), ..plain(name, kind) });
                }
                if self.embedded {
                    let text = types.named("s");
                    let metadata = types.named("meta.v1.ObjectMeta");
                    fields.retain(|field| !matches!(field.name.as_str(), "apiVersion" | "kind" | "metadata"));
                    fields.push(plain("apiVersion", text));
                    fields.push(plain("kind", text));
                    fields.push(plain("metadata", metadata));
                    fields.sort_by(|a, b| a.name.cmp(&b.name));
                }
                let rest = self.preserve_unknown.then_some(TypeId::DEDUCED);
                if fields.is_empty() && rest.is_some() && !atomic {
                    return TypeId::DEDUCED;
                }
                types.add(Type::Struct(StructType { name: Str::EMPTY, fields, atomic, rest }))
            }
            _ if self.preserve_unknown => TypeId::DEDUCED,
            _ => types.add(Type::Scalar(Scalar::Any)),
        }
    }
}

fn plain(name: &str, kind: TypeId) -> Field {
    Field {
        name: name.into(),
        kind,
        empty: Empty::KeptWhereSet,
        default: None,
        patch: PatchStrategy::default(),
        wire: Str::EMPTY,
    }
}

fn read(schema: &Value, depth: usize) -> Structural {
    let Some(depth) = depth.checked_sub(1) else {
        return Structural { preserve_unknown: true, ..Structural::default() };
    };
    let mut out = Structural::default();
    let text = |value: &Value| Str::from(value.as_str().unwrap_or_default());
    let texts = |value: &Value| -> Vec<Str> {
        value.as_list().unwrap_or_default().iter().filter_map(Value::as_str).map(Str::from).collect()
    };
    let flag = |value: &Value| value.as_bool() == Some(true);
    let schemas = |value: &Value| -> Vec<Structural> {
        value.as_list().unwrap_or_default().iter().map(|one| read(one, depth)).collect()
    };
    let (mut below, mut above) = (false, false);
    for (key, value) in schema.as_map().into_iter().flat_map(crate::value::Map::iter) {
        let rules = &mut out.rules;
        match key.as_str() {
            "type" => out.kind = text(value),
            "nullable" => out.nullable = flag(value),
            "properties" => {
                let fields = value.as_map().into_iter().flat_map(crate::value::Map::iter);
                out.properties = fields.map(|(name, schema)| (name.clone(), read(schema, depth))).collect();
            }
            "additionalProperties" => match value {
                Value::Bool(true) => {
                    let any = Structural { preserve_unknown: true, ..Structural::default() };
                    out.additional = Some(Box::new(any));
                }
                Value::Map(_) => out.additional = Some(Box::new(read(value, depth))),
                _ => {}
            },
            "items" => out.items = Some(Box::new(read(value, depth))),
            "default" => out.default = Some(value.clone()),
            "x-kubernetes-preserve-unknown-fields" => out.preserve_unknown = flag(value),
            "x-kubernetes-int-or-string" => out.int_or_string = flag(value),
            "x-kubernetes-embedded-resource" => out.embedded = flag(value),
            "x-kubernetes-list-type" => out.list_type = text(value),
            "x-kubernetes-list-map-keys" => out.list_keys = texts(value),
            "x-kubernetes-map-type" => out.map_type = text(value),
            "required" => rules.required = texts(value),
            "enum" => rules.one_of_values = value.as_list().unwrap_or_default().to_vec(),
            "pattern" => rules.pattern = text(value),
            "format" => rules.format = text(value),
            "minimum" => rules.minimum = Some((value.clone(), false)),
            "maximum" => rules.maximum = Some((value.clone(), false)),
            "exclusiveMinimum" => below = flag(value),
            "exclusiveMaximum" => above = flag(value),
            "multipleOf" => rules.multiple_of = Some(value.clone()),
            "minLength" => rules.length.0 = value.as_int(),
            "maxLength" => rules.length.1 = value.as_int(),
            "minItems" => rules.items.0 = value.as_int(),
            "maxItems" => rules.items.1 = value.as_int(),
            "minProperties" => rules.properties.0 = value.as_int(),
            "maxProperties" => rules.properties.1 = value.as_int(),
            "uniqueItems" => rules.unique = flag(value),
            "allOf" => rules.all_of = schemas(value),
            "anyOf" => rules.any_of = schemas(value),
            "oneOf" => rules.one_of = schemas(value),
            "not" => rules.not = Some(Box::new(read(value, depth))),
            _ => {}
        }
    }
    if let Some(minimum) = &mut out.rules.minimum {
        minimum.1 = below;
    }
    if let Some(maximum) = &mut out.rules.maximum {
        maximum.1 = above;
    }
    out
}
