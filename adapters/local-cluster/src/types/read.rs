//! Reads the compact table of built-in types.
//!
//! A line without indentation names a structure (`atomic` may follow); indented lines are its fields: a name, a type and
//! flags. Types: `s` string, `b` bool, `i`/`l` integers, `f` float, `y` bytes, `q` quantity, `t`/`u` times, `d` duration,
//! `x` integer or string, `r` any; `*T` pointer, `[T` list, `{T` map; all else is a structure's name. Flags: `?` left out
//! where empty, `!` also where a zero structure, `k=a,b` list by keys, `set`, `atomic`, `d=` default, `p=` patch strategy, `#2.1`
//! its number in protobuf.

use super::{
    Empty, Field, ListMerge, ListType, MapType, PatchStrategy, Scalar, StructType, Type, TypeId, Types,
};
use crate::value::Value;
use gitops_yaml::Str;

impl Types {
    /// Reads the table.
    pub(crate) fn read(table: &str) -> Self {
        let mut types = Self::default();
        for (code, scalar) in SCALARS {
            let id = types.add(Type::Scalar(*scalar));
            types.names.insert(Str::literal(code), id);
        }
        let mut current: Option<TypeId> = None;
        for line in table.lines() {
            if let Some(field) = line.strip_prefix(' ') {
                let field = types.field_of(field);
                if let Some(Type::Struct(structure)) =
                    current.and_then(|id| types.types.get_mut(id.0 as usize))
                {
                    structure.fields.extend(field);
                }
            } else if let Some(name) = line.split(' ').next().filter(|name| !name.is_empty()) {
                let id = types.structure(name);
                if let Some(Type::Struct(structure)) = types.types.get_mut(id.0 as usize) {
                    structure.atomic = line.ends_with(" atomic");
                }
                current = Some(id);
            }
        }
        types
    }

    fn structure(&mut self, name: &str) -> TypeId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let short = name.rsplit('.').next().unwrap_or(name);
        let id = self.add(Type::Struct(StructType {
            name: short.into(),
            fields: Vec::new(),
            atomic: false,
            rest: None,
        }));
        self.names.insert(name.into(), id);
        id
    }

    fn field_of(&mut self, line: &str) -> Option<Field> {
        let mut words = line.split(' ');
        let (name, code) = (words.next()?, words.next()?);
        let (mut omit, mut omit_zero, mut atomic) = (false, false, false);
        let (mut merge, mut default, mut patch) = (ListMerge::Atomic, None, PatchStrategy::default());
        let mut wire = Str::EMPTY;
        for word in words {
            match word.split_once('=') {
                Some(("k", keys)) => merge = ListMerge::Keys(keys.split(',').map(Str::from).collect()),
                Some(("d", json)) => default = Value::from_json(json.as_bytes()).ok(),
                Some(("p", strategy)) => {
                    let (words, key) = strategy.split_once(':').unwrap_or((strategy, ""));
                    patch.merge = words.split(',').any(|word| word == "merge").then(|| key.into());
                    patch.retain_keys = words.split(',').any(|word| word == "retainKeys");
                }
                _ => match word {
                    "?" => omit = true,
                    "!" => omit_zero = true,
                    "set" => merge = ListMerge::Set,
                    "atomic" => atomic = true,
                    _ => wire = word.strip_prefix('#').map_or(wire, Str::from),
                },
            }
        }
        let pointer = code.starts_with('*');
        let bare = code.trim_start_matches('*');
        let kind = self.coded(bare, merge, atomic);
        let structure = !pointer && matches!(self.get(kind), Type::Struct(_));
        let empty = match (omit, pointer || bare == "r") {
            _ if omit_zero => Empty::Omitted,
            (true, true) => Empty::KeptWhereSet,
            // Go never takes a structure for empty.
            (true, false) if structure => Empty::Printed,
            (true, false) if matches!(bare, "t" | "u") => Empty::Null,
            (true, false) => Empty::Omitted,
            (false, true) => Empty::Null,
            (false, false) if bare.starts_with(['[', '{']) || matches!(bare, "t" | "u" | "y") => Empty::Null,
            (false, false) => Empty::Printed,
        };
        Some(Field { name: name.into(), kind, empty, default, patch, wire })
    }

    fn coded(&mut self, code: &str, merge: ListMerge, atomic: bool) -> TypeId {
        let code = code.trim_start_matches('*');
        if let Some(element) = code.strip_prefix('[') {
            let go_name = element.trim_start_matches('*').into();
            let element = self.coded(element, ListMerge::Atomic, false);
            return self.add(Type::List(ListType { element, merge, go_name }));
        }
        if let Some(element) = code.strip_prefix('{') {
            let element = self.coded(element, ListMerge::Atomic, false);
            return self.add(Type::Map(MapType { element, atomic }));
        }
        self.structure(code)
    }
}

static SCALARS: &[(&str, Scalar)] = &[
    ("s", Scalar::Text),
    ("b", Scalar::Bool),
    ("i", Scalar::Int32),
    ("l", Scalar::Int64),
    ("f", Scalar::Float),
    ("y", Scalar::Bytes),
    ("q", Scalar::Quantity),
    ("t", Scalar::Time),
    ("u", Scalar::MicroTime),
    ("d", Scalar::Duration),
    ("x", Scalar::IntOrString),
    ("r", Scalar::Any),
];
