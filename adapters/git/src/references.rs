//! Which of a server's references is meant.

use crate::error::Failure;
use crate::wire::{Reference, Server};
use gitops_core::did_you_mean;
use gitops_core::ports::GitReference;
use gitops_core::revision::Revision;
use gitops_semver::{Constraint, Version};
use gix_hash::ObjectId;

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The name that a revision shows.
    pub(crate) name: String,
    /// The commit.
    pub(crate) commit: ObjectId,
    /// The annotated tag before it.
    pub(crate) tag: Option<ObjectId>,
    /// The name of the tag, where it is one.
    pub(crate) tag_name: Option<String>,
}

impl Found {
    pub(crate) fn revision(&self) -> Revision {
        Revision::git(self.name.clone(), self.commit.to_string())
    }
}

/// Reads a commit's id, which must be whole.
pub(crate) fn commit_id(text: &str) -> Result<ObjectId, Failure> {
    ObjectId::from_hex(text.as_bytes()).map_err(|_| {
        Failure::Bad(format!("{text:?} is no commit: a whole id has 40 or 64 hexadecimal digits"))
    })
}

/// Finds what is asked for, a commit's id apart, by one list of references.
pub(crate) fn find(server: &mut Server<'_>, wanted: &GitReference) -> Result<Found, Failure> {
    if let Some(name) = &wanted.name {
        return exact(server, name, name);
    }
    if let Some(range) = &wanted.semver {
        return highest(server, range);
    }
    if let Some(tag) = &wanted.tag {
        return exact(server, &format!("refs/tags/{tag}"), tag);
    }
    if let Some(branch) = &wanted.branch {
        return exact(server, &format!("refs/heads/{branch}"), branch);
    }
    if let Some(short) = &wanted.short {
        return by_short_name(server, short);
    }
    let listed = server.references(&["HEAD"])?;
    let Some(head) = listed.iter().find(|reference| reference.name == "HEAD") else {
        return Err(empty(server)?);
    };
    let name = head.target.as_deref().unwrap_or_default();
    let name = name.strip_prefix("refs/heads/").unwrap_or(name);
    Ok(Found { name: name.to_owned(), commit: head.commit(), tag: None, tag_name: None })
}

/// Finds a reference by its full name.
fn exact(server: &mut Server<'_>, full: &str, shown: &str) -> Result<Found, Failure> {
    check_name(full)?;
    let listed = server.references(&[full])?;
    match listed.into_iter().find(|reference| reference.name == full) {
        Some(reference) => Ok(Found {
            name: shown.to_owned(),
            commit: reference.commit(),
            tag: reference.peeled.map(|_| reference.id),
            tag_name: reference.name.strip_prefix("refs/tags/").map(str::to_owned),
        }),
        None => Err(missing(server, full)?),
    }
}

/// Finds a reference as git does for a name that may be short.
fn by_short_name(server: &mut Server<'_>, short: &str) -> Result<Found, Failure> {
    let names = ["", "refs/", "refs/tags/", "refs/heads/"].map(|prefix| format!("{prefix}{short}"));
    check_name(&names[2])?;
    let listed = server.references(&names.each_ref().map(String::as_str))?;
    let find = |name: &String| listed.iter().find(|reference| reference.name == *name);
    match names.iter().find_map(find) {
        Some(reference) => Ok(Found {
            name: short.to_owned(),
            commit: reference.commit(),
            tag: reference.peeled.map(|_| reference.id),
            tag_name: reference.name.strip_prefix("refs/tags/").map(str::to_owned),
        }),
        None => Err(missing(server, short)?),
    }
}

/// Refuses names that would end a line of the protocol.
fn check_name(full: &str) -> Result<(), Failure> {
    gix_validate::reference::name(full.into())
        .map(drop)
        .map_err(|_| Failure::Bad(format!("{full:?} is no name of a reference")))
}

/// Finds the highest tag in a range.
fn highest(server: &mut Server<'_>, range: &str) -> Result<Found, Failure> {
    let constraint = Constraint::parse(range)
        .map_err(|error| Failure::Bad(format!("semver parse error: {range:?}: {error}")))?;
    let listed = server.references(&["refs/tags/"])?;
    let tags = listed.iter().filter_map(|reference: &Reference| {
        let tag = reference.name.strip_prefix("refs/tags/")?;
        let version = Version::parse_tag(tag).ok()?;
        constraint.check(&version).then_some((version, tag, reference))
    });
    match tags.max_by(|a, b| a.0.cmp(&b.0)) {
        Some((_, tag, reference)) => Ok(Found {
            name: tag.to_owned(),
            commit: reference.commit(),
            tag: reference.peeled.map(|_| reference.id),
            tag_name: reference.name.strip_prefix("refs/tags/").map(str::to_owned),
        }),
        None => Err(Failure::NotFound(format!("no match found for semver: {range}"))),
    }
}

/// Words a reference that is not there.
fn missing(server: &mut Server<'_>, full: &str) -> Result<Failure, Failure> {
    let listed = server.references(&["refs/"])?;
    if listed.is_empty() {
        return Ok(no_commit());
    }
    let names = listed.iter().flat_map(|reference| [reference.name.as_str(), short(&reference.name)]);
    let near = did_you_mean(full, names);
    let near = near.map(|near| format!(" (did you mean {}?)", short(near))).unwrap_or_default();
    Ok(Failure::NotFound(format!("couldn't find remote ref \"{full}\"{near}")))
}

/// A branch's or tag's name without what all of them begin with.
fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name)
}

/// Words a HEAD that is not there.
fn empty(server: &mut Server<'_>) -> Result<Failure, Failure> {
    if server.references(&["refs/"])?.is_empty() {
        return Ok(no_commit());
    }
    Ok(Failure::NotFound("the repository's HEAD names a branch that does not exist: name a branch".into()))
}

fn no_commit() -> Failure {
    Failure::NotFound("remote repository is empty: it has no commit yet".into())
}
