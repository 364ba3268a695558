//! Getting, listing and watching.

use super::select::Filter;
use super::{Change, Event, Object, Store, Target};
use crate::failure::Failure;
use gitops_yaml::Str;
use std::sync::Arc;

/// What to list or watch.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// A label selector.
    pub labels: String,
    /// A field selector.
    pub fields: String,
    /// How many objects to return at most; 0 for all.
    pub limit: usize,
    /// Where an earlier list ended: its resource version, and the last namespace and name.
    pub after: Option<(u64, Str, Str)>,
}

/// A list.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The objects by namespace and name.
    pub items: Vec<Arc<Object>>,
    /// The resource version of the list.
    pub revision: u64,
    /// Whether there are more.
    pub more: bool,
    /// How many more there are, where nothing selects.
    pub remaining: Option<usize>,
}

/// What a watch sees.
#[derive(Clone, Debug)]
pub enum Seen {
    /// An object came to be or to be selected.
    Added(Arc<Object>),
    /// It changed.
    Modified(Arc<Object>),
    /// It is gone or not selected any more.
    Deleted(Arc<Object>),
}

impl Store {
    /// Returns an object.
    ///
    /// # Errors
    /// Where there is none.
    pub fn get(&self, target: &Target) -> Result<&Arc<Object>, Failure> {
        self.at(&Self::key(target)).ok_or_else(|| Self::missing(target))
    }

    /// Lists objects; all namespaces' where the target has none.
    ///
    /// # Errors
    /// Where a selector can't be read.
    pub fn list(&self, target: &Target, query: &Query) -> Result<Listed, Failure> {
        let filter = self.filter(target, query)?;
        let key = Self::key(target);
        let mut listed = Listed {
            revision: query.after.as_ref().map_or(self.revision, |after| after.0),
            ..Listed::default()
        };
        let Some(collection) = self.collection(&key.resource) else { return Ok(listed) };
        let namespace = (!target.namespace.is_empty()).then_some(target.namespace.as_str());
        let after = query.after.as_ref().map(|(_, namespace, name)| (namespace.as_str(), name.as_str()));
        let mut rest = collection
            .iter(namespace, after)
            .filter(|object| target.name.is_empty() || object.name() == target.name.as_str())
            .filter(|object| filter.is_empty() || filter.matches(object));
        if query.limit == 0 {
            listed.items = rest.cloned().collect();
            return Ok(listed);
        }
        listed.items = rest.by_ref().take(query.limit).cloned().collect();
        let left = rest.count();
        listed.more = left > 0;
        listed.remaining = (listed.more && filter.is_empty()).then_some(left);
        Ok(listed)
    }

    /// Returns what a watch sees after a resource version, and the one it has then seen everything up to.
    ///
    /// # Errors
    /// Where events are forgotten that it would have to see, and where a selector can't be read.
    pub fn seen_since(
        &self,
        target: &Target,
        query: &Query,
        revision: u64,
    ) -> Result<(Vec<Seen>, u64), Failure> {
        let filter = self.filter(target, query)?;
        let key = Self::key(target);
        let Some(collection) = self.collection(&key.resource) else { return Ok((Vec::new(), self.revision)) };
        let events = collection.since(revision).ok_or_else(|| {
            Failure::new(
                410,
                "Expired",
                format!("too old resource version: {revision} ({})", collection.forgotten()),
            )
        })?;
        let selected = |object: &Arc<Object>| {
            (target.namespace.is_empty() || object.namespace() == target.namespace.as_str())
                && (target.name.is_empty() || object.name() == target.name.as_str())
                && filter.matches(object)
        };
        let seen = events.filter_map(|event| seen(event, selected)).collect();
        Ok((seen, self.revision.max(revision)))
    }

    fn filter(&self, target: &Target, query: &Query) -> Result<Filter, Failure> {
        let version = target.resource.versions.get(target.version);
        Filter::read(&target.resource, version, &query.labels, &query.fields)
    }
}

fn seen(event: &Event, selected: impl Fn(&Arc<Object>) -> bool) -> Option<Seen> {
    match &event.change {
        Change::Put { object, before } => {
            let was = before.as_ref().is_some_and(&selected);
            match (was, selected(object)) {
                (false, true) => Some(Seen::Added(object.clone())),
                (true, true) => Some(Seen::Modified(object.clone())),
                (true, false) => Some(Seen::Deleted(object.clone())),
                (false, false) => None,
            }
        }
        Change::Gone { object } => selected(object).then(|| Seen::Deleted(object.clone())),
    }
}
