//! What is remembered of a release: one record a revision.

use std::collections::BTreeMap;
use std::fmt;

use gitops_yaml::Str;

use crate::Time;
use crate::chart::Chart;
use crate::manifest::Hook;
use crate::values::Table;

/// One revision of a release.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Release {
    /// The release's name.
    pub name: Str,
    /// The namespace that the release and its records are in.
    pub namespace: Str,
    /// The number of the revision, counted from 1.
    pub revision: i64,
    /// When, and how it went.
    pub info: ReleaseInfo,
    /// The chart; records do not hold the charts beneath.
    pub chart: Chart,
    /// The user's values.
    pub config: Table,
    /// The objects, hooks left out.
    pub manifest: Str,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// The user's labels of the record.
    pub labels: BTreeMap<Str, Str>,
    /// How objects were applied.
    pub apply_method: ApplyMethod,
}

/// When a revision was made, and how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReleaseInfo {
    /// When the release was installed.
    pub first_deployed: Time,
    /// When this revision was made.
    pub last_deployed: Time,
    /// When the release was uninstalled; [`Time::ZERO`] before.
    pub deleted: Time,
    /// One sentence for people.
    pub description: String,
    /// Where the revision stands.
    pub status: Status,
    /// The revision that was gone back to, 0 for other revisions.
    pub rollback_revision: i64,
    /// The rendered notes.
    pub notes: String,
}

/// Where a revision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Not known.
    Unknown,
    /// This is what runs.
    Deployed,
    /// The release was uninstalled; the record was kept.
    Uninstalled,
    /// A later revision runs.
    Superseded,
    /// It went wrong.
    Failed,
    /// The release is being uninstalled.
    Uninstalling,
    /// The release is being installed.
    PendingInstall,
    /// The release is being upgraded.
    PendingUpgrade,
    /// The release is being rolled back.
    PendingRollback,
}

/// How objects are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApplyMethod {
    /// By the server: `ssa`.
    ServerSide,
    /// By the client, with a merge of three: `csa`, also when empty.
    ClientSide,
}

impl Status {
    const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Deployed,
        Self::Uninstalled,
        Self::Superseded,
        Self::Failed,
        Self::Uninstalling,
        Self::PendingInstall,
        Self::PendingUpgrade,
        Self::PendingRollback,
    ];

    /// Returns the status as records spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
        }
    }

    /// Reads a status; what is not known is [`Status::Unknown`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|status| status.as_str() == text).unwrap_or(Self::Unknown)
    }

    /// Returns whether an operation is under way, or was interrupted.
    #[must_use]
    pub fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ApplyMethod {
    /// Returns the method as records spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerSide => "ssa",
            Self::ClientSide => "csa",
        }
    }
}

impl Default for ReleaseInfo {
    fn default() -> Self {
        Self {
            first_deployed: Time::ZERO,
            last_deployed: Time::ZERO,
            deleted: Time::ZERO,
            description: String::new(),
            status: Status::Unknown,
            rollback_revision: 0,
            notes: String::new(),
        }
    }
}

impl Release {
    /// Returns the name of the object that holds the record: `sh.helm.release.v1.NAME.vN`.
    #[must_use]
    pub fn record_name(&self) -> String {
        record_name(&self.name, self.revision)
    }

    pub(crate) fn set_status(&mut self, status: Status, description: impl Into<String>) {
        self.info.status = status;
        self.info.description = description.into();
    }
}

/// Returns the name of the object that holds a record.
#[must_use]
pub fn record_name(release: &str, revision: i64) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}
