//! A chart repository's `index.yaml`: which charts there are, and which version a range picks.

mod parts;

use std::collections::{BTreeMap, HashSet};

use gitops_semver::{Constraint, Version};
use gitops_yaml::{FileId, Limits, MergeRule, Node, ReadOptions, Str, from_json, read_document};

use crate::chart::{Metadata, UnknownFields};
use crate::decode::{self, DecodeError, Field};
use crate::{Error, ErrorKind, Time, Warning, Warnings};

/// An `index.yaml`. Made by [`RepositoryIndex::parse`]; the versions of each chart are sorted, the highest first.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RepositoryIndex {
    /// `v1`
    pub api_version: Str,
    /// When the index was written.
    pub generated: Time,
    /// The versions of each chart.
    pub entries: BTreeMap<Str, Vec<ChartVersion>>,
    /// Notes of other programs.
    pub annotations: BTreeMap<Str, Str>,
    /// The charts that were not wanted: named where one is sought that is not there.
    others: Vec<Str>,
}

/// One version of a chart in a repository.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ChartVersion {
    /// What the chart's `Chart.yaml` says.
    pub metadata: Metadata,
    /// Where the archive is: addresses, or paths seen from the repository.
    pub urls: Vec<Str>,
    /// When the version was added.
    pub created: Time,
    /// Whether the version was taken back.
    pub removed: bool,
    /// The SHA-256 of the archive.
    pub digest: Str,
}

/// How large an index may be, in bytes.
const LARGEST: usize = 128 << 20;

impl RepositoryIndex {
    /// Reads an index, in YAML or JSON. Entries without a valid version or name are skipped with a warning, as Helm skips
    /// them, so that neither ever reaches a user or a choice. `file` is named in errors and warnings.
    ///
    /// # Errors
    /// In Helm's words; a key that stands twice and a field that no index has are errors too.
    ///
    /// ```
    /// use helm_rs::RepositoryIndex;
    /// let text = b"apiVersion: v1\nentries:\n  web:\n  - {name: web, version: 1.0.0, urls: [web-1.0.0.tgz]}\n  - {name: web, version: 1.2.0, urls: [web-1.2.0.tgz]}\n";
    /// let index = RepositoryIndex::parse(text, "index.yaml", &mut Vec::new())?;
    /// assert_eq!(index.find("web", "^1")?.metadata.version, "1.2.0");
    /// # Ok::<(), helm_rs::Error>(())
    /// ```
    pub fn parse(text: &[u8], file: &str, warnings: &mut Warnings) -> Result<Self, Error> {
        Self::parse_only(text, file, |_| true, warnings)
    }

    /// Reads an index as [`RepositoryIndex::parse`], but keeps only the charts whose names are wanted; the others are checked and
    /// dropped. An index that is written as Helm writes it is held a chart at a time, so that memory depends on the largest chart.
    ///
    /// # Errors
    /// As [`RepositoryIndex::parse`].
    ///
    /// ```
    /// use helm_rs::RepositoryIndex;
    /// let text = b"apiVersion: v1\nentries:\n  api:\n  - {name: api, version: 1.0.0}\n  web:\n  - {name: web, version: 1.0.0}\n";
    /// let index = RepositoryIndex::parse_only(text, "index.yaml", |name| name == "web", &mut Vec::new())?;
    /// assert!(index.find("web", "").is_ok() && index.find("api", "").is_err());
    /// # Ok::<(), helm_rs::Error>(())
    /// ```
    pub fn parse_only(
        text: &[u8],
        file: &str,
        wanted: impl Fn(&str) -> bool,
        warnings: &mut Warnings,
    ) -> Result<Self, Error> {
        let failed = |error: Error| error.within(format!("error loading {file}"));
        let refused = |message: &str| failed(Error::new(ErrorKind::Repository, message));
        if text.is_empty() {
            return Err(refused("empty index.yaml file"));
        }
        if text.len() > LARGEST {
            let message = format!("the index is larger than {LARGEST} bytes");
            return Err(failed(Error::new(ErrorKind::Limit, message)));
        }
        let mut index = match Self::read_parts(text, &wanted) {
            Some(index) => index,
            None => Self::read(text, &wanted)
                .map_err(|error| failed(error.into_error(ErrorKind::Repository, file, text)))?,
        };
        let mut skipped = 0;
        for (name, versions) in &mut index.entries {
            let mut kept = Vec::with_capacity(versions.len());
            for mut version in versions.drain(..).rev() {
                match version.mistake(name, file) {
                    None => kept.push(version),
                    Some(warning) => {
                        skipped += 1;
                        if skipped <= MOST_WARNINGS {
                            warnings.push(warning);
                        }
                    }
                }
            }
            kept.reverse();
            *versions = kept;
        }
        if skipped > MOST_WARNINGS {
            let more = format!("skipping loading {} more invalid entries", skipped - MOST_WARNINGS);
            warnings.push(Warning::warn(more).with("source", file));
        }
        let index = index.sorted();
        if index.api_version.is_empty() {
            return Err(refused("no API version specified"));
        }
        Ok(index)
    }

    /// Reads an index a chart at a time; `None` where it has to be read as a whole, be it to say what is wrong with it.
    fn read_parts(text: &[u8], wanted: &dyn Fn(&str) -> bool) -> Option<Unchecked> {
        let parts = parts::cut(text)?;
        let head = read_part(&parts.head, 1)?;
        if head
            .entries()?
            .iter()
            .any(|entry| entry.key.as_str().is_none_or(|key| key.eq_ignore_ascii_case("entries")))
        {
            return None;
        }
        let mut index = Self::read_fields(&head, UnknownFields::Refused, wanted).ok()?;
        let mut seen = HashSet::new();
        let at = Field::ROOT.of("IndexFile", "entries");
        for part in parts.charts {
            let root = read_part(part.text, part.line)?;
            let charts = decode::object(&root, &at, "map[string]repo.ChartVersions").ok()??;
            let [(name, node)] = &charts[..] else { return None };
            if !seen.insert(name.clone()) {
                return None;
            }
            index.take(name.clone(), node, UnknownFields::Refused, wanted).ok()?;
        }
        Some(index)
    }

    fn read(text: &[u8], wanted: &dyn Fn(&str) -> bool) -> Result<Unchecked, DecodeError> {
        // JSON is read as it is; YAML is read strictly.
        let json = std::str::from_utf8(text)
            .ok()
            .filter(|text| text.trim_start().starts_with(['{', '[']))
            .and_then(|text| from_json(text, FileId::NONE).ok());
        let (root, unknown) = match json {
            Some(root) => (root, UnknownFields::Skipped),
            None => {
                decode::check_unique_keys(text)?;
                (decode::parse(text)?, UnknownFields::Refused)
            }
        };
        Self::read_fields(&root, unknown, wanted)
    }

    fn read_fields(
        root: &Node,
        unknown: UnknownFields,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Unchecked, DecodeError> {
        let mut index = Unchecked { generated: Time::ZERO, ..Unchecked::default() };
        let Some(entries) = decode::object(root, &Field::ROOT, "repo.IndexFile")? else { return Ok(index) };
        for (key, node) in entries {
            let field = |name: &str| Field::ROOT.of("IndexFile", name);
            match key.to_ascii_lowercase().as_str() {
                "apiversion" => {
                    index.api_version = decode::text(node, &field("apiVersion"))?.unwrap_or_default();
                }
                "generated" => index.generated = time(node, &field("generated"))?,
                "annotations" => {
                    index.annotations = decode::text_map(node, &field("annotations"))?.unwrap_or_default();
                }
                "serverinfo" | "publickeys" => {}
                "entries" => {
                    let at = field("entries");
                    let charts = decode::object(node, &at, "map[string]repo.ChartVersions")?;
                    for (name, node) in charts.unwrap_or_default() {
                        index.take(name, node, unknown, wanted)?;
                    }
                }
                _ if unknown == UnknownFields::Refused => {
                    return Err(crate::chart::unknown_field(&key, node));
                }
                _ => {}
            }
        }
        Ok(index)
    }

    /// Picks a version of a chart: the one that is named exactly, else the highest in the range; nothing stands for `*`.
    ///
    /// # Errors
    /// `no chart name found`, `no chart version found …`, or what is wrong with the range.
    pub fn find(&self, name: &str, range: &str) -> Result<&ChartVersion, Error> {
        let missing = |message: String| Error::new(ErrorKind::Repository, message);
        let Some(versions) = self.entries.get(name) else {
            let error = missing("no chart name found".to_owned());
            let known = self.entries.keys().chain(&self.others).map(Str::as_str);
            let near = gitops_core::did_you_mean(name, known.filter(|known| *known != name));
            return Err(match near {
                Some(near) => error.note(format!("did you mean {near}?")),
                None => error,
            });
        };
        if versions.is_empty() {
            return Err(missing("no chart version found".to_owned()));
        }
        let wanted = if range.is_empty() { "*" } else { range };
        let wanted = Constraint::parse(wanted).map_err(|error| missing(error.to_string()))?;
        if let Some(exact) = versions.iter().find(|version| version.metadata.version == range) {
            return Ok(exact);
        }
        let fits = |version: &&ChartVersion| {
            Version::parse(&version.metadata.version).is_ok_and(|version| wanted.check(&version))
        };
        let found = versions.iter().find(fits);
        found.ok_or_else(|| missing(format!("no chart version found for {name}-{range}")))
    }
}

/// How many invalid entries are named.
const MOST_WARNINGS: usize = 100;

/// An index as it was written, empty entries included.
#[derive(Default)]
struct Unchecked {
    api_version: Str,
    generated: Time,
    entries: BTreeMap<Str, Vec<Option<ChartVersion>>>,
    annotations: BTreeMap<Str, Str>,
    others: Vec<Str>,
}

/// Reads a part of an index, without keys that stand twice; `None` where it can't be read by itself.
fn read_part(text: &[u8], line: u32) -> Option<Node> {
    let options = ReadOptions::yaml11().starting_at_line(line);
    let mut document = read_document(text, FileId::NONE, &options).ok()??;
    if !document.root.duplicate_keys().is_empty() {
        return None;
    }
    document.expand_merge_keys(MergeRule::LastWins, &Limits::default()).ok()?;
    decode::check_json(&document.root).ok()?;
    Some(document.root)
}

impl Unchecked {
    /// Reads a chart's versions and keeps them where they are wanted.
    fn take(
        &mut self,
        name: Str,
        node: &Node,
        unknown: UnknownFields,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<(), DecodeError> {
        let at = Field::ROOT.of("IndexFile", "entries");
        let items = decode::list(node, &at, "repo.ChartVersions")?.unwrap_or_default();
        if wanted(&name) {
            let versions: Result<Vec<_>, _> =
                items.iter().map(|item| ChartVersion::read(item, &at, unknown)).collect();
            self.entries.insert(name, versions?);
        } else {
            for item in items {
                ChartVersion::read(item, &at, unknown)?;
            }
            self.others.push(name);
        }
        Ok(())
    }

    fn sorted(self) -> RepositoryIndex {
        let mut entries = BTreeMap::new();
        for (name, versions) in self.entries {
            let mut versions: Vec<(Option<Version>, ChartVersion)> = versions
                .into_iter()
                .flatten()
                .map(|version| (Version::parse(&version.metadata.version).ok(), version))
                .collect();
            // Of equal versions, the first stays first.
            versions.sort_by(|a, b| b.0.cmp(&a.0));
            entries.insert(name, versions.into_iter().map(|(_, version)| version).collect());
        }
        RepositoryIndex {
            api_version: self.api_version,
            generated: self.generated,
            entries,
            annotations: self.annotations,
            others: self.others,
        }
    }
}

trait Checked {
    fn mistake(&mut self, name: &str, file: &str) -> Option<Warning>;
}

impl Checked for Option<ChartVersion> {
    /// Completes an entry, and says why it must be skipped.
    fn mistake(&mut self, name: &str, file: &str) -> Option<Warning> {
        let skipped = |text: &str| Warning::warn(text);
        let Some(version) = self else {
            let warning = skipped("skipping loading invalid entry for chart: empty entry");
            return Some(warning.with("name", name).with("source", file));
        };
        if version.metadata.api_version.is_empty() {
            version.metadata.api_version = Str::literal("v1");
        }
        let shown = version.metadata.version.clone();
        let error = version.metadata.validate().err()?;
        // Some repositories drop the aliases of dependencies.
        if error.to_string().starts_with("validation: more than one dependency with name or alias") {
            return None;
        }
        let warning = skipped("skipping loading invalid entry for chart").with("name", name);
        Some(warning.with("version", shown).with("source", file).with("error", error))
    }
}

impl ChartVersion {
    fn read(node: &Node, at: &Field, unknown: UnknownFields) -> Result<Option<Self>, DecodeError> {
        let Some(entries) = decode::object(node, at, "repo.ChartVersion")? else { return Ok(None) };
        let mut version = Self { created: Time::ZERO, ..Self::default() };
        let mut rest = Vec::new();
        for (key, node) in entries {
            let field = |name: &str| at.of("ChartVersion", name);
            match key.to_ascii_lowercase().as_str() {
                "urls" => version.urls = decode::texts(node, &field("urls"))?.unwrap_or_default(),
                "created" => version.created = time(node, &field("created"))?,
                "removed" => version.removed = decode::boolean(node, &field("removed"))?.unwrap_or_default(),
                "digest" => version.digest = decode::text(node, &field("digest"))?.unwrap_or_default(),
                "checksum" | "engine" | "tillerversion" | "url" => {}
                _ => rest.push((key, node)),
            }
        }
        version.metadata.merge_fields(rest, at, unknown)?;
        Ok(Some(version))
    }
}

fn time(node: &Node, field: &Field) -> Result<Time, DecodeError> {
    let Some(text) = decode::text(node, field)? else { return Ok(Time::ZERO) };
    Time::parse(&text).ok_or_else(|| crate::chart::bad_time(&text, node))
}
