//! Which objects may have drifted since they were applied, told from watch events without a request.

use super::set::Desired;
use crate::object::{Gvk, ObjectId};
use crate::ports::WatchEvent;
use gitops_yaml::{Data, Node, Str};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What was true of each object when it was last seen to be as wanted, and which of them have changed since.
///
/// A run fills it, watches of the objects' metadata feed it, and the next run looks only at what it suspects: an object that
/// is wanted as before and has not changed costs no request. A change of the status alone is none.
///
/// It is right only while its watches run without a gap; after one, [`DriftWatch::relisted`] closes it.
#[derive(Clone, Debug, Default)]
pub struct DriftWatch {
    settled: BTreeMap<ObjectId, Settled>,
    suspects: BTreeSet<ObjectId>,
}

/// An object that is as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settled {
    version: Str,
    uid: Str,
    resource_version: Str,
    /// Of kinds that count their generations; else empty.
    generation: Str,
    /// The labels and annotations that are wanted; those of others come and go.
    wanted: [Box<[Str]>; 2],
    /// Over the values of what is wanted, and whether the object is being deleted.
    metadata: u64,
    /// Over what was wanted.
    desired: (u64, u64),
    /// Whether it is a Job with `ttlSecondsAfterFinished`.
    removes_itself: bool,
}

/// What an event says about the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// Nothing that matters.
    Nothing,
    /// This object has changed, or is gone: the next run looks at it.
    Suspect(ObjectId),
}

impl DriftWatch {
    /// Notes that an object is as wanted; `stored` is what the server has answered.
    pub(super) fn settle(&mut self, desired: &Desired, stored: &Node) {
        let id = desired.id();
        self.suspects.remove(&id);
        let mut settled =
            Settled::of(stored, ["labels", "annotations"].map(|field| keys(&desired.object, field)));
        settled.version = desired.target.gvk.version.clone();
        settled.desired = digest(&desired.object);
        settled.removes_itself = desired.removes_itself();
        self.settled.insert(id, settled);
    }

    /// Forgets what was known of an object that is about to be written.
    pub(super) fn unsettle(&mut self, id: &ObjectId) {
        self.settled.remove(id);
        self.suspects.remove(id);
    }

    /// Keeps only the objects of a set.
    pub(super) fn retain(&mut self, keep: impl Fn(&ObjectId) -> bool) {
        self.settled.retain(|id, _| keep(id));
        self.suspects.retain(|id| keep(id));
    }

    /// Returns whether an object is wanted as before and has not changed.
    pub(super) fn is_settled(&self, desired: &Desired) -> bool {
        let id = desired.id();
        !self.suspects.contains(&id)
            && self.settled.get(&id).is_some_and(|settled| {
                settled.version == desired.target.gvk.version && settled.desired == digest(&desired.object)
            })
    }

    /// Lists the kinds to watch.
    #[must_use]
    pub fn kinds(&self) -> Vec<Gvk> {
        let kinds: BTreeSet<Gvk> = self
            .settled
            .iter()
            .map(|(id, settled)| Gvk {
                group: id.group.clone(),
                version: settled.version.clone(),
                kind: id.kind.clone(),
            })
            .collect();
        kinds.into_iter().collect()
    }

    /// Lists the objects that the next run looks at.
    pub fn suspects(&self) -> impl Iterator<Item = &ObjectId> {
        self.suspects.iter()
    }

    /// Returns whether nothing has changed.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.suspects.is_empty()
    }

    /// Returns whether a state of an object is no news: the one that a run left it in, or that of an object of others.
    #[must_use]
    pub fn has_seen(&self, object: &Node) -> bool {
        let text =
            |field| object.at_path(&["metadata", field]).and_then(Node::scalar).cloned().unwrap_or_default();
        self.settled.get(&ObjectId::of(object)).is_none_or(|settled| {
            settled.resource_version == text("resourceVersion") && settled.uid == text("uid")
        })
    }

    /// Takes in an event; objects with their metadata alone suffice.
    pub fn note(&mut self, event: &WatchEvent) -> Noticed {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => self.note_object(object),
            WatchEvent::Deleted(object) => self.note_gone(ObjectId::of(object)),
            WatchEvent::Bookmark(_) => Noticed::Nothing,
        }
    }

    /// Takes in all objects of a kind as they are now, after a watch had a gap; those that are missing are suspects too.
    pub fn relisted(&mut self, gvk: &Gvk, objects: &[Node]) -> Vec<ObjectId> {
        let mut suspects = Vec::new();
        let mut seen = BTreeSet::new();
        for object in objects {
            seen.insert(ObjectId::of(object));
            if let Noticed::Suspect(id) = self.note_object(object) {
                suspects.push(id);
            }
        }
        let of_kind = |id: &&ObjectId| id.group == gvk.group && id.kind == gvk.kind;
        let gone: Vec<ObjectId> =
            self.settled.keys().filter(of_kind).filter(|id| !seen.contains(*id)).cloned().collect();
        for id in gone {
            if let Noticed::Suspect(id) = self.note_gone(id) {
                suspects.push(id);
            }
        }
        suspects
    }

    /// Forgets everything: the next run looks at all objects.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    fn note_object(&mut self, object: &Node) -> Noticed {
        let id = ObjectId::of(object);
        let Some(settled) = self.settled.get_mut(&id) else { return Noticed::Nothing };
        let seen = Settled::of(object, settled.wanted.clone());
        if seen.uid == settled.uid && seen.resource_version == settled.resource_version {
            return Noticed::Nothing;
        }
        // Where generations are counted, a change of the content counts; what is left is the status, and notes of others.
        let only_status = seen.uid == settled.uid
            && !seen.generation.is_empty()
            && seen.generation == settled.generation
            && seen.metadata == settled.metadata;
        if only_status {
            settled.resource_version = seen.resource_version;
            return Noticed::Nothing;
        }
        match object.at_path(&["metadata", "deletionTimestamp"]) {
            Some(time) if !time.is_null() => self.note_gone(id),
            _ => self.suspect(id),
        }
    }

    /// A Job that removes itself is made again by the next run that looks anyway, and by none that it brings about.
    fn note_gone(&mut self, id: ObjectId) -> Noticed {
        let removes_itself = self.settled.get(&id).is_some_and(|settled| settled.removes_itself);
        match self.suspect(id) {
            Noticed::Suspect(_) if removes_itself => Noticed::Nothing,
            noticed => noticed,
        }
    }

    fn suspect(&mut self, id: ObjectId) -> Noticed {
        if !self.settled.contains_key(&id) {
            return Noticed::Nothing;
        }
        self.suspects.insert(id.clone());
        Noticed::Suspect(id)
    }
}

impl Settled {
    fn of(object: &Node, wanted: [Box<[Str]>; 2]) -> Self {
        let metadata = |field: &str| object.at_path(&["metadata", field]);
        let text = |field: &str| metadata(field).and_then(Node::scalar).cloned().unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        metadata("deletionTimestamp").is_some().hash(&mut hasher);
        for (field, keys) in ["labels", "annotations"].into_iter().zip(&wanted) {
            for key in keys {
                let value = metadata(field).and_then(|values| values.get(key));
                value.and_then(Node::as_str).hash(&mut hasher);
            }
        }
        Self {
            version: Str::EMPTY,
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            generation: text("generation"),
            wanted,
            metadata: hasher.finish(),
            desired: (0, 0),
            removes_itself: false,
        }
    }
}

fn keys(object: &Node, field: &str) -> Box<[Str]> {
    let values = object.at_path(&["metadata", field]).and_then(Node::entries).unwrap_or_default();
    values.iter().filter_map(|entry| entry.key.scalar().cloned()).collect()
}

/// Two hashes over a value, so that none meets another by chance.
fn digest(node: &Node) -> (u64, u64) {
    let mut second = DefaultHasher::new();
    "gitops".hash(&mut second);
    hash(node, &mut second);
    let mut first = DefaultHasher::new();
    hash(node, &mut first);
    (first.finish(), second.finish())
}

/// Hashes content alone: no places, styles or comments.
fn hash(node: &Node, hasher: &mut DefaultHasher) {
    match &node.data {
        Data::Scalar(text) => {
            (0_u8, text.as_str()).hash(hasher);
            std::mem::discriminant(&node.kind(gitops_yaml::Dialect::V3)).hash(hasher);
        }
        Data::Alias(name) => (1_u8, name.as_str()).hash(hasher),
        Data::Sequence(items) => {
            (2_u8, items.len()).hash(hasher);
            items.iter().for_each(|item| hash(item, hasher));
        }
        Data::Mapping(entries) => {
            (3_u8, entries.len()).hash(hasher);
            for entry in entries {
                hash(&entry.key, hasher);
                hash(&entry.value, hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ApplyStage;
    use crate::ports::ObjectRef;
    use gitops_yaml::{FileId, from_json};

    fn object(version: u32, generation: &str, label: &str) -> Node {
        let generation =
            if generation.is_empty() { String::new() } else { format!("\"generation\":{generation},") };
        let text = format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"a","uid":"u",{generation}"labels":{{"l":"{label}"}},"resourceVersion":"{version}"}}}}"#
        );
        from_json(&text, FileId::NONE).unwrap()
    }

    fn desired() -> Desired {
        let object = object(0, "", "x");
        Desired { target: ObjectRef::of(&object), object, stage: ApplyStage::Rest }
    }

    #[track_caller]
    fn check(stored: &Node, event: &WatchEvent, is_suspect: bool) {
        let mut watch = DriftWatch::default();
        watch.settle(&desired(), stored);
        assert!(watch.is_settled(&desired()));
        assert_eq!(watch.note(event) != Noticed::Nothing, is_suspect);
        assert_eq!(watch.is_settled(&desired()), !is_suspect);
    }

    #[test]
    fn a_change_of_the_status_alone_is_no_drift() {
        let stored = object(5, "1", "x");
        check(&stored, &WatchEvent::Modified(object(5, "1", "x")), false);
        check(&stored, &WatchEvent::Modified(object(6, "1", "x")), false);
        check(&stored, &WatchEvent::Modified(object(6, "2", "x")), true);
        check(&stored, &WatchEvent::Modified(object(6, "1", "y")), true);
        check(&stored, &WatchEvent::Deleted(object(6, "1", "x")), true);
    }

    #[test]
    fn an_annotation_of_others_is_no_drift() {
        let mut noted = object(6, "1", "x");
        let metadata = noted.get_mut("metadata").unwrap();
        let revision = from_json(r#"{"deployment.kubernetes.io/revision":"1"}"#, FileId::NONE).unwrap();
        metadata.set("annotations", revision);
        check(&object(5, "1", "x"), &WatchEvent::Modified(noted), false);
    }

    #[test]
    fn kinds_without_generations_are_always_looked_at() {
        check(&object(5, "", "x"), &WatchEvent::Modified(object(6, "", "x")), true);
    }

    #[test]
    fn a_job_that_removes_itself_waits_for_the_next_run() {
        let text = |version: u32, time: &str| {
            let text = format!(
                r#"{{"apiVersion":"batch/v1","kind":"Job","metadata":{{"name":"a","uid":"u","generation":1,"resourceVersion":"{version}"{time}}},"spec":{{"ttlSecondsAfterFinished":0}}}}"#
            );
            from_json(&text, FileId::NONE).unwrap()
        };
        let object = text(5, "");
        let desired =
            Desired { target: ObjectRef::of(&object), object: object.clone(), stage: ApplyStage::Rest };
        let mut watch = DriftWatch::default();
        watch.settle(&desired, &object);
        let going = text(6, r#","deletionTimestamp":"2026-01-01T00:00:00Z""#);
        let events = [WatchEvent::Modified(going), WatchEvent::Deleted(object)];
        assert!(events.iter().all(|event| watch.note(event) == Noticed::Nothing), "no run for it alone");
        assert!(!watch.is_settled(&desired) && !watch.is_quiet(), "but the next one makes it again");
    }

    #[test]
    fn what_is_missing_after_a_gap_is_suspect() {
        let mut watch = DriftWatch::default();
        watch.settle(&desired(), &object(5, "", "x"));
        let gvk = watch.kinds().remove(0);
        assert!(watch.relisted(&gvk, &[object(5, "", "x")]).is_empty());
        assert_eq!(watch.relisted(&gvk, &[]).len(), 1);
        assert!(!watch.is_quiet());
    }
}
