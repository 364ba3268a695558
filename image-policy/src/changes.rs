//! What an update changed: files, the objects in them, the values of those. Feeds the commit's message.

use crate::setter::ChosenImage;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

/// An object as its file names it; a part that the file lacks is empty.
///
/// Sorted as Flux's templates range over objects: by API version, kind, name, namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// `apiVersion`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`
    pub namespace: String,
}

/// One value that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Change {
    /// The value before.
    pub old_value: String,
    /// The value now.
    pub new_value: String,
    /// The setter that asked for it: `namespace:name`, `namespace:name:tag` and so on.
    pub setter: String,
    /// The line of the file, counted from 1.
    pub line: u32,
}

impl Change {
    /// Whether both replace one value by different ones, for different policies.
    fn clashes_with(&self, other: &Self) -> bool {
        self.setter != other.setter && self.old_value == other.old_value && self.new_value != other.new_value
    }
}

/// The changes of one object, in the order of its file.
pub type ObjectChanges = BTreeMap<ObjectId, Vec<Change>>;

/// All changes of an update: file → object → values.
///
/// ```
/// use image_policy::{Change, Changes, ObjectId};
/// let mut changes = Changes::default();
/// let web = ObjectId { kind: "Deployment".into(), name: "web".into(), ..ObjectId::default() };
/// let change = Change { old_value: "1.0".into(), new_value: "1.1".into(), setter: "flux-system:web:tag".into(), line: 7 };
/// changes.add("apps/web.yaml", web, change);
/// assert_eq!(changes.len(), 1);
/// assert_eq!(changes.files().next().unwrap().0, "apps/web.yaml");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    files: BTreeMap<String, ObjectChanges>,
    images: BTreeMap<String, ChosenImage>,
}

impl Changes {
    /// Adds a change of an object in a file.
    pub fn add(&mut self, file: &str, object: ObjectId, change: Change) {
        let objects = match self.files.get_mut(file) {
            Some(objects) => objects,
            None => self.files.entry(file.to_owned()).or_default(),
        };
        objects.entry(object).or_default().push(change);
    }

    /// Says which image stands behind a setter, so that templates can list images.
    pub fn set_image(&mut self, setter: &str, image: ChosenImage) {
        self.images.insert(setter.to_owned(), image);
    }

    /// Adds the changes of another update of the same files.
    ///
    /// # Errors
    /// Where both changed one field to different values; the error names both setters.
    pub fn merge(&mut self, other: Self) -> Result<(), Conflict> {
        for (file, objects) in other.files {
            let mut known: HashMap<u32, Vec<&Change>> = HashMap::new();
            for change in self.files.get(&file).into_iter().flat_map(BTreeMap::values).flatten() {
                known.entry(change.line).or_default().push(change);
            }
            let mut new = Vec::new();
            for (object, changes) in objects {
                for change in changes {
                    let at_line = known.get(&change.line).map_or(&[][..], Vec::as_slice);
                    if at_line.contains(&&change) {
                        continue;
                    }
                    if let Some(clash) = at_line.iter().find(|known| known.clashes_with(&change)) {
                        return Err(Conflict::new(&file, change.line, &clash.setter, &change.setter));
                    }
                    new.push((object.clone(), change));
                }
            }
            new.into_iter().for_each(|(object, change)| self.add(&file, object, change));
        }
        self.images.extend(other.images);
        Ok(())
    }

    /// Returns whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns how many values changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.values().flat_map(BTreeMap::values).map(Vec::len).sum()
    }

    /// Returns the files with their objects, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &ObjectChanges)> {
        self.files.iter().map(|(file, objects)| (file.as_str(), objects))
    }

    /// Returns the objects with their changes in whichever file they stand, sorted.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<&ObjectId, Vec<&Change>> {
        let mut all: BTreeMap<&ObjectId, Vec<&Change>> = BTreeMap::new();
        for (object, changes) in self.files.values().flatten() {
            all.entry(object).or_default().extend(changes);
        }
        all
    }

    /// Returns each pair of values and its setter once, in the order of files and objects.
    #[must_use]
    pub fn changes(&self) -> Vec<&Change> {
        let mut seen = BTreeSet::new();
        let all = self.files.values().flat_map(BTreeMap::values).flatten();
        all.filter(|change| seen.insert((&change.old_value, &change.new_value, &change.setter))).collect()
    }

    /// Returns the image behind a setter.
    #[must_use]
    pub fn image(&self, setter: &str) -> Option<&ChosenImage> {
        self.images.get(setter)
    }

    /// Returns the images that were written, each once, in the order of files and objects.
    #[must_use]
    pub fn images(&self) -> Vec<&ChosenImage> {
        let mut seen = BTreeSet::new();
        let all = self.files.values().flat_map(BTreeMap::values).flatten();
        all.filter_map(|change| self.image(&change.setter))
            .filter(|image| seen.insert(&image.image))
            .collect()
    }
}

/// Two policies want different values in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    file: String,
    line: u32,
    setters: [String; 2],
}

impl Conflict {
    pub(crate) fn new(file: &str, line: u32, first: &str, second: &str) -> Self {
        Self { file: file.to_owned(), line, setters: [first.to_owned(), second.to_owned()] }
    }

    /// Returns both setters.
    #[must_use]
    pub fn setters(&self) -> [&str; 2] {
        [&self.setters[0], &self.setters[1]]
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = &self.setters;
        write!(f, "{}:{}: setters '{first}' and '{second}' both set this field", self.file, self.line)
    }
}

impl std::error::Error for Conflict {}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(old: &str, new: &str, setter: &str, line: u32) -> Change {
        Change { old_value: old.into(), new_value: new.into(), setter: setter.into(), line }
    }

    #[test]
    fn changes_are_listed_once_and_objects_gather_files() {
        let mut changes = Changes::default();
        let web = ObjectId { kind: "Deployment".into(), name: "web".into(), ..ObjectId::default() };
        for (file, line) in [("b.yaml", 1), ("a.yaml", 1), ("a.yaml", 9)] {
            changes.add(file, web.clone(), change("1", "2", "ns:web", line));
        }
        assert_eq!(changes.len(), 3);
        assert_eq!(changes.changes().len(), 1);
        assert_eq!(changes.objects()[&web].len(), 3);
        assert_eq!(changes.files().map(|(file, _)| file).collect::<Vec<_>>(), ["a.yaml", "b.yaml"]);
    }

    #[test]
    fn two_policies_on_one_field_are_named() {
        let mut first = Changes::default();
        first.add("a.yaml", ObjectId::default(), change("1", "2", "ns:a", 4));
        let mut second = Changes::default();
        second.add("a.yaml", ObjectId::default(), change("1", "3", "ns:b", 4));
        let conflict = first.merge(second).unwrap_err();
        assert_eq!(conflict.to_string(), "a.yaml:4: setters 'ns:a' and 'ns:b' both set this field");
        assert_eq!(conflict.setters(), ["ns:a", "ns:b"]);
    }

    #[test]
    fn merging_the_same_update_twice_changes_nothing() {
        let mut first = Changes::default();
        first.add("a.yaml", ObjectId::default(), change("1", "2", "ns:a", 4));
        let copy = first.clone();
        first.merge(copy.clone()).unwrap();
        assert_eq!(first, copy);
    }
}
