//! The types of a current Kubernetes: a text of one type a line, written by `kubernetes.py`, parsed line by line when a
//! type is asked for.

use std::sync::OnceLock;

use gitops_yaml::Str;

use super::definition::{Definition, Reference, ValueKind};
use super::{Schema, Scope, Table, Type};

static KUBERNETES: &str = include_str!("kubernetes-1.37.txt");

/// The type of every object's metadata.
pub(super) const OBJECT_META: &str = "meta.ObjectMeta";

pub(super) fn index(schema: &mut Schema) {
    schema.table = Table::Kubernetes;
    schema.types.reserve(1000);
    for line in KUBERNETES.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.splitn(3, '|');
        let name = parts.next().unwrap_or_default();
        let kind = parts.next().unwrap_or_default();
        let line = parts.next().unwrap_or_default();
        let index = schema.types.len();
        schema.types.push(Type { name, line, definition: OnceLock::new() });
        if let Some((api_version, kind)) = kind.split_once('#') {
            let (kind, scope) = match kind.strip_suffix('!') {
                Some(kind) => (kind, Scope::Cluster),
                None => (kind, Scope::Namespaced),
            };
            let key = (Str::literal(api_version), Str::literal(kind));
            schema.scopes.insert(key.clone(), scope);
            schema.kinds.insert(key, index);
        }
    }
    schema.builtin_types = schema.types.len();
}

/// Finds a type by its name in the table.
pub(super) fn find(types: &[Type], name: &str) -> Option<usize> {
    types.binary_search_by(|found| found.name.cmp(name)).ok()
}

/// Parses the fields of one line.
pub(super) fn parse(schema: &Schema, line: &'static str) -> Definition {
    let (is_atomic, line) = match line.strip_prefix("~atomic") {
        Some(rest) => (true, rest.trim_start()),
        None => (false, line),
    };
    let fields = line.split(' ').filter_map(|field| field.split_once(':'));
    Definition {
        kind: ValueKind::Object,
        is_closed: true,
        is_atomic,
        fields: fields
            .map(|(name, text)| {
                let mut found = value(schema, text);
                found.is_required = name.ends_with('!');
                (Str::literal(name.trim_end_matches('!')), found)
            })
            .collect(),
        ..Definition::default()
    }
}

fn value(schema: &Schema, text: &'static str) -> Definition {
    let mut parts = text.splitn(3, '~');
    let shape = parts.next().unwrap_or_default();
    let merging = parts.next().unwrap_or_default();
    let default = parts.next().unwrap_or_default();
    let (strategy, keys) = merging.split_once('=').unwrap_or((merging, ""));
    let mut found = match shape.split_at_checked(1) {
        Some(("@", name)) => named(schema, name),
        Some(("[", element)) => Definition {
            kind: ValueKind::Array,
            element: Some(Box::new(named(schema, element))),
            ..Definition::default()
        },
        Some(("{", values)) => Definition {
            kind: ValueKind::Object,
            values: Some(Box::new(named(schema, values))),
            ..Definition::default()
        },
        _ => named(schema, shape),
    };
    if strategy == "atomic" {
        found.is_atomic = true;
    } else {
        found.strategy = Str::literal(strategy);
    }
    found.default = Str::literal(default);
    found.keys = keys.split(',').filter(|key| !key.is_empty()).map(Str::literal).collect();
    found
}

/// A scalar's letter, or the name of a type.
fn named(schema: &Schema, text: &'static str) -> Definition {
    let kind = match text {
        "s" => ValueKind::String,
        "i" => ValueKind::Integer,
        "n" => ValueKind::Number,
        "b" => ValueKind::Boolean,
        "q" => ValueKind::IntegerOrString,
        "?" => ValueKind::Unknown,
        name => {
            let types = schema.types.get(..schema.builtin_types).unwrap_or_default();
            let reference = find(types, name).map_or_else(|| Reference::Name(name.into()), Reference::Type);
            return Definition { reference, ..Definition::default() };
        }
    };
    Definition { kind, ..Definition::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_well_formed_and_every_name_in_it_known() {
        let schema = Schema::kubernetes();
        let mut names = Vec::new();
        for line in KUBERNETES.lines().filter(|line| !line.starts_with('#')) {
            let [name, _, fields] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
            names.push(name);
            let parsed = parse(&schema, fields);
            assert_eq!(parsed.fields.len(), fields.split(' ').filter(|f| f.contains(':')).count(), "{name}");
            assert!(parsed.fields.is_sorted_by(|a, b| a.0 < b.0), "{name}");
            for (field, definition) in &parsed.fields {
                let inner = [Some(definition), definition.element.as_deref(), definition.values.as_deref()];
                for one in inner.into_iter().flatten() {
                    assert!(!matches!(one.reference, Reference::Name(_)), "{name}.{field}");
                }
            }
        }
        assert!(names.is_sorted());
        assert!(names.len() > 900);
    }

    #[test]
    fn kinds_lists_defaults_and_scopes_are_known() {
        let schema = Schema::kubernetes();
        let spec = schema.kind("apps/v1", "Deployment").unwrap().field("spec").unwrap();
        assert_eq!(spec.required_fields().collect::<Vec<_>>(), ["selector", "template"]);
        let pod = spec.field("template").unwrap().field("spec").unwrap();
        let ports = pod.field("containers").unwrap().element().unwrap().field("ports").unwrap();
        assert_eq!(ports.merge_keys(), ["containerPort", "protocol"]);
        assert_eq!(ports.element().unwrap().field("protocol").unwrap().default_value(), Some("TCP"));
        assert!(spec.field("selector").unwrap().is_atomic());
        let ingress = schema.kind("networking.k8s.io/v1", "Ingress").unwrap().field("spec").unwrap();
        assert!(ingress.is_closed() && ingress.field("ingressClass").is_none());
        assert_eq!(schema.scope("networking.k8s.io/v1", "IngressClass"), Some(Scope::Cluster));
        assert_eq!(schema.scope("networking.k8s.io/v1", "Ingress"), Some(Scope::Namespaced));
    }
}
