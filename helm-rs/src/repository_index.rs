//! A chart repository's `index.yaml`: which charts there are, and which version a range picks.

mod parts;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use gitops_semver::{Constraint, Version};
use gitops_yaml::{FileId, Limits, MergeRule, Node, Place, ReadOptions, Str, from_json, read_document};

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
/// How many charts an index may have, and how many versions of those that are wanted.
const MOST_ENTRIES: usize = 200_000;

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
    /// dropped. An index that is written as Helm writes it is held a version at a time, so that memory depends on what is wanted.
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
        let index = match Self::read_parts(text, file, &wanted) {
            Some(index) => index,
            None => Self::read(text, file, &wanted),
        };
        let mut index = index.map_err(|error| failed(error.into_error(ErrorKind::Repository, file, text)))?;
        let named = index.warnings.len();
        warnings.extend(std::mem::take(&mut index.warnings).into_values());
        if index.skipped > named {
            let more = format!("skipping loading {} more invalid entries", index.skipped - named);
            warnings.push(Warning::warn(more).with("source", file));
        }
        let index = index.sorted();
        if index.api_version.is_empty() {
            return Err(refused("no API version specified"));
        }
        Ok(index)
    }

    /// Reads an index a version at a time; `None` where it has to be read as a whole, be it to say what is wrong with it.
    fn read_parts(
        text: &[u8],
        file: &str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Option<Result<Unchecked, DecodeError>> {
        let parts = parts::cut(text)?;
        let head = read_part(&parts.head, 1)?;
        if head
            .entries()?
            .iter()
            .any(|entry| entry.key.as_str().is_none_or(|key| key.eq_ignore_ascii_case("entries")))
        {
            return None;
        }
        let mut index = Self::read_fields(&head, file, UnknownFields::Refused, wanted).ok()?;
        let mut seen = HashSet::new();
        for part in parts.charts {
            let versions = parts::Versions::of(part);
            let root = read_part(versions.map_or(part.text, |versions| versions.name.text), part.line)?;
            let charts = decode::object(&root, &entries_field(), "map[string]repo.ChartVersions").ok()??;
            let [(name, node)] = &charts[..] else { return None };
            if !seen.insert(name.clone()) {
                return None;
            }
            let Some(versions) = versions else {
                index.take(name, node, file, UnknownFields::Refused, wanted).ok()?;
                continue;
            };
            if let Err(error) = check_count(seen.len(), "charts", node) {
                return Some(Err(error));
            }
            let mut chart = Chart::new(name, wanted);
            for version in versions {
                let version = version?;
                let root = read_part(version.text, version.line)?;
                let [item] = root.items()? else { return None };
                if let Err(error) = index.take_version(&mut chart, item, file, UnknownFields::Refused) {
                    return Some(Err(error));
                }
            }
            index.keep(chart);
        }
        Some(Ok(index))
    }

    fn read(text: &[u8], file: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Unchecked, DecodeError> {
        check_values(text)?;
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
        Self::read_fields(&root, file, unknown, wanted)
    }

    fn read_fields(
        root: &Node,
        file: &str,
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
                    let charts = charts.unwrap_or_default();
                    check_count(charts.len(), "charts", node)?;
                    for (name, node) in charts {
                        index.take(&name, node, file, unknown, wanted)?;
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

/// How many bytes what is read at once must have for each value in it. Written by any program, it has twice as many.
const BYTES_OF_A_VALUE: usize = 12;
/// As many values are read in any case.
const FEW_VALUES: usize = 250_000;

/// Refuses a text of so many values that they would take far more memory than the text. What may begin a value is counted, and
/// not values: those within quotations too.
fn check_values(text: &[u8]) -> Result<(), DecodeError> {
    let most = FEW_VALUES.max(text.len() / BYTES_OF_A_VALUE);
    let mut values = 0_usize;
    let mut before = b'\n';
    for byte in text {
        let begins = match byte {
            b',' | b'[' | b'{' => true,
            b' ' | b'\n' => matches!(before, b':' | b'-' | b'?'),
            _ => false,
        };
        values += usize::from(begins);
        before = *byte;
    }
    if values <= most {
        return Ok(());
    }
    let message = format!("the index holds more than {most} values in {} bytes", text.len());
    Err(DecodeError { message, place: Place::default() })
}

fn entries_field() -> Field {
    Field::ROOT.of("IndexFile", "entries")
}

/// An index as it was written, without the versions that are skipped.
#[derive(Default)]
struct Unchecked {
    api_version: Str,
    generated: Time,
    entries: BTreeMap<Str, Vec<ChartVersion>>,
    annotations: BTreeMap<Str, Str>,
    others: Vec<Str>,
    /// What is said about the first of the versions that are skipped, in Helm's order: each chart's last version first.
    warnings: BTreeMap<(Str, Reverse<usize>), Warning>,
    skipped: usize,
    /// How many versions were kept.
    kept: usize,
}

/// Refuses more entries than an index may have.
fn check_count(count: usize, of: &str, last: &Node) -> Result<(), DecodeError> {
    if count <= MOST_ENTRIES {
        return Ok(());
    }
    Err(DecodeError { message: format!("the index holds more than {MOST_ENTRIES} {of}"), place: last.place })
}

/// A chart whose versions are being read.
struct Chart {
    name: Str,
    is_wanted: bool,
    versions: Vec<ChartVersion>,
    /// How many were read.
    read: usize,
}

impl Chart {
    fn new(name: &Str, wanted: &dyn Fn(&str) -> bool) -> Self {
        Self { name: name.clone(), is_wanted: wanted(name), versions: Vec::new(), read: 0 }
    }
}

/// Reads a part of an index, without keys that stand twice; `None` where it can't be read by itself.
fn read_part(text: &[u8], line: u32) -> Option<Node> {
    check_values(text).ok()?;
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
        name: &Str,
        node: &Node,
        file: &str,
        unknown: UnknownFields,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<(), DecodeError> {
        let items = decode::list(node, &entries_field(), "repo.ChartVersions")?.unwrap_or_default();
        let mut chart = Chart::new(name, wanted);
        for item in items {
            self.take_version(&mut chart, item, file, unknown)?;
        }
        self.keep(chart);
        Ok(())
    }

    /// Reads a version, and notes what is wrong with it where it is skipped.
    fn take_version(
        &mut self,
        chart: &mut Chart,
        item: &Node,
        file: &str,
        unknown: UnknownFields,
    ) -> Result<(), DecodeError> {
        let version = ChartVersion::read(item, &entries_field(), unknown)?;
        chart.read += 1;
        if !chart.is_wanted {
            return Ok(());
        }
        match ChartVersion::checked(version, &chart.name, file) {
            Ok(version) => {
                self.kept += 1;
                check_count(self.kept, "versions of charts", item)?;
                chart.versions.push(version);
            }
            Err(warning) => {
                self.skipped += 1;
                self.warnings.insert((chart.name.clone(), Reverse(chart.read)), warning);
                if self.warnings.len() > MOST_WARNINGS {
                    self.warnings.pop_last();
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, chart: Chart) {
        if chart.is_wanted {
            self.entries.insert(chart.name, chart.versions);
        } else {
            self.others.push(chart.name);
        }
    }

    fn sorted(self) -> RepositoryIndex {
        let mut entries = BTreeMap::new();
        for (name, versions) in self.entries {
            let mut versions: Vec<(Option<Version>, ChartVersion)> = versions
                .into_iter()
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

impl ChartVersion {
    /// Completes a version, or says why it is skipped.
    fn checked(version: Option<Self>, name: &str, file: &str) -> Result<Self, Warning> {
        let Some(mut version) = version else {
            let warning = Warning::warn("skipping loading invalid entry for chart: empty entry");
            return Err(warning.with("name", name).with("source", file));
        };
        if version.metadata.api_version.is_empty() {
            version.metadata.api_version = Str::literal("v1");
        }
        let shown = version.metadata.version.clone();
        match version.metadata.validate() {
            // Some repositories drop the aliases of dependencies.
            Err(error)
                if !error
                    .to_string()
                    .starts_with("validation: more than one dependency with name or alias") =>
            {
                let warning = Warning::warn("skipping loading invalid entry for chart").with("name", name);
                Err(warning.with("version", shown).with("source", file).with("error", error))
            }
            _ => Ok(version),
        }
    }

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
