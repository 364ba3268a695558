//! `image.toolkit.fluxcd.io`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::source::{AccessFrom, GitReferenceSpec};
use super::{CrossReference, GoDuration, LabelSelector, LocalReference};

/// An image whose tags are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageRepository {
    /// The image, without scheme and tag.
    pub image: String,
    /// How often it is looked at.
    pub interval: Option<GoDuration>,
    /// The time limit of one look; the interval by default.
    pub timeout: Option<GoDuration>,
    /// Credentials: docker's configuration.
    pub secret_ref: Option<LocalReference>,
    /// The account whose pull secrets are used.
    pub service_account_name: Option<String>,
    /// Certificates.
    pub cert_secret_ref: Option<LocalReference>,
    /// A proxy.
    pub proxy_secret_ref: Option<LocalReference>,
    /// `generic`, `aws`, `azure` or `gcp`.
    pub provider: Option<String>,
    /// Whether plain HTTP will do.
    pub insecure: bool,
    /// Regular expressions of tags that are passed over: `^.*\.sig$` where `None`.
    pub exclusion_list: Option<Vec<String>>,
    /// Which namespaces may use it.
    pub access_from: Option<AccessFrom>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// The choice of one tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImagePolicy {
    /// The ImageRepository.
    pub image_repository_ref: CrossReference,
    /// How the tag is chosen.
    pub policy: PolicyChoice,
    /// Which tags are looked at, and what of them.
    pub filter_tags: Option<FilterTags>,
    /// `Never` (the default), `IfNotPresent` or `Always`: whether the digest is looked up.
    pub digest_reflection_policy: Option<String>,
    /// How often the digest is looked up, with `Always`.
    pub interval: Option<GoDuration>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// How a tag is chosen: one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyChoice {
    /// The highest version in a range.
    pub semver: Option<PolicyRange>,
    /// The last or first by text.
    pub alphabetical: Option<PolicyOrder>,
    /// The highest or lowest by number.
    pub numerical: Option<PolicyOrder>,
}

/// A range of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRange {
    /// The range.
    pub range: String,
}

/// An order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyOrder {
    /// `asc` (the default) or `desc`.
    pub order: Option<String>,
}

/// Which tags are looked at, and what of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterTags {
    /// A regular expression.
    pub pattern: String,
    /// What of a match is compared.
    pub extract: String,
}

/// Commits that bring choices into files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageUpdateAutomation {
    /// The GitRepository.
    pub source_ref: CrossReference,
    /// How often it is reconciled.
    pub interval: Option<GoDuration>,
    /// Where it commits, and how.
    pub git: Option<GitSpec>,
    /// What it changes.
    pub update: UpdateStrategy,
    /// Which policies it follows; all of the namespace where `None`.
    pub policy_selector: Option<LabelSelector>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// What is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateStrategy {
    /// `Setters`
    pub strategy: Option<String>,
    /// The path whose files are changed; all by default.
    pub path: Option<String>,
}

/// Where commits go, and what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitSpec {
    /// What is checked out; what the GitRepository names by default.
    pub checkout: Option<GitCheckout>,
    /// The commit.
    pub commit: CommitSpec,
    /// Where it is pushed to; the branch that was checked out by default.
    pub push: Option<GitPush>,
}

/// What is checked out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitCheckout {
    /// The reference.
    #[serde(rename = "ref")]
    pub reference: GitReferenceSpec,
}

/// Who commits, and what the message says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommitSpec {
    /// Who commits.
    pub author: CommitAuthor,
    /// The message's template.
    pub message_template: Option<String>,
    /// Values for the template.
    pub message_template_values: BTreeMap<String, String>,
    /// What the commit is signed with.
    pub signing_key: Option<SigningKey>,
}

/// Who commits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommitAuthor {
    /// The name.
    pub name: Option<String>,
    /// The mail address.
    pub email: String,
}

/// What a commit is signed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SigningKey {
    /// `gpg` (the default) or `ssh`.
    #[serde(rename = "type")]
    pub key_type: Option<String>,
    /// The Secret of the key.
    pub secret_ref: LocalReference,
}

/// Where a commit is pushed to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitPush {
    /// A branch.
    pub branch: Option<String>,
    /// A refspec, beside the branch or instead of it.
    pub refspec: Option<String>,
    /// Options for the server.
    pub options: BTreeMap<String, String>,
}
