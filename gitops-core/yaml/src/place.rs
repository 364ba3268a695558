//! Where a node stands in its source: small enough that every node carries it through every merge.

use crate::Str;

/// Names one file among those that a caller reads; an index into [`Files`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

impl FileId {
    /// The id of text that comes from no file.
    pub const NONE: Self = Self(0);
}

/// A file, line and column; 12 bytes, copied freely.
///
/// Lines and columns count from 1, columns in characters (not bytes), as libyaml's marks do. A node that was made by
/// a program and not read has [`Place::NONE`], whose line is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file, to be looked up in the [`Files`] of the caller.
    pub file: FileId,
    /// The line, counted from 1; 0 where the place is unknown.
    pub line: u32,
    /// The column in characters, counted from 1; 0 where the place is unknown.
    pub column: u32,
}

impl Place {
    /// The place of a node that no file holds.
    pub const NONE: Self = Self { file: FileId::NONE, line: 0, column: 0 };

    /// Returns whether the node was read from a text.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.line != 0
    }
}

/// The names of the files that one job reads. Owned by the caller and never global.
///
/// ```
/// let mut files = gitops_yaml::Files::default();
/// let id = files.add("base/deployment.yaml");
/// let place = gitops_yaml::Place { file: id, line: 3, column: 7 };
/// assert_eq!(files.show(place), "base/deployment.yaml:3:7");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Files {
    names: Vec<Str>,
}

impl Files {
    /// Adds a file and returns its id. The same name added twice gives two ids.
    pub fn add(&mut self, name: impl Into<Str>) -> FileId {
        self.names.push(name.into());
        FileId(u32::try_from(self.names.len()).expect("fewer than 2^32 files"))
    }

    /// Gives files another name, where there is one.
    pub fn rename(&mut self, other: impl Fn(&str) -> Option<Str>) {
        for name in &mut self.names {
            if let Some(other) = other(name) {
                *name = other;
            }
        }
    }

    /// Returns a file's name, or `None` for [`FileId::NONE`] and ids of other tables.
    #[must_use]
    pub fn name(&self, id: FileId) -> Option<&str> {
        let index = (id.0 as usize).checked_sub(1)?;
        self.names.get(index).map(Str::as_str)
    }

    /// Prints a place as `file:line:column`, as far as it is known; empty for [`Place::NONE`].
    #[must_use]
    pub fn show(&self, place: Place) -> String {
        match (self.name(place.file), place.is_known()) {
            (Some(name), true) => format!("{name}:{}:{}", place.line, place.column),
            (Some(name), false) => name.to_owned(),
            (None, true) => format!("{}:{}", place.line, place.column),
            (None, false) => String::new(),
        }
    }
}
