//! What differs between two renders of a fleet, object by object and field by field.

mod fields;
mod markdown;
mod mask;
mod text;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use gitops_core::object::ObjectId;
use gitops_core::schema::Schema;
use gitops_yaml::{FieldPath, Node, Str};

use super::app::{App, AppId, Gap, RenderedObject, Severity};
use super::render::Rendered;
use super::sealed::joined;

pub use fields::{FieldChange, FieldDiff};
pub use text::{Line, LineKind};

/// What differs between two fleets.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FleetDiff {
    /// The objects that differ, app by app.
    pub changes: Vec<ObjectChange>,
    /// What the second fleet has wrong that the first had not.
    pub new_problems: Vec<(Option<AppId>, Gap)>,
    /// What was wrong with the first fleet and is not with the second.
    pub solved: Vec<(Option<AppId>, Gap)>,
    /// Apps that could be rendered before and can't be now: their objects are not compared.
    pub broken: Vec<AppId>,
}

/// An object that is not the same in both fleets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectChange {
    /// The app that applies it; the one of the first fleet where it is removed.
    pub app: AppId,
    /// The cluster that it belongs to, where the repository holds several; else empty.
    pub cluster: Str,
    /// The object; as it is called in the second fleet.
    pub id: ObjectId,
    /// What happens to it.
    pub action: Action,
    /// The fields that differ, in the order of the object; none where it is added or removed.
    pub fields: Vec<FieldChange>,
    /// Its manifests, secrets masked.
    before: Option<Arc<str>>,
    after: Option<Arc<str>>,
    /// Where its manifest stands.
    pub place: Str,
}

/// What happens to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// It is new.
    Add,
    /// It is gone.
    Remove,
    /// Some of its fields differ.
    Change,
    /// It has another name, as generated objects get with other content; this was the old one.
    Rename(Str),
    /// Another app applies it now; this one did before.
    Move(AppId),
}

impl Action {
    /// Returns the sign that stands before the object: `+`, `-`, `~`, `>`.
    #[must_use]
    pub fn sign(&self) -> char {
        match self {
            Self::Add => '+',
            Self::Remove => '-',
            Self::Change | Self::Rename(_) => '~',
            Self::Move(_) => '>',
        }
    }
}

/// An object's way to be found in the other fleet.
type Key = (Str, ObjectId);
type Found<'f> = BTreeMap<Key, (&'f App, &'f RenderedObject)>;

impl FleetDiff {
    /// Compares two renders. Lists are compared by the keys that tell their elements apart, values of Secrets are masked.
    #[must_use]
    pub fn between(before: &Rendered, after: &Rendered) -> Self {
        let mut diff = Self::default();
        diff.compare_gaps(before, after);
        let (old, new) = (index(before), index(after));
        let is_broken: HashSet<&AppId> = diff.broken.iter().collect();
        let mut added = Vec::new();
        let mut removed = Vec::new();
        let compare = Compare::new();
        for (key, (app, object)) in &new {
            match old.get(key) {
                None => added.push((key, *app, *object)),
                Some((from, known)) if known.yaml == object.yaml => {
                    if from.id != app.id {
                        let action = Action::Move(from.id.clone());
                        diff.changes.push(compare.change(key, app, Some(known), Some(object), action));
                    }
                }
                Some((_, known)) => {
                    let change = compare.change(key, app, Some(known), Some(object), Action::Change);
                    // What only stands in another order, where order says nothing, is no change.
                    if !change.fields.is_empty() {
                        diff.changes.push(change);
                    }
                }
            }
        }
        for (key, (app, object)) in &old {
            if !new.contains_key(key) && !is_broken.contains(&app.id) {
                removed.push((key, *app, *object));
            }
        }
        for (key, app, object) in added {
            let same = |(old_key, old_app, old): &(&Key, &App, &RenderedObject)| {
                old_key.0 == key.0
                    && old_app.id == app.id
                    && old.id.kind == object.id.kind
                    && old.id.namespace == object.id.namespace
                    && stem(&old.id.name).is_some_and(|name| Some(name) == stem(&object.id.name))
            };
            let partner = removed.iter().position(same).map(|at| removed.swap_remove(at));
            diff.changes.push(match partner {
                Some((_, _, old)) => {
                    compare.change(key, app, Some(old), Some(object), Action::Rename(old.id.name.clone()))
                }
                None => compare.change(key, app, None, Some(object), Action::Add),
            });
        }
        for (key, app, object) in removed {
            diff.changes.push(compare.change(key, app, Some(object), None, Action::Remove));
        }
        let order = |change: &ObjectChange| (change.cluster.clone(), change.app.clone(), change.id.clone());
        diff.changes.sort_by_key(order);
        diff
    }

    /// Returns whether both fleets apply the same, and nothing new is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.broken.is_empty() && !self.has_new_errors()
    }

    /// Returns whether the second fleet has errors that the first had not.
    #[must_use]
    pub fn has_new_errors(&self) -> bool {
        self.new_problems.iter().any(|(_, gap)| gap.severity == Severity::Error)
    }

    /// Lists the apps with differences, sorted.
    #[must_use]
    pub fn apps(&self) -> Vec<AppId> {
        let mut apps: Vec<AppId> = self.changes.iter().map(|change| change.app.clone()).collect();
        apps.sort();
        apps.dedup();
        apps
    }

    /// Says in one line what differs: `2 changed, 1 added, 0 removed in 2 apps`.
    #[must_use]
    pub fn summary(&self) -> String {
        let count =
            |wanted: char| self.changes.iter().filter(|change| change.action.sign() == wanted).count();
        let apps = self.apps().len();
        let mut text = format!("{} changed, {} added, {} removed", count('~'), count('+'), count('-'));
        if count('>') > 0 {
            text.push_str(&format!(", {} moved", count('>')));
        }
        text.push_str(&format!(" in {apps} {}", if apps == 1 { "app" } else { "apps" }));
        if !self.broken.is_empty() {
            text.push_str(&format!("; {} can no longer be rendered", self.broken.len()));
        }
        text
    }

    /// Says where each new value stands, from a render of the second fleet that kept its nodes.
    pub fn locate(&mut self, after: &Rendered) {
        let mut nodes: HashMap<(Str, &ObjectId), (&App, &Node)> = HashMap::new();
        for app in &after.apps {
            for object in &app.objects {
                if let Some(node) = &object.node {
                    nodes.insert((after.cluster_name(app.cluster), &object.id), (app, node));
                }
            }
        }
        for change in &mut self.changes {
            let Some((app, node)) = nodes.get(&(change.cluster.clone(), &change.id)) else { continue };
            for field in &mut change.fields {
                field.place =
                    nearest(node, &field.path).map(|place| app.files.show(place)).unwrap_or_default();
            }
        }
    }

    fn compare_gaps(&mut self, before: &Rendered, after: &Rendered) {
        let texts = |rendered: &Rendered| -> HashSet<(Option<AppId>, String)> {
            let all = rendered.all_gaps();
            all.map(|(app, gap)| (app.cloned(), format!("{}{}", gap.severity.as_str(), gap.message)))
                .collect()
        };
        let (old, new) = (texts(before), texts(after));
        let without = |rendered: &Rendered, known: &HashSet<(Option<AppId>, String)>| {
            let mut found = Vec::new();
            for (app, gap) in rendered.all_gaps() {
                let key = (app.cloned(), format!("{}{}", gap.severity.as_str(), gap.message));
                if !known.contains(&key) {
                    found.push((app.cloned(), gap.clone()));
                }
            }
            found
        };
        self.new_problems = without(after, &old);
        self.solved = without(before, &new);
        let filled: HashSet<&AppId> =
            before.apps.iter().filter(|app| !app.objects.is_empty()).map(|app| &app.id).collect();
        let fails =
            |app: &&App| app.objects.is_empty() && app.gaps.iter().any(|gap| gap.severity > Severity::Note);
        self.broken = after
            .apps
            .iter()
            .filter(fails)
            .map(|app| app.id.clone())
            .filter(|id| filled.contains(id))
            .collect();
    }
}

/// The place of a field, or of the nearest one above that was read from a file.
fn nearest(node: &Node, path: &FieldPath) -> Option<gitops_yaml::Place> {
    let mut path = path.clone();
    loop {
        if let Some(place) = path.find(node).map(|found| found.place).filter(|place| place.is_known()) {
            return Some(place);
        }
        path.pop()?;
    }
}

fn index(rendered: &Rendered) -> Found<'_> {
    let mut found = Found::new();
    for app in &rendered.apps {
        let cluster = rendered.cluster_name(app.cluster);
        for object in &app.objects {
            found.entry((cluster.clone(), object.id.clone())).or_insert((app, object));
        }
    }
    found
}

/// A generated name without the hash of its content: ten characters of those that kustomize's hashes have.
pub(super) fn stem(name: &str) -> Option<&str> {
    let (stem, hash) = name.rsplit_once('-')?;
    let is_hash = hash.len() == 10 && hash.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    is_hash.then_some(stem)
}

struct Compare {
    schema: Schema,
}

impl Compare {
    fn new() -> Self {
        Self { schema: Schema::kubernetes() }
    }

    fn change(
        &self,
        key: &Key,
        app: &App,
        before: Option<&RenderedObject>,
        after: Option<&RenderedObject>,
        action: Action,
    ) -> ObjectChange {
        let read = |object: Option<&RenderedObject>| object.and_then(|object| object.read().ok());
        let (mut old, mut new) = (read(before), read(after));
        let hidden = [before, after].map(|object| object.and_then(|object| object.secrets.as_ref()));
        let secrets = joined(hidden.into_iter().flatten());
        let mut fields = Vec::new();
        if let (Some(old), Some(new)) = (&mut old, &mut new) {
            mask::pair(old, new);
            fields = FieldDiff::new(&self.schema).objects(old, new);
        } else {
            [&mut old, &mut new].into_iter().flatten().for_each(mask::one);
        }
        if !secrets.is_empty() {
            for field in &mut fields {
                mask::field(field, &secrets);
            }
            [&mut old, &mut new].into_iter().flatten().for_each(|node| secrets.hide_below(node));
        }
        let print = |node: Option<Node>, object: Option<&RenderedObject>| {
            // What holds no secret is printed already.
            let object = object?;
            if object.id.kind != "Secret" && secrets.is_empty() {
                return Some(Arc::clone(&object.yaml));
            }
            gitops_yaml::print_sigs(&node?, gitops_yaml::Dialect::V3).ok().map(Into::into)
        };
        ObjectChange {
            app: app.id.clone(),
            cluster: key.0.clone(),
            id: key.1.clone(),
            action,
            fields,
            before: print(old, before),
            after: print(new, after),
            place: after.or(before).map(|object| object.place.clone()).unwrap_or_default(),
        }
    }
}
