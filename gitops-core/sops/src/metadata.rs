//! What SOPS notes beside a document: keys, which values are sealed, and the seal over all of them.

use gitops_regex::GoRegex;
use gitops_yaml::Node;

use crate::SopsError;
use crate::age::{AgeKeys, Unopened};
use crate::cipher::DataKey;

/// The kinds of keys that are refused, by their field.
const OTHERS: [(&str, &str); 6] = [
    ("pgp", "PGP"),
    ("kms", "AWS KMS"),
    ("gcp_kms", "GCP KMS"),
    ("hckms", "Huawei Cloud KMS"),
    ("azure_kv", "Azure Key Vault"),
    ("hc_vault", "Vault"),
];

/// Which values are sealed.
enum Rule {
    UnencryptedSuffix(String),
    EncryptedSuffix(String),
    UnencryptedRegex(GoRegex),
    EncryptedRegex(GoRegex),
}

pub(crate) struct Metadata {
    rule: Rule,
    /// Whether the seal is over sealed values alone.
    pub(crate) mac_only_encrypted: bool,
    pub(crate) mac: Option<String>,
    pub(crate) last_modified: String,
    keys: Node,
}

impl Metadata {
    pub(crate) fn read(node: &Node) -> Result<Self, SopsError> {
        let text = |field: &str| node.get(field).and_then(Node::as_str).filter(|text| !text.is_empty());
        let regex = |pattern: &str| {
            GoRegex::new(pattern).map_err(|error| SopsError::new(format!("sops metadata: {error}")))
        };
        for field in ["encrypted_comment_regex", "unencrypted_comment_regex"] {
            if text(field).is_some() {
                return Err(SopsError::new(format!("sops metadata: {field} is not supported")));
            }
        }
        let mut rules = Vec::new();
        if let Some(suffix) = text("unencrypted_suffix") {
            rules.push(Rule::UnencryptedSuffix(suffix.to_owned()));
        }
        if let Some(suffix) = text("encrypted_suffix") {
            rules.push(Rule::EncryptedSuffix(suffix.to_owned()));
        }
        if let Some(pattern) = text("unencrypted_regex") {
            rules.push(Rule::UnencryptedRegex(regex(pattern)?));
        }
        if let Some(pattern) = text("encrypted_regex") {
            rules.push(Rule::EncryptedRegex(regex(pattern)?));
        }
        if rules.len() > 1 {
            return Err(SopsError::new(
                "Cannot use more than one of encrypted_suffix, unencrypted_suffix, encrypted_regex, or \
                 unencrypted_regex in the same file",
            ));
        }
        Ok(Self {
            rule: rules.pop().unwrap_or_else(|| Rule::UnencryptedSuffix("_unencrypted".into())),
            mac_only_encrypted: text("mac_only_encrypted") == Some("true"),
            mac: text("mac").map(str::to_owned),
            last_modified: text("lastmodified").unwrap_or_default().to_owned(),
            keys: node.clone(),
        })
    }

    /// Returns whether the value at a path of keys is sealed.
    pub(crate) fn is_sealed(&self, path: &[&str]) -> bool {
        match &self.rule {
            Rule::UnencryptedSuffix(suffix) => !path.iter().any(|key| key.ends_with(suffix.as_str())),
            Rule::EncryptedSuffix(suffix) => path.iter().any(|key| key.ends_with(suffix.as_str())),
            Rule::UnencryptedRegex(regex) => !path.iter().any(|key| regex.is_match(key)),
            Rule::EncryptedRegex(regex) => path.iter().any(|key| regex.is_match(key)),
        }
    }

    /// Opens the document's key.
    pub(crate) fn data_key(&self, keys: &AgeKeys) -> Result<DataKey, SopsError> {
        let refused = |why: String| SopsError::locked(format!("cannot get sops data key: {why}"));
        let list = |node: &Node, field: &str| node.get(field).and_then(Node::items).map_or(0, <[_]>::len);
        let has_keys = |node: &Node| {
            list(node, "age") + OTHERS.iter().map(|(field, _)| list(node, field)).sum::<usize>()
        };
        let groups = self.keys.get("key_groups").and_then(Node::items).unwrap_or_default();
        let group = match (has_keys(&self.keys), groups) {
            (0, [only]) => only,
            (0, []) => return Err(refused("No keys found in file".into())),
            (0, several) => {
                let count = several.len();
                return Err(refused(format!(
                    "the key is shared by {count} key groups, which is not supported"
                )));
            }
            _ => &self.keys,
        };
        let ages = group.get("age").and_then(Node::items).unwrap_or_default();
        let mut recipients = Vec::new();
        for one in ages {
            let text = |field: &str| one.get(field).and_then(Node::as_str).unwrap_or_default();
            match keys.open(text("enc")) {
                Ok(bytes) => {
                    let wrong = |_| refused("the data key has a wrong length".into());
                    return Ok(DataKey(bytes.try_into().map_err(wrong)?));
                }
                Err(Unopened::NoIdentity) => recipients.push(text("recipient")),
                Err(Unopened::Malformed) => {
                    let recipient = text("recipient");
                    return Err(refused(format!("the age file for {recipient} is malformed")));
                }
            }
        }
        let others: Vec<&str> =
            OTHERS.iter().filter(|(field, _)| list(group, field) > 0).map(|(_, name)| *name).collect();
        Err(refused(match (recipients.is_empty(), others.is_empty()) {
            (true, _) => {
                format!("the document is for keys of {}: age keys alone are supported", others.join(", "))
            }
            (false, true) => format!("no identity matched any of the recipients {}", recipients.join(", ")),
            (false, false) => format!(
                "no identity matched any of the recipients {}, and keys of {} are not supported",
                recipients.join(", "),
                others.join(", ")
            ),
        }))
    }
}
