//! Writes what policies chose into files, one file at a time.

use super::marker::{MarkerProblem, TOKEN, traces};
use super::policies::{ChosenImage, NoValue};
use super::scan::{Reach, Site, sites, strays};
use super::{Policies, Problem, SkipReason, Skipped, flux};
use crate::{Change, Changes, Conflict, ObjectId};
use gitops_yaml::{Edits, FileId, ReadOptions, ScalarSite, read_stream};
use std::collections::BTreeMap;

/// How files are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Only the bytes of the scalars change.
    #[default]
    Minimal,
    /// A file that changes is written whole as Flux writes it, through kyaml, with all that this does to it: blank
    /// lines, `---` and CRLF are lost, indentation and comments are moved, and what Flux can't read is left alone.
    Flux,
}

/// What an update takes in before it leaves a file alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest file with markers, in bytes; 32 MiB by default.
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 32 << 20 }
    }
}

/// What an update did; the files that it changed are in [`Update::files`].
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub(super) files: BTreeMap<String, String>,
    pub(super) changes: Changes,
    pub(super) problems: Vec<Problem>,
    pub(super) skipped: Vec<Skipped>,
}

impl Update {
    /// Returns the files that changed, each with its new text, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(file, text)| (file.as_str(), text.as_str()))
    }

    /// Returns what changed in them, for the commit's message.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Returns the changes, to be merged with others.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        self.changes
    }

    /// Returns the markers that set nothing; Flux passes over them in silence.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the files that have markers and were left alone.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

/// Reads files one by one and writes the images that policies chose where markers ask for them.
///
/// ```
/// use image_policy::{Policies, Updater};
/// let mut policies = Policies::default();
/// policies.choose("flux-system:app=ghcr.io/org/app:2.0.0".parse()?)?;
///
/// let file = "# our app\nimage:   'ghcr.io/org/app:1.0.0'   # {\"$imagepolicy\": \"flux-system:app\"}\n";
/// let mut updater = Updater::new(&policies);
/// updater.file("values.yaml", file.as_bytes())?;
/// let update = updater.finish();
/// assert_eq!(
///     update.files().next(),
///     Some(("values.yaml", file.replace("1.0.0", "2.0.0").as_str())),
/// );
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Updater<'p> {
    policies: &'p Policies,
    mode: Mode,
    limits: Limits,
    update: Update,
    /// Objects that Flux takes out of lists; they have no file, and their fate is known only at the end.
    homeless: flux::Homeless,
}

impl<'p> Updater<'p> {
    /// Starts an update in [`Mode::Minimal`].
    #[must_use]
    pub fn new(policies: &'p Policies) -> Self {
        Self {
            policies,
            mode: Mode::default(),
            limits: Limits::default(),
            update: Update::default(),
            homeless: flux::Homeless::default(),
        }
    }

    /// Sets how files are written.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets what is taken in.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns whether Flux looks into a file of this name: `*.yaml`, `*.yml` (both in lower case) and
    /// `Kustomization`. Hidden files and folders count.
    #[must_use]
    pub fn looks_at(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending)) || name == "Kustomization"
    }

    /// Updates one file. A file that is not looked at, or has no marker, costs one search through its bytes.
    ///
    /// # Errors
    /// When two markers set one field; all else that is wrong with a file is noted in the [`Update`].
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Conflict> {
        if !Self::looks_at(path) || traces(bytes).next().is_none() {
            return Ok(());
        }
        match checked_text(bytes, self.limits) {
            Ok(text) if self.mode == Mode::Flux => self.flux_file(path, text),
            Ok(text) => self.minimal_file(path, text),
            Err(reason) => {
                self.skip(path, reason);
                Ok(())
            }
        }
    }

    /// Ends the update.
    #[must_use]
    pub fn finish(mut self) -> Update {
        let homeless = std::mem::take(&mut self.homeless);
        homeless.write(&mut self.update);
        self.update
    }

    fn minimal_file(&mut self, path: &str, text: &str) -> Result<(), Conflict> {
        let (sites, mut edits) = match read_sites(text) {
            Ok(read) => read,
            Err(error) => {
                // A file that only speaks of policies in prose is none of our business.
                if text.contains(TOKEN) {
                    self.skip(path, not_yaml(&error));
                }
                return Ok(());
            }
        };
        for stray in strays(text, &sites, edits.scalars()) {
            self.problem(path, stray.line, stray.column, stray.problem);
        }
        let mut planned = Vec::new();
        let mut wanted = Vec::with_capacity(sites.len());
        for site in &sites {
            let Some((value, setter, image)) = self.wanted(path, site)? else {
                wanted.push(site.value.clone());
                continue;
            };
            wanted.push(value.clone());
            if value == site.value {
                continue;
            }
            if edits.replace_with_string_at(site.place, &value).is_err() {
                self.skip(path, SkipReason::Unwritable { line: site.place.line });
                return Ok(());
            }
            planned.push((site, value, setter, image));
        }
        let Some((first, ..)) = planned.first() else { return Ok(()) };
        // Odd YAML, as an anchor that touches its value, must not be broken by a new value.
        let new = edits.finish();
        if !reads_as(&new, &wanted) {
            self.skip(path, SkipReason::Unwritable { line: first.place.line });
            return Ok(());
        }
        for (site, value, setter, image) in planned {
            self.record(path, site.object.clone(), change(site, value, &setter), image);
        }
        self.update.files.insert(path.to_owned(), new);
        Ok(())
    }

    fn flux_file(&mut self, path: &str, text: &str) -> Result<(), Conflict> {
        if text.contains(TOKEN) { flux::file(self, path, text) } else { Ok(()) }
    }

    /// Looks up what a site's marker asks for, and notes what is wrong with it.
    pub(super) fn wanted(
        &mut self,
        path: &str,
        site: &Site,
    ) -> Result<Option<(String, String, ChosenImage)>, Conflict> {
        let problem = match &site.marker {
            Ok(marker) => match self.policies.value(marker) {
                Ok((value, image)) => return Ok(Some((value, marker.to_string(), image))),
                Err(NoValue::NotReady) => MarkerProblem::NotReady { setter: marker.to_string() },
                Err(NoValue::UnknownPolicy { near }) => {
                    MarkerProblem::UnknownPolicy { setter: marker.to_string(), near }
                }
            },
            Err(MarkerProblem::TwoPolicies([first, second])) => {
                return Err(Conflict::new(path, site.place.line, first, second));
            }
            Err(problem) => problem.clone(),
        };
        self.problem(path, site.place.line, site.place.column, problem);
        Ok(None)
    }

    pub(super) fn record(&mut self, path: &str, object: ObjectId, change: Change, image: ChosenImage) {
        self.update.changes.set_image(&change.setter, image);
        self.update.changes.add(path, object, change);
    }

    pub(super) fn written(&mut self, path: &str, text: String) {
        self.update.files.insert(path.to_owned(), text);
    }

    pub(super) fn homeless(&mut self) -> &mut flux::Homeless {
        &mut self.homeless
    }

    pub(super) fn problem(&mut self, path: &str, line: u32, column: u32, problem: MarkerProblem) {
        self.update.problems.push(Problem { file: path.to_owned(), line, column, problem });
    }

    pub(super) fn skip(&mut self, path: &str, reason: SkipReason) {
        self.update.skipped.push(Skipped { file: path.to_owned(), reason });
    }
}

pub(super) fn change(site: &Site, value: String, setter: &str) -> Change {
    Change {
        old_value: site.value.clone(),
        new_value: value,
        setter: setter.to_owned(),
        line: site.place.line,
    }
}

pub(super) fn checked_text(bytes: &[u8], limits: Limits) -> Result<&str, SkipReason> {
    let size = bytes.len() as u64;
    if size > limits.file_bytes {
        return Err(SkipReason::TooLarge { size, limit: limits.file_bytes });
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| SkipReason::Binary { offset: error.valid_up_to() })?;
    match memchr::memchr(0, bytes) {
        Some(offset) => Err(SkipReason::Binary { offset }),
        None => Ok(text),
    }
}

/// Reads a text twice: as nodes, which know their comments, and as scalars with their bytes.
pub(super) fn read_sites(text: &str) -> Result<(Vec<Site>, Edits<'_>), gitops_yaml::Error> {
    let documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3())?;
    let edits = Edits::new(text)?;
    let mut found: Vec<Site> =
        documents.iter().flat_map(|document| sites(&document.root, Reach::All)).collect();
    for site in &mut found {
        if let Some(scalar) = scalar_at(edits.scalars(), site) {
            let breaks = memchr::memchr_iter(b'\n', text[scalar.bytes.clone()].as_bytes()).count();
            site.last_line += u32::try_from(breaks).unwrap_or(0);
        }
    }
    Ok((found, edits))
}

/// Returns whether the markers of a text stand on these values.
fn reads_as(text: &str, wanted: &[String]) -> bool {
    let Ok(documents) = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3()) else { return false };
    let found = documents.iter().flat_map(|document| sites(&document.root, Reach::All));
    found.map(|site| site.value).eq(wanted.iter().cloned())
}

fn scalar_at<'e>(scalars: &'e [ScalarSite], site: &Site) -> Option<&'e ScalarSite> {
    let place = |scalar: &ScalarSite| (scalar.place.line, scalar.place.column);
    let wanted = (site.place.line, site.place.column);
    scalars.binary_search_by_key(&wanted, place).ok().and_then(|index| scalars.get(index))
}

pub(super) fn not_yaml(error: &gitops_yaml::Error) -> SkipReason {
    let place = error.place();
    SkipReason::NotYaml { line: place.line, column: place.column, message: error.message().to_owned() }
}
