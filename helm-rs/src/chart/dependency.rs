//! What a chart depends on, and the lock file that pins it.

use gitops_yaml::{Node, Str};
use sha2::{Digest, Sha256};

use super::metadata::{UnknownFields, clean, entry, invalid, push_list, push_text, set, unknown_field};
use crate::decode::{self, DecodeError, Field};
use crate::go::quoted;
use crate::json::{Json, json_to_node, node_to_json, write_json};
use crate::{Error, ErrorKind, Time};

/// A chart that another depends on.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Dependency {
    /// The chart's name, as its own `Chart.yaml` says.
    pub name: Str,
    /// The version range; in a lock, one version.
    pub version: Str,
    /// The repository: a URL, `oci://…`, `file://…`, `@name` or `alias:name`; empty when the chart is vendored.
    pub repository: Str,
    /// Paths in the values, separated by commas; the first that holds a boolean turns the chart on or off.
    pub condition: Str,
    /// Tags that turn the chart on or off.
    pub tags: Vec<Str>,
    /// What `enabled` says; Helm overwrites it.
    pub enabled: bool,
    /// Which of the chart's values are copied to its parent.
    pub import_values: Vec<ImportValues>,
    /// The name that the chart goes by in its parent; letters, digits, `_` and `-` only.
    pub alias: Str,
}

/// One entry of `import-values`: which of a dependency's values its parent takes over.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportValues(Json);

impl ImportValues {
    /// Returns the name of a table beneath `exports` that is copied to the root.
    #[must_use]
    pub fn export(&self) -> Option<&str> {
        match &self.0 {
            Json::Text(name) => Some(name),
            _ => None,
        }
    }

    /// Returns the entry as it was written.
    #[must_use]
    pub fn value(&self) -> crate::values::Value {
        crate::values::Value::from_json(&self.0)
    }

    /// Returns the path of a table in the dependency's values, and the path where it goes; `.` is the root. What is no
    /// text is printed as Go does: an absent one as `<nil>`.
    #[must_use]
    pub fn table(&self) -> Option<(Str, Str)> {
        let Json::Object(fields) = &self.0 else { return None };
        let path = |wanted: &str| {
            let found = fields.iter().find(|(key, _)| key == wanted).map(|(_, value)| value);
            match found {
                None | Some(Json::Null) => Str::literal("<nil>"),
                Some(Json::Text(text)) => text.clone(),
                Some(other) => write_json(other).into(),
            }
        };
        Some((path("child"), path("parent")))
    }
}

impl Dependency {
    pub(crate) fn read(node: &Node, at: &Field, unknown: UnknownFields) -> Result<Option<Self>, DecodeError> {
        let Some(entries) = decode::object(node, at, "v2.Dependency")? else { return Ok(None) };
        let mut dependency = Self::default();
        for (key, node) in entries {
            let field = |name: &str| at.of("Dependency", name);
            match key.to_ascii_lowercase().as_str() {
                "name" => set(&mut dependency.name, node, &field("name"))?,
                "version" => set(&mut dependency.version, node, &field("version"))?,
                "repository" => set(&mut dependency.repository, node, &field("repository"))?,
                "condition" => set(&mut dependency.condition, node, &field("condition"))?,
                "alias" => set(&mut dependency.alias, node, &field("alias"))?,
                "enabled" => {
                    dependency.enabled = decode::boolean(node, &field("enabled"))?.unwrap_or_default();
                }
                "tags" => dependency.tags = decode::texts(node, &field("tags"))?.unwrap_or_default(),
                "import-values" => {
                    let items = decode::list(node, &field("import-values"), "[]interface {}")?;
                    dependency.import_values = items
                        .unwrap_or_default()
                        .iter()
                        .map(|item| ImportValues(node_to_json(item)))
                        .collect();
                }
                _ if unknown == UnknownFields::Refused => return Err(unknown_field(&key, node)),
                _ => {}
            }
        }
        Ok(Some(dependency))
    }

    /// Returns the name that the chart goes by in its parent: its alias, or its name.
    #[must_use]
    pub fn name_in_chart(&self) -> &Str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }

    pub(super) fn validate(&mut self) -> Result<(), Error> {
        for text in [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition] {
            clean(text);
        }
        self.tags.iter_mut().for_each(clean);
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if self.alias.bytes().all(allowed) {
            return Ok(());
        }
        Err(invalid(format!("dependency {} has disallowed characters in the alias", quoted(&self.name))))
    }

    pub(super) fn to_node(&self) -> Node {
        let mut entries = vec![entry("name", Node::string(self.name.clone()))];
        push_text(&mut entries, "version", &self.version);
        entries.push(entry("repository", Node::string(self.repository.clone())));
        push_text(&mut entries, "condition", &self.condition);
        push_list(&mut entries, "tags", self.tags.iter().map(|tag| Node::string(tag.clone())).collect());
        if self.enabled {
            entries.push(entry("enabled", Node::bool(true)));
        }
        let imports = self.import_values.iter().map(|import| json_to_node(&import.0));
        push_list(&mut entries, "import-values", imports.collect());
        push_text(&mut entries, "alias", &self.alias);
        Node::mapping(entries)
    }

    /// Returns the dependency as Go's JSON prints it: fields in the order of Helm's structure.
    pub(crate) fn to_json(&self) -> Json {
        let text = |text: &Str| Json::Text(text.clone());
        let mut fields = vec![("name", text(&self.name))];
        if !self.version.is_empty() {
            fields.push(("version", text(&self.version)));
        }
        fields.push(("repository", text(&self.repository)));
        if !self.condition.is_empty() {
            fields.push(("condition", text(&self.condition)));
        }
        if !self.tags.is_empty() {
            fields.push(("tags", Json::List(self.tags.iter().map(text).collect())));
        }
        if self.enabled {
            fields.push(("enabled", Json::Bool(true)));
        }
        if !self.import_values.is_empty() {
            let imports = self.import_values.iter().map(|import| import.0.clone());
            fields.push(("import-values", Json::List(imports.collect())));
        }
        if !self.alias.is_empty() {
            fields.push(("alias", text(&self.alias)));
        }
        Json::fields(fields)
    }
}

/// The contents of `Chart.lock`: the versions that were chosen.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Lock {
    /// When the lock was written.
    pub generated: Time,
    /// The digest of what was wanted and what was chosen; see [`Lock::digest_of`].
    pub digest: Str,
    /// The chosen charts, each with one version; an empty entry is `None`.
    pub dependencies: Vec<Option<Dependency>>,
}

impl Lock {
    /// Reads `Chart.lock` or `requirements.lock`.
    ///
    /// # Errors
    /// When the text is not YAML or a field has the wrong type, in Helm's words.
    pub fn parse(text: &[u8]) -> Result<Option<Self>, Error> {
        Self::read(text).map_err(|error| error.into_error(ErrorKind::Chart, "Chart.lock", text))
    }

    pub(crate) fn read(text: &[u8]) -> Result<Option<Self>, DecodeError> {
        let root = decode::parse(text)?;
        let Some(entries) = decode::object(&root, &Field::ROOT, "v2.Lock")? else { return Ok(None) };
        let mut lock = Self { generated: Time::ZERO, ..Self::default() };
        for (key, node) in entries {
            let field = |name: &str| Field::ROOT.of("Lock", name);
            match key.to_ascii_lowercase().as_str() {
                "generated" => {
                    if let Some(text) = decode::text(node, &field("generated"))? {
                        lock.generated = Time::parse(&text).ok_or_else(|| bad_time(&text, node))?;
                    }
                }
                "digest" => set(&mut lock.digest, node, &field("digest"))?,
                "dependencies" => {
                    let field = field("dependencies");
                    let items = decode::list(node, &field, "[]*v2.Dependency")?.unwrap_or_default();
                    lock.dependencies = items
                        .iter()
                        .map(|item| Dependency::read(item, &field, UnknownFields::Skipped))
                        .collect::<Result<_, _>>()?;
                }
                _ => {}
            }
        }
        Ok(Some(lock))
    }

    /// Returns the lock as a tree, as Helm writes it.
    #[must_use]
    pub fn to_node(&self) -> Node {
        let dependencies = self.dependencies.iter();
        let dependencies = dependencies.map(|d| d.as_ref().map_or_else(Node::null, Dependency::to_node));
        Node::mapping(vec![
            entry("generated", Node::string(self.generated.to_string())),
            entry("digest", Node::string(self.digest.clone())),
            entry("dependencies", Node::sequence(dependencies.collect())),
        ])
    }

    /// Computes the digest of a lock: SHA-256 of what was wanted and what was chosen, as JSON. `None` is Go's nil list,
    /// which differs from an empty one.
    #[must_use]
    pub fn digest_of(wanted: Option<&[Dependency]>, chosen: Option<&[Dependency]>) -> String {
        let list = |list: Option<&[Dependency]>| match list {
            None => Json::Null,
            Some(list) => Json::List(list.iter().map(Dependency::to_json).collect()),
        };
        let text = write_json(&Json::List(vec![list(wanted), list(chosen)]));
        let digest = Sha256::digest(text.as_bytes());
        let mut printed = String::from("sha256:");
        for byte in digest {
            printed.push_str(&format!("{byte:02x}"));
        }
        printed
    }

    /// Returns whether the lock was made for these dependencies.
    #[must_use]
    pub fn fits(&self, wanted: &[Dependency]) -> bool {
        let chosen: Vec<Dependency> = self.dependencies.iter().flatten().cloned().collect();
        self.digest == Self::digest_of(Some(wanted), Some(&chosen)).as_str()
    }
}

pub(crate) fn bad_time(text: &str, node: &Node) -> DecodeError {
    let shown = quoted(text);
    DecodeError {
        message: format!(
            "error unmarshaling JSON: while decoding JSON: parsing time {shown} as \"2006-01-02T15:04:05Z07:00\": cannot parse {shown} as \"2006\""
        ),
        place: node.place,
    }
}
