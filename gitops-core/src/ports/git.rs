//! A git remote: what a reference points at, a commit's files, a push.

use super::{PortError, Secret};
use crate::git_location::GitLocation;
use crate::revision::Revision;
use crate::tree::MemTree;
use std::future::Future;
use std::sync::Arc;

/// What to check out, in the order of Flux's `spec.ref`: a commit wins over a name, that over a range, a tag, a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitReference {
    /// A branch; Flux's default is `master`, ours is the remote's HEAD where nothing is named.
    pub branch: Option<String>,
    /// A tag.
    pub tag: Option<String>,
    /// A range of versions; the highest tag in it is taken.
    pub semver: Option<String>,
    /// A full reference name such as `refs/pull/420/head`.
    pub name: Option<String>,
    /// A commit's full id; with [`GitReference::branch`] it must lie on that branch.
    pub commit: Option<String>,
    /// A name as `git fetch` takes it, where nothing else is named: a full name, or that of a tag, or that of a branch, the
    /// first of them that is there.
    pub short: Option<String>,
}

/// What to fetch.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// The repository and how to log in.
    pub location: GitLocation,
    /// What to check out.
    pub reference: GitReference,
    /// Directories to read; all where empty.
    pub directories: Vec<String>,
    /// Whether submodules are fetched and mounted too.
    pub submodules: bool,
    /// What must be signed, and by whom; nothing where `None`.
    pub verification: Option<Verification>,
}

impl FetchRequest {
    /// Asks for all files of a reference, without submodules, signed or not.
    #[must_use]
    pub fn new(location: GitLocation, reference: GitReference) -> Self {
        Self { location, reference, directories: Vec::new(), submodules: false, verification: None }
    }
}

/// Whose signatures are trusted. A fetch fails where a signature is missing or none of the keys made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// What must be signed.
    pub mode: VerificationMode,
    /// OpenPGP public keys, each an armored text that may hold several.
    pub pgp_keys: Vec<String>,
    /// SSH public keys as in `authorized_keys`, one a line.
    pub ssh_keys: Vec<String>,
}

/// What must be signed: Flux's `spec.verify.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerificationMode {
    /// The commit.
    #[default]
    Head,
    /// The annotated tag that was asked for.
    Tag,
    /// Both.
    TagAndHead,
}

/// A private key that signs commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningKey {
    /// An armored OpenPGP private key and its passphrase.
    OpenPgp(Secret, Option<Secret>),
    /// An OpenSSH private key and its passphrase.
    Ssh(Secret, Option<Secret>),
}

/// One commit's files and description.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The reference and the commit: `main@sha1:…`.
    pub revision: Revision,
    /// Who made the commit, when, and why.
    pub commit: CommitInfo,
    /// Its files.
    pub tree: MemTree,
    /// Whose signatures were checked, where [`FetchRequest::verification`] asked: the tag's first, then the commit's.
    pub signers: Vec<Signer>,
}

/// A signature that was checked and found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// What is signed, as Flux names it: `commit 'ID'`, `tag 'NAME@ID'`.
    pub object: String,
    /// The trusted key: the id of an OpenPGP key in 16 hexadecimal digits, or an SSH key's fingerprint `SHA256:…`.
    pub key: String,
}

/// Why a fetch with [`FetchRequest::verification`] gave nothing: the cause of its [`PortError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureError {
    /// What is wrong.
    pub problem: SignatureProblem,
    /// The whole story, in Flux's words.
    pub message: String,
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureProblem {
    /// A tag's signature is wanted where no tag was asked for.
    NoTag,
    /// The tag has no signature.
    UnsignedTag,
    /// None of the keys made the tag's signature.
    Tag,
    /// The commit has no signature, or none of the keys made it.
    Commit,
}

impl std::fmt::Display for SignatureError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SignatureError {}

/// Who, when, why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit's id in hexadecimal.
    pub id: String,
    /// The author.
    pub author: Author,
    /// The time of the commit in seconds since the Unix epoch.
    pub time: i64,
    /// The whole message.
    pub message: String,
}

/// A name and an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
}

/// A commit to make and push. A reference that exists must still be at `parent`, else nothing is pushed, unless
/// [`PushRequest::moved`] says otherwise; one that does not exist is made.
#[derive(Clone, Debug)]
pub struct PushRequest {
    /// The repository and how to log in.
    pub location: GitLocation,
    /// The commit that the change was made on, in hexadecimal; `None` starts an empty repository.
    pub parent: Option<String>,
    /// Files to write: path and content; `None` removes the file.
    pub changes: Vec<(String, Option<Arc<[u8]>>)>,
    /// Author and committer.
    pub author: Author,
    /// The time of the commit in seconds since the Unix epoch.
    pub time: i64,
    /// The message.
    pub message: String,
    /// References to update, in full: `refs/heads/main`.
    pub references: Vec<String>,
    /// What to do with a reference that does not stand at `parent`.
    pub moved: MovedReference,
    /// The key that signs the commit, where it is to be signed.
    pub signing: Option<SigningKey>,
    /// Options for the server's hooks, as `git push --push-option`.
    pub options: Vec<(String, String)>,
}

impl PushRequest {
    /// Starts a commit on a parent for one branch, without changes, options or signature.
    #[must_use]
    pub fn new(location: GitLocation, parent: Option<String>, branch: &str) -> Self {
        Self {
            location,
            parent,
            changes: Vec::new(),
            author: Author::default(),
            time: 0,
            message: String::new(),
            references: vec![format!("refs/heads/{branch}")],
            moved: MovedReference::Refused,
            signing: None,
            options: Vec::new(),
        }
    }
}

/// What a push does with a reference that exists and does not stand at the new commit's parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MovedReference {
    /// Nothing is pushed and the caller tries again on what is there now.
    #[default]
    Refused,
    /// The reference is set to the new commit, as Flux resets its push branch. It must still stand where it stood when the
    /// push began.
    Replaced,
}

/// A git server.
pub trait GitRemote: Send + Sync {
    /// Returns what the reference points at, at the cost of one listing of references.
    ///
    /// # Errors
    /// Where the server can't be reached, refuses the login, or has no such reference.
    fn resolve(
        &self,
        location: &GitLocation,
        reference: &GitReference,
    ) -> impl Future<Output = Result<Revision, PortError>> + Send;

    /// Fetches one commit's files.
    ///
    /// # Errors
    /// As [`GitRemote::resolve`], and where the files are too large or malformed.
    fn fetch(&self, request: &FetchRequest) -> impl Future<Output = Result<Checkout, PortError>> + Send;

    /// Makes one commit and pushes it; returns its id.
    ///
    /// # Errors
    /// A retry where the reference has moved: fetch again and make the change anew. Nothing is overwritten.
    fn push(&self, request: &PushRequest) -> impl Future<Output = Result<String, PortError>> + Send;
}
