//! Hands manifests to a post-renderer and takes them back, file by file.

use std::collections::BTreeMap;
use std::fmt;

use gitops_yaml::Str;

use crate::manifest::split_manifests;
use crate::render::Rendered;
use crate::{Error, ErrorKind, Warnings};

/// Changes manifests: a stream of YAML documents in, another out.
pub trait PostRenderer {
    /// Changes the stream.
    ///
    /// # Errors
    /// What went wrong, as text for the user.
    fn run(&self, manifests: &str) -> Result<String, String>;
}

/// A post-renderer and what it gets to see.
#[derive(Clone, Copy)]
pub struct PostRender<'a> {
    /// The post-renderer.
    pub renderer: &'a dyn PostRenderer,
    /// How hooks are passed.
    pub strategy: PostRenderStrategy,
}

impl fmt::Debug for PostRender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostRender").field("strategy", &self.strategy).finish_non_exhaustive()
    }
}

/// How hooks and other manifests are passed to a post-renderer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PostRenderStrategy {
    /// Both in one stream, as Helm 4 does.
    #[default]
    Combined,
    /// Each in a stream of its own.
    Separate,
    /// Hooks are not passed at all, as in Helm 3.
    NoHooks,
}

pub(crate) fn post_render(
    rendered: &Rendered,
    step: &PostRender<'_>,
    warnings: &mut Warnings,
) -> Result<BTreeMap<Str, String>, Error> {
    let _ = (rendered, step, warnings, split_manifests(""));
    Err(Error::new(ErrorKind::Manifest, "post-renderers are not supported yet"))
}
