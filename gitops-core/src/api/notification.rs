//! `notification.toolkit.fluxcd.io`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GoDuration, LocalReference};

/// Which events go where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Alert {
    /// The Provider.
    pub provider_ref: LocalReference,
    /// `info` (the default: all) or `error`.
    pub event_severity: Option<String>,
    /// Whose events.
    pub event_sources: Vec<EventSource>,
    /// Regular expressions of messages, one of which must match where there is one.
    pub inclusion_list: Vec<String>,
    /// Regular expressions of messages that are passed over.
    pub exclusion_list: Vec<String>,
    /// Facts that are added.
    pub event_metadata: BTreeMap<String, String>,
    /// What the alert is about; older than `eventMetadata.summary`.
    pub summary: Option<String>,
    /// Whether nothing is sent.
    pub suspend: bool,
}

/// Whose events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventSource {
    /// The kind.
    pub kind: String,
    /// The name; `*` for all.
    pub name: String,
    /// The namespace; the alert's by default.
    pub namespace: Option<String>,
    /// Labels, with the name `*`.
    pub match_labels: BTreeMap<String, String>,
}

/// Where events can go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Provider {
    /// `slack`, `github` …
    #[serde(rename = "type")]
    pub provider_type: String,
    /// The address; the Secret's key `address` wins.
    pub address: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// The name that messages are sent under.
    pub username: Option<String>,
    /// The Secret: address, token, headers …
    pub secret_ref: Option<LocalReference>,
    /// Certificates.
    pub cert_secret_ref: Option<LocalReference>,
    /// A proxy's URL; older than the next.
    pub proxy: Option<String>,
    /// A proxy.
    pub proxy_secret_ref: Option<LocalReference>,
    /// The time limit of one message: 15 s.
    pub timeout: Option<GoDuration>,
    /// The id of commit statuses, in CEL.
    pub commit_status_expr: Option<String>,
    /// Whether nothing is sent.
    pub suspend: bool,
}

/// A web hook that asks for a reconciliation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Receiver {
    /// `generic`, `github` …
    #[serde(rename = "type")]
    pub receiver_type: String,
    /// The events that count; all where empty.
    pub events: Vec<String>,
    /// What is reconciled.
    pub resources: Vec<ReceiverResource>,
    /// Which resources, in CEL over `req` and `res`.
    pub resource_filter: Option<String>,
    /// The Secret of the token.
    pub secret_ref: Option<LocalReference>,
    /// How often it is reconciled: 10 m.
    pub interval: Option<GoDuration>,
    /// Whether nothing is done.
    pub suspend: bool,
}

/// What a web hook asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReceiverResource {
    /// The API version; the kind's newest by default.
    pub api_version: Option<String>,
    /// The kind.
    pub kind: String,
    /// The name; `*` for all.
    pub name: String,
    /// The namespace; the receiver's by default.
    pub namespace: Option<String>,
    /// Labels, with the name `*`.
    pub match_labels: BTreeMap<String, String>,
    /// Which of them, in CEL.
    pub filter: Option<String>,
}
