//! `Chart.yaml`: its fields, the checks that Helm makes, and how Helm writes it back.

use std::collections::BTreeMap;

use gitops_yaml::{Entry, Node, Str};

use super::Dependency;
use crate::decode::{self, DecodeError, Field};
use crate::go::{base_name, is_printable, quoted};
use crate::{Error, ErrorKind};

/// The contents of `Chart.yaml`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Metadata {
    /// The chart's name. Required; one path element, neither `.` nor `..`.
    pub name: Str,
    /// A page about the project.
    pub home: Str,
    /// Pages with the source code.
    pub sources: Vec<Str>,
    /// The chart's version. Required; a semantic version, `v` and missing parts allowed.
    pub version: Str,
    /// One sentence about the chart.
    pub description: Str,
    /// Words to find the chart by.
    pub keywords: Vec<Str>,
    /// Who keeps the chart; an empty entry is `None` until [`Metadata::validate`] refuses it.
    pub maintainers: Vec<Option<Maintainer>>,
    /// The address of a picture.
    pub icon: Str,
    /// `v1` or `v2`. Required, but a loaded chart without it counts as `v1`.
    pub api_version: Str,
    /// A path in the values that turns the chart on or off. Of Helm 2; unused.
    pub condition: Str,
    /// Tags that turn the chart on or off. Of Helm 2; unused.
    pub tags: Str,
    /// The version of what the chart installs; any text.
    pub app_version: Str,
    /// Whether the chart should no longer be used.
    pub deprecated: bool,
    /// Free notes.
    pub annotations: BTreeMap<Str, Str>,
    /// The Kubernetes versions that the chart works with, as a range.
    pub kube_version: Str,
    /// The charts that this one depends on; an empty entry is `None` until [`Metadata::validate`] refuses it.
    pub dependencies: Vec<Option<Dependency>>,
    /// Whether dependencies are named at all: an empty list differs from none when charts are switched on and off.
    pub(crate) names_dependencies: bool,
    /// `application` (also when empty) or `library`.
    pub chart_type: Str,
}

/// Who keeps a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Maintainer {
    /// A person or an organisation.
    pub name: Str,
    /// Their address.
    pub email: Str,
    /// Their page.
    pub url: Str,
}

/// Whether fields that Helm does not know are an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownFields {
    Skipped,
    Refused,
}

const STRUCT: &str = "Metadata";

impl Metadata {
    /// Reads `Chart.yaml` without checking what it says; see [`Metadata::validate`].
    ///
    /// # Errors
    /// When the text is not YAML or a field has the wrong type, in Helm's words.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        Self::parse_as(text, UnknownFields::Skipped)
            .map_err(|error| error.into_error(ErrorKind::Chart, "Chart.yaml", text))
    }

    pub(crate) fn parse_as(text: &[u8], unknown: UnknownFields) -> Result<Self, DecodeError> {
        let mut metadata = Self::default();
        metadata.merge(text, unknown)?;
        Ok(metadata)
    }

    /// Reads a text over the fields that are set already, as `requirements.yaml` is read over `Chart.yaml`.
    pub(crate) fn merge(&mut self, text: &[u8], unknown: UnknownFields) -> Result<(), DecodeError> {
        let root = decode::parse(text)?;
        let Some(entries) = decode::object(&root, &Field::ROOT, "v2.Metadata")? else { return Ok(()) };
        self.merge_fields(entries, &Field::ROOT, unknown)
    }

    /// Reads fields that stand at a place of a larger structure.
    pub(crate) fn merge_fields(
        &mut self,
        entries: Vec<(Str, &Node)>,
        at: &Field,
        unknown: UnknownFields,
    ) -> Result<(), DecodeError> {
        for (key, node) in entries {
            let name = key.to_ascii_lowercase();
            let field = |name: &str| at.of(STRUCT, name);
            match name.as_str() {
                "name" => set(&mut self.name, node, &field("name"))?,
                "home" => set(&mut self.home, node, &field("home"))?,
                "version" => set(&mut self.version, node, &field("version"))?,
                "description" => set(&mut self.description, node, &field("description"))?,
                "icon" => set(&mut self.icon, node, &field("icon"))?,
                "apiversion" => set(&mut self.api_version, node, &field("apiVersion"))?,
                "condition" => set(&mut self.condition, node, &field("condition"))?,
                "tags" => set(&mut self.tags, node, &field("tags"))?,
                "appversion" => set(&mut self.app_version, node, &field("appVersion"))?,
                "kubeversion" => set(&mut self.kube_version, node, &field("kubeVersion"))?,
                "type" => set(&mut self.chart_type, node, &field("type"))?,
                "deprecated" => {
                    self.deprecated = decode::boolean(node, &field("deprecated"))?.unwrap_or(self.deprecated);
                }
                "sources" => self.sources = decode::texts(node, &field("sources"))?.unwrap_or_default(),
                "keywords" => self.keywords = decode::texts(node, &field("keywords"))?.unwrap_or_default(),
                "annotations" => {
                    self.annotations = decode::text_map(node, &field("annotations"))?.unwrap_or_default();
                }
                "maintainers" => {
                    let field = field("maintainers");
                    let items = decode::list(node, &field, "[]*v2.Maintainer")?.unwrap_or_default();
                    self.maintainers =
                        items.iter().map(|item| Maintainer::read(item, &field)).collect::<Result<_, _>>()?;
                }
                "dependencies" => {
                    let field = field("dependencies");
                    let items = decode::list(node, &field, "[]*v2.Dependency")?;
                    self.names_dependencies = items.is_some();
                    self.dependencies = items
                        .unwrap_or_default()
                        .iter()
                        .map(|item| Dependency::read(item, &field, unknown))
                        .collect::<Result<_, _>>()?;
                }
                _ if unknown == UnknownFields::Refused => return Err(unknown_field(&key, node)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks what Helm checks when it loads a chart, and cleans texts as it does: white space becomes spaces, and
    /// characters that can't be printed go.
    ///
    /// # Errors
    /// `validation: chart.metadata.…` for the first rule that is broken.
    pub fn validate(&mut self) -> Result<(), Error> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            clean(text);
        }
        self.sources.iter_mut().chain(&mut self.keywords).for_each(clean);
        if self.api_version.is_empty() {
            return Err(invalid("chart.metadata.apiVersion is required"));
        }
        if self.name.is_empty() {
            return Err(invalid("chart.metadata.name is required"));
        }
        if self.name == "." || self.name == ".." {
            return Err(invalid(format!("chart.metadata.name {} is not allowed", quoted(&self.name))));
        }
        if base_name(&self.name) != self.name.as_str() {
            return Err(invalid(format!("chart.metadata.name {} is invalid", quoted(&self.name))));
        }
        if self.version.is_empty() {
            return Err(invalid("chart.metadata.version is required"));
        }
        if !crate::semver::is_version(&self.version) {
            return Err(invalid(format!("chart.metadata.version {} is invalid", quoted(&self.version))));
        }
        if !matches!(self.chart_type.as_str(), "" | "application" | "library") {
            return Err(invalid("chart.metadata.type must be application or library"));
        }
        for maintainer in &mut self.maintainers {
            let Some(maintainer) = maintainer else {
                return Err(invalid("maintainers must not contain empty or null nodes"));
            };
            [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url].into_iter().for_each(clean);
        }
        let mut seen = std::collections::BTreeSet::new();
        for dependency in &mut self.dependencies {
            let Some(dependency) = dependency else {
                return Err(invalid("dependencies must not contain empty or null nodes"));
            };
            dependency.validate()?;
            if !seen.insert(dependency.name_in_chart().clone()) {
                let name = quoted(dependency.name_in_chart());
                return Err(invalid(format!("more than one dependency with name or alias {name}")));
            }
        }
        Ok(())
    }

    /// Returns whether the chart only lends its partial templates to others.
    #[must_use]
    pub fn is_library(&self) -> bool {
        self.chart_type.eq_ignore_ascii_case("library")
    }

    /// Returns `Chart.yaml` as a tree, empty fields left out, as Helm writes it. Charts of `v1` keep their dependencies
    /// in `requirements.yaml`; leave them out with [`Metadata::without_dependencies_of_v1`].
    #[must_use]
    pub fn to_node(&self) -> Node {
        let mut entries = Vec::new();
        push_list(
            &mut entries,
            "sources",
            self.sources.iter().map(|text| Node::string(text.clone())).collect(),
        );
        push_list(
            &mut entries,
            "keywords",
            self.keywords.iter().map(|text| Node::string(text.clone())).collect(),
        );
        for (name, text) in [
            ("name", &self.name),
            ("home", &self.home),
            ("version", &self.version),
            ("description", &self.description),
            ("icon", &self.icon),
            ("apiVersion", &self.api_version),
            ("condition", &self.condition),
            ("tags", &self.tags),
            ("appVersion", &self.app_version),
            ("kubeVersion", &self.kube_version),
            ("type", &self.chart_type),
        ] {
            push_text(&mut entries, name, text);
        }
        if self.deprecated {
            entries.push(entry("deprecated", Node::bool(true)));
        }
        if !self.annotations.is_empty() {
            let notes = self.annotations.iter();
            let notes = notes.map(|(key, text)| Entry {
                key: Node::string(key.clone()),
                value: Node::string(text.clone()),
            });
            entries.push(entry("annotations", Node::mapping(notes.collect())));
        }
        let maintainers =
            self.maintainers.iter().map(|m| m.as_ref().map_or_else(Node::null, Maintainer::to_node));
        push_list(&mut entries, "maintainers", maintainers.collect());
        let dependencies = self.dependencies.iter();
        let dependencies = dependencies.map(|d| d.as_ref().map_or_else(Node::null, Dependency::to_node));
        push_list(&mut entries, "dependencies", dependencies.collect());
        Node::mapping(entries)
    }

    /// Returns the metadata as it is written into `Chart.yaml`: charts of `v1` have no dependencies there.
    #[must_use]
    pub fn without_dependencies_of_v1(&self) -> Self {
        let mut copy = self.clone();
        if copy.api_version == "v1" {
            copy.dependencies.clear();
        }
        copy
    }
}

impl Maintainer {
    fn read(node: &Node, at: &Field) -> Result<Option<Self>, DecodeError> {
        let Some(entries) = decode::object(node, at, "v2.Maintainer")? else { return Ok(None) };
        let mut maintainer = Self::default();
        for (key, node) in entries {
            match key.to_ascii_lowercase().as_str() {
                "name" => set(&mut maintainer.name, node, &at.of("Maintainer", "name"))?,
                "email" => set(&mut maintainer.email, node, &at.of("Maintainer", "email"))?,
                "url" => set(&mut maintainer.url, node, &at.of("Maintainer", "url"))?,
                _ => {}
            }
        }
        Ok(Some(maintainer))
    }

    fn to_node(&self) -> Node {
        let mut entries = Vec::new();
        for (name, text) in [("name", &self.name), ("email", &self.email), ("url", &self.url)] {
            push_text(&mut entries, name, text);
        }
        Node::mapping(entries)
    }
}

pub(super) fn set(target: &mut Str, node: &Node, field: &Field) -> Result<(), DecodeError> {
    if let Some(text) = decode::text(node, field)? {
        *target = text;
    }
    Ok(())
}

pub(crate) fn unknown_field(key: &str, node: &Node) -> DecodeError {
    DecodeError {
        message: format!("error unmarshaling JSON: while decoding JSON: json: unknown field {}", quoted(key)),
        place: node.place,
    }
}

pub(super) fn entry(key: &'static str, value: Node) -> Entry {
    Entry { key: Node::string(Str::literal(key)), value }
}

pub(super) fn push_text(entries: &mut Vec<Entry>, key: &'static str, text: &Str) {
    if !text.is_empty() {
        entries.push(entry(key, Node::string(text.clone())));
    }
}

pub(super) fn push_list(entries: &mut Vec<Entry>, key: &'static str, items: Vec<Node>) {
    if !items.is_empty() {
        entries.push(entry(key, Node::sequence(items)));
    }
}

pub(super) fn invalid(message: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Chart, format!("validation: {message}"))
}

/// Turns white space into spaces and drops what can't be printed.
pub(super) fn clean(text: &mut Str) {
    if text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return;
    }
    let cleaned: String = text
        .chars()
        .filter_map(|c| match c {
            c if c.is_whitespace() => Some(' '),
            c if is_printable(c) => Some(c),
            _ => None,
        })
        .collect();
    *text = cleaned.into();
}
