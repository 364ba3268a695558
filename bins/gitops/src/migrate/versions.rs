//! Versions of Flux's kinds, wherever a text names them: in objects, in references and patches, in templates of charts.

use super::edits::Remark;
use crate::cluster::KindInfo;

/// The minor version of Flux whose kinds are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The last one whose kinds about images were of v1beta2.
    V2_6,
    Newest,
}

impl Wanted {
    /// Reads `2.9` or `v2.9.4`; nothing is the newest.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let minor = text.trim_start_matches('v').splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
        match minor.as_str() {
            "" | "2.9" | "2.8" | "2.7" => Ok(Self::Newest),
            "2.6" => Ok(Self::V2_6),
            _ => Err(format!("version {text} is not supported, supported versions are: 2.9, 2.8, 2.7, 2.6")),
        }
    }

    /// Returns the version of a kind's API.
    pub(super) fn of(self, kind: &KindInfo) -> &'static str {
        match self {
            Self::V2_6 if kind.api_version.starts_with("image.toolkit.fluxcd.io/") => {
                "image.toolkit.fluxcd.io/v1beta2"
            }
            _ => kind.api_version,
        }
    }

    /// Finds the kind that an old version is named of, with the version that is wanted.
    pub(super) fn instead_of(self, api_version: &str, kind: &str) -> Option<&'static str> {
        let known = KindInfo::of(kind).filter(|known| known.kind == kind)?;
        let new = self.of(known);
        let group = |version: &str| version.split_once('/').map(|(group, _)| group.to_owned());
        (api_version.matches('/').count() == 1 && group(api_version) == group(new) && api_version != new)
            .then_some(new)
    }
}

/// Rewrites versions on lines that a line with the kind follows, whatever stands around them.
pub(super) fn rewrite(text: &str, wanted: Wanted) -> (String, Vec<Remark>) {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut new = String::with_capacity(text.len());
    let mut done = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let kind = lines.get(at + 1).and_then(|next| word_behind(next, "kind: "));
        let found = word_behind(line, "apiVersion: ").zip(kind);
        let instead =
            found.and_then(|(version, kind)| Some((version, kind, wanted.instead_of(version, kind)?)));
        let Some((version, kind, instead)) = instead else {
            new.push_str(line);
            continue;
        };
        new.push_str(&line.replacen(version, instead, 1));
        done.push(Remark { line: at + 1, what: what(kind, version, instead) });
    }
    (new, done)
}

/// Words a change of a version.
pub(super) fn what(kind: &str, old: &str, new: &str) -> String {
    let version = |text: &str| text.rsplit('/').next().unwrap_or(text).to_owned();
    format!("{kind} {} -> {}", version(old), version(new))
}

/// Returns the word behind a key on a line, without quotes.
fn word_behind<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    let word = line.get(line.find(key)? + key.len()..)?.split_whitespace().next()?;
    Some(word.trim_matches(['"', '\'']))
}
