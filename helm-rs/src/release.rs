//! Releases: charts that were rendered and applied, and how they change.
//!
//! An [`Operator`] installs, upgrades, rolls back, uninstalls and tests, in Helm's order, over two small ports: a
//! [`Cluster`] and a [`ReleaseStore`]. It decides; what waits, and for how long, is the ports' business.

mod cluster;
mod install;
mod name;
mod objects;
mod operate;
mod record;
mod rollback;
mod storage;
mod test;
mod uninstall;
mod upgrade;

pub use cluster::{
    Apply, Cluster, ClusterError, Conflicts, Now, Object, ObjectId, ReleaseStore, Scope, WaitFor,
};
pub use install::{Crds, Install, NameReuse, NamespaceCreation, OnFailure};
pub use name::check_name;
pub use objects::Ownership;
pub use operate::{Hooks, OperationOptions, Operator};
pub use record::{ApplyMethod, Release, ReleaseInfo, Status, record_name};
pub use rollback::Rollback;
pub use storage::{SECRET_TYPE, SYSTEM_LABELS};
pub use test::TestOptions;
pub use uninstall::{History, UninstallOptions, Uninstalled};
pub use upgrade::{OldValues, Upgrade, UpgradeFacts};
