//! What a fleet would change in a running cluster: the server is asked by dry runs, so that what it fills in itself, and what
//! belongs to others, is no difference.

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_core::api::{HelmRelease, Kustomization, Object};
use gitops_core::apply::{
    Action, Applier, ApplyError, ApplyOptions, ApplySet, IgnoreRules, Inventory, Owner, SetOptions,
};
use gitops_core::object::{Gvk, ObjectId};
use gitops_core::ports::{Clock, Cluster, ClusterError, ClusterFault, ObjectRef};
use gitops_yaml::{Data, Node, Str};

use super::app::{App, AppId, AppKind, Gap, RenderedObject, Severity};
use super::diff::FleetDiff;
use super::flux::is_true;
use super::local::Local;
use super::render::Rendered;
use super::sealed::{is_placeholder, joined};
use crate::health::readiness;
use crate::kind::Kind;

/// Kustomizations that go take along what they have applied; this many of them are followed.
const MOST: usize = 1_000;

/// Compares a fleet with a running cluster. Objects that would stay as they are do not appear; of the others the live form
/// stands against the server's answer to a dry run. What inventories hold and nothing wants any more is removed, unless
/// something of its app can't be rendered. Refusals of the server are new problems.
///
/// Hooks of charts are left out, as are apps whose objects live in another cluster (`spec.kubeConfig`).
///
/// # Errors
/// Where the cluster can't be asked at all.
pub async fn compare<C: Cluster, K: Clock>(
    rendered: &Rendered,
    cluster: &C,
    clock: &K,
) -> Result<FleetDiff, ClusterError> {
    let mut work = Work {
        cluster,
        clock,
        rendered,
        before: Rendered { clusters: rendered.clusters.clone(), ..Rendered::default() },
        after: Rendered { clusters: rendered.clusters.clone(), ..Rendered::default() },
    };
    for app in &rendered.apps {
        work.app(app).await?;
    }
    Ok(FleetDiff::between(&work.before, &work.after))
}

/// Compares what Kustomizations make of local folders with a running cluster, as [`compare`] does.
///
/// # Errors
/// Where the cluster can't be asked at all.
pub async fn compare_local<C: Cluster, K: Clock>(
    parts: &[Local],
    cluster: &C,
    clock: &K,
) -> Result<FleetDiff, ClusterError> {
    let apps = parts.iter().map(Local::app).collect();
    let rendered = Rendered { apps, clusters: vec![Str::EMPTY], ..Rendered::default() };
    compare(&rendered, cluster, clock).await
}

struct Work<'w, C, K> {
    cluster: &'w C,
    clock: &'w K,
    rendered: &'w Rendered,
    before: Rendered,
    after: Rendered,
}

impl<C: Cluster, K: Clock> Work<'_, C, K> {
    async fn app(&mut self, app: &App) -> Result<(), ClusterError> {
        let (mut old, mut new) = (skeleton(app), skeleton(app));
        if app.manifest.at_path(&["spec", "kubeConfig"]).is_some() {
            let message = format!("{} applies to another cluster, and is not compared", app.id);
            new.gaps.push(Gap::new(Severity::Unresolved, &*app.place, message));
            self.before.apps.push(old);
            self.after.apps.push(new);
            return Ok(());
        }
        let is_whole = !app.gaps.iter().any(|gap| gap.severity > Severity::Unresolved);
        let target = ObjectRef::of(&app.manifest);
        let live = self.get(&target).await?;
        let inventory =
            match (is_whole, live.as_ref().and_then(|live| live.at_path(&["status", "inventory"]))) {
                (true, Some(found)) => Inventory::read(found).unwrap_or_default(),
                _ => Inventory::default(),
            };
        let mut objects = Vec::new();
        for object in app.objects.iter().filter(|object| !is_hook(object)) {
            let Ok(mut node) = object.read() else { continue };
            self.settle(&mut node).await?;
            objects.push(node);
        }
        match ApplySet::prepare(objects, &owner_of(&app.id), &SetOptions::default()) {
            Err(errors) => {
                let gaps = errors.iter().map(|error| Gap::error(place_of(app, &error.id), error.to_string()));
                new.gaps.extend(gaps);
            }
            Ok(set) => self.planned(app, set, &inventory, &mut old, &mut new).await?,
        }
        let secrets = joined(app.objects.iter().filter_map(|object| object.secrets.as_ref()));
        new.gaps.iter_mut().for_each(|gap| secrets.hide_in(gap));
        self.before.apps.push(old);
        self.after.apps.push(new);
        Ok(())
    }

    /// Asks what a run would do, and takes what it would change into both sides.
    async fn planned(
        &self,
        app: &App,
        set: ApplySet,
        inventory: &Inventory,
        old: &mut App,
        new: &mut App,
    ) -> Result<(), ClusterError> {
        let owner = owner_of(&app.id);
        let ready = |object: &Node| readiness(object);
        let applier = Applier::new(self.cluster, self.clock, &owner, &ready).with_options(options(app));
        let (plan, errors, _) = applier.plan(set, inventory).await;
        let written = |id: &ObjectId| app.objects.iter().find(|object| object.id == *id);
        for planned in plan.objects.into_iter().filter(|planned| planned.change.action.changes()) {
            let (id, action) = (&planned.change.id, planned.change.action);
            let place = place_of(app, id);
            if let Some(live) = planned.live {
                if action == Action::Deleted {
                    self.goes_along(&live, app, old).await?;
                }
                old.objects.extend(kept(live, &place, app));
            }
            // What is new is shown as it is written, and not with all that the server fills in.
            match (written(id).filter(|_| action == Action::Created), planned.next) {
                (Some(written), _) => new.objects.push(written.clone()),
                (None, Some(next)) => new.objects.extend(kept(next, &place, app)),
                (None, None) => {}
            }
        }
        for error in errors {
            match written(&error.id).filter(|_| self.comes_with_another(&error)) {
                Some(written) => new.objects.push(written.clone()),
                None => new.gaps.push(Gap::error(place_of(app, &error.id), error.to_string())),
            }
        }
        Ok(())
    }

    async fn get(&self, target: &ObjectRef) -> Result<Option<Node>, ClusterError> {
        match self.cluster.get(&self.served(target).await?).await {
            Err(error) if error.fault == ClusterFault::UnknownKind => Ok(None),
            other => other,
        }
    }

    /// An address in a version that the cluster serves: Flux's kinds have had several.
    async fn served(&self, target: &ObjectRef) -> Result<ObjectRef, ClusterError> {
        let Some(kind) = Kind::of(&target.gvk) else { return Ok(target.clone()) };
        if self.cluster.kind(&target.gvk).await?.is_none() {
            for version in kind.versions() {
                let gvk = kind.gvk_of(version);
                if self.cluster.kind(&gvk).await?.is_some() {
                    return Ok(ObjectRef { gvk, ..target.clone() });
                }
            }
        }
        Ok(target.clone())
    }

    /// Brings an object into the form in which it can be compared: in a version that is served, and with the live values
    /// where it only has placeholders.
    async fn settle(&self, object: &mut Node) -> Result<(), ClusterError> {
        let target = ObjectRef::of(object);
        let served = self.served(&target).await?;
        if served.gvk != target.gvk {
            object.set("apiVersion", Node::string(served.gvk.api_version()));
        }
        if has_placeholder(object)
            && let Some(live) = self.get(&served).await?
        {
            take_values(object, &live);
        }
        Ok(())
    }

    /// Whether an object is refused only because another app makes its kind or its namespace.
    fn comes_with_another(&self, error: &ApplyError) -> bool {
        let all = || self.rendered.apps.iter().flat_map(|app| &app.objects);
        match error.cause.fault {
            ClusterFault::NotFound => {
                all().any(|object| object.id.kind == "Namespace" && object.id.name == error.id.namespace)
            }
            ClusterFault::UnknownKind => all().any(|object| {
                object.id.kind == "CustomResourceDefinition"
                    && object.read().is_ok_and(|definition| {
                        let text = |path: &[&str]| definition.at_path(path).and_then(Node::scalar).cloned();
                        text(&["spec", "group"]) == Some(error.id.group.clone())
                            && text(&["spec", "names", "kind"]) == Some(error.id.kind.clone())
                    })
            }),
            _ => false,
        }
    }

    /// What a Kustomization that is deleted takes along.
    async fn goes_along(&self, live: &Node, app: &App, old: &mut App) -> Result<(), ClusterError> {
        let mut seen = BTreeSet::new();
        let mut open = vec![live.clone()];
        while let Some(object) = open.pop() {
            let is_kustomization = Kind::of(&Gvk::of(&object)) == Some(Kind::Kustomization);
            let keeps = matches!(super::flux::text(&object, &["spec", "deletionPolicy"]).as_str(), "Orphan")
                || (!is_true(&object, &["spec", "prune"])
                    && super::flux::text(&object, &["spec", "deletionPolicy"]).as_str() != "Delete");
            if !is_kustomization || keeps || seen.len() >= MOST || !seen.insert(ObjectId::of(&object)) {
                continue;
            }
            let inventory = object.at_path(&["status", "inventory"]).map(Inventory::read);
            let Some(Ok(inventory)) = inventory else { continue };
            for target in inventory.iter() {
                let is_moved = self.rendered.apps.iter().flat_map(|app| &app.objects).any(|object| {
                    object.id.kind == target.gvk.kind
                        && object.id.group == target.gvk.group
                        && object.id.namespace == target.namespace
                        && object.id.name == target.name
                });
                if let Some(found) = self.get(&target).await?.filter(|_| !is_moved) {
                    open.push(found.clone());
                    old.objects.extend(kept(found, &app.place, app));
                }
            }
        }
        Ok(())
    }
}

/// Where an object is written; the app's own place for what nothing wants any more.
fn place_of(app: &App, id: &ObjectId) -> String {
    let found = app.objects.iter().find(|object| object.id == *id);
    found.map_or_else(|| app.place.to_string(), |object| object.place.to_string())
}

/// An app without its objects.
fn skeleton(app: &App) -> App {
    App { objects: Vec::new(), gaps: Vec::new(), ..app.clone() }
}

/// A live object without what the server writes for itself.
fn kept(mut node: Node, place: &str, app: &App) -> Option<RenderedObject> {
    node.remove("status");
    if let Some(metadata) = node.get_mut("metadata") {
        for field in
            ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"]
        {
            metadata.remove(field);
        }
    }
    let mut object = RenderedObject::of(&node, place).ok()?;
    let written = app.objects.iter().filter(|written| written.id == object.id);
    let secrets = joined(written.filter_map(|written| written.secrets.as_ref()));
    object.secrets = (!secrets.is_empty()).then(|| Arc::new(secrets));
    Some(object)
}

fn is_hook(object: &RenderedObject) -> bool {
    object.yaml.contains("helm.sh/hook")
        && object
            .read()
            .is_ok_and(|node| node.at_path(&["metadata", "annotations", "helm.sh/hook"]).is_some())
}

fn owner_of(id: &AppId) -> Owner {
    match id.kind {
        AppKind::Kustomization => Owner::kustomization(id.namespace.clone(), id.name.clone()),
        AppKind::HelmRelease => Owner {
            manager: Str::literal("helm"),
            group: Str::literal("helm.toolkit.fluxcd.io"),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
        },
    }
}

/// How the controller of an app would apply it.
fn options(app: &App) -> ApplyOptions {
    let mut options = ApplyOptions::default();
    let rules: Vec<_> = match app.id.kind {
        AppKind::Kustomization => {
            let spec = Object::<Kustomization>::read(&app.manifest).map(|read| read.spec).unwrap_or_default();
            options.force = spec.force;
            options.prune = spec.prune;
            spec.ignore.iter().map(crate::kustomization::reconcile::ignore_rule).collect()
        }
        AppKind::HelmRelease => {
            options.prune = true;
            let spec = Object::<HelmRelease>::read(&app.manifest).map(|read| read.spec).unwrap_or_default();
            let detection = spec.drift_detection.unwrap_or_default();
            detection.ignore.iter().map(crate::kustomization::reconcile::ignore_rule).collect()
        }
    };
    options.ignore = IgnoreRules::new(&rules).unwrap_or_default();
    options
}

fn has_placeholder(node: &Node) -> bool {
    match &node.data {
        Data::Mapping(entries) => entries.iter().any(|entry| has_placeholder(&entry.value)),
        Data::Sequence(items) => items.iter().any(has_placeholder),
        _ => node.as_str().is_some_and(is_placeholder),
    }
}

/// Puts live values where placeholders stand. A Secret's `stringData` is found in its `data`.
fn take_values(object: &mut Node, live: &Node) {
    match &mut object.data {
        Data::Mapping(entries) => {
            for entry in entries {
                let key = entry.key.as_str().unwrap_or_default().to_owned();
                if let Some(live) = live.get(&key) {
                    take_values(&mut entry.value, live);
                }
            }
            let packed =
                live.get("data").filter(|_| object.get("kind").and_then(Node::as_str) == Some("Secret"));
            if let (Some(packed), Some(clear)) = (packed, object.remove("stringData")) {
                let mut data = object.get("data").cloned().unwrap_or_else(|| Node::mapping(Vec::new()));
                let mut rest = Node::mapping(Vec::new());
                for entry in clear.entries().unwrap_or_default() {
                    let key = entry.key.scalar().cloned().unwrap_or_default();
                    match packed.get(&key).filter(|_| entry.value.as_str().is_some_and(is_placeholder)) {
                        Some(value) => data.set(key, value.clone()),
                        None => rest.set(key, entry.value.clone()),
                    }
                }
                object.set("data", data);
                if rest.entries().is_some_and(|entries| !entries.is_empty()) {
                    object.set("stringData", rest);
                }
            }
        }
        Data::Sequence(items) => {
            let live = live.items().unwrap_or_default();
            items.iter_mut().zip(live).for_each(|(item, live)| take_values(item, live));
        }
        _ => {
            if object.as_str().is_some_and(is_placeholder) && live.is_scalar() {
                *object = live.clone();
            }
        }
    }
}
