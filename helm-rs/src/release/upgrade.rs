//! Upgrades a release.

use std::collections::BTreeMap;

use gitops_yaml::Str;

use super::cluster::{Cluster, Now, ReleaseStore};
use super::install::OnFailure;
use super::name::check_name;
use super::objects::{Ownership, build, existing, own, refused};
use super::operate::Operator;
use super::record::{ApplyMethod, Release, ReleaseInfo, Status};
use super::rollback::Rollback;
use super::storage::SYSTEM_LABELS;
use crate::chart::Chart;
use crate::manifest::HookEvent;
use crate::values::{Nulls, Table, coalesce, coalesce_tables};
use crate::{Error, Templated, Warning, Warnings};

/// What a release is upgraded to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Upgrade {
    /// The release's name.
    pub name: Str,
    /// The user's new values.
    pub values: Table,
    /// What becomes of the values of the last revision.
    pub old_values: OldValues,
    /// The user's labels of the record; one that is `null` is taken away.
    pub labels: BTreeMap<Str, Str>,
    /// Whether objects of others are taken over.
    pub ownership: Ownership,
    /// What becomes of the release when the upgrade fails.
    pub on_failure: OnFailure,
}

/// What becomes of the values of the last revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldValues {
    /// They stay where no new ones are given, and go where some are.
    #[default]
    UnlessGiven,
    /// They go.
    Reset,
    /// They stay, the defaults of the old chart with them; new ones are laid over them.
    Reuse,
    /// They stay, over the defaults of the new chart; new ones are laid over them.
    ResetThenReuse,
}

impl Upgrade {
    /// Upgrades a release, without new values.
    #[must_use]
    pub fn new(name: impl Into<Str>) -> Self {
        Self {
            name: name.into(),
            values: Table::new(),
            old_values: OldValues::default(),
            labels: BTreeMap::new(),
            ownership: Ownership::default(),
            on_failure: OnFailure::default(),
        }
    }
}

/// What an upgrade is rendered for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UpgradeFacts {
    /// The chart, with the defaults of the old one where they are reused.
    pub chart: Chart,
    /// The user's values.
    pub values: Table,
    /// The namespace of the release.
    pub namespace: Str,
    /// The number of the new revision.
    pub revision: i64,
}

impl<C: Cluster, S: ReleaseStore, N: Now> Operator<'_, C, S, N> {
    /// Upgrades a release to what `render` makes of the chart.
    ///
    /// # Errors
    /// In Helm's words. From the moment that the record is written, it tells of the failure too.
    pub async fn upgrade(
        &self,
        upgrade: &Upgrade,
        chart: Chart,
        render: impl FnOnce(&UpgradeFacts) -> Result<Templated, Error>,
        warnings: &mut Warnings,
    ) -> Result<Release, Error> {
        let name = &upgrade.name;
        if check_name(name).is_err() {
            return Err(refused(format!("release name is invalid: {name}")));
        }
        let none_deployed = || refused(format!("{} has no deployed releases", crate::go::quoted(name)));
        let last = self.last(name).await?.ok_or_else(none_deployed)?;
        if last.info.status.is_pending() {
            return Err(refused("another operation (install/upgrade/rollback) is in progress")
                .note("it may have been interrupted: roll back to the last good revision"));
        }
        let mut current = if last.info.status == Status::Deployed {
            last.clone()
        } else {
            let deployed = self.store.deployed(name).await.map_err(|error| refused(error.to_string()))?;
            match deployed.into_iter().max_by_key(|release| release.revision) {
                Some(deployed) => deployed,
                None if matches!(last.info.status, Status::Failed | Status::Superseded) => last.clone(),
                None => return Err(none_deployed()),
            }
        };
        let (chart, values) = reused(upgrade, chart, &current, warnings)?;
        let facts =
            UpgradeFacts { chart, values, namespace: current.namespace.clone(), revision: last.revision + 1 };
        let templated = render(&facts)?;
        if upgrade.labels.keys().any(|label| SYSTEM_LABELS.contains(&label.as_str())) {
            let known = SYSTEM_LABELS.join(" ");
            return Err(refused(format!(
                "user supplied labels contains system reserved label name. System labels: [{known}]"
            )));
        }
        let method = self.options.apply_method.unwrap_or(last.apply_method);
        let mut labels = last.labels.clone();
        labels.extend(upgrade.labels.clone());
        labels.retain(|_, value| value != "null");
        let mut release = Release {
            name: name.clone(),
            namespace: current.namespace.clone(),
            revision: facts.revision,
            info: ReleaseInfo {
                first_deployed: current.info.first_deployed,
                last_deployed: self.clock.now(),
                notes: templated.notes.clone(),
                ..ReleaseInfo::default()
            },
            manifest: templated.manifest(&[]).into(),
            chart: templated.chart,
            config: facts.values,
            hooks: templated.hooks,
            labels,
            apply_method: method,
        };
        release.set_status(Status::PendingUpgrade, "Preparing upgrade");
        let mut before =
            build(self.cluster, &current.manifest, &current.namespace).await.map_err(|error| {
                error.within("unable to build kubernetes objects from current release manifest")
            })?;
        let mut after = build(self.cluster, &release.manifest, &release.namespace)
            .await
            .map_err(|error| error.within("unable to build kubernetes objects from new release manifest"))?;
        own(&mut after, name, &release.namespace);
        let new: Vec<_> =
            after.iter().filter(|new| !before.iter().any(|old| old.id == new.id)).cloned().collect();
        let adopted = existing(self.cluster, &new, name, &release.namespace, upgrade.ownership)
            .await
            .map_err(|error| error.within("unable to continue with update"))?;
        before.extend(adopted);
        self.create_record(&release).await?;
        let done = self.perform_upgrade(&mut release, &current, &before, &after, warnings).await;
        match done {
            Ok(()) => {
                current.info.status = Status::Superseded;
                self.record(&current, warnings).await;
                release.set_status(Status::Deployed, self.described("Upgrade complete"));
                self.store.update(&release).await.map_err(|error| refused(error.to_string()))?;
                Ok(release)
            }
            Err(error) => self.fail_upgrade(upgrade, &mut release, error, warnings).await,
        }
    }

    async fn perform_upgrade(
        &self,
        release: &mut Release,
        current: &Release,
        before: &[super::Object],
        after: &[super::Object],
        warnings: &mut Warnings,
    ) -> Result<(), Error> {
        let method: ApplyMethod = release.apply_method;
        self.run_hooks(release, HookEvent::PreUpgrade, method, warnings)
            .await
            .map_err(|error| error.within("pre-upgrade hooks failed"))?;
        let applied = match self.update(before, after, method).await {
            Ok(()) => self.wait(after).await,
            error => error,
        };
        if let Err(error) = applied {
            self.record(current, warnings).await;
            return Err(error);
        }
        self.run_hooks(release, HookEvent::PostUpgrade, method, warnings)
            .await
            .map_err(|error| error.within("post-upgrade hooks failed"))
    }

    async fn fail_upgrade(
        &self,
        upgrade: &Upgrade,
        release: &mut Release,
        error: Error,
        warnings: &mut Warnings,
    ) -> Result<Release, Error> {
        let name = &upgrade.name;
        warnings.push(Warning::warn("upgrade failed").with("name", name).with("error", &error));
        let shown = crate::go::quoted(name);
        release.set_status(Status::Failed, format!("Upgrade {shown} failed: {error}"));
        self.record(release, warnings).await;
        if upgrade.on_failure == OnFailure::Keep {
            return Err(error);
        }
        let history = self.store.history(name).await.map_err(|why| refused(why.to_string()))?;
        let good = history
            .iter()
            .filter(|release| matches!(release.info.status, Status::Superseded | Status::Deployed))
            .map(|release| release.revision)
            .max();
        let Some(good) = good else {
            return Err(refused(format!(
                "unable to find a previously successful release when attempting to rollback. original upgrade error: {error}"
            )));
        };
        let back = Box::pin(self.rollback(&Rollback::new(name.clone(), good), warnings)).await;
        Err(match back {
            Ok(_) => error.within(format!(
                "release {name} failed, and has been rolled back due to rollback-on-failure being set"
            )),
            Err(undo) => refused(format!(
                "an error occurred while rolling back the release. original upgrade error: {error}: {undo}"
            )),
        })
    }
}

/// Decides which values and defaults an upgrade is rendered with.
fn reused(
    upgrade: &Upgrade,
    chart: Chart,
    current: &Release,
    warnings: &mut Warnings,
) -> Result<(Chart, Table), Error> {
    let mut values = upgrade.values.clone();
    let mut chart = chart;
    match upgrade.old_values {
        OldValues::Reset => {}
        OldValues::Reuse => {
            let old = coalesce(&current.chart, &current.config, Nulls::Remove, warnings)
                .map_err(|error| error.within("failed to rebuild old values"))?;
            coalesce_tables(&mut values, &current.config, Nulls::Remove, warnings);
            chart.set_values(old);
        }
        OldValues::ResetThenReuse => {
            coalesce_tables(&mut values, &current.config, Nulls::Remove, warnings);
        }
        OldValues::UnlessGiven if values.is_empty() => values.clone_from(&current.config),
        OldValues::UnlessGiven => {}
    }
    Ok((chart, values))
}
