//! From a request to a commit's files: the reference, the objects, the tree, its submodules.

use crate::checkout::{self, Selection, Submodule};
use crate::error::Failure;
use crate::object::{Commit, Tag};
use crate::pack::Objects;
use crate::references::{self, Found};
use crate::remote::Session;
use crate::verify::{self, Named};
use crate::wire::{Extent, Service};
use gitops_core::git_location::GitLocation;
use gitops_core::ports::{Checkout, FetchRequest, VerificationMode};
use gix_hash::ObjectId;
use gix_object::Kind;
use std::collections::HashSet;

/// Fetches one commit.
pub(crate) fn fetch(session: &Session<'_>, request: &FetchRequest) -> Result<Checkout, Failure> {
    let selection = Selection::new(&request.directories)?;
    let needs_tag = request.verification.as_ref().is_some_and(|v| v.mode != VerificationMode::Head);
    let (found, objects) = match &request.reference.commit {
        Some(id) => by_id(session, request, references::commit_id(id)?)?,
        None => session.with_server(&request.location, Service::UploadPack, |server| {
            let found = references::find(server, &request.reference)?;
            let want = if needs_tag { found.tag.unwrap_or(found.commit) } else { found.commit };
            let objects = server.fetch(&[want], Extent::Shallow)?;
            Ok((found, objects))
        })?,
    };
    let commit = Commit::read(&found.commit, objects.get(&found.commit, Kind::Commit)?)?;
    let signers = match &request.verification {
        Some(verification) => {
            let tag = match found.tag.filter(|_| needs_tag) {
                Some(id) => Some((id, tag_of(&objects, id, found.commit)?)),
                None => None,
            };
            let named = match (&found.tag_name, &tag) {
                (Some(name), Some((id, tag))) => Named::Tag(name, *id, tag),
                (Some(name), None) => Named::Light(name),
                (None, _) => Named::Nothing,
            };
            verify::verify(verification, &commit, &named)?
        }
        None => Vec::new(),
    };
    let (limits, seen) = (session.limits(), &session.entries);
    session.count_bytes(objects.bytes());
    let (mut tree, links) = checkout::read(&objects, commit.tree, &selection, &limits, seen)?;
    if request.submodules && !links.is_empty() {
        let modules = crate::submodules::declared(&objects, commit.tree)?;
        let parent = &request.location;
        crate::submodules::mount(session, parent, &modules, &links, &mut tree, 0)?;
    }
    selection.check(&tree)?;
    Ok(Checkout { revision: found.revision(), commit: commit.info, tree, signers })
}

/// Reads an annotated tag, which must lead to the commit.
fn tag_of(objects: &Objects, id: ObjectId, commit: ObjectId) -> Result<Tag, Failure> {
    let tag = Tag::read(&id, objects.get(&id, Kind::Tag)?)?;
    if tag.target != commit {
        return Err(Failure::Bad(format!("tag {id} does not point at commit {commit}")));
    }
    Ok(tag)
}

/// Fetches a commit by its id.
fn by_id(session: &Session<'_>, request: &FetchRequest, id: ObjectId) -> Result<(Found, Objects), Failure> {
    let location = &request.location;
    let branch = request.reference.branch.as_deref();
    let found = Found { name: branch.unwrap_or_default().to_owned(), commit: id, tag: None, tag_name: None };
    if let Some(branch) = branch {
        // The network of a repository's forks serves all commits of all of them: this one must be of the branch.
        let of_branch = session.with_server(location, Service::UploadPack, |server| {
            let tip = references::find(server, &on_branch(branch))?.commit;
            let extent = if tip == id { Extent::Shallow } else { Extent::Commits };
            let objects = server.fetch(&[tip], extent)?;
            if !leads_to(&objects, tip, id)? {
                return Err(Failure::NotFound(format!("commit {id} is not on branch {branch}")));
            }
            Ok(objects)
        })?;
        if has_tree(&of_branch, id)? {
            return Ok((found, of_branch));
        }
    }
    Ok((found, any_commit(session, location, id)?))
}

/// Fetches a commit that some reference leads to.
pub(crate) fn any_commit(
    session: &Session<'_>,
    location: &GitLocation,
    id: ObjectId,
) -> Result<Objects, Failure> {
    let alone = session.with_server(location, Service::UploadPack, |server| {
        if id.kind() != server.capabilities.hash {
            return Err(Failure::Bad(format!(
                "the repository's ids are of the kind {}",
                server.capabilities.hash
            )));
        }
        server.fetch(&[id], Extent::Shallow)
    });
    match alone {
        Err(Failure::NotFound(why)) if !why.starts_with("repository not found") => {}
        alone => return alone,
    }
    // Older servers give what a reference names, and no more.
    let all = session.with_server(location, Service::UploadPack, |server| {
        let listed = server.references(&["refs/heads/", "refs/tags/"])?;
        let tips: HashSet<ObjectId> = listed.iter().map(|reference| reference.id).collect();
        let tips: Vec<ObjectId> = tips.into_iter().collect();
        if tips.is_empty() {
            return Err(Failure::NotFound("remote repository is empty: it has no commit yet".into()));
        }
        server.fetch(&tips, Extent::History)
    })?;
    if !has_tree(&all, id)? {
        return Err(Failure::NotFound(format!("commit {id} is not in the repository")));
    }
    Ok(all)
}

fn on_branch(branch: &str) -> gitops_core::ports::GitReference {
    gitops_core::ports::GitReference { branch: Some(branch.to_owned()), ..Default::default() }
}

fn has_tree(objects: &Objects, id: ObjectId) -> Result<bool, Failure> {
    if !objects.has(&id) {
        return Ok(false);
    }
    let commit = Commit::read(&id, objects.get(&id, Kind::Commit)?)?;
    Ok(objects.has(&commit.tree))
}

/// Walks from a commit to its ancestors.
fn leads_to(objects: &Objects, from: ObjectId, to: ObjectId) -> Result<bool, Failure> {
    let mut seen = HashSet::new();
    let mut todo = vec![from];
    while let Some(id) = todo.pop() {
        if id == to {
            return Ok(true);
        }
        if seen.insert(id) && objects.has(&id) {
            todo.extend(Commit::read(&id, objects.get(&id, Kind::Commit)?)?.parents);
        }
    }
    Ok(false)
}

/// Fetches the files of a submodule's commit and those of its own submodules.
pub(crate) fn submodule(
    session: &Session<'_>,
    location: &GitLocation,
    module: &Submodule,
    depth: usize,
) -> Result<gitops_core::tree::MemTree, Failure> {
    let objects = any_commit(session, location, module.commit)?;
    let commit = Commit::read(&module.commit, objects.get(&module.commit, Kind::Commit)?)?;
    let everything = Selection::new(&[])?;
    let (limits, seen) = (session.limits(), &session.entries);
    session.count_bytes(objects.bytes());
    let (mut tree, links) = checkout::read(&objects, commit.tree, &everything, &limits, seen)?;
    if !links.is_empty() {
        let modules = crate::submodules::declared(&objects, commit.tree)?;
        crate::submodules::mount(session, location, &modules, &links, &mut tree, depth + 1)?;
    }
    Ok(tree)
}
