//! Uninstalls a release.

use std::collections::BTreeMap;

use gitops_yaml::Str;

use super::cluster::{Cluster, Now, Object, ObjectId, ReleaseStore, WaitFor};
use super::name::check_name;
use super::objects::{RESOURCE_POLICY, build, ownership_mistake, refused};
use super::operate::Operator;
use super::record::{ApplyMethod, Release, Status};
use crate::manifest::{HookEvent, KindOrder, sort_manifests};
use crate::{Error, Warning, Warnings};

/// How a release is uninstalled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UninstallOptions {
    /// What becomes of the records.
    pub history: History,
}

/// What becomes of a release's records when it is uninstalled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// They are deleted.
    #[default]
    Deleted,
    /// They stay.
    Kept,
}

impl UninstallOptions {
    /// Says what becomes of the records.
    #[must_use]
    pub fn history(mut self, history: History) -> Self {
        self.history = history;
        self
    }
}

/// What was uninstalled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Uninstalled {
    /// The last record.
    pub release: Release,
    /// What was left in the cluster and why, as text for the user.
    pub left: String,
}

impl<C: Cluster, S: ReleaseStore, N: Now> Operator<'_, C, S, N> {
    /// Uninstalls a release: runs hooks, deletes its objects but those that are kept or not its own, deletes the records.
    ///
    /// # Errors
    /// In Helm's words.
    pub async fn uninstall(
        &self,
        name: &str,
        options: &UninstallOptions,
        warnings: &mut Warnings,
    ) -> Result<Uninstalled, Error> {
        if check_name(name).is_err() {
            return Err(refused(format!("uninstall: Release name is invalid: {name}")));
        }
        let mut history = self.store.history(name).await.map_err(|error| refused(error.to_string()))?;
        history.sort_by_key(|release| release.revision);
        let revisions: Vec<i64> = history.iter().map(|release| release.revision).collect();
        let Some(mut release) = history.pop() else {
            return Err(refused(format!("uninstall: Release not loaded: {name}: release: not found")));
        };
        if release.info.status == Status::Uninstalled {
            if options.history == History::Kept {
                let shown = crate::go::quoted(name);
                return Err(refused(format!("the release named {shown} is already deleted")));
            }
            self.purge(name, &revisions).await?;
            return Ok(Uninstalled { release, left: String::new() });
        }
        release.info.deleted = self.clock.now();
        release.set_status(Status::Uninstalling, "Deletion in progress (or silently failed)");
        self.run_hooks(&mut release, HookEvent::PreDelete, ApplyMethod::ServerSide, warnings).await?;
        self.record(&release, &mut Warnings::new()).await;
        let (deleted, left) = self.delete_objects(&release, warnings).await?;
        let mut mistakes = Vec::new();
        if let Err(error) = self.cluster.wait(&deleted, WaitFor::Gone).await {
            mistakes.push(error.to_string());
        }
        let hooks = self.run_hooks(&mut release, HookEvent::PostDelete, ApplyMethod::ServerSide, warnings);
        if let Err(error) = hooks.await {
            mistakes.push(error.to_string());
        }
        release.set_status(Status::Uninstalled, self.described("Uninstallation complete"));
        if options.history == History::Deleted {
            if let Err(error) = self.purge(name, &revisions).await {
                mistakes.push(error.to_string());
            }
        } else {
            self.record(&release, &mut Warnings::new()).await;
            self.supersede(name, &mut Warnings::new()).await?;
        }
        if mistakes.is_empty() {
            return Ok(Uninstalled { release, left });
        }
        let number = mistakes.len();
        Err(refused(format!("uninstallation completed with {number} error(s): {}", mistakes.join("; "))))
    }

    async fn purge(&self, name: &str, revisions: &[i64]) -> Result<(), Error> {
        for revision in revisions {
            self.store
                .delete(name, *revision)
                .await
                .map_err(|error| refused(format!("uninstall: Failed to purge the release: {error}")))?;
        }
        Ok(())
    }

    /// Deletes a release's objects; returns which, and what was left.
    async fn delete_objects(
        &self,
        release: &Release,
        warnings: &mut Warnings,
    ) -> Result<(Vec<ObjectId>, String), Error> {
        let failed = || refused(format!("failed to delete release: {}", release.name));
        let files = BTreeMap::from([(Str::literal("manifest"), release.manifest.as_str())]);
        let sorted =
            sort_manifests(&files, KindOrder::Uninstall, &mut Warnings::new()).map_err(|_| failed())?;
        let (mut left, mut text) = (String::new(), String::new());
        for manifest in sorted.manifests {
            match manifest.annotations.get(RESOURCE_POLICY).map(|policy| policy.trim().to_lowercase()) {
                None => text.push_str(&format!("\n---\n{}", manifest.content)),
                Some(policy) if policy == "keep" => {
                    if left.is_empty() {
                        left.push_str("These resources were kept due to the resource policy:\n");
                    }
                    left.push_str(&format!("[{}] {}\n", manifest.kind, manifest.name));
                }
                // Any other policy leaves the object as well, without a word.
                Some(_) => {}
            }
        }
        let objects = build(self.cluster, &text, &release.namespace).await.map_err(|_| failed())?;
        let (mut owned, mut others): (Vec<Object>, Vec<Object>) = (Vec::new(), Vec::new());
        for object in objects {
            match self.cluster.get(&object.id).await {
                Ok(None) => {}
                Ok(Some(live)) => match ownership_mistake(&live, &release.name, &release.namespace) {
                    None => owned.push(object),
                    Some(_) => others.push(object),
                },
                Err(error) => {
                    let id = &object.id;
                    let text = "skipping delete of resource because ownership could not be verified";
                    let warning = Warning::warn(text).with("kind", &id.kind).with("name", &id.name);
                    warnings.push(warning.with("namespace", &id.namespace).with("error", error));
                }
            }
        }
        if !others.is_empty() {
            if !left.is_empty() {
                left.push('\n');
            }
            let number = others.len();
            left.push_str(&format!(
                "{number} resource(s) were not deleted because they are not owned by this release:\n"
            ));
            for Object { id, .. } in &others {
                let text = "skipping delete of resource not owned by this release";
                let warning = Warning::warn(text).with("kind", &id.kind).with("name", &id.name);
                warnings.push(warning.with("namespace", &id.namespace).with("release", &release.name));
                left.push_str(&format!("[{}] {}\n", id.kind, id.name));
            }
        }
        let mut deleted = Vec::new();
        let mut has_failed = false;
        // Objects of one kind go at once in Helm, and there the last one's request is the first to leave.
        for run in owned.chunk_by_mut(|a, b| a.id.kind == b.id.kind) {
            run.rotate_right(1);
        }
        for object in owned {
            has_failed |= self.cluster.delete(&object.id).await.is_err();
            deleted.push(object.id);
        }
        if has_failed { Err(failed()) } else { Ok((deleted, left)) }
    }
}
