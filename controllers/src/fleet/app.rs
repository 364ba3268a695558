//! What a fleet is made of: apps, the objects that they apply, and what could not be known.

use std::fmt;
use std::sync::Arc;

use gitops_core::object::ObjectId;
use gitops_yaml::{Dialect, Error, FileId, Files, Node, ReadOptions, Str, read_document};

use super::elsewhere::Elsewhere;
use super::flux::SourceRef;
use super::recorder::Reads;
use super::sealed::Secrets;

/// Which of Flux's kinds an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AppKind {
    /// A Flux Kustomization.
    Kustomization,
    /// A HelmRelease.
    HelmRelease,
}

impl AppKind {
    /// Returns the kind as objects write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
        }
    }
}

/// An app: something of the fleet that applies objects.
///
/// It prints as `kustomization/flux-system/apps`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId {
    /// The kind.
    pub kind: AppKind,
    /// The namespace.
    pub namespace: Str,
    /// The name.
    pub name: Str,
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind.as_str().to_lowercase(), self.namespace, self.name)
    }
}

/// What an app waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The app that must be ready first.
    pub on: AppId,
    /// Where that is written: `file:line:column`.
    pub place: String,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// A note about something that was left out or stands as a placeholder: what allows no gaps refuses it.
    Unresolved,
    /// Works, but probably not as meant.
    Warning,
    /// A controller would refuse it, or it could not be rendered.
    Error,
}

impl Severity {
    /// Returns the word for it: `note` (for what is unresolved too), `warning`, `error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note | Self::Unresolved => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something about an app that is wrong, or that can't be known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands: `file:line:column`, as far as known.
    pub place: String,
    /// What it is.
    pub message: String,
    /// What would help; may be empty.
    pub help: String,
}

impl Gap {
    /// Makes an error.
    #[must_use]
    pub fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, place, message)
    }

    /// Makes a gap of any severity, with nothing that helps.
    #[must_use]
    pub fn new(severity: Severity, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity, place: place.into(), message: message.into(), help: String::new() }
    }

    /// Adds what would help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

/// `file:line:column: error: message`, with the help on a line of its own.
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}: {}", self.severity.as_str(), self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

/// One object that an app applies, as text: trees of nodes cost five times as much memory.
///
/// Its debug form shows no content, which may be decrypted.
#[derive(Clone)]
#[non_exhaustive]
pub struct RenderedObject {
    /// What the object is known by.
    pub id: ObjectId,
    /// Its `apiVersion`.
    pub api_version: Str,
    /// Its manifest as kustomize prints it, without `---`.
    pub yaml: Arc<str>,
    /// Where its manifest begins: `file:line:column`; for a chart's object the template.
    pub place: Str,
    /// The manifest with the places of its fields, where they were to be kept.
    pub node: Option<Node>,
    /// Decrypted values that are in it.
    pub(crate) secrets: Option<Arc<Secrets>>,
}

impl fmt::Debug for RenderedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderedObject")
            .field("id", &self.id)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl RenderedObject {
    /// Reads the manifest. Its places are those of the text.
    ///
    /// # Errors
    /// Never for what was rendered; an entry of a damaged cache may hold no YAML.
    pub fn read(&self) -> Result<Node, Error> {
        let document = read_document(self.yaml.as_bytes(), FileId::NONE, &ReadOptions::v3())?;
        Ok(document.map_or_else(Node::null, |document| document.root))
    }

    pub(crate) fn of(node: &Node, place: impl Into<Str>) -> Result<Self, Error> {
        let yaml = gitops_yaml::print_sigs(node, Dialect::V3)?;
        let api_version = node.get("apiVersion").and_then(Node::scalar).cloned().unwrap_or_default();
        Ok(Self {
            id: ObjectId::of(node),
            api_version,
            yaml: yaml.into(),
            place: place.into(),
            node: None,
            secrets: None,
        })
    }
}

/// A Kustomization or HelmRelease with everything that it applies.
///
/// Its debug form shows no content, which may be decrypted.
#[derive(Clone)]
#[non_exhaustive]
pub struct App {
    /// What it is known by.
    pub id: AppId,
    /// Where it is declared: `file:line:column`.
    pub place: Str,
    /// The app that applies it, as an index into the fleet's; `None` for a root.
    pub parent: Option<usize>,
    /// The cluster that it belongs to, as a number of the fleet: repositories often hold several.
    pub cluster: usize,
    /// The path of the tree that it applies, or the chart that it installs.
    pub path: Str,
    /// Where that comes from.
    pub source: Option<SourceRef>,
    /// What it waits for.
    pub depends_on: Vec<Dependency>,
    /// Whether it is suspended; it is rendered all the same.
    pub is_suspended: bool,
    /// Its own manifest.
    pub manifest: Node,
    /// What it applies, in the order of its output.
    pub objects: Vec<RenderedObject>,
    /// What is wrong with it, or can't be known.
    pub gaps: Vec<Gap>,
    /// What it read of the tree.
    pub reads: Reads,
    /// The files that places of [`App::manifest`] refer to.
    pub declared_in: Arc<Files>,
    /// The files that places of [`RenderedObject::node`] refer to.
    pub files: Arc<Files>,
    /// The repository that its path is in, where that is another one.
    pub(crate) elsewhere: Option<Arc<Elsewhere>>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("App");
        shown.field("id", &self.id).field("place", &self.place).field("objects", &self.objects);
        shown.field("gaps", &self.gaps).finish_non_exhaustive()
    }
}
