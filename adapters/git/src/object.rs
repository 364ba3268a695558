//! Commits, annotated tags and directories, read from their bytes.

use crate::error::Failure;
use gitops_core::ports::{Author, CommitInfo};
use gix_hash::ObjectId;

/// A commit.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    pub(crate) info: CommitInfo,
    /// Its signatures on ids of its own kind; a sound commit has one at most.
    pub(crate) signatures: Vec<String>,
    /// What was signed: the commit without its signature.
    pub(crate) signed: Vec<u8>,
}

impl Commit {
    pub(crate) fn read(id: &ObjectId, content: &[u8]) -> Result<Self, Failure> {
        let broken = || Failure::Bad(format!("commit {id} is malformed"));
        let (mut tree, mut parents) = (None, Vec::new());
        let (mut author, mut time) = (Author::default(), 0);
        let mut signatures: Vec<String> = Vec::new();
        let mut signed = Vec::with_capacity(content.len());
        let mut in_signature = false;
        let mut in_ours = false;
        let ours = crate::verify::header_name(id.kind()).as_bytes();
        let mut rest = content;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let (whole, after) = rest.split_at(end);
            let line = whole.strip_suffix(b"\n").unwrap_or(whole);
            if line.is_empty() {
                break;
            }
            rest = after;
            if let Some(more) = line.strip_prefix(b" ") {
                match signatures.last_mut().filter(|_| in_ours) {
                    Some(signature) => {
                        signature.push_str(&String::from_utf8_lossy(more));
                        signature.push('\n');
                    }
                    None if in_signature => {}
                    None => signed.extend_from_slice(whole),
                }
                continue;
            }
            let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
            let (key, value) = (&line[..space], line.get(space + 1..).unwrap_or_default());
            in_signature = key == b"gpgsig" || key == b"gpgsig-sha256";
            // The signature on the same commit's text with ids of the other kind is skipped, as git skips it.
            in_ours = key == ours;
            if in_ours {
                signatures.push(format!("{}\n", String::from_utf8_lossy(value)));
            }
            if in_signature {
                continue;
            }
            signed.extend_from_slice(whole);
            match key {
                b"tree" if tree.is_none() => tree = ObjectId::from_hex(value).ok(),
                b"parent" => parents.push(ObjectId::from_hex(value).map_err(|_| broken())?),
                b"author" => author = person(value).0,
                b"committer" => time = person(value).1,
                _ => {}
            }
        }
        signed.extend_from_slice(rest);
        let message = String::from_utf8_lossy(rest.strip_prefix(b"\n").unwrap_or(rest)).into_owned();
        let tree = tree.ok_or_else(broken)?;
        let info = CommitInfo { id: id.to_string(), author, time, message };
        Ok(Self { tree, parents, info, signatures, signed })
    }
}

/// Reads `NAME <MAIL> SECONDS ZONE`.
fn person(text: &[u8]) -> (Author, i64) {
    let text = String::from_utf8_lossy(text);
    let (name, rest) = text.split_once('<').unwrap_or((&text, ""));
    let (email, rest) = rest.rsplit_once('>').unwrap_or((rest, ""));
    let time = rest.split_whitespace().next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    (Author { name: name.trim().to_owned(), email: email.trim().to_owned() }, time)
}

/// An annotated tag.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) target: ObjectId,
    pub(crate) signature: Option<String>,
    /// What was signed: the tag up to its signature.
    pub(crate) signed: Vec<u8>,
}

impl Tag {
    pub(crate) fn read(id: &ObjectId, content: &[u8]) -> Result<Self, Failure> {
        let broken = || Failure::Bad(format!("tag {id} is malformed"));
        let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let target =
            line.strip_prefix(b"object ").and_then(|id| ObjectId::from_hex(id).ok()).ok_or_else(broken)?;
        let mut at = 0;
        let mut start = None;
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b"-----BEGIN PGP SIGNATURE-----")
                || line.starts_with(b"-----BEGIN SSH SIGNATURE-----")
            {
                start = Some(at);
            }
            at += line.len();
        }
        let (signed, signature) = content.split_at(start.unwrap_or(content.len()));
        let signature = start.map(|_| String::from_utf8_lossy(signature).into_owned());
        Ok(Self { target, signature, signed: signed.to_vec() })
    }
}

/// What stands under a name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Directory,
    File,
    Program,
    Link,
    /// A commit of another repository.
    Submodule,
}

impl EntryKind {
    /// The mode as git writes it.
    pub(crate) fn mode(self) -> &'static str {
        match self {
            Self::Directory => "40000",
            Self::File => "100644",
            Self::Program => "100755",
            Self::Link => "120000",
            Self::Submodule => "160000",
        }
    }
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) kind: EntryKind,
    pub(crate) name: &'a [u8],
    pub(crate) id: ObjectId,
}

/// Reads a directory's entries, in their order.
pub(crate) fn entries(
    content: &[u8],
    hash: gix_hash::Kind,
) -> impl Iterator<Item = Result<Entry<'_>, Failure>> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = next_entry(&mut rest, hash);
        if read.is_none() {
            rest = &[];
        }
        Some(read.ok_or_else(|| Failure::Bad("a directory of the repository is malformed".into())))
    })
}

fn next_entry<'a>(rest: &mut &'a [u8], hash: gix_hash::Kind) -> Option<Entry<'a>> {
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let (mode, after) = rest.split_at(space);
    let zero = after.iter().position(|byte| *byte == 0)?;
    let (name, after) = (after.get(1..zero)?, after.get(zero + 1..)?);
    let (id, after) = after.split_at_checked(hash.len_in_bytes())?;
    let kind = match mode {
        b"40000" | b"040000" => EntryKind::Directory,
        b"100644" | b"100664" | b"100600" => EntryKind::File,
        b"100755" => EntryKind::Program,
        b"120000" => EntryKind::Link,
        b"160000" => EntryKind::Submodule,
        _ => return None,
    };
    *rest = after;
    Some(Entry { kind, name, id: ObjectId::from_bytes_or_panic(id) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1111111111111111111111111111111111111111";

    #[test]
    fn a_commit_is_read_and_what_was_signed_is_kept_apart() {
        let head = format!("tree {ID}\nparent {ID}\nauthor A B <a@b> 5 +0000\ncommitter C <c@d> 7 +0200\n");
        let text = format!("{head}gpgsig -----BEGIN\n abc\n \n -----END\n\nsubject\n\nbody\n");
        let commit = Commit::read(&ObjectId::from_hex(ID.as_bytes()).unwrap(), text.as_bytes()).unwrap();
        assert_eq!(commit.info.author, Author { name: "A B".into(), email: "a@b".into() });
        assert_eq!((commit.info.time, commit.info.message.as_str()), (7, "subject\n\nbody\n"));
        assert_eq!(commit.signatures, ["-----BEGIN\nabc\n\n-----END\n"]);
        assert_eq!(commit.signed, format!("{head}\nsubject\n\nbody\n").as_bytes());
        assert_eq!(commit.parents.len(), 1);
    }

    #[test]
    fn a_tags_signature_stands_at_its_end() {
        let text = format!("object {ID}\ntype commit\ntag v1\n\nmessage\n-----BEGIN PGP SIGNATURE-----\nx\n");
        let tag = Tag::read(&ObjectId::from_hex(ID.as_bytes()).unwrap(), text.as_bytes()).unwrap();
        assert!(tag.signed.ends_with(b"message\n"));
        assert_eq!(tag.signature.as_deref(), Some("-----BEGIN PGP SIGNATURE-----\nx\n"));
    }

    #[test]
    fn broken_directories_are_refused() {
        let hash = gix_hash::Kind::Sha1;
        for bytes in [&b"100644"[..], b"100644 a", b"100644 a\0short", b"777 a\0aaaaaaaaaaaaaaaaaaaa", b" \0"]
        {
            assert!(entries(bytes, hash).any(|entry| entry.is_err()));
        }
        let good = entries(b"100755 a\0aaaaaaaaaaaaaaaaaaaa", hash).next().unwrap().unwrap();
        assert_eq!((good.kind, good.name), (EntryKind::Program, b"a".as_slice()));
    }
}
