//! Which kinds belong to the cluster as a whole and have no namespace.

use std::sync::Arc;

use gitops_core::schema::{Schema, Scope};

use crate::id::Gvk;

/// Tells kinds that belong to the cluster from those that live in a namespace. What no schema knows counts as the latter.
#[derive(Clone, Debug)]
pub struct Scopes {
    schema: Arc<Schema>,
}

impl Scopes {
    /// Asks this schema.
    #[must_use]
    pub fn new(schema: Arc<Schema>) -> Self {
        Self { schema }
    }

    /// Returns the schema that is asked.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Returns whether a kind is known to belong to the cluster.
    #[must_use]
    pub fn is_cluster_scoped(&self, gvk: &Gvk) -> bool {
        self.schema.scope(&gvk.api_version(), &gvk.kind) == Some(Scope::Cluster)
    }
}

impl Default for Scopes {
    /// Asks the built-in schema.
    fn default() -> Self {
        Self::new(Arc::new(Schema::builtin()))
    }
}
