//! The port: what engines and controllers call.

use super::{LocalCluster, LocalWatch};
use crate::failure::Failure;
use crate::store::{Deleting, Object, Patching, Query, Seen, Subresource, Target, Write, Written};
use crate::value::Value;
use gitops_core::object::Gvk;
use gitops_core::ports::{
    Cluster, ClusterError, DeleteOptions, FieldConflicts, ListOptions, ObjectList, ObjectRef, Part, Patch,
    ServedKind, WriteMode, WriteOptions,
};
use gitops_yaml::{Node, Str};

/// An object as clients see it.
pub(super) fn shown(object: &Object, target: &Target, metadata_only: bool) -> Node {
    let version = target.resource.api_version(target.version);
    if metadata_only {
        let mut body = object.metadata_only();
        body.set("apiVersion", Value::Text(version));
        body.to_node()
    } else {
        object.whole_as(&version).to_node()
    }
}

fn value(node: &Node) -> Result<Value, ClusterError> {
    Value::from_node(node).map_err(|why| Failure::bad_request(why.to_string()).into())
}

fn write(options: &WriteOptions) -> Write {
    let manager = if options.manager.is_empty() { Str::literal("unknown") } else { options.manager.clone() };
    Write {
        manager,
        force: options.conflicts == FieldConflicts::TakenOver,
        dry_run: options.mode == WriteMode::DryRun,
        ..Write::default()
    }
}

fn part(options: &WriteOptions) -> Subresource {
    match options.part {
        Part::Main => Subresource::Main,
        Part::Status => Subresource::Status,
    }
}

fn query(options: &ListOptions) -> Query {
    Query { labels: options.labels.clone(), fields: options.fields.clone(), ..Query::default() }
}

impl LocalCluster {
    fn target_of(&self, object: &Node, part: Subresource) -> Result<Target, ClusterError> {
        let target = ObjectRef::of(object);
        let target = self.target(&target.gvk, &target.namespace, &target.name, part)?;
        let status = target.resource.versions.get(target.version).is_some_and(|version| version.status);
        if part == Subresource::Status && !status {
            return Err(
                Failure::new(404, "NotFound", "the server could not find the requested resource").into()
            );
        }
        Ok(target)
    }

    async fn answer(&self, target: &Target, written: Result<Written, Failure>) -> Result<Node, ClusterError> {
        let written = written?;
        self.settled().await?;
        Ok(shown(&written.object, target, false))
    }

    fn listing(&self, gvk: &Gvk, options: &ListOptions) -> Result<Target, ClusterError> {
        self.target(gvk, options.namespace.as_deref().unwrap_or_default(), "", Subresource::Main)
    }
}

impl Cluster for LocalCluster {
    type Watch = LocalWatch;

    async fn kind(&self, gvk: &Gvk) -> Result<Option<ServedKind>, ClusterError> {
        let state = self.state();
        Ok(state.store.kinds().by_kind(gvk).map(|(resource, version)| resource.served(version)))
    }

    async fn kinds(&self) -> Result<Vec<ServedKind>, ClusterError> {
        let state = self.state();
        let preferred = |kind: &std::sync::Arc<crate::kinds::Resource>| {
            let version = kind.versions.iter().position(|version| version.served)?;
            Some(kind.served(version))
        };
        Ok(state.store.kinds().iter().filter_map(preferred).collect())
    }

    async fn get(&self, target: &ObjectRef) -> Result<Option<Node>, ClusterError> {
        let target = self.target(&target.gvk, &target.namespace, &target.name, Subresource::Main)?;
        let found = self.state().store.get(&target).ok().cloned();
        Ok(found.map(|object| shown(&object, &target, false)))
    }

    async fn list(&self, gvk: &Gvk, options: &ListOptions) -> Result<ObjectList, ClusterError> {
        let target = self.listing(gvk, options)?;
        let listed = self.state().store.list(&target, &query(options))?;
        Ok(ObjectList {
            items: listed.items.iter().map(|object| shown(object, &target, options.metadata_only)).collect(),
            resource_version: listed.revision.to_string().into(),
        })
    }

    async fn watch(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        resource_version: &str,
    ) -> Result<LocalWatch, ClusterError> {
        let target = self.listing(gvk, options)?;
        let query = query(options);
        let state = self.state();
        let (first, revision) = match resource_version {
            "" | "0" => {
                let listed = state.store.list(&target, &query)?;
                (listed.items.into_iter().map(Seen::Added).collect(), listed.revision)
            }
            text => {
                let revision = text.parse::<u64>().map_err(|_| {
                    Failure::bad_request(format!(
                        "Invalid value: {text:?}: the resource version is no number"
                    ))
                })?;
                state.store.seen_since(&target, &query, revision)?
            }
        };
        drop(state);
        Ok(LocalWatch::new(self, target, query, options.metadata_only, revision, first))
    }

    async fn create(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = self.creation(object)?;
        let value = value(object)?;
        let written = self.write(|store, world| store.create(&target, value, &write(options), world));
        self.answer(&target, written).await
    }

    async fn replace(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = self.target_of(object, part(options))?;
        let value = value(object)?;
        let written = self.write(|store, world| store.replace(&target, value, &write(options), world));
        self.answer(&target, written).await
    }

    async fn apply(&self, object: &Node, options: &WriteOptions) -> Result<Node, ClusterError> {
        let target = self.target_of(object, part(options))?;
        let value = value(object)?;
        let written = self.write(|store, world| store.apply(&target, value, &write(options), world));
        self.answer(&target, written).await
    }

    async fn patch(
        &self,
        target: &ObjectRef,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Node, ClusterError> {
        let target = self.target(&target.gvk, &target.namespace, &target.name, part(options))?;
        let patching = match patch {
            Patch::Merge(node) => Patching::Merge(value(node)?),
            Patch::Json(node) => Patching::Json(value(node)?),
            Patch::Strategic(node) => Patching::Strategic(value(node)?),
        };
        let written = self.write(|store, world| store.patch(&target, patching, &write(options), world));
        self.answer(&target, written).await
    }

    async fn delete(&self, target: &ObjectRef, options: &DeleteOptions) -> Result<bool, ClusterError> {
        let target = self.target(&target.gvk, &target.namespace, &target.name, Subresource::Main)?;
        let deleting = Deleting {
            propagation: Some(options.propagation),
            uid: options.uid.clone(),
            resource_version: None,
            dry_run: options.mode == WriteMode::DryRun,
        };
        match self.write(|store, world| store.delete(&target, &deleting, world)) {
            Ok(_) => {
                self.settled().await?;
                Ok(true)
            }
            Err(failure) if failure.code == 404 => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl LocalCluster {
    /// A new object may have a prefix in place of a name.
    fn creation(&self, object: &Node) -> Result<Target, ClusterError> {
        let reference = ObjectRef::of(object);
        let target = self.target(&reference.gvk, &reference.namespace, "", Subresource::Main)?;
        if target.resource.namespaced && target.namespace.is_empty() {
            let message = "an empty namespace may not be set during creation";
            return Err(Failure::bad_request(message).into());
        }
        Ok(target)
    }
}
