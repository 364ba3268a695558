//! The entries of a map in the order of their keys: a list while they are few, which is quick to search, copy and drop, and
//! a tree when they are many.

use crate::value::Value;
use gitops_yaml::Str;
use std::collections::BTreeMap;

/// How many entries stand in a list at most.
const FEW: usize = 64;

/// Up to how many keys are compared one after another: most differ in length, which is quick to see.
const SHORT: usize = 24;

/// Values by their keys.
pub(crate) enum Sorted {
    Few(Vec<(Str, Value)>),
    Many(BTreeMap<Str, Value>),
}

impl Default for Sorted {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Sorted {
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Few(few) if few.len() <= SHORT => {
                few.iter().find_map(|(known, value)| (known.as_str() == key).then_some(value))
            }
            Self::Few(few) => place(few, key).ok().map(|at| &few[at].1),
            Self::Many(many) => many.get(key),
        }
    }

    pub(crate) fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    pub(crate) fn insert(&mut self, key: Str, value: Value) {
        match self {
            Self::Few(few) => match place(few, &key) {
                Ok(at) => few[at].1 = value,
                Err(at) if few.len() < FEW => few.insert(at, (key, value)),
                Err(_) => {
                    let mut many: BTreeMap<_, _> = std::mem::take(few).into_iter().collect();
                    many.insert(key, value);
                    *self = Self::Many(many);
                }
            },
            Self::Many(many) => {
                many.insert(key, value);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Value> {
        match self {
            Self::Few(few) => place(few, key).ok().map(|at| few.remove(at).1),
            Self::Many(many) => many.remove(key),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Str, &Value)> {
        let (few, many) = match self {
            Self::Few(few) => (few.as_slice(), None),
            Self::Many(many) => (&[][..], Some(many)),
        };
        few.iter().map(|(key, value)| (key, value)).chain(many.into_iter().flatten())
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let (few, many) = match self {
            Self::Few(few) => (few.as_mut_slice(), None),
            Self::Many(many) => (&mut [][..], Some(many)),
        };
        few.iter_mut().map(|(_, value)| value).chain(many.into_iter().flat_map(BTreeMap::values_mut))
    }
}

/// Finds a key's place, or the place where it belongs.
fn place(few: &[(Str, Value)], key: &str) -> Result<usize, usize> {
    few.binary_search_by(|(known, _)| known.as_str().cmp(key))
}

impl FromIterator<(Str, Value)> for Sorted {
    /// Of equal keys the last one's value counts.
    fn from_iter<I: IntoIterator<Item = (Str, Value)>>(entries: I) -> Self {
        let mut all: Vec<_> = entries.into_iter().collect();
        if !all.is_sorted_by(|(a, _), (b, _)| a < b) {
            all.sort_by(|(a, _), (b, _)| a.cmp(b));
            all.reverse();
            all.dedup_by(|(a, _), (b, _)| a == b);
            all.reverse();
        }
        if all.len() <= FEW { Self::Few(all) } else { Self::Many(all.into_iter().collect()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys in an order that is not theirs, some of them twice.
    fn jumbled(count: usize) -> impl Iterator<Item = (Str, Value)> {
        (0..count).map(move |i| (Str::from((i * 37 % 101).to_string()), Value::int(i as i64)))
    }

    #[test]
    fn few_and_many_are_found_replaced_removed_and_listed_alike() {
        for count in [0, 1, SHORT, SHORT + 1, FEW, FEW + 1, 250] {
            let expected: BTreeMap<Str, Value> = jumbled(count).collect();
            let collected: Sorted = jumbled(count).collect();
            let mut inserted = Sorted::default();
            jumbled(count).for_each(|(key, value)| inserted.insert(key, value));
            for mut sorted in [collected, inserted] {
                let listed: Vec<_> = sorted.iter().map(|(key, value)| format!("{key} {value:?}")).collect();
                let wanted: Vec<_> = expected.iter().map(|(key, value)| format!("{key} {value:?}")).collect();
                assert_eq!(listed, wanted);
                for i in 0..101 {
                    let key = i.to_string();
                    let shown = |value: Option<&Value>| value.map(|value| format!("{value:?}"));
                    assert_eq!(
                        shown(sorted.get(&key)),
                        shown(expected.get(key.as_str())),
                        "{key} of {count}"
                    );
                    assert_eq!(
                        shown(sorted.remove(&key).as_ref()),
                        shown(expected.get(key.as_str())),
                        "{key} of {count}"
                    );
                }
                assert_eq!(sorted.len(), 0);
            }
        }
    }
}
