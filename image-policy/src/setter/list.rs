//! Lists the markers of a file, whether or not there is a policy for them.

use super::marker::{MarkerProblem, TOKEN, traces};
use super::scan::strays;
use super::update::{checked_text, not_yaml, read_sites};
use super::{Limits, Marker, Problem, Skipped, Updater};
use crate::ObjectId;

/// A value that a marker stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setter {
    /// The file.
    pub file: String,
    /// The line of the value, counted from 1.
    pub line: u32,
    /// The column of the value in characters, counted from 1.
    pub column: u32,
    /// The object that holds it.
    pub object: ObjectId,
    /// The way to it from the document's root, as `.spec.containers[0].image`.
    pub path: String,
    /// The value.
    pub value: String,
    /// What the marker asks for.
    pub marker: Marker,
}

/// The markers of some files.
#[derive(Clone, Debug, Default)]
pub struct Setters {
    /// The markers that can work, in the order of the files.
    pub setters: Vec<Setter>,
    /// Comments that mean to be markers and are none.
    pub problems: Vec<Problem>,
    /// Files that have markers and can't be read.
    pub skipped: Vec<Skipped>,
}

impl Setters {
    /// Adds the markers of one file. Files that an update does not look at have none.
    pub fn add(&mut self, path: &str, bytes: &[u8], limits: Limits) {
        if !Updater::looks_at(path) || traces(bytes).next().is_none() {
            return;
        }
        let file = path.to_owned();
        let text = match checked_text(bytes, limits) {
            Ok(text) => text,
            Err(reason) => return self.skipped.push(Skipped { file, reason }),
        };
        let (sites, edits) = match read_sites(text) {
            Ok(read) => read,
            Err(_) if !text.contains(TOKEN) => return,
            Err(error) => return self.skipped.push(Skipped { file, reason: not_yaml(&error) }),
        };
        let problem =
            |line, column, problem: MarkerProblem| Problem { file: file.clone(), line, column, problem };
        for stray in strays(text, &sites, edits.scalars()) {
            self.problems.push(problem(stray.line, stray.column, stray.problem));
        }
        for site in sites {
            let (line, column) = (site.place.line, site.place.column);
            match site.marker {
                Ok(marker) => self.setters.push(Setter {
                    file: file.clone(),
                    line,
                    column,
                    object: site.object,
                    path: site.path,
                    value: site.value,
                    marker,
                }),
                Err(wrong) => self.problems.push(problem(line, column, wrong)),
            }
        }
    }
}
