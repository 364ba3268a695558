//! Renders a chart's templates, with all charts beneath.

mod cluster_facts;
mod context;
mod engine;
mod failure;
mod files;
mod functions;
mod glob;
mod help;
mod kept;
mod output;

pub use engine::{Mode, RenderOptions, Trace, render, render_name};
pub use functions::{Lookup, NoCluster};
pub use kept::ParsedTemplates;
pub use output::{Origin, Rendered, RenderedFile};

use gitops_yaml::Str;

/// What `.Release` tells templates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReleaseFacts {
    /// The release's name.
    pub name: Str,
    /// The namespace it goes to.
    pub namespace: Str,
    /// Its number, counted from 1.
    pub revision: i64,
    /// Whether it is installed or upgraded.
    pub operation: Operation,
}

/// What is done with a release, as templates may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `.Release.IsInstall`
    Install,
    /// `.Release.IsUpgrade`; rollbacks too.
    Upgrade,
    /// Neither, as when a chart is linted.
    Neither,
}

impl ReleaseFacts {
    /// Describes the first revision of a release that is installed.
    #[must_use]
    pub fn install(name: impl Into<Str>, namespace: impl Into<Str>) -> Self {
        Self { name: name.into(), namespace: namespace.into(), revision: 1, operation: Operation::Install }
    }

    /// Sets the revision.
    #[must_use]
    pub fn revision(mut self, revision: i64) -> Self {
        self.revision = revision;
        self
    }

    /// Sets what is done with the release.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }
}
