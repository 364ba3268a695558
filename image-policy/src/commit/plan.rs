//! The commit that an update shall become, as a value: what to write, who signs it, where to push it.

use super::{MessageError, MessageTemplate, Subject};
use crate::Changes;
use std::collections::BTreeMap;
use std::fmt;

/// The branch that Flux checks out where nothing names one.
pub const DEFAULT_BRANCH: &str = "master";

/// How an automation commits and pushes; the parts of `ImageUpdateAutomation.spec.git`.
#[derive(Clone, Debug, Default)]
pub struct CommitSpec {
    /// Who commits.
    pub author: Author,
    /// The template of the message; [`MessageTemplate::default`] says `Update from image update automation`.
    pub message: MessageTemplate,
    /// `.Values` of the template.
    pub values: BTreeMap<String, String>,
    /// How the commit is signed, if it is.
    pub signing: Option<SigningRequest>,
    /// What is checked out: the automation's `checkout.ref` or else the repository's `ref`, if either is given.
    pub checkout: Option<CheckoutRef>,
    /// `push.branch`; empty means the branch that was checked out.
    pub push_branch: String,
    /// `push.refspec`, pushed after the branch; empty means none.
    pub push_refspec: String,
    /// `push.options`, handed to the server with each push.
    pub push_options: BTreeMap<String, String>,
}

/// A git reference to check out; only its branch matters to a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckoutRef {
    /// The branch; empty where a tag, a commit or a range of versions is checked out.
    pub branch: String,
}

/// Who commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The name; may be empty.
    pub name: String,
    /// The address.
    pub email: String,
}

/// A wish for a signature: the format, and the Secret that holds the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    /// The kind of key.
    pub format: SigningFormat,
    /// The name of the Secret in the automation's namespace.
    pub secret: String,
}

/// The kind of a signing key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningFormat {
    /// OpenPGP.
    #[default]
    Gpg,
    /// An SSH key.
    Ssh,
}

impl SigningFormat {
    /// Reads `signingKey.type`; an empty text is the default, `gpg`. `None` for an unknown one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "gpg" => Some(Self::Gpg),
            "ssh" => Some(Self::Ssh),
            _ => None,
        }
    }

    /// Returns the Secret's field that holds the key.
    #[must_use]
    pub fn key_field(self) -> &'static str {
        match self {
            Self::Gpg => "git.asc",
            Self::Ssh => "identity",
        }
    }

    /// Returns the Secret's field that holds the key's passphrase, if it has one.
    #[must_use]
    pub fn passphrase_field(self) -> &'static str {
        match self {
            Self::Gpg => "passphrase",
            Self::Ssh => "password",
        }
    }
}

/// A commit to make and push.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommitPlan {
    /// Who commits.
    pub author: Author,
    /// The whole message.
    pub message: String,
    /// The files that changed, sorted.
    pub files: Vec<String>,
    /// How to sign, if at all.
    pub signing: Option<SigningRequest>,
    /// The branch to commit on and to push.
    pub branch: String,
    /// Whether the branch is another than the one checked out, and is to be created or reset onto that.
    pub switch_branch: SwitchBranch,
    /// A refspec to push after the branch.
    pub refspec: Option<String>,
    /// Options for the server.
    pub push_options: BTreeMap<String, String>,
}

/// Whether a commit goes to the branch that was checked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchBranch {
    /// It stays on the branch that was checked out.
    No,
    /// The branch is created from, or reset onto, what was checked out.
    Yes,
}

impl CommitPlan {
    /// Plans the commit of an update; `None` where nothing changed.
    ///
    /// ```
    /// use image_policy::{Author, Change, Changes, CheckoutRef, CommitPlan, CommitSpec, ObjectId, Subject};
    ///
    /// let mut changes = Changes::default();
    /// let change = Change { old_value: "1.0".into(), new_value: "1.1".into(), setter: "ns:app:tag".into(), line: 3 };
    /// changes.add("app.yaml", ObjectId::default(), change);
    /// let spec = CommitSpec {
    ///     author: Author { name: "bot".into(), email: "bot@example.com".into() },
    ///     checkout: Some(CheckoutRef { branch: "main".into() }),
    ///     ..CommitSpec::default()
    /// };
    /// let plan = CommitPlan::new(&spec, &Subject::new("flux-system", "apps"), &changes)?.unwrap();
    /// assert_eq!((plan.branch.as_str(), plan.files), ("main", vec!["app.yaml".to_string()]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the author's address can't be one, no branch is known to push to, or the template fails.
    pub fn new(
        spec: &CommitSpec,
        automation: &Subject,
        changes: &Changes,
    ) -> Result<Option<Self>, PlanError> {
        check_email(&spec.author.email)?;
        let (branch, switch_branch) = push_branch(spec)?;
        if changes.is_empty() {
            return Ok(None);
        }
        let message = spec.message.render(automation, changes, &spec.values).map_err(PlanError::Message)?;
        Ok(Some(Self {
            author: spec.author.clone(),
            message,
            files: changes.files().map(|(file, _)| file.to_owned()).collect(),
            signing: spec.signing.clone(),
            branch,
            switch_branch,
            refspec: (!spec.push_refspec.is_empty()).then(|| spec.push_refspec.clone()),
            push_options: spec.push_options.clone(),
        }))
    }

    /// Words the event that Flux sends once the commit is pushed, the message included.
    #[must_use]
    pub fn summary(&self, commit: &str) -> String {
        let short = commit.get(..7).unwrap_or(commit);
        let mut summary = format!("pushed commit '{short}' to branch '{}'", self.branch);
        if let Some(refspec) = &self.refspec {
            summary.push_str(&format!(" and refspecs '{refspec}'"));
        }
        if !self.message.is_empty() {
            summary.push('\n');
            summary.push_str(&self.message);
        }
        summary
    }
}

fn push_branch(spec: &CommitSpec) -> Result<(String, SwitchBranch), PlanError> {
    let checked_out = spec.checkout.as_ref().map(|checkout| checkout.branch.as_str());
    if spec.push_branch.is_empty() {
        return match checked_out {
            None | Some("") => Err(PlanError::NoBranch),
            Some(branch) => Ok((branch.to_owned(), SwitchBranch::No)),
        };
    }
    let same = spec.push_branch == checked_out.unwrap_or(DEFAULT_BRANCH);
    Ok((spec.push_branch.clone(), if same { SwitchBranch::No } else { SwitchBranch::Yes }))
}

/// Refuses what can't be an address, above all `[email protected]`, which web pages put in its place.
fn check_email(email: &str) -> Result<(), PlanError> {
    let is_address = email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        && !email.contains(['<', '>', '\n', '\r', '\0', '[', ']']);
    if is_address { Ok(()) } else { Err(PlanError::BadEmail(email.to_owned())) }
}

/// Why no commit can be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// The author's address is none.
    BadEmail(String),
    /// No branch is known to push to.
    NoBranch,
    /// The message's template failed.
    Message(MessageError),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadEmail(email) if email.contains("protected]") => {
                write!(f, "author.email '{email}' looks obfuscated by a web page, write e.g. flux@example.com")
            }
            Self::BadEmail(email) if email.is_empty() => {
                f.write_str("author.email is empty, write e.g. flux@example.com")
            }
            Self::BadEmail(email) => write!(f, "author.email '{email}' is no address, write e.g. flux@example.com"),
            Self::NoBranch => f.write_str(
                "push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref",
            ),
            Self::Message(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Message(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, ObjectId};

    fn changes() -> Changes {
        let mut changes = Changes::default();
        let change =
            Change { old_value: "1".into(), new_value: "2".into(), setter: "ns:a:tag".into(), line: 1 };
        changes.add("a.yaml", ObjectId::default(), change);
        changes
    }

    fn spec(checkout: Option<&str>, push: &str) -> CommitSpec {
        CommitSpec {
            author: Author { name: "bot".into(), email: "bot@example.com".into() },
            checkout: checkout.map(|branch| CheckoutRef { branch: branch.to_owned() }),
            push_branch: push.to_owned(),
            ..CommitSpec::default()
        }
    }

    fn plan(spec: &CommitSpec) -> Result<Option<CommitPlan>, String> {
        CommitPlan::new(spec, &Subject::new("ns", "auto"), &changes()).map_err(|e| e.to_string())
    }

    #[test]
    fn the_branch_follows_the_checkout_unless_push_names_one() {
        let of = |checkout, push| plan(&spec(checkout, push)).unwrap().map(|p| (p.branch, p.switch_branch));
        assert_eq!(of(Some("main"), ""), Some(("main".into(), SwitchBranch::No)));
        assert_eq!(of(Some("main"), "main"), Some(("main".into(), SwitchBranch::No)));
        assert_eq!(of(Some("main"), "images"), Some(("images".into(), SwitchBranch::Yes)));
        assert_eq!(of(None, "master"), Some(("master".into(), SwitchBranch::No)));
        assert_eq!(of(Some(""), "master"), Some(("master".into(), SwitchBranch::Yes)));
        assert!(plan(&spec(None, "")).unwrap_err().starts_with("push spec not provided"));
        assert!(plan(&spec(Some(""), "")).is_err());
    }

    #[test]
    fn nothing_changed_is_no_commit() {
        let plan = CommitPlan::new(&spec(Some("main"), ""), &Subject::new("ns", "auto"), &Changes::default());
        assert_eq!(plan.unwrap(), None);
    }

    #[test]
    fn an_obfuscated_address_is_refused_with_a_hint() {
        let mut spec = spec(Some("main"), "");
        spec.author.email = "[email protected]".into();
        let error = plan(&spec).unwrap_err();
        assert_eq!(
            error,
            "author.email '[email protected]' looks obfuscated by a web page, write e.g. flux@example.com"
        );
    }

    #[test]
    fn the_summary_is_that_of_flux() {
        let mut spec = spec(Some("main"), "");
        spec.push_refspec = "refs/heads/main:refs/heads/auto".into();
        let plan = plan(&spec).unwrap().unwrap();
        assert_eq!(
            plan.summary("731f7ea9d3c0"),
            "pushed commit '731f7ea' to branch 'main' and refspecs 'refs/heads/main:refs/heads/auto'\n\
             Update from image update automation"
        );
    }
}
