//! `WWW-Authenticate`: how a registry wants to be asked.

use gitops_transport::header::{HeaderMap, WWW_AUTHENTICATE};

/// How a registry wants to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Challenge {
    /// Reads the challenges of an answer; a token is preferred.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let read: Vec<Self> = values.filter_map(Self::read).collect();
        read.iter().find(|challenge| **challenge != Self::Basic).or(read.first()).cloned()
    }

    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        // The scheme's case does not matter.
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let find = |name: &str| {
            let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        Some(Self::Bearer { realm: find("realm")?, service: find("service"), scope: find("scope") })
    }
}

/// Reads `key="value",key=value`; a comma within quotes is part of the value.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_start_matches([',', ' ']).trim().to_owned();
        let mut value = String::new();
        rest = match after.trim_start().strip_prefix('"') {
            Some(quoted) => {
                let mut characters = quoted.char_indices();
                let mut end = quoted.len();
                while let Some((at, character)) = characters.next() {
                    match character {
                        '"' => {
                            end = at + 1;
                            break;
                        }
                        '\\' => value.extend(characters.next().map(|(_, next)| next)),
                        character => value.push(character),
                    }
                }
                quoted.get(end..).unwrap_or_default()
            }
            None => {
                let (bare, after) = after.split_once(',').unwrap_or((after, ""));
                bare.trim().clone_into(&mut value);
                after
            }
        };
        found.push((key, value));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_in_any_case_and_order() {
        let text = r#"bearer scope="repository:a/b:pull,push", SERVICE=reg.io,realm="https://auth.io/token""#;
        let wanted = Challenge::Bearer {
            realm: "https://auth.io/token".to_owned(),
            service: Some("reg.io".to_owned()),
            scope: Some("repository:a/b:pull,push".to_owned()),
        };
        assert_eq!(Challenge::read(text), Some(wanted));
        assert_eq!(Challenge::read("BASIC realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(Challenge::read("Bearer realm="), None);
        assert_eq!(Challenge::read("Negotiate abc"), None);
        assert_eq!(parameters("a=\"unclosed\\"), [("a".to_owned(), "unclosed".to_owned())]);
    }
}
