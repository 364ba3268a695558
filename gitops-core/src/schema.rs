//! What is known about kinds: their fields, how their lists merge, and whether they live in a namespace.
//!
//! A [`Schema`] is a value: the built-in one describes Kubernetes v1.21.2 as kustomize does, others are read from OpenAPI
//! documents, and [`Schema::kubernetes`] describes a current Kubernetes, to check objects with. The built-in ones
//! are text that is searched where it stands: a type is parsed when a field of it is first asked for, so that making a
//! schema costs microseconds.

mod builtin;
mod check;
mod custom;
mod definition;
mod kubernetes;
mod openapi;
mod scope;

use std::collections::HashMap;
use std::sync::OnceLock;

use gitops_yaml::{FieldPath, FieldStep, Str};

pub use check::{Fault, Mismatch};
pub use definition::{Definition, ValueKind};
pub use openapi::{OpenApiError, Winner};
pub use scope::Scope;

use definition::Reference;

/// The types of an API and the kinds that they describe.
///
/// ```
/// use gitops_core::schema::Schema;
/// let schema = Schema::builtin();
/// let pod = schema.kind("v1", "Pod").unwrap();
/// let ports = pod.field("spec").unwrap().field("containers").unwrap().element().unwrap().field("ports").unwrap();
/// assert!(ports.merges());
/// assert_eq!(ports.merge_keys(), ["containerPort", "protocol"]);
/// ```
#[derive(Debug, Default)]
pub struct Schema {
    /// The types of documents by name, `io.k8s.api.core.v1.Pod`.
    names: HashMap<Str, usize>,
    /// The built-in types, sorted by name, and then those of documents.
    types: Vec<Type>,
    builtin_types: usize,
    /// The types by `apiVersion` and kind.
    kinds: HashMap<(Str, Str), usize>,
    scopes: HashMap<(Str, Str), Scope>,
    table: Table,
}

/// Which of the built-in texts the built-in types stand in.
#[derive(Clone, Copy, Debug, Default)]
enum Table {
    /// What kustomize knows.
    #[default]
    Kustomize,
    /// A current Kubernetes.
    Kubernetes,
}

#[derive(Debug)]
struct Type {
    /// The name of a built-in type.
    name: &'static str,
    /// The line of the built-in table that describes the type, until it is asked for.
    line: &'static str,
    definition: OnceLock<Definition>,
}

/// The schema of one value: of an object, a field, an element.
#[derive(Clone, Copy, Debug)]
pub struct SchemaNode<'a> {
    schema: &'a Schema,
    definition: &'a Definition,
}

impl Schema {
    /// Returns the schema of Kubernetes v1.21.2 that kustomize has built in.
    #[must_use]
    pub fn builtin() -> Self {
        let mut schema = Self::default();
        builtin::index(&mut schema);
        schema
    }

    /// The version that [`Schema::builtin`] describes, the only one that `openapi: version` may name.
    pub const BUILTIN_VERSION: &'static str = "v1.21.2";

    /// Returns the schema of the current Kubernetes: all versions of its kinds that ever were, with which fields are
    /// required and which lists and maps are replaced as a whole.
    ///
    /// ```
    /// use gitops_core::schema::Schema;
    /// let schema = Schema::kubernetes();
    /// let spec = schema.kind("networking.k8s.io/v1", "Ingress").unwrap().field("spec").unwrap();
    /// assert!(spec.field("ingressClassName").is_some());
    /// assert!(spec.is_closed() && spec.field("ingressClass").is_none());
    /// ```
    #[must_use]
    pub fn kubernetes() -> Self {
        let mut schema = Self::default();
        kubernetes::index(&mut schema);
        schema
    }

    /// The version that [`Schema::kubernetes`] describes.
    pub const KUBERNETES_VERSION: &'static str = "v1.37.1";

    /// Returns the schema of a field of a kind; `None` where the kind or the field is not known. Items are stepped
    /// into by any index, key or `*`.
    #[must_use]
    pub fn field(&self, api_version: &str, kind: &str, path: &FieldPath) -> Option<SchemaNode<'_>> {
        self.kind(api_version, kind)?.at_path(path)
    }

    /// Returns the schema of an object by its `apiVersion` and kind.
    #[must_use]
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<SchemaNode<'_>> {
        let index = *self.kinds.get(&(Str::from(api_version), Str::from(kind)))?;
        self.node(self.definition_at(index)?)
    }

    /// Returns a type by its name in the OpenAPI document: `io.k8s.api.core.v1.Container`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<SchemaNode<'_>> {
        self.node(self.definition_at(self.index_of(name)?)?)
    }

    /// Returns a schema that stands outside of any document, such as in a comment, with references into this one.
    #[must_use]
    pub fn node<'a>(&'a self, definition: &'a Definition) -> Option<SchemaNode<'a>> {
        let definition = self.resolve(definition)?;
        Some(SchemaNode { schema: self, definition })
    }

    /// Returns whether objects of a kind live in a namespace; `None` where that is not known.
    #[must_use]
    pub fn scope(&self, api_version: &str, kind: &str) -> Option<Scope> {
        // The compiled table wins over documents, as kustomize has it.
        let known = scope::compiled(api_version, kind);
        if known.is_some() || self.scopes.is_empty() {
            return known;
        }
        self.scopes.get(&(Str::from(api_version), Str::from(kind))).copied()
    }

    /// Returns whether a type was looked up yet.
    #[must_use]
    pub fn was_used(&self) -> bool {
        self.types.iter().any(|found| found.definition.get().is_some())
    }

    /// Lists the kinds that the schema describes, as `apiVersion` and kind, in no order.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kinds.keys().map(|(api_version, kind)| (api_version.as_str(), kind.as_str()))
    }

    fn definition_at(&self, index: usize) -> Option<&Definition> {
        let found = self.types.get(index)?;
        Some(found.definition.get_or_init(|| match self.table {
            Table::Kustomize => builtin::parse(self, found.line),
            Table::Kubernetes => kubernetes::parse(self, found.line),
        }))
    }

    /// Follows references; `None` where one leads nowhere or in a circle.
    fn resolve<'a>(&'a self, definition: &'a Definition) -> Option<&'a Definition> {
        let mut definition = definition;
        for _ in 0..32 {
            definition = match &definition.reference {
                Reference::None => return Some(definition),
                Reference::Type(index) => self.definition_at(*index)?,
                Reference::Name(name) => self.definition_at(self.index_of(name)?)?,
            };
        }
        None
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        let builtin = self.types.get(..self.builtin_types)?;
        self.names.get(name).copied().or_else(|| match self.table {
            Table::Kustomize => builtin::find(builtin, name),
            Table::Kubernetes => kubernetes::find(builtin, name),
        })
    }

    fn add_type(&mut self, name: Str, definition: Definition) -> usize {
        let index = self.types.len();
        self.types.push(Type { name: "", line: "", definition: OnceLock::from(definition) });
        self.names.insert(name, index);
        index
    }
}

impl<'a> SchemaNode<'a> {
    /// Returns the schema of a field, or of a value of a map; `None` where nothing is known about it.
    #[must_use]
    pub fn field(self, name: &str) -> Option<SchemaNode<'a>> {
        self.schema.node(self.definition.field(name)?)
    }

    /// Returns the schema of a list's elements; `None` where it is no list or nothing is known about them.
    #[must_use]
    pub fn element(self) -> Option<SchemaNode<'a>> {
        if self.definition.kind != ValueKind::Array {
            return None;
        }
        self.schema.node(self.definition.element.as_deref()?)
    }

    /// Returns the schema at the end of a path; `None` where nothing is known about it.
    #[must_use]
    pub fn at_path(self, path: &FieldPath) -> Option<SchemaNode<'a>> {
        path.steps().iter().try_fold(self, |node, step| match step {
            FieldStep::Key(key) => node.field(key).or_else(|| {
                // In a path that a user wrote, a number may mean an item.
                key.bytes().all(|b| b.is_ascii_digit()).then(|| node.element()).flatten()
            }),
            _ => node.element().or_else(|| node.field("*")),
        })
    }

    /// Returns the names of the fields that must be there, sorted.
    pub fn required_fields(self) -> impl Iterator<Item = &'a str> {
        self.definition.fields.iter().filter(|(_, found)| found.is_required).map(|(name, _)| name.as_str())
    }

    /// Returns whether fields that are not named are errors; others may hold anything.
    #[must_use]
    pub fn is_closed(self) -> bool {
        self.definition.is_closed
    }

    /// Returns whether a list or a map is replaced as a whole by server-side apply.
    #[must_use]
    pub fn is_atomic(self) -> bool {
        self.definition.is_atomic
            || (self.definition.kind == ValueKind::Array && self.definition.strategy.is_empty())
    }

    /// Returns what a server puts where the value is missing, as YAML; only where the key of a list needs it.
    #[must_use]
    pub fn default_value(self) -> Option<&'a str> {
        Some(self.definition.default.as_str()).filter(|default| !default.is_empty())
    }

    /// Returns what kind of value this is.
    #[must_use]
    pub fn kind(self) -> ValueKind {
        self.definition.kind
    }

    /// Returns the names of the known fields, sorted.
    pub fn field_names(self) -> impl Iterator<Item = &'a str> {
        self.definition.fields.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the patch strategy as the document has it: `merge`, `replace`, `retainKeys`, `merge,retainKeys` or empty.
    #[must_use]
    pub fn patch_strategy(self) -> &'a str {
        &self.definition.strategy
    }

    /// Returns whether patches merge into the list; others replace it.
    #[must_use]
    pub fn merges(self) -> bool {
        self.patch_strategy().split(',').any(|strategy| strategy == "merge")
    }

    /// Returns the keys by which elements of a merging list are the same; none for lists of scalars.
    #[must_use]
    pub fn merge_keys(self) -> &'a [Str] {
        if self.definition.strategy.is_empty() { &[] } else { &self.definition.keys }
    }
}
