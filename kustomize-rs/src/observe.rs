//! Lets a caller look at the resources after each step of a build: for explaining where a value comes from.

use gitops_yaml::Files;

use crate::resource::Resource;

/// A step of a build that may have changed resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step<'s> {
    /// The file of the kustomization that asked for it; empty for steps of the build as a whole.
    pub kustomization: &'s str,
    /// What was done: `file`, the name of a generator or transformer as in kustomize, `hash`, `references` or `vars`.
    pub name: &'s str,
}

/// Sees the resources after each step. A build without an observer pays nothing for it.
pub trait Observer {
    /// Is called after a step, with the resources of the kustomization that it belongs to.
    fn after(&self, step: &Step<'_>, resources: &[Resource], files: &Files);
}
