//! Sources: `source.toolkit.fluxcd.io`.

use serde::{Deserialize, Serialize};

use super::{GoDuration, LabelSelector, LocalReference};

/// A git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepository {
    /// Where it is: http, https or ssh.
    pub url: String,
    /// How often it is looked at.
    pub interval: Option<GoDuration>,
    /// The time limit of one exchange: 60 s.
    pub timeout: Option<GoDuration>,
    /// What is checked out: the branch `master` by default.
    #[serde(rename = "ref")]
    pub reference: Option<GitReferenceSpec>,
    /// Credentials.
    pub secret_ref: Option<LocalReference>,
    /// `generic`, `azure`, `aws` or `github`.
    pub provider: Option<String>,
    /// The account whose identity is used, for clouds.
    pub service_account_name: Option<String>,
    /// A proxy.
    pub proxy_secret_ref: Option<LocalReference>,
    /// Whose signature is wanted.
    pub verify: Option<GitVerification>,
    /// Rules on what is left out, in the grammar of `.gitignore`.
    pub ignore: Option<String>,
    /// Other repositories whose files are laid into this one's.
    pub include: Vec<Include>,
    /// Whether submodules are fetched too.
    pub recurse_submodules: bool,
    /// The only directories that are wanted.
    pub sparse_checkout: Vec<String>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// What of a git repository is checked out; the first that stands wins: commit, name, semver, tag, branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitReferenceSpec {
    /// A branch.
    pub branch: Option<String>,
    /// A tag.
    pub tag: Option<String>,
    /// A range of versions among the tags.
    pub semver: Option<String>,
    /// A reference's full name.
    pub name: Option<String>,
    /// A commit's id.
    pub commit: Option<String>,
}

/// Whose signature of a commit or tag is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitVerification {
    /// `HEAD`, `head`, `Tag` or `TagAndHEAD`.
    pub mode: Option<String>,
    /// The Secret of public keys.
    pub secret_ref: LocalReference,
}

/// Files of another repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Include {
    /// The GitRepository.
    pub repository: LocalReference,
    /// Its path; all by default.
    pub from_path: Option<String>,
    /// Where the files go; the repository's name by default.
    pub to_path: Option<String>,
}

/// An OCI artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OciRepository {
    /// `oci://host/path`, without a tag.
    pub url: String,
    /// How often it is looked at.
    pub interval: Option<GoDuration>,
    /// The time limit of one exchange: 60 s.
    pub timeout: Option<GoDuration>,
    /// Which of its artifacts: the tag `latest` by default.
    #[serde(rename = "ref")]
    pub reference: Option<OciReferenceSpec>,
    /// Which layer, and what is done with it.
    pub layer_selector: Option<LayerSelector>,
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
    /// Rules on what is left out.
    pub ignore: Option<String>,
    /// Whose signature is wanted.
    pub verify: Option<Verification>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// Which of a repository's artifacts; the first that stands wins: digest, semver, tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OciReferenceSpec {
    /// A digest.
    pub digest: Option<String>,
    /// A range of versions among the tags.
    pub semver: Option<String>,
    /// A regular expression that tags must match before the range is asked.
    pub semver_filter: Option<String>,
    /// A tag.
    pub tag: Option<String>,
}

/// Which layer of an artifact, and what is done with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LayerSelector {
    /// The layer's media type; the first layer where `None`.
    pub media_type: Option<String>,
    /// `extract` (the default) or `copy`.
    pub operation: Option<String>,
}

/// Whose signature of an artifact or chart is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Verification {
    /// `cosign` or `notation`.
    pub provider: String,
    /// The Secret of public keys.
    pub secret_ref: Option<LocalReference>,
}

/// A repository of charts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelmRepository {
    /// Where it is: http, https or oci.
    pub url: String,
    /// `default` or `oci`.
    #[serde(rename = "type")]
    pub repository_type: Option<String>,
    /// How often its index is looked at: 1 m.
    pub interval: Option<GoDuration>,
    /// The time limit of one exchange: 60 s.
    pub timeout: Option<GoDuration>,
    /// Credentials.
    pub secret_ref: Option<LocalReference>,
    /// Certificates.
    pub cert_secret_ref: Option<LocalReference>,
    /// Whether other hosts get the credentials too.
    pub pass_credentials: bool,
    /// `generic`, `aws`, `azure` or `gcp`.
    pub provider: Option<String>,
    /// Whether plain HTTP will do, for `oci`.
    pub insecure: bool,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// One chart of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelmChart {
    /// The chart's name, or its path in a git repository.
    pub chart: String,
    /// A range of versions: `*` by default.
    pub version: Option<String>,
    /// Where it comes from.
    pub source_ref: super::CrossReference,
    /// How often the source is asked.
    pub interval: Option<GoDuration>,
    /// `ChartVersion` (the default) or `Revision`.
    pub reconcile_strategy: Option<String>,
    /// Files of values that are merged into the chart's own.
    pub values_files: Vec<String>,
    /// Whether files that are missing are passed over.
    pub ignore_missing_values_files: bool,
    /// Whose signature is wanted.
    pub verify: Option<Verification>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// An object store's bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Bucket {
    /// Its name.
    pub bucket_name: String,
    /// The server.
    pub endpoint: String,
    /// How often it is looked at.
    pub interval: Option<GoDuration>,
    /// `generic`, `aws`, `gcp` or `azure`.
    pub provider: Option<String>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// A source that another controller writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalArtifact {
    /// What it was made from; for people.
    pub source_ref: Option<super::CrossReference>,
}

/// Which namespaces may use an object of another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessFrom {
    /// One of these must match the namespace's labels.
    pub namespace_selectors: Vec<LabelSelector>,
}
