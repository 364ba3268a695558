//! What is known of each manifest of a tree before anything is built: the Flux Kustomizations and sources in it, and whether
//! it may hold a ConfigMap or a Secret.

use std::collections::{BTreeMap, BTreeSet};

use super::cache::codec::{Reader, Writer};
use super::kustomize::is_manifest;
use super::recorder::{Answers, Digest, Question};
use super::roots::{Found, find_in};

/// Looks at files, by their path.
#[derive(Clone, Default)]
pub(crate) struct Scans(BTreeMap<String, Scan>);

/// One look at a file.
#[derive(Clone)]
struct Scan {
    content: Digest,
    mentions_configs: bool,
    found: Found,
}

impl Scan {
    fn of(answers: &Answers<'_>, path: &str) -> Self {
        let (content, text) = answers.read(path);
        let text = text.unwrap_or_default();
        let mentions = |word: &[u8]| memchr::memmem::find(&text, word).is_some();
        let found = find_in(answers.source(), path, &text);
        Self { content, mentions_configs: mentions(b"ConfigMap") || mentions(b"Secret"), found }
    }
}

impl Scans {
    /// Looks at the manifests among all files below a folder; those that were looked at before are read only if they have
    /// changed. Returns whether anything has.
    pub(crate) fn look(&mut self, answers: &Answers<'_>, below: &str, files: &[String]) -> bool {
        let manifests: BTreeSet<&str> =
            files.iter().map(String::as_str).filter(|path| is_manifest(path)).collect();
        let count = self.0.len();
        self.0.retain(|path, _| manifests.contains(path.as_str()) || !is_below(path, below));
        let mut has_changed = self.0.len() < count;
        for path in manifests {
            let is_known = |scan: &Scan| answers.digest(path, Question::Content) == scan.content;
            if !self.0.get(path).is_some_and(is_known) {
                self.0.insert(path.to_owned(), Scan::of(answers, path));
                has_changed = true;
            }
        }
        has_changed
    }

    /// Returns what files say of how the fleet begins.
    pub(crate) fn found(&self, files: &[String]) -> Found {
        let mut all = Found::default();
        files.iter().filter_map(|path| self.0.get(path)).for_each(|scan| all.extend(scan.found.clone()));
        all
    }

    /// Returns whether a file may hold a ConfigMap or a Secret.
    pub(crate) fn mentions_configs(&self, path: &str) -> bool {
        self.0.get(path).is_some_and(|scan| scan.mentions_configs)
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.number(self.0.len());
        for (path, scan) in &self.0 {
            writer.text(path);
            writer.digest(&scan.content);
            writer.number(usize::from(scan.mentions_configs));
            writer.number(scan.found.kustomizations.len());
            scan.found.kustomizations.iter().for_each(|declared| writer.declared(declared));
            writer.number(scan.found.sources.len());
            scan.found.sources.iter().flatten().for_each(|text| writer.text(text));
            writer.number(scan.found.generators.len());
            scan.found.generators.iter().for_each(|declared| writer.declared(declared));
        }
        if writer.has_failed { Vec::new() } else { writer.bytes }
    }

    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader { rest: body };
        let mut scans = Vec::new();
        for _ in 0..reader.count()? {
            let path = reader.text()?.to_owned();
            let (content, mentions_configs) = (reader.digest()?, reader.number()? == 1);
            let kustomizations = (0..reader.count()?).map(|_| reader.declared()).collect::<Option<_>>()?;
            let count = reader.count()?;
            let mut source = || Some([reader.text()?.into(), reader.text()?.into(), reader.text()?.into()]);
            let sources = (0..count).map(|_| source()).collect::<Option<_>>()?;
            let generators = (0..reader.count()?).map(|_| reader.declared()).collect::<Option<_>>()?;
            let found = Found { kustomizations, sources, generators };
            scans.push((path, Scan { content, mentions_configs, found }));
        }
        reader.rest.is_empty().then(|| Self(scans.into_iter().collect()))
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    folder == "." || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
