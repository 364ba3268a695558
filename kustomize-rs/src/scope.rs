//! Which kinds belong to the cluster as a whole and have no namespace.

use std::collections::HashSet;

use crate::id::Gvk;

/// The kinds that are known to belong to the cluster. Everything else counts as living in a namespace.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    cluster: HashSet<Gvk>,
}

impl Scopes {
    /// Returns whether a kind is known to belong to the cluster.
    #[must_use]
    pub fn is_cluster_scoped(&self, gvk: &Gvk) -> bool {
        self.cluster.contains(gvk)
    }
}

impl FromIterator<Gvk> for Scopes {
    fn from_iter<I: IntoIterator<Item = Gvk>>(cluster: I) -> Self {
        Self { cluster: cluster.into_iter().collect() }
    }
}
