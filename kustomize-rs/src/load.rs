//! Reads files from the point of view of one kustomization: what it may read, and what it may include.

use std::borrow::Cow;
use std::rc::Rc;

use gitops_core::tree::{EntryKind, ErrorKind as TreeErrorKind, TreeError, clean, join, parent};

use crate::build::Session;
use crate::error::{Error, ErrorKind};
use crate::kustomization::{FILE_NAMES, Text};
use crate::remote::{Remote, is_local, is_web_url};

/// Which files a kustomization may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadRestrictions {
    /// Those in or below its own directory.
    #[default]
    RootOnly,
    /// Any of the tree.
    None,
}

/// A directory that holds a kustomization, and those that it was reached from.
#[derive(Clone, Debug)]
pub(crate) struct Loader<'s, 'a> {
    session: &'s Session<'a>,
    /// The directory, with all links resolved.
    root: Rc<str>,
    /// The directories of the kustomizations that led here, the outermost first, in this repository.
    referrers: Vec<Rc<str>>,
    /// The URLs of the remote bases that led here, the outermost first.
    urls: Vec<Rc<str>>,
    /// How many kustomizations led here.
    depth: usize,
    /// The root of the repository that holds the directory.
    repository: Option<Rc<str>>,
    restrictions: LoadRestrictions,
}

impl<'s, 'a> Loader<'s, 'a> {
    /// Starts a build at a directory or a remote base.
    pub(crate) fn start(session: &'s Session<'a>, path: &str) -> Result<Self, Error> {
        let restrictions = session.options.load_restrictions;
        let start = Self {
            session,
            root: ".".into(),
            referrers: Vec::new(),
            urls: Vec::new(),
            depth: 0,
            repository: None,
            restrictions,
        };
        if let Some(remote) = Remote::parse(path).filter(|remote| remote.repository.is_some()) {
            return start.remote(&remote);
        }
        let root = start.confirm_directory(&clean_absolute(session, path)?)?;
        Ok(Self { root: root.into(), ..start })
    }

    /// Returns the build that it belongs to.
    pub(crate) fn session(&self) -> &'s Session<'a> {
        self.session
    }

    /// Returns the directory as errors show it.
    pub(crate) fn shown_root(&self) -> String {
        self.session.shown(&self.root)
    }

    /// Reads a file that the kustomization names; returns its path in the tree as well.
    pub(crate) fn load(&self, path: &Text) -> Result<(String, Cow<'a, [u8]>), Error> {
        let loaded = self.load_path(path).and_then(|loaded| {
            self.session.budget.take(loaded.1.len())?;
            Ok(loaded)
        });
        loaded.map_err(|error| {
            let error = error.at(path.place);
            if error.kind() == ErrorKind::NotFound && !error.message().contains("did you mean") {
                let hint = self.unused_files(path);
                return error.hinting(&hint);
            }
            error
        })
    }

    /// Lists the files beside a missing one that the kustomization file does not mention: one of them may be meant.
    fn unused_files(&self, path: &str) -> String {
        const MOST: usize = 8;
        let source = self.session.source;
        let Ok(full) = self.full_path(path) else { return String::new() };
        let directory = parent(&full);
        let (true, Ok(names)) = (is_within(directory, &self.root), source.list(directory)) else {
            return String::new();
        };
        let mut mentioned = String::new();
        for name in FILE_NAMES {
            if let Ok(text) = join(&self.root, name).and_then(|path| source.read(&path)) {
                mentioned.push_str(&String::from_utf8_lossy(&text));
            }
        }
        let is_unused = |name: &&String| {
            !FILE_NAMES.contains(&name.as_str())
                && !mentioned.contains(name.as_str())
                && join(directory, name).is_ok_and(|path| path != full && source.is_file(&path))
        };
        let unused: Vec<&str> = names.iter().filter(is_unused).map(String::as_str).take(MOST + 1).collect();
        let shown = unused.get(..MOST).unwrap_or(&unused).join(", ");
        match unused.len() {
            0 => String::new(),
            n => format!(
                "in '{}' the kustomization does not use {shown}{}",
                self.session.shown(directory),
                if n > MOST { " and others" } else { "" }
            ),
        }
    }

    fn load_path(&self, path: &str) -> Result<(String, Cow<'a, [u8]>), Error> {
        if is_web_url(path) {
            let Some(mounted) = self.session.options.remotes.get(path) else {
                return Err(Error::remote(path));
            };
            let content = self.session.source.read(mounted).map_err(|error| self.tree_error(&error))?;
            return Ok((mounted.clone(), content));
        }
        let full = self.full_path(path)?;
        if self.restrictions == LoadRestrictions::None {
            let content = self.session.source.read(&full).map_err(|error| self.tree_error(&error))?;
            return Ok((full, content));
        }
        let resolved = self.session.source.resolve(&full).map_err(|error| match error.kind() {
            TreeErrorKind::LeavesTree => self.outside(&full),
            _ => self.tree_error(&error),
        })?;
        if self.session.source.kind(&resolved).map_err(|error| self.tree_error(&error))? != EntryKind::File {
            let message = format!("'{}' must resolve to a file", self.session.shown(&full));
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        if !is_within(&resolved, &self.root) {
            return Err(self.outside(&full));
        }
        let content = self.session.source.read(&resolved).map_err(|error| self.tree_error(&error))?;
        Ok((resolved, content))
    }

    /// Returns whether a directory stands at a path that the kustomization names.
    pub(crate) fn is_directory(&self, path: &str) -> bool {
        !is_web_url(path) && self.full_path(path).is_ok_and(|full| self.session.source.is_directory(&full))
    }

    /// Returns whether a file stands at a path that the kustomization names.
    pub(crate) fn is_file(&self, path: &str) -> bool {
        !is_web_url(path) && self.full_path(path).is_ok_and(|full| self.session.source.is_file(&full))
    }

    /// Returns whether the caller has put a file where a URL stands.
    pub(crate) fn is_mounted_file(&self, url: &str) -> bool {
        let mounted = self.session.options.remotes.get(url);
        mounted.is_some_and(|path| self.session.source.is_file(path))
    }

    /// Returns the path in the tree of a path that the kustomization names.
    pub(crate) fn full_path(&self, path: &str) -> Result<String, Error> {
        let full = if path.starts_with('/') { clean_absolute(self.session, path) } else { self.join(path) };
        full.map_err(|_| {
            let message = format!("security; file '{path}' is outside of the tree that the build reads");
            Error::new(ErrorKind::Restricted, message)
        })
    }

    fn join(&self, path: &str) -> Result<String, Error> {
        join(&self.root, path).map_err(|error| self.tree_error(&error))
    }

    /// Goes to a directory that the kustomization includes.
    pub(crate) fn include(&self, path: &Text) -> Result<Self, Error> {
        self.include_path(path).map_err(|error| error.at(path.place))
    }

    fn include_path(&self, path: &str) -> Result<Self, Error> {
        if path.is_empty() {
            return Err(Error::new(ErrorKind::Kustomization, "new root cannot be empty"));
        }
        if let Some(remote) = Remote::parse(path).filter(|remote| remote.repository.is_some()) {
            return self.remote(&remote);
        }
        if path.starts_with('/') {
            return Err(Error::new(ErrorKind::Restricted, format!("new root '{path}' cannot be absolute")));
        }
        let is_odd = |part: &str| part.contains("..") && part != "..";
        if path.split('/').any(is_odd) {
            let cleaned = clean(path).unwrap_or_else(|_| path.to_owned());
            let message = format!(
                "path {path:?} is ambiguous: resolves to {cleaned:?} after normalization, which is likely not the \
                 intended target; check for YAML indentation errors in your kustomization file"
            );
            return Err(Error::new(ErrorKind::Kustomization, message));
        }
        let root = self.confirm_directory(&self.full_path(path)?)?;
        self.refuse_outside_repository(&root)?;
        let visited = self.referrers.iter().chain([&self.root]).rev();
        if let Some(visited) = visited.into_iter().find(|visited| is_within(visited, &root)) {
            let message = format!(
                "cycle detected: candidate root '{}' contains visited root '{}'",
                self.session.shown(&root),
                self.session.shown(visited)
            );
            return Err(Error::new(ErrorKind::Cycle, message));
        }
        let mut below = self.below()?;
        below.referrers.push(self.root.clone());
        Ok(Self { root: root.into(), ..below })
    }

    /// Refuses a directory outside of the repository that the kustomization was fetched from.
    pub(crate) fn refuse_outside_repository(&self, directory: &str) -> Result<(), Error> {
        match &self.repository {
            Some(repository) if !is_within(directory, repository) => {
                let message = format!(
                    "security; bases in kustomizations found in cloned git repos must be within the repo, but base '{}' is \
                     outside '{}'",
                    self.session.shown(directory),
                    self.session.shown(repository)
                );
                Err(Error::new(ErrorKind::Restricted, message))
            }
            _ => Ok(()),
        }
    }

    /// Goes one level down, within the limits of a build.
    fn below(&self) -> Result<Self, Error> {
        if self.depth >= MOST_NESTED {
            let message = format!("kustomizations include each other more than {MOST_NESTED} levels deep");
            return Err(Error::new(ErrorKind::Cycle, message));
        }
        self.session.count_kustomization()?;
        let mut below = self.clone();
        below.depth += 1;
        Ok(below)
    }

    fn remote(&self, remote: &Remote) -> Result<Self, Error> {
        if let Some(previous) = self.urls.iter().rev().find(|previous| previous.starts_with(&remote.url)) {
            let message =
                format!("cycle detected: URI '{}' referenced by previous URI '{}'", remote.url, previous);
            return Err(Error::new(ErrorKind::Cycle, message));
        }
        // A repository of a stranger has no business with the repositories of this machine.
        if remote.is_local() && self.urls.last().is_some_and(|previous| !is_local(previous)) {
            let message = format!("security; a remote base can not include '{}' of this machine", remote.url);
            return Err(Error::new(ErrorKind::Restricted, message));
        }
        let Some(mounted) = self.session.options.remotes.get(&remote.url) else {
            return Err(Error::remote(&remote.url));
        };
        if remote.is_forced() {
            self.session.warn_once(FORCED);
        }
        let repository = self.session.source.resolve(mounted).map_err(|error| self.tree_error(&error))?;
        let root = self.confirm_directory(
            &join(&repository, &remote.directory).map_err(|error| self.tree_error(&error))?,
        )?;
        if !is_within(&root, &repository) {
            let message = format!("{:?} refers to directory outside of repo {repository:?}", remote.url);
            return Err(Error::new(ErrorKind::Restricted, message));
        }
        let mut below = self.below()?;
        // Paths of another repository say nothing about circles through the paths of this one.
        below.referrers.clear();
        below.urls.push(remote.url.as_str().into());
        // What comes from elsewhere never reads around itself, whatever the options say.
        let restrictions = LoadRestrictions::RootOnly;
        Ok(Self { root: root.into(), repository: Some(repository.into()), restrictions, ..below })
    }

    fn confirm_directory(&self, path: &str) -> Result<String, Error> {
        let refuse =
            |cause: String| Error::new(ErrorKind::NotFound, format!("must build at directory: {cause}"));
        let resolved = self.session.source.resolve(path).map_err(|error| {
            refuse(format!("not a valid directory: {}", self.tree_error(&error).message()))
        })?;
        if !self.session.source.is_directory(&resolved) {
            return Err(refuse(format!("'{}': file is not directory", self.session.shown(path))));
        }
        Ok(resolved)
    }

    fn outside(&self, path: &str) -> Error {
        let message = format!(
            "security; file '{}' is not in or below '{}'",
            self.session.shown(path),
            self.shown_root()
        );
        Error::new(ErrorKind::Restricted, message)
    }

    fn tree_error(&self, error: &TreeError) -> Error {
        let shown = self.session.shown(error.path());
        let text = match error.kind() {
            TreeErrorKind::NotFound => {
                let mut text = format!("no such file or directory: '{shown}'");
                if let Some(suggestion) = error.suggestion() {
                    text.push_str(&format!(" (did you mean '{}'?)", self.session.shown_short(suggestion)));
                }
                text
            }
            _ => error.to_string().replace(error.path(), &shown),
        };
        let kind = match error.kind() {
            TreeErrorKind::LeavesTree => ErrorKind::Restricted,
            _ => ErrorKind::NotFound,
        };
        Error::new(kind, text)
    }
}

/// How deep kustomizations may include each other: more than anybody does, and less than what a stack bears.
const MOST_NESTED: usize = 64;

/// What upstream says about URLs that begin with `git::`.
const FORCED: &str = "Warning: Forcing the git protocol using the 'git::' URL prefix is not supported. \
                      Kustomize currently strips this invalid prefix, but will stop doing so in a future release. \
                      Please remove the 'git::' prefix from your configuration.";

fn clean_absolute(session: &Session<'_>, path: &str) -> Result<String, Error> {
    clean(path).map_err(|error| {
        Error::new(ErrorKind::Restricted, format!("must build at directory: {error}"))
            .within(session.options.working_directory.clone())
    })
}

/// Returns whether a path is a directory or lies below it.
fn is_within(path: &str, directory: &str) -> bool {
    directory == "."
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_with_a_longer_name_is_not_within() {
        assert!(is_within("a/b/c", "a/b"));
        assert!(is_within("a/b", "a/b"));
        assert!(!is_within("a/bc", "a/b"));
        assert!(is_within("x", "."));
    }
}
