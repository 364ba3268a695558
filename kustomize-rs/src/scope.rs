//! Which kinds belong to the cluster as a whole and have no namespace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gitops_core::schema::{Schema, Scope};

use crate::id::Gvk;

/// Tells kinds that belong to the cluster from those that live in a namespace. What no schema knows counts as the latter.
#[derive(Clone, Debug)]
pub struct Scopes {
    schema: Arc<Schema>,
    /// Whether a kind that the schema does not know was asked for; shared by all copies.
    asked_unknown: Arc<AtomicBool>,
}

impl Scopes {
    /// Asks this schema.
    #[must_use]
    pub fn new(schema: Arc<Schema>) -> Self {
        Self { schema, asked_unknown: Arc::default() }
    }

    /// Returns the schema that is asked.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Returns whether both ask one schema.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.schema, &other.schema) && Arc::ptr_eq(&self.asked_unknown, &other.asked_unknown)
    }

    /// Returns whether a kind is known to belong to the cluster.
    #[must_use]
    pub fn is_cluster_scoped(&self, gvk: &Gvk) -> bool {
        self.is_kind_cluster_scoped(&gvk.api_version(), &gvk.kind)
    }

    /// Returns whether a kind is known to belong to the cluster; its group and version are written as in a manifest.
    pub(crate) fn is_kind_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        let scope = self.schema.scope(api_version, kind);
        if scope.is_none() {
            self.asked_unknown.store(true, Ordering::Relaxed);
        }
        scope == Some(Scope::Cluster)
    }

    /// Returns whether a kind that the schema does not know was asked for.
    pub(crate) fn asked_unknown(&self) -> bool {
        self.asked_unknown.load(Ordering::Relaxed)
    }
}

impl Default for Scopes {
    /// Asks the built-in schema.
    fn default() -> Self {
        Self::new(Arc::new(Schema::builtin()))
    }
}
