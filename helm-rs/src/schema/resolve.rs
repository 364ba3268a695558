//! Finds what references point to, and checks the form of a schema.

use std::collections::HashMap;

use crate::values::{Table, Value};

/// The version of JSON Schema, which decides what some keywords mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draft {
    Four,
    Six,
    Seven,
    Y2019,
    Y2020,
}

impl Draft {
    pub(super) fn of(schema: &Value) -> Self {
        let named = schema.get("$schema").and_then(Value::as_text).unwrap_or_default();
        match named.trim_end_matches('#') {
            "http://json-schema.org/draft-04/schema" | "https://json-schema.org/draft-04/schema" => {
                Self::Four
            }
            "http://json-schema.org/draft-06/schema" | "https://json-schema.org/draft-06/schema" => Self::Six,
            "http://json-schema.org/draft-07/schema" | "https://json-schema.org/draft-07/schema" => {
                Self::Seven
            }
            "https://json-schema.org/draft/2019-09/schema" => Self::Y2019,
            _ => Self::Y2020,
        }
    }

    fn id_keyword(self) -> &'static str {
        if self == Self::Four { "id" } else { "$id" }
    }
}

/// All parts of a schema that have a name of their own.
#[derive(Debug)]
pub(super) struct Names<'s> {
    root: &'s Value,
    draft: Draft,
    /// Parts by their `$id`, made absolute.
    documents: HashMap<String, &'s Value>,
    /// Parts by their document and `$anchor`.
    anchors: HashMap<(String, String), &'s Value>,
    /// Parts by their document and `$dynamicAnchor`.
    dynamic: HashMap<(String, String), &'s Value>,
}

/// What a reference points to, and the document that holds it.
pub(super) enum Target<'s> {
    Schema(&'s Value, String),
    /// Anything is allowed.
    Anything,
}

/// The address of the schema, as Helm names it.
pub(super) const ROOT: &str = "file:///values.schema.json";

const DEPTH: usize = 200;

impl<'s> Names<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        let mut names = Self {
            root,
            draft: Draft::of(root),
            documents: HashMap::new(),
            anchors: HashMap::new(),
            dynamic: HashMap::new(),
        };
        names.documents.insert(ROOT.to_owned(), root);
        names.collect(root, ROOT, 0);
        names
    }

    pub(super) fn draft(&self) -> Draft {
        self.draft
    }

    /// Returns the document that a schema belongs to.
    pub(super) fn document_of(&self, schema: &Value, around: &str) -> Option<String> {
        let id = schema.get(self.draft.id_keyword())?.as_text()?;
        let (document, _) = id.split_once('#').unwrap_or((id, ""));
        (!document.is_empty()).then(|| joined(around, document))
    }

    fn collect(&mut self, schema: &'s Value, around: &str, depth: usize) {
        if depth > DEPTH {
            return;
        }
        match schema {
            Value::List(items) => items.iter().for_each(|item| self.collect(item, around, depth + 1)),
            Value::Table(table) => {
                let document = self.document_of(schema, around).unwrap_or_else(|| around.to_owned());
                if document != around {
                    self.documents.insert(document.clone(), schema);
                }
                let id_anchor = (self.draft < Draft::Y2019)
                    .then(|| schema.get(self.draft.id_keyword())?.as_text()?.split_once('#'))
                    .flatten()
                    .map(|(_, anchor)| anchor.to_owned());
                let anchor = schema.get("$anchor").and_then(Value::as_text).map(str::to_owned);
                for anchor in [id_anchor, anchor].into_iter().flatten() {
                    self.anchors.insert((document.clone(), anchor), schema);
                }
                if let Some(anchor) = schema.get("$dynamicAnchor").and_then(Value::as_text) {
                    self.anchors.insert((document.clone(), anchor.to_owned()), schema);
                    self.dynamic.insert((document.clone(), anchor.to_owned()), schema);
                }
                for (key, value) in table.iter() {
                    // What stands in these is data, not schema.
                    if !matches!(key.as_str(), "enum" | "const" | "default" | "examples") {
                        self.collect(value, &document, depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn dynamic_anchor(&self, document: &str, anchor: &str) -> Option<&'s Value> {
        self.dynamic.get(&(document.to_owned(), anchor.to_owned())).copied()
    }

    /// Returns what a reference in a document points to.
    pub(super) fn target(&self, reference: &str, around: &str) -> Result<Target<'s>, String> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let document = if document.is_empty() { around.to_owned() } else { joined(around, document) };
        let Some(found) = self.documents.get(&document).copied() else {
            if document.starts_with("urn:") || document.contains("//json-schema.org/draft") {
                return Ok(Target::Anything);
            }
            return Err(format!(
                "failing loading \"{document}\": references to other documents are not fetched"
            ));
        };
        let missing = || format!("\"{document}#{fragment}\": no such part of the schema");
        if fragment.is_empty() {
            return Ok(Target::Schema(found, document));
        }
        let fragment = percent_decoded(fragment);
        let Some(pointer) = fragment.strip_prefix('/') else {
            let anchor =
                self.anchors.get(&(document.clone(), fragment.clone())).copied().ok_or_else(missing)?;
            return Ok(Target::Schema(anchor, document));
        };
        let (mut part, mut inside) = (found, document.clone());
        for token in pointer.split('/') {
            let token = token.replace("~1", "/").replace("~0", "~");
            part = match part {
                Value::Table(table) => table.get(token.as_str()).ok_or_else(missing)?,
                Value::List(items) => {
                    token.parse().ok().and_then(|index: usize| items.get(index)).ok_or_else(missing)?
                }
                _ => return Err(missing()),
            };
            if let Some(document) = self.document_of(part, &inside) {
                inside = document;
            }
        }
        Ok(Target::Schema(part, inside))
    }

    pub(super) fn root(&self) -> &'s Value {
        self.root
    }
}

/// Resolves an address against another one, as far as schemas need it.
fn joined(around: &str, address: &str) -> String {
    if address.contains("://") || address.starts_with("urn:") {
        return address.to_owned();
    }
    let Some((scheme, rest)) = around.split_once("://") else { return address.to_owned() };
    if address.starts_with('/') {
        let host = rest.split('/').next().unwrap_or("");
        return format!("{scheme}://{host}{address}");
    }
    match rest.rfind('/') {
        Some(at) => format!("{scheme}://{}{address}", &rest[..=at]),
        None => format!("{scheme}://{rest}/{address}"),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Checks what would make a schema senseless: parts that are no schemas, unknown types, patterns that don't compile.
pub(super) fn check_form(schema: &Value) -> Result<(), String> {
    let draft = Draft::of(schema);
    let address = match draft {
        Draft::Four => "http://json-schema.org/draft-04/schema#",
        Draft::Six => "http://json-schema.org/draft-06/schema#",
        Draft::Seven => "http://json-schema.org/draft-07/schema#",
        Draft::Y2019 => "https://json-schema.org/draft/2019-09/schema#",
        Draft::Y2020 => "https://json-schema.org/draft/2020-12/schema#",
    };
    check_part(schema, "", 0).map_err(|why| format!("jsonschema validation failed with '{address}'\n- {why}"))
}

fn check_part(schema: &Value, at: &str, depth: usize) -> Result<(), String> {
    let table: &Table = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Table(table) => table,
        other => {
            let got = super::check::type_name(other);
            return Err(format!("at '{at}': got {got}, want boolean or object"));
        }
    };
    if depth > DEPTH {
        return Err(format!("at '{at}': schemas are nested more than {DEPTH} deep"));
    }
    match table.get("type") {
        None => {}
        Some(Value::Text(name)) => check_type(name, at)?,
        Some(Value::List(names)) => {
            for name in names.iter() {
                check_type(name.as_text().unwrap_or_default(), at)?;
            }
        }
        Some(other) => {
            let got = super::check::type_name(other);
            return Err(format!("at '{at}/type': got {got}, want string or array"));
        }
    }
    let check_pattern = |pattern: &str, at: &str| {
        gitops_regex::GoRegex::new(pattern)
            .map(|_| ())
            .map_err(|error| format!("at '{at}': '{pattern}' is not valid regex: {error}"))
    };
    if let Some(pattern) = table.get("pattern").and_then(Value::as_text) {
        check_pattern(pattern, &format!("{at}/pattern"))?;
    }
    for keyword in ["required", "enum", "allOf", "anyOf", "oneOf", "prefixItems"] {
        if let Some(other) = table.get(keyword)
            && !matches!(other, Value::List(_))
        {
            let got = super::check::type_name(other);
            return Err(format!("at '{at}/{keyword}': got {got}, want array"));
        }
    }
    for keyword in ["properties", "patternProperties", "definitions", "$defs", "dependentSchemas"] {
        match table.get(keyword) {
            None => {}
            Some(Value::Table(parts)) => {
                for (name, part) in parts.iter() {
                    let at = format!("{at}/{keyword}/{name}");
                    if keyword == "patternProperties" {
                        check_pattern(name, &at)?;
                    }
                    check_part(part, &at, depth + 1)?;
                }
            }
            Some(other) => {
                let got = super::check::type_name(other);
                return Err(format!("at '{at}/{keyword}': got {got}, want object"));
            }
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        if let Some(Value::List(parts)) = table.get(keyword) {
            for (index, part) in parts.iter().enumerate() {
                check_part(part, &format!("{at}/{keyword}/{index}"), depth + 1)?;
            }
        }
    }
    for keyword in ["not", "if", "then", "else", "additionalProperties", "contains", "propertyNames"] {
        if let Some(part) = table.get(keyword) {
            check_part(part, &format!("{at}/{keyword}"), depth + 1)?;
        }
    }
    match table.get("items") {
        Some(Value::List(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                check_part(part, &format!("{at}/items/{index}"), depth + 1)?;
            }
        }
        Some(part) => check_part(part, &format!("{at}/items"), depth + 1)?,
        None => {}
    }
    Ok(())
}

fn check_type(name: &str, at: &str) -> Result<(), String> {
    const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
    if TYPES.contains(&name) {
        return Ok(());
    }
    let wanted = super::failure::all_quoted(TYPES);
    Err(format!("at '{at}/type': value must be one of {wanted}"))
}
