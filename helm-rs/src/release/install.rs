//! Installs a release.

use std::collections::BTreeMap;

use gitops_yaml::{Node, Str};

use super::cluster::{Cluster, Conflicts, Now, ObjectId, ReleaseStore, WaitFor};
use super::name::check_name;
use super::objects::{Ownership, build, existing, own, refused};
use super::operate::Operator;
use super::record::{ApplyMethod, Release, ReleaseInfo, Status};
use super::storage::SYSTEM_LABELS;
use super::uninstall::UninstallOptions;
use crate::manifest::HookEvent;
use crate::values::Table;
use crate::{Error, Templated, Warnings};

/// What is installed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Install {
    /// The release's name.
    pub name: Str,
    /// The namespace of the release.
    pub namespace: Str,
    /// The user's values, for the record.
    pub config: Table,
    /// The user's labels of the record.
    pub labels: BTreeMap<Str, Str>,
    /// Whether objects of others are taken over.
    pub ownership: Ownership,
    /// Whether the files of `crds/` are applied first.
    pub crds: Crds,
    /// Whether the namespace is made.
    pub namespace_creation: NamespaceCreation,
    /// Whether a name is used again whose release failed or was uninstalled.
    pub name_reuse: NameReuse,
    /// What becomes of a release that fails.
    pub on_failure: OnFailure,
}

/// Whether the files of `crds/` are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crds {
    /// They are, before everything else.
    #[default]
    Applied,
    /// They are not.
    Skipped,
}

/// Whether the release's namespace is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespaceCreation {
    /// It must be there.
    #[default]
    No,
    /// It is made.
    Yes,
}

/// Whether a name is used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameReuse {
    /// It is not.
    #[default]
    Refused,
    /// It is, where the release failed or was uninstalled.
    Allowed,
}

/// What becomes of a release that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It stays, with the status failed.
    #[default]
    Keep,
    /// It goes back to how it was before.
    GoBack,
}

impl Install {
    /// Installs under this name into this namespace, without values.
    #[must_use]
    pub fn new(name: impl Into<Str>, namespace: impl Into<Str>) -> Self {
        Self {
            name: name.into(),
            namespace: namespace.into(),
            config: Table::new(),
            labels: BTreeMap::new(),
            ownership: Ownership::default(),
            crds: Crds::default(),
            namespace_creation: NamespaceCreation::default(),
            name_reuse: NameReuse::default(),
            on_failure: OnFailure::default(),
        }
    }
}

impl<C: Cluster, S: ReleaseStore, N: Now> Operator<'_, C, S, N> {
    /// Installs what `render` makes of the chart: checks the name, applies definitions, renders, checks who owns objects,
    /// writes the record, runs hooks, applies, waits, and writes how it went.
    ///
    /// # Errors
    /// In Helm's words. From the moment that the record is written, it tells of the failure too.
    pub async fn install(
        &self,
        install: &Install,
        crds: &[crate::chart::Crd],
        render: impl FnOnce() -> Result<Templated, Error>,
        warnings: &mut Warnings,
    ) -> Result<Release, Error> {
        let name = &install.name;
        let failed_check = |why: String| refused(format!("release name check failed: {why}"));
        check_name(name)
            .map_err(|error| failed_check(format!("release name {}: {error}", crate::go::quoted(name))))?;
        let last = self.last(name).await?;
        if let Some(last) = &last {
            let is_over = matches!(last.info.status, Status::Uninstalled | Status::Failed);
            if install.name_reuse == NameReuse::Refused || !is_over {
                return Err(failed_check("cannot reuse a name that is still in use".to_owned()));
            }
        }
        let method = self.options.apply_method.unwrap_or(ApplyMethod::ServerSide);
        if install.crds == Crds::Applied {
            self.apply_crds(crds, &install.namespace, method).await?;
        }
        let templated = render()?;
        if install.labels.keys().any(|label| SYSTEM_LABELS.contains(&label.as_str())) {
            let known = SYSTEM_LABELS.join(" ");
            return Err(refused(format!(
                "user supplied labels contains system reserved label name. System labels: [{known}]"
            )));
        }
        let now = self.clock.now();
        let mut release = Release {
            name: name.clone(),
            namespace: install.namespace.clone(),
            revision: 1,
            info: ReleaseInfo {
                first_deployed: now,
                last_deployed: now,
                notes: templated.notes.clone(),
                ..ReleaseInfo::default()
            },
            manifest: templated.manifest(&[]).into(),
            chart: templated.chart,
            config: install.config.clone(),
            hooks: templated.hooks,
            labels: install.labels.clone(),
            apply_method: method,
        };
        release.set_status(Status::PendingInstall, "Initial install underway");
        let mut objects = build(self.cluster, &release.manifest, &release.namespace)
            .await
            .map_err(|error| error.within("unable to build kubernetes objects from release manifest"))?;
        own(&mut objects, name, &release.namespace);
        let adopted = existing(self.cluster, &objects, name, &release.namespace, install.ownership)
            .await
            .map_err(|error| error.within("unable to continue with install"))?;
        if install.namespace_creation == NamespaceCreation::Yes {
            self.create_namespace(&install.namespace, method).await?;
        }
        if let (NameReuse::Allowed, Some(mut last)) = (install.name_reuse, last) {
            release.revision = last.revision + 1;
            if last.info.status != Status::Failed {
                last.set_status(Status::Superseded, "superseded by new release");
                self.record(&last, warnings).await;
            }
        }
        self.store.create(&release).await.map_err(|error| refused(error.to_string()))?;
        match self.perform_install(&mut release, &adopted, &objects, method, warnings).await {
            Ok(()) => {
                release.set_status(Status::Deployed, self.described("Install complete"));
                self.record(&release, warnings).await;
                Ok(release)
            }
            Err(error) => self.fail_install(install, &mut release, error, warnings).await,
        }
    }

    async fn perform_install(
        &self,
        release: &mut Release,
        adopted: &[super::Object],
        objects: &[super::Object],
        method: ApplyMethod,
        warnings: &mut Warnings,
    ) -> Result<(), Error> {
        self.run_hooks(release, HookEvent::PreInstall, method, warnings)
            .await
            .map_err(|error| error.within("failed pre-install"))?;
        if adopted.is_empty() {
            for object in objects {
                self.apply(object, method, Conflicts::Refused, None).await?;
            }
        } else {
            self.update(adopted, objects, method).await?;
        }
        self.wait(objects).await?;
        self.run_hooks(release, HookEvent::PostInstall, method, warnings)
            .await
            .map_err(|error| error.within("failed post-install"))
    }

    async fn fail_install(
        &self,
        install: &Install,
        release: &mut Release,
        error: Error,
        warnings: &mut Warnings,
    ) -> Result<Release, Error> {
        let name = &install.name;
        let shown = crate::go::quoted(name);
        release.set_status(Status::Failed, format!("Release {shown} failed: {error}"));
        if install.on_failure == OnFailure::Keep {
            self.record(release, warnings).await;
            return Err(error);
        }
        let undone = Box::pin(self.uninstall(name, &UninstallOptions::default(), warnings)).await;
        Err(match undone {
            Ok(_) => error.within(format!(
                "release {name} failed, and has been uninstalled due to rollback-on-failure being set"
            )),
            Err(undo) => refused(format!(
                "an error occurred while uninstalling the release. original install error: {error}: {undo}"
            )),
        })
    }

    async fn apply_crds(
        &self,
        crds: &[crate::chart::Crd],
        namespace: &str,
        method: ApplyMethod,
    ) -> Result<(), Error> {
        let mut applied: Vec<ObjectId> = Vec::new();
        for crd in crds {
            let failed = |error: Error| error.within(format!("failed to install CRD {}", crd.file.name));
            let objects = build(self.cluster, &crd.file.text(), namespace).await.map_err(failed)?;
            if objects.is_empty() {
                return Err(failed(refused("resources are empty")));
            }
            for object in &objects {
                match self.apply(object, method, self.options.conflicts, None).await {
                    // Definitions that are there already stay as they are.
                    Err(error) if error.to_string().ends_with("already exists") => {}
                    other => {
                        other.map_err(failed)?;
                        applied.push(object.id.clone());
                    }
                }
            }
        }
        if applied.is_empty() {
            return Ok(());
        }
        self.cluster.wait(&applied, WaitFor::Ready).await.map_err(|error| refused(error.to_string()))
    }

    async fn create_namespace(&self, namespace: &str, method: ApplyMethod) -> Result<(), Error> {
        let mut labels = Node::mapping(Vec::new());
        labels.set("name", Node::string(namespace));
        let mut metadata = Node::mapping(Vec::new());
        metadata.set("labels", labels);
        metadata.set("name", Node::string(namespace));
        let mut content = Node::mapping(Vec::new());
        content.set("apiVersion", Node::string("v1"));
        content.set("kind", Node::string("Namespace"));
        content.set("metadata", metadata);
        let id = ObjectId {
            api_version: Str::literal("v1"),
            kind: Str::literal("Namespace"),
            namespace: Str::EMPTY,
            name: namespace.into(),
        };
        match self.apply(&super::Object { id, content }, method, Conflicts::Refused, None).await {
            Err(error) if !error.to_string().ends_with("already exists") => Err(error),
            _ => Ok(()),
        }
    }
}
