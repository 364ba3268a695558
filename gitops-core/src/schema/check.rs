//! Holds objects against a schema: fields that nobody declared, values of the wrong type, what is missing.

use std::fmt;

use gitops_yaml::{Data, Dialect, FieldPath, FieldStep, Kind, Node, Place, Str, did_you_mean};

use super::{Schema, SchemaNode, ValueKind};

/// One thing about an object that its schema does not allow.
///
/// It prints as a server says it: `.spec.ingressClass: field not declared in schema`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The field.
    pub path: FieldPath,
    /// Where it stands; where the object of a missing field stands.
    pub place: Place,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The schema has no such field.
    Undeclared {
        /// A field of nearly this name that is not set.
        near: Option<Str>,
    },
    /// The value has another type.
    WrongType {
        /// The one that the schema has.
        expected: ValueKind,
        /// The one that it has, in the same words.
        found: &'static str,
    },
    /// A required field is missing.
    Missing,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".{}: ", self.path)?;
        match &self.fault {
            Fault::Undeclared { .. } => f.write_str("field not declared in schema"),
            Fault::WrongType { expected, found } => write!(f, "expected {expected}, got {found}"),
            Fault::Missing => f.write_str("required value"),
        }
    }
}

/// Objects nested deeper than this are not looked into.
const DEPTH: usize = 100;

impl Schema {
    /// Lists everything about an object that the schema of its kind does not allow, in the order of the object; nothing
    /// where the kind is not known. A null is no value.
    ///
    /// ```
    /// use gitops_core::schema::{Fault, Schema};
    /// use gitops_yaml::{FileId, ReadOptions, read_document};
    /// let text = "{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {ingressClass: nginx}}";
    /// let object = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3())?.unwrap().root;
    /// let found = Schema::kubernetes().check(&object);
    /// assert_eq!(found[0].to_string(), ".spec.ingressClass: field not declared in schema");
    /// assert_eq!(found[0].fault, Fault::Undeclared { near: Some("ingressClassName".into()) });
    /// # Ok::<(), gitops_yaml::Error>(())
    /// ```
    #[must_use]
    pub fn check(&self, object: &Node) -> Vec<Mismatch> {
        let text = |field| object.get(field).and_then(Node::as_str).unwrap_or_default();
        match self.kind(text("apiVersion"), text("kind")) {
            Some(schema) => schema.check(object),
            None => Vec::new(),
        }
    }
}

impl SchemaNode<'_> {
    /// Lists everything about a value that the schema does not allow, as [`Schema::check`].
    #[must_use]
    pub fn check(self, value: &Node) -> Vec<Mismatch> {
        let mut found = Vec::new();
        let mut path = Vec::new();
        walk(self, value, &mut path, &mut found);
        found
    }
}

fn walk(schema: SchemaNode<'_>, value: &Node, path: &mut Vec<FieldStep>, found: &mut Vec<Mismatch>) {
    if path.len() > DEPTH || is_null(value) {
        return;
    }
    if let Some(got) = mismatch(schema.kind(), value) {
        let fault = Fault::WrongType { expected: schema.kind(), found: got };
        found.push(at(path, value.place, fault));
        return;
    }
    match &value.data {
        Data::Mapping(entries) => {
            for entry in entries {
                let Some(name) = entry.key.scalar() else { continue };
                path.push(FieldStep::key(name.clone()));
                match schema.field(name) {
                    Some(below) => walk(below, &entry.value, path, found),
                    None if schema.is_closed() => {
                        let free: Vec<&str> =
                            schema.field_names().filter(|field| value.get(field).is_none()).collect();
                        let near = near_field(name, &free).map(Str::from);
                        found.push(at(path, entry.key.place, Fault::Undeclared { near }));
                    }
                    None => {}
                }
                path.pop();
            }
            for name in schema.required_fields() {
                if value.get(name).is_none_or(is_null) {
                    path.push(FieldStep::key(name));
                    found.push(at(path, value.place, Fault::Missing));
                    path.pop();
                }
            }
        }
        Data::Sequence(items) => {
            let Some(element) = schema.element() else { return };
            let keys = schema.merge_keys();
            for (index, item) in items.iter().enumerate() {
                path.push(item_step(item, keys, index));
                walk(element, item, path, found);
                path.pop();
            }
        }
        Data::Scalar(_) | Data::Alias(_) => {}
    }
}

fn is_null(value: &Node) -> bool {
    value.kind(Dialect::V3) == Kind::Null
}

/// The step to an item: by its name where items are told apart by one field, else by its index.
fn item_step(item: &Node, keys: &[Str], index: usize) -> FieldStep {
    match keys {
        [key] => item.get(key).and_then(Node::scalar).map_or(FieldStep::Index(index), |value| {
            FieldStep::Item { key: key.clone(), value: value.clone() }
        }),
        _ => FieldStep::Index(index),
    }
}

/// A field that is spelt nearly like it, or that it is the beginning of.
fn near_field<'a>(name: &str, fields: &[&'a str]) -> Option<&'a str> {
    did_you_mean(name, fields.iter().copied()).or_else(|| {
        let folded = name.to_lowercase();
        let mut longer = fields.iter().copied().filter(|field| {
            let field = field.to_lowercase();
            folded.len() >= 4 && (field.starts_with(&folded) || folded.starts_with(&field))
        });
        longer.next()
    })
}

fn at(path: &[FieldStep], place: Place, fault: Fault) -> Mismatch {
    Mismatch { path: path.iter().cloned().collect(), place, fault }
}

/// What a value is, where it is not what the schema says.
fn mismatch(expected: ValueKind, value: &Node) -> Option<&'static str> {
    let (got, fits): (_, &[ValueKind]) = match value.kind(Dialect::V3) {
        Kind::Mapping => ("object", &[ValueKind::Object]),
        Kind::Sequence => ("array", &[ValueKind::Array]),
        Kind::Bool(_) => ("boolean", &[ValueKind::Boolean]),
        Kind::Int(_) | Kind::Uint(_) => {
            ("integer", &[ValueKind::Integer, ValueKind::Number, ValueKind::IntegerOrString])
        }
        // Quantities may be written as numbers: `cpu: 0.5`.
        Kind::Float(_) => ("number", &[ValueKind::Number, ValueKind::IntegerOrString]),
        // Timestamps and binaries are strings in JSON.
        _ => ("string", &[ValueKind::String, ValueKind::IntegerOrString]),
    };
    (expected != ValueKind::Unknown && !fits.contains(&expected)).then_some(got)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{FileId, ReadOptions, read_document};

    fn check(text: &str) -> Vec<String> {
        let object = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().unwrap().root;
        Schema::kubernetes().check(&object).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn faults_are_named_with_the_items_they_stand_in() {
        let found = check(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: two\n  selector: {}\n  template:\n    \
             spec:\n      containers:\n      - name: web\n        imagePullpolicy: Always\n        ports: [{port: 80}]\n",
        );
        assert_eq!(
            found,
            [
                ".spec.replicas: expected integer, got string",
                ".spec.template.spec.containers[name=web].imagePullpolicy: field not declared in schema",
                ".spec.template.spec.containers[name=web].ports[0].port: field not declared in schema",
                ".spec.template.spec.containers[name=web].ports[0].containerPort: required value",
            ]
        );
    }

    #[test]
    fn quantities_nulls_and_unknown_kinds_are_let_be() {
        assert!(check("apiVersion: v1\nkind: LimitRange\nspec: {limits: [{type: a, max: {cpu: 0.5, memory: 1Gi}}]}\n").is_empty());
        assert!(
            check("apiVersion: v1\nkind: ConfigMap\ndata: null\nmetadata: {creationTimestamp: null}\n")
                .is_empty()
        );
        assert!(check("apiVersion: example.com/v1\nkind: Thing\nspec: {a: 1}\n").is_empty());
    }
}
