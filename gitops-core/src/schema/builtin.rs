//! The built-in types: a text of one type a line, indexed once and parsed line by line when a type is asked for.

use std::sync::OnceLock;

use gitops_yaml::Str;

use super::definition::{Definition, Reference, ValueKind};
use super::{Schema, Type};

static KUBERNETES: &str = include_str!("kubernetes-1.21.2.txt");

/// What all names of types begin with; left out in the text.
const PREFIX: &str = "io.k8s.";

pub(super) fn index(schema: &mut Schema) {
    let lines = KUBERNETES.lines().filter(|line| !line.starts_with('#'));
    schema.types.reserve(700);
    for line in lines {
        let mut parts = line.splitn(3, '|');
        let name = parts.next().unwrap_or_default();
        let kinds = parts.next().unwrap_or_default();
        let line = parts.next().unwrap_or_default();
        let index = schema.types.len();
        schema.types.push(Type { name, line, definition: OnceLock::new() });
        for kind in kinds.split(',').filter(|kind| !kind.is_empty()) {
            if let Some((api_version, kind)) = kind.split_once('#') {
                schema.kinds.insert((Str::literal(api_version), Str::literal(kind)), index);
            }
        }
    }
    schema.builtin_types = schema.types.len();
}

/// Finds a built-in type by its full name.
pub(super) fn find(types: &[Type], name: &str) -> Option<usize> {
    let name = name.strip_prefix(PREFIX)?;
    types.binary_search_by(|found| found.name.cmp(name)).ok()
}

/// Parses the fields of one line.
pub(super) fn parse(schema: &Schema, line: &'static str) -> Definition {
    let fields = line.split(' ').filter_map(|field| field.split_once(':'));
    Definition {
        kind: ValueKind::Object,
        fields: fields.map(|(name, text)| (Str::literal(name), value(schema, text))).collect(),
        ..Definition::default()
    }
}

fn value(schema: &Schema, text: &'static str) -> Definition {
    let (shape, merging) = text.split_once('~').unwrap_or((text, ""));
    let (strategy, keys) = merging.split_once('=').unwrap_or((merging, ""));
    let named = |name: &str| Definition { reference: reference(schema, name), ..Definition::default() };
    let mut found = match shape.split_at_checked(1) {
        Some(("@", name)) => named(name),
        Some(("[", name)) => Definition {
            kind: ValueKind::Array,
            element: (!name.is_empty()).then(|| Box::new(named(name))),
            ..Definition::default()
        },
        Some(("{", name)) => Definition {
            kind: ValueKind::Object,
            values: Some(Box::new(named(name))),
            ..Definition::default()
        },
        _ => Definition { kind: scalar(shape), ..Definition::default() },
    };
    found.strategy = Str::literal(strategy);
    found.keys = keys.split(',').filter(|key| !key.is_empty()).map(Str::literal).collect();
    found
}

fn scalar(letter: &str) -> ValueKind {
    match letter {
        "s" => ValueKind::String,
        "i" => ValueKind::Integer,
        "b" => ValueKind::Boolean,
        "n" => ValueKind::Number,
        "o" => ValueKind::Object,
        _ => ValueKind::Unknown,
    }
}

fn reference(schema: &Schema, name: &str) -> Reference {
    let types = schema.types.get(..schema.builtin_types).unwrap_or_default();
    match types.binary_search_by(|found| found.name.cmp(name)) {
        Ok(index) => Reference::Type(index),
        Err(_) => Reference::Name(Str::from(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_well_formed_and_every_name_in_it_known() {
        let schema = Schema::builtin();
        let mut names = Vec::new();
        for line in KUBERNETES.lines().filter(|line| !line.starts_with('#')) {
            let [name, _, fields] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
            names.push(name);
            let parsed = parse(&schema, fields);
            assert_eq!(parsed.fields.len(), fields.split(' ').filter(|f| !f.is_empty()).count(), "{name}");
            assert!(parsed.fields.is_sorted_by(|a, b| a.0 < b.0), "{name}");
            for (field, definition) in &parsed.fields {
                let inner = [Some(definition), definition.element.as_deref(), definition.values.as_deref()];
                for one in inner.into_iter().flatten() {
                    assert!(!matches!(one.reference, Reference::Name(_)), "{name}.{field}");
                }
            }
        }
        assert!(names.is_sorted());
        assert_eq!(names.len(), 618);
    }
}
