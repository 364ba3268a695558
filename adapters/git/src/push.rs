//! A commit made in memory and sent to the server: new directories and files alone, and a reference moved by comparing
//! and swapping.

use crate::error::Failure;
use crate::object::{Commit, EntryKind, entries};
use crate::pack::{Objects, encode, object_id};
use crate::pkt;
use crate::references::commit_id;
use crate::remote::Session;
use crate::wire::{Extent, Server, Service};
use gitops_core::ports::{MovedReference, PushRequest};
use gitops_core::tree::clean;
use gix_hash::ObjectId;
use gix_object::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How deep directories may nest.
const DEPTH: usize = 250;

/// Makes one commit and pushes it.
pub(crate) fn push(session: &Session<'_>, request: &PushRequest) -> Result<String, Failure> {
    let parent = request.parent.as_deref().map(commit_id).transpose()?;
    let before = match parent {
        // Directories are enough: what does not change is named by its id.
        Some(id) => Some(session.with_server(&request.location, Service::UploadPack, |server| {
            server.fetch(&[id], Extent::ShallowWithoutFiles)
        })?),
        None => None,
    };
    session.with_server(&request.location, Service::ReceivePack, |server| {
        let hash = server.capabilities.hash;
        let root = match (&before, parent) {
            (Some(objects), Some(id)) => Some(Commit::read(&id, objects.get(&id, Kind::Commit)?)?.tree),
            _ => None,
        };
        let mut made = Made { hash, objects: Vec::new() };
        let changes = Changes::of(request)?;
        let tree = match made.directory(before.as_ref(), root, &changes, 0)? {
            Some(tree) => tree,
            None => made.add(Kind::Tree, Vec::new())?,
        };
        let mut text = commit_text(request, tree, parent)?;
        if let Some(key) = &request.signing {
            text = crate::verify::sign(&text, key, hash)?;
        }
        let commit = made.add(Kind::Commit, text)?;
        let question = commands(server, request, parent, commit, &made)?;
        let (lines, said) = server.send(question)?;
        check(&lines, &said)?;
        Ok(commit.to_string())
    })
}

/// Changes by directory.
#[derive(Default)]
struct Changes {
    files: BTreeMap<Vec<u8>, Option<Arc<[u8]>>>,
    directories: BTreeMap<Vec<u8>, Changes>,
}

impl Changes {
    fn of(request: &PushRequest) -> Result<Self, Failure> {
        let mut all = Self::default();
        for (path, content) in &request.changes {
            let path = clean(path).map_err(|error| Failure::Bad(error.to_string()))?;
            let mut names: Vec<&str> = path.split('/').collect();
            let is_odd = |name: &&str| name.is_empty() || *name == "." || name.eq_ignore_ascii_case(".git");
            if names.iter().any(is_odd) || names.len() > DEPTH {
                return Err(Failure::Bad(format!("{path}: no file of a commit can have this name")));
            }
            let Some(file) = names.pop() else { continue };
            let mut at = &mut all;
            for name in names {
                at = at.directories.entry(name.as_bytes().to_vec()).or_default();
            }
            at.files.insert(file.as_bytes().to_vec(), content.clone());
        }
        Ok(all)
    }
}

/// The objects that the server does not have yet.
struct Made {
    hash: gix_hash::Kind,
    objects: Vec<(Kind, Vec<u8>)>,
}

impl Made {
    fn add(&mut self, kind: Kind, content: Vec<u8>) -> Result<ObjectId, Failure> {
        let id = object_id(self.hash, kind, &content)?;
        self.objects.push((kind, content));
        Ok(id)
    }

    /// Makes a directory of what it was and what changes in it; `None` where nothing is left.
    fn directory(
        &mut self,
        objects: Option<&Objects>,
        before: Option<ObjectId>,
        changes: &Changes,
        depth: usize,
    ) -> Result<Option<ObjectId>, Failure> {
        if depth > DEPTH {
            return Err(Failure::Bad(format!("deeper than {DEPTH} directories")));
        }
        let mut names: BTreeMap<Vec<u8>, (EntryKind, ObjectId)> = BTreeMap::new();
        if let (Some(objects), Some(id)) = (objects, before) {
            for entry in entries(objects.get(&id, Kind::Tree)?, self.hash) {
                let entry = entry?;
                names.insert(entry.name.to_vec(), (entry.kind, entry.id));
            }
        }
        for (name, content) in &changes.files {
            match content {
                None => {
                    names.remove(name);
                }
                Some(content) => {
                    let kind = match names.get(name) {
                        Some((EntryKind::Program, _)) => EntryKind::Program,
                        _ => EntryKind::File,
                    };
                    let id = self.add(Kind::Blob, content.to_vec())?;
                    names.insert(name.clone(), (kind, id));
                }
            }
        }
        for (name, below) in &changes.directories {
            let known = match names.get(name) {
                Some((EntryKind::Directory, id)) => Some(*id),
                _ => None,
            };
            match self.directory(objects, known, below, depth + 1)? {
                Some(id) => {
                    names.insert(name.clone(), (EntryKind::Directory, id));
                }
                None => {
                    names.remove(name);
                }
            }
        }
        if names.is_empty() {
            return Ok(None);
        }
        // Git sorts directories as if their names ended in a slash.
        let mut sorted: Vec<_> = names.into_iter().collect();
        let key = |(name, (kind, _)): &(Vec<u8>, (EntryKind, ObjectId))| {
            let mut key = name.clone();
            if *kind == EntryKind::Directory {
                key.push(b'/');
            }
            key
        };
        sorted.sort_by_cached_key(key);
        let mut content = Vec::new();
        for (name, (kind, id)) in sorted {
            content.extend_from_slice(kind.mode().as_bytes());
            content.push(b' ');
            content.extend_from_slice(&name);
            content.push(0);
            content.extend_from_slice(id.as_slice());
        }
        self.add(Kind::Tree, content).map(Some)
    }
}

fn commit_text(request: &PushRequest, tree: ObjectId, parent: Option<ObjectId>) -> Result<Vec<u8>, Failure> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| !matches!(c, '<' | '>' | '\n' | '\r' | '\0')).collect()
    };
    let (name, email) = (plain(&request.author.name), plain(&request.author.email));
    if request.message.contains('\0') {
        return Err(Failure::Bad("a commit's message can hold no zero byte".into()));
    }
    let who = format!("{} <{}> {} +0000", name.trim(), email.trim(), request.time);
    let mut text = format!("tree {tree}\n");
    if let Some(parent) = parent {
        text.push_str(&format!("parent {parent}\n"));
    }
    text.push_str(&format!("author {who}\ncommitter {who}\n\n{}", request.message));
    Ok(text.into_bytes())
}

/// Words what is asked of the server: each reference's old and new value, options, and the pack.
fn commands(
    server: &Server<'_>,
    request: &PushRequest,
    parent: Option<ObjectId>,
    commit: ObjectId,
    made: &Made,
) -> Result<Vec<u8>, Failure> {
    let capabilities = &server.capabilities;
    if !capabilities.has("report-status") {
        return Err(Failure::Bad("the server does not tell whether a push went well".into()));
    }
    let mut words = String::from("report-status");
    for word in ["side-band-64k", "quiet"] {
        if capabilities.has(word) {
            words.push(' ');
            words.push_str(word);
        }
    }
    if request.references.len() > 1 && capabilities.has("atomic") {
        words.push_str(" atomic");
    }
    let has_options = !request.options.is_empty();
    if has_options {
        if !capabilities.has("push-options") {
            return Err(Failure::Bad("the server takes no push options".into()));
        }
        words.push_str(" push-options");
    }
    if capabilities.words.iter().any(|word| word.starts_with("object-format=")) {
        words.push_str(&format!(" object-format={}", capabilities.hash));
    }
    let mut question = Vec::new();
    for (index, name) in request.references.iter().enumerate() {
        let name = if name.starts_with("refs/") { name.clone() } else { format!("refs/heads/{name}") };
        let old = server.listed().iter().find(|known| known.name == name).map(|known| known.id);
        if request.moved == MovedReference::Refused && old.is_some() && old != parent {
            return Err(Failure::Moved(format!(
                "{name} has moved to {}: non-fast-forward update",
                old.map(|old| old.to_string()).unwrap_or_default()
            )));
        }
        let old = old.unwrap_or_else(|| ObjectId::null(capabilities.hash));
        let line = match index {
            0 => format!("{old} {commit} {name}\0{words}"),
            _ => format!("{old} {commit} {name}"),
        };
        pkt::line(&mut question, line.as_bytes());
    }
    pkt::flush(&mut question);
    if has_options {
        for (name, value) in &request.options {
            let option = if value.is_empty() { name.clone() } else { format!("{name}={value}") };
            if option.contains(['\n', '\0']) {
                return Err(Failure::Bad("a push option is one line".into()));
            }
            pkt::line(&mut question, option.as_bytes());
        }
        pkt::flush(&mut question);
    }
    let objects = made.objects.iter().map(|(kind, content)| (*kind, content.as_slice()));
    question.extend_from_slice(&encode(objects, made.hash)?);
    Ok(question)
}

/// Reads the server's report: `unpack ok`, and `ok REF` or `ng REF why` for each reference.
fn check(lines: &[String], said: &str) -> Result<(), Failure> {
    let more = if said.trim().is_empty() { String::new() } else { format!(" ({})", said.trim()) };
    let mut has_unpacked = false;
    for line in lines {
        let line = line.trim();
        match line.split_once(' ') {
            Some(("unpack", "ok")) => has_unpacked = true,
            Some(("unpack", why)) => {
                return Err(Failure::Bad(format!("the server can't read the push: {why}{more}")));
            }
            Some(("ng", rest)) => {
                let (name, why) = rest.split_once(' ').unwrap_or((rest, "rejected"));
                let message = format!("{name}: {why}{more}");
                // Others were first between our look and our push.
                let moved = [
                    "fetch first",
                    "non-fast-forward",
                    "failed to update ref",
                    "stale info",
                    "cannot lock ref",
                    "incorrect old value",
                ];
                return Err(if moved.iter().any(|word| why.contains(word)) {
                    Failure::Moved(message)
                } else {
                    Failure::Refused(message)
                });
            }
            _ => {}
        }
    }
    if has_unpacked { Ok(()) } else { Err(Failure::Passing(format!("the server's report is cut{more}"))) }
}
