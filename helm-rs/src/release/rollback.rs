//! Rolls a release back: the chart, values, manifest and hooks of an old revision become a new one. Nothing is rendered.

use gitops_yaml::Str;

use super::cluster::{Cluster, Now, ReleaseStore};
use super::name::check_name;
use super::objects::{build, own, refused};
use super::operate::Operator;
use super::record::{Release, ReleaseInfo, Status};
use crate::manifest::HookEvent;
use crate::{Error, Warning, Warnings};

/// Where a release is rolled back to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rollback {
    /// The release's name.
    pub name: Str,
    /// The revision; 0 is the one before the last, whether it was ever deployed or not.
    pub revision: i64,
}

impl Rollback {
    /// Rolls back to a revision.
    #[must_use]
    pub fn new(name: impl Into<Str>, revision: i64) -> Self {
        Self { name: name.into(), revision }
    }
}

impl<C: Cluster, S: ReleaseStore, N: Now> Operator<'_, C, S, N> {
    /// Rolls a release back.
    ///
    /// # Errors
    /// In Helm's words.
    pub async fn rollback(&self, rollback: &Rollback, warnings: &mut Warnings) -> Result<Release, Error> {
        let name = &rollback.name;
        if check_name(name).is_err() {
            return Err(refused(format!("prepareRollback: Release name is invalid: {name}")));
        }
        if rollback.revision < 0 {
            return Err(refused("invalid release revision"));
        }
        let history = self.store.history(name).await.map_err(|error| refused(error.to_string()))?;
        let not_found = || refused("release: not found");
        let current = history.iter().max_by_key(|release| release.revision).cloned().ok_or_else(not_found)?;
        let wanted = if rollback.revision == 0 { current.revision - 1 } else { rollback.revision };
        if !history.iter().any(|release| release.revision == wanted) {
            return Err(refused(format!("release has no {wanted} version")));
        }
        let previous = self.store.get(name, wanted).await.map_err(|error| refused(error.to_string()))?;
        let previous = previous.ok_or_else(not_found)?;
        let mut release = Release {
            name: name.clone(),
            namespace: current.namespace.clone(),
            revision: current.revision + 1,
            info: ReleaseInfo {
                first_deployed: current.info.first_deployed,
                last_deployed: self.clock.now(),
                status: Status::PendingRollback,
                notes: previous.info.notes.clone(),
                rollback_revision: wanted,
                description: self.described(&format!("Rollback to {wanted}")),
                ..ReleaseInfo::default()
            },
            apply_method: self.options.apply_method.unwrap_or(previous.apply_method),
            ..previous
        };
        self.create_record(&release).await?;
        self.perform_rollback(&mut release, current, warnings).await?;
        self.supersede(name, warnings).await?;
        release.info.status = Status::Deployed;
        self.store.update(&release).await.map_err(|error| refused(error.to_string()))?;
        Ok(release)
    }

    async fn perform_rollback(
        &self,
        release: &mut Release,
        current: Release,
        warnings: &mut Warnings,
    ) -> Result<(), Error> {
        let mut current = current;
        let before = build(self.cluster, &current.manifest, &current.namespace).await.map_err(|error| {
            error.within("unable to build kubernetes objects from current release manifest")
        })?;
        let mut after = build(self.cluster, &release.manifest, &release.namespace)
            .await
            .map_err(|error| error.within("unable to build kubernetes objects from new release manifest"))?;
        let method = release.apply_method;
        self.run_hooks(release, HookEvent::PreRollback, method, warnings).await?;
        own(&mut after, &release.name, &release.namespace);
        let shown = crate::go::quoted(&release.name);
        if let Err(error) = self.update(&before, &after, method).await {
            let message = format!("Rollback {shown} failed: {error}");
            warnings.push(Warning::warn(message.clone()));
            current.info.status = Status::Superseded;
            release.set_status(Status::Failed, message);
            self.record(&current, warnings).await;
            self.record(release, warnings).await;
            return Err(error);
        }
        if let Err(error) = self.wait(&after).await {
            release.set_status(Status::Failed, format!("Release {shown} failed: {error}"));
            self.record(&current, warnings).await;
            self.record(release, warnings).await;
            return Err(error.within(format!("release {} failed", release.name)));
        }
        self.run_hooks(release, HookEvent::PostRollback, method, warnings).await
    }
}
