//! Fields that list files and directories.

use gitops_core::tree::{Source, join};

use super::glob::{glob, matches};
use super::{KustomizationFile, refuse};
use crate::error::Error;
use crate::kustomization::FILE_NAMES;
use crate::read::read_resources;
use crate::remote::Remote;

/// A field that lists files or directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathField {
    /// `resources`
    Resources,
    /// `components`
    Components,
    /// `configurations`
    Configurations,
    /// `generators`
    Generators,
    /// `transformers`
    Transformers,
}

impl PathField {
    fn name(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::Components => "components",
            Self::Configurations => "configurations",
            Self::Generators => "generators",
            Self::Transformers => "transformers",
        }
    }

    /// Returns what one entry is called: `resource`.
    #[must_use]
    pub fn one(self) -> &'static str {
        self.name().trim_end_matches('s')
    }
}

impl KustomizationFile {
    /// Adds entries; returns those that were there already.
    pub fn add(&mut self, field: PathField, paths: &[String]) -> Vec<String> {
        let mut all = self.texts(field.name());
        let mut known = Vec::new();
        for path in paths {
            if all.contains(path) {
                known.push(path.clone());
            } else {
                all.push(path.clone());
            }
        }
        self.put_texts(field.name(), all);
        known
    }

    /// Removes the entries that a pattern matches; returns whether any did.
    ///
    /// # Errors
    /// When a pattern is malformed.
    pub fn remove(&mut self, field: PathField, patterns: &[String]) -> Result<bool, Error> {
        let all = self.texts(field.name());
        let mut kept = Vec::with_capacity(all.len());
        for path in &all {
            let mut is_hit = false;
            for pattern in patterns {
                is_hit |= matches(pattern, path)?;
            }
            if !is_hit {
                kept.push(path.clone());
            }
        }
        let removed = kept.len() != all.len();
        self.put_texts(field.name(), kept);
        Ok(removed)
    }

    /// Adds directories to `resources`.
    ///
    /// # Errors
    /// When one is listed already, or nothing is there.
    pub fn add_bases(&mut self, source: &dyn Source, directory: &str, paths: &[String]) -> Result<(), Error> {
        for path in paths {
            if !join(directory, path).is_ok_and(|path| source.kind(&path).is_ok()) {
                return Err(refuse(format!("{path} does not exist")));
            }
            if !self.add(PathField::Resources, std::slice::from_ref(path)).is_empty() {
                return Err(refuse(format!("base {path} already in kustomization file")));
            }
        }
        Ok(())
    }
}

/// Finds the files that patterns match, seen from a directory. A pattern that matches none may be the URL of a remote
/// base; else it comes back in the second list.
///
/// # Errors
/// When a pattern is malformed.
pub fn expand(
    source: &dyn Source,
    directory: &str,
    patterns: &[String],
) -> Result<(Vec<String>, Vec<String>), Error> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for pattern in patterns {
        let files = glob(source, directory, pattern)?;
        if !files.is_empty() {
            found.extend(files);
        } else if Remote::parse(pattern).is_some() {
            found.push(pattern.clone());
        } else {
            missing.push(pattern.clone());
        }
    }
    Ok((found, missing))
}

/// Finds the manifests in a directory, and below it where `recursive` says so: there a directory with a kustomization
/// counts as a whole.
#[must_use]
pub fn autodetect(source: &dyn Source, directory: &str, recursive: bool) -> Vec<String> {
    let mut found = Vec::new();
    walk(source, directory, "", recursive, &mut found, 0);
    found
}

fn walk(
    source: &dyn Source,
    root: &str,
    inside: &str,
    recursive: bool,
    found: &mut Vec<String>,
    depth: usize,
) {
    const DEEPEST: usize = 64;
    let here = if inside.is_empty() { root.to_owned() } else { format!("{root}/{inside}") };
    for name in source.list(&here).unwrap_or_default() {
        let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
        let full = format!("{here}/{name}");
        if source.is_directory(&full) {
            let holds = |name: &&str| source.kind(&format!("{full}/{name}")).is_ok();
            if recursive && FILE_NAMES.iter().any(holds) {
                found.push(path);
            } else if recursive && depth < DEEPEST {
                walk(source, root, &path, recursive, found, depth + 1);
            }
        } else if let Ok(content) = source.read(&full)
            && read_resources(&content, super::NO_FILE).is_ok()
        {
            found.push(path);
        }
    }
}
