//! Tests of a release: its hooks of that name.

use super::cluster::{Cluster, Now, ReleaseStore};
use super::name::check_name;
use super::objects::refused;
use super::operate::Operator;
use super::record::Release;
use crate::manifest::{Hook, HookEvent};
use crate::{Error, Warnings};

/// Which tests run, by the names of their hooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestOptions {
    /// These alone; all where it is empty.
    pub only: Vec<String>,
    /// All but these.
    pub without: Vec<String>,
}

impl TestOptions {
    fn runs(&self, hook: &Hook) -> bool {
        let named = |names: &[String]| names.iter().any(|name| *name == *hook.name);
        (self.only.is_empty() || named(&self.only)) && !named(&self.without)
    }
}

impl<C: Cluster, S: ReleaseStore, N: Now> Operator<'_, C, S, N> {
    /// Runs the tests of a release: the hooks of [`HookEvent::Test`]. The record says how each went.
    ///
    /// # Errors
    /// The first test that fails.
    pub async fn test(
        &self,
        name: &str,
        options: &TestOptions,
        warnings: &mut Warnings,
    ) -> Result<Release, Error> {
        if check_name(name).is_err() {
            return Err(refused(format!("releaseTest: Release name is invalid: {name}")));
        }
        let last = self.last(name).await?;
        let mut release = last.ok_or_else(|| refused("release: not found"))?;
        let method = release.apply_method;
        let (left_out, run): (Vec<Hook>, Vec<Hook>) = std::mem::take(&mut release.hooks)
            .into_iter()
            .partition(|hook| hook.runs_at(HookEvent::Test) && !options.runs(hook));
        release.hooks = run;
        let tested = self.run_hooks(&mut release, HookEvent::Test, method, warnings).await;
        release.hooks.extend(left_out);
        self.record(&release, warnings).await;
        tested.map(|()| release)
    }
}
