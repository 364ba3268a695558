//! Remote bases: which paths name a git repository or a file of a web server, and the parts of such a URL.
//!
//! This crate fetches nothing. It tells what is needed, and reads what the caller has mounted into the tree.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use gitops_core::api::GoDuration;
use gitops_yaml::FileId;

use crate::read::read_resources;

/// A repository or a file that lies elsewhere. Its `Debug` shows no credentials.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remote {
    /// The text in the kustomization file.
    pub url: String,
    /// What `git clone` is given; `None` where the URL can only be a file of a web server.
    pub repository: Option<String>,
    /// The directory of the kustomization in the repository, empty for its root.
    pub directory: String,
    /// The branch, tag or commit, empty for the default branch.
    pub reference: String,
    /// Whether submodules are fetched as well.
    pub submodules: bool,
    /// How long fetching may take: the `timeout` parameter, in seconds or as `1m30s`, or 27 seconds.
    pub timeout: Duration,
    /// Whether the URL is tried as a file of a web server before it is tried as a repository.
    pub may_be_file: bool,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("url", &self.shown()).finish_non_exhaustive()
    }
}

/// Upstream's limit where a URL has none.
const TIMEOUT: Duration = Duration::from_secs(27);

impl Remote {
    /// Reads a path of a kustomization file; `None` where it is a path of the local tree.
    ///
    /// ```
    /// use kustomize_rs::Remote;
    /// let remote = Remote::parse("https://github.com/org/repo//deploy/base?ref=v1").unwrap();
    /// assert_eq!(remote.repository.as_deref(), Some("https://github.com/org/repo"));
    /// assert_eq!((remote.directory.as_str(), remote.reference.as_str()), ("deploy/base", "v1"));
    /// assert!(Remote::parse("../base").is_none());
    /// ```
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let may_be_file = is_web_url(url);
        let (repository, directory, query) = match parse_repository(url) {
            Some((repository, directory, query)) => (Some(repository), directory, query),
            None if may_be_file => (None, String::new(), ""),
            None => return None,
        };
        let parameter = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .filter(|(key, value)| *key == name && !value.is_empty())
                .map(|(_, value)| decode(value))
                .next()
        };
        Some(Self {
            url: url.to_owned(),
            repository,
            directory,
            reference: parameter("ref").or_else(|| parameter("version")).unwrap_or_default(),
            submodules: !parameter("submodules")
                .is_some_and(|value| matches!(value.as_str(), "0" | "f" | "F" | "false" | "False" | "FALSE")),
            timeout: parameter("timeout").and_then(|text| duration(&text)).unwrap_or(TIMEOUT),
            may_be_file,
        })
    }

    /// Returns the URL without user and password, as errors may show it.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        without_credentials(&self.url)
    }

    /// Returns what is cloned, without user and password; empty where the URL can only be a file of a web server.
    #[must_use]
    pub fn shown_repository(&self) -> Cow<'_, str> {
        without_credentials(self.repository.as_deref().unwrap_or_default())
    }

    /// Returns whether what a web server answered is a file of resources. Where it is not, and the URL may be that of a
    /// repository, that is what is meant: hosts of repositories answer with a page for people.
    #[must_use]
    pub fn is_resources(content: &[u8]) -> bool {
        read_resources(content, FileId::NONE).is_ok()
    }

    /// Returns whether the repository is one of this machine.
    pub(crate) fn is_local(&self) -> bool {
        is_local(&self.url)
    }

    /// Returns whether the URL begins with `git::`, which has no meaning any more.
    pub(crate) fn is_forced(&self) -> bool {
        strip_prefix_ignoring_case(&self.url, FORCED).is_some()
    }
}

const FORCED: &str = "git::";

/// Reads whole seconds or a duration of Go's, both above zero.
fn duration(text: &str) -> Option<Duration> {
    let time = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => text.parse::<GoDuration>().ok()?.0,
    };
    Some(time).filter(|time| !time.is_zero())
}

/// Returns a text without the users and passwords of the URLs in it.
pub(crate) fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|at| at + "://".len()) {
        let (before, after) = rest.split_at(start);
        let end = after.find(|c: char| matches!(c, '/' | '?' | '#' | '\'' | '"') || c.is_whitespace());
        let host = &after[..end.unwrap_or(after.len())];
        clean.push_str(before);
        rest = match host.rfind('@') {
            // The user of ssh, mostly `git`, is no secret. Of https it may be a token.
            Some(at) if host[..at].contains(':') || !before.ends_with("ssh://") => &after[at + 1..],
            _ => after,
        };
    }
    if clean.is_empty() {
        return Cow::Borrowed(text);
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// Returns whether a path is the URL of a web server.
pub(crate) fn is_web_url(path: &str) -> bool {
    let (scheme, _) = scheme(path);
    matches!(scheme, "http://" | "https://")
}

/// Returns whether a URL is that of a repository of this machine.
pub(crate) fn is_local(url: &str) -> bool {
    scheme(strip_prefix_ignoring_case(url, FORCED).unwrap_or(url)).0 == "file://"
}

/// Returns what is cloned, the directory in it and the query of a git URL.
fn parse_repository(url: &str) -> Option<(String, String, &str)> {
    if url.starts_with('/') {
        return None;
    }
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = strip_prefix_ignoring_case(path, FORCED).unwrap_or(path);
    let (scheme, rest) = scheme(path);
    let (user, rest) = user(rest);
    let lower = rest.to_ascii_lowercase();
    let is_github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    let may_be_scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !may_be_scp {
        return None;
    }
    let (host, path) = if scheme == "file://" {
        (scheme.to_owned(), format!("{user}{rest}"))
    } else {
        let mut separator = rest.find('/');
        if may_be_scp {
            let colon = rest.find(':');
            if separator.is_none() || colon.is_some_and(|colon| colon > 0 && Some(colon) < separator) {
                separator = colon;
            }
        }
        let (host, path) = separator.map_or((rest, ""), |at| rest.split_at(at + 1));
        if host.is_empty() {
            return None;
        }
        let host = match (is_github, scheme == "ssh://" || !user.is_empty()) {
            (true, true) => format!("{user}github.com:"),
            (true, false) => "https://github.com/".to_owned(),
            (false, _) => format!("{scheme}{user}{host}"),
        };
        (host, path.to_owned())
    };
    let (repository, directory) = split_path(&path, scheme == "file://")?;
    if repository.is_empty() || leaves(directory) {
        return None;
    }
    Some((format!("{host}{repository}"), directory.strip_prefix('/').unwrap_or(directory).to_owned(), query))
}

/// Splits the path of a URL into that of the repository and the directory in it.
fn split_path(path: &str, is_whole: bool) -> Option<(&str, &str)> {
    if let Some(at) = path.find("_git/") {
        let name = at + "_git/".len();
        let end = path[name..].find('/').map_or(path.len(), |slash| name + slash);
        return Some((&path[..end], path[end..].strip_prefix('/').unwrap_or_default()));
    }
    if let Some(at) = path.find("//") {
        return Some((&path[..at], &path[at + 2..]));
    }
    if let Some(at) = path.find(".git") {
        return Some(path.split_at(at + ".git".len()));
    }
    if is_whole {
        return Some((path, ""));
    }
    let second = path.find('/')? + 1;
    let end = path[second..].find('/').map_or(path.len(), |slash| second + slash);
    Some((&path[..end], path[end..].strip_prefix('/').unwrap_or_default()))
}

fn leaves(directory: &str) -> bool {
    let mut depth = 0i64;
    for part in directory.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

fn scheme(path: &str) -> (&'static str, &str) {
    for scheme in ["ssh://", "https://", "http://", "file://"] {
        if let Some(rest) = strip_prefix_ignoring_case(path, scheme) {
            return (scheme, rest);
        }
    }
    ("", path)
}

/// Splits off `name@`.
fn user(path: &str) -> (&str, &str) {
    let Some(at) = path.find('@') else { return ("", path) };
    let name = &path[..at];
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_name { path.split_at(at + 1) } else { ("", path) }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Decodes `%XX` and `+` of a query.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).and_then(|code| u8::from_str_radix(code, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                decoded.push(code);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, wanted: Option<(&str, &str, &str)>) {
        let remote = Remote::parse(url);
        let found = remote.as_ref().map(|remote| {
            (
                remote.repository.as_deref().unwrap_or_default(),
                remote.directory.as_str(),
                remote.reference.as_str(),
            )
        });
        assert_eq!(found, wanted, "{url}");
    }

    #[test]
    fn urls_of_repositories_are_taken_apart() {
        check("git@github.com:org/repo.git/sub?ref=x", Some(("git@github.com:org/repo.git", "sub", "x")));
        check("github.com/org/repo/a/b?version=1", Some(("https://github.com/org/repo", "a/b", "1")));
        check("https://host/x/_git/repo/a", Some(("https://host/x/_git/repo", "a", "")));
        check("ssh://git@host/org/repo//a?ref=b&ref=c", Some(("ssh://git@host/org/repo", "a", "b")));
        check("file:///srv/repo.git//a", Some(("file:///srv/repo.git", "a", "")));
        let odd = "package@v1.28.0.example/configs/base";
        check(odd, Some((odd, "", "")));
        check("../base", None);
        check("/abs", None);
        check("https://host/org/repo//../x", Some(("", "", "")));
        check("https://host/file.yaml", Some(("", "", "")));
    }

    #[test]
    fn the_time_that_fetching_may_take_is_in_seconds_or_with_a_unit() {
        let timeout = |query: &str| {
            Remote::parse(&format!("https://host/org/repo?{query}")).map(|remote| remote.timeout.as_millis())
        };
        assert_eq!(timeout("timeout=61"), Some(61_000));
        assert_eq!(timeout("timeout=1m1s"), Some(61_000));
        assert_eq!(timeout("timeout=0"), Some(27_000));
        assert_eq!(timeout("timeout=soon"), Some(27_000));
        assert_eq!(timeout("ref=main"), Some(27_000));
    }

    #[test]
    fn submodules_are_fetched_unless_the_url_says_otherwise() {
        let wants = |url: &str| Remote::parse(url).map(|remote| remote.submodules);
        assert_eq!(wants("https://host/org/repo"), Some(true));
        assert_eq!(wants("https://host/org/repo?submodules=false"), Some(false));
        assert_eq!(wants("https://host/org/repo?submodules=maybe"), Some(true));
    }

    #[test]
    fn users_and_passwords_are_not_shown() {
        let shown = |text| without_credentials(text).into_owned();
        assert_eq!(shown("https://bot:hunter2@host/r?ref=x@y"), "https://host/r?ref=x@y");
        assert_eq!(shown("'https://token@host/r', 'git::http://a:b@h'"), "'https://host/r', 'git::http://h'");
        assert_eq!(shown("ssh://git@host/r"), "ssh://git@host/r");
        assert_eq!(shown("ssh://git:hunter2@host/r"), "ssh://host/r");
        assert_eq!(shown("a@b and https://host/a@b"), "a@b and https://host/a@b");
        let remote = Remote::parse("https://bot:hunter2@host/org/repo").map(|remote| format!("{remote:?}"));
        assert_eq!(remote.as_deref(), Some("Remote { url: \"https://host/org/repo\", .. }"));
    }
}
