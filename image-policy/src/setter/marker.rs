//! The comment that asks for an image: `# {"$imagepolicy": "namespace:name:tag"}`.

use super::PolicyName;
use crate::near::distance;
use serde_json::Value;
use std::fmt;

/// The text by which files are screened before they are parsed: no marker is without it.
pub(super) const TOKEN: &str = "\"$imagepolicy\"";

/// What every marker, right or wrong, holds in some mix of cases.
const TRACE: &[u8] = b"imagepolicy";

/// Which part of a policy's image a marker asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The whole reference, `name:tag[@digest]`: a marker without suffix.
    Image,
    /// `:name`, the image's name without tag.
    Name,
    /// `:tag`
    Tag,
    /// `:digest`, empty where none is known.
    Digest,
}

impl Field {
    const SUFFIXES: [(&'static str, Self); 3] =
        [("name", Self::Name), ("tag", Self::Tag), ("digest", Self::Digest)];

    fn suffix(self) -> Option<&'static str> {
        Self::SUFFIXES.iter().find(|(_, field)| *field == self).map(|(suffix, _)| *suffix)
    }
}

/// A marker: a policy and the part of its image that it asks for. Prints as it is written: `namespace:name[:field]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Marker {
    /// The policy.
    pub policy: PolicyName,
    /// The part of its image.
    pub field: Field,
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.policy.namespace, self.policy.name)?;
        self.field.suffix().map_or(Ok(()), |suffix| write!(f, ":{suffix}"))
    }
}

/// Why a comment that speaks of `imagepolicy` sets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MarkerProblem {
    /// The JSON is written with single quotes.
    SingleQuotes,
    /// Other text stands beside the JSON.
    TextAround,
    /// The JSON can't be read.
    Malformed(String),
    /// The JSON has another key.
    UnknownKey(String),
    /// The key's value is no string.
    NotAString,
    /// The value is not `namespace:name` with at most one suffix.
    BadName(String),
    /// The suffix is none of `name`, `tag` and `digest`.
    UnknownField {
        /// What was written.
        suffix: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// The comment names two policies.
    TwoPolicies([String; 2]),
    /// The comment stands on a line of its own.
    OwnLine,
    /// The comment is text of a block scalar.
    InBlockScalar,
    /// The comment stands on a mapping, a sequence or an alias, not on a scalar.
    NotOnAScalar,
    /// There is no policy of that name.
    UnknownPolicy {
        /// What was written.
        setter: String,
        /// What was probably meant.
        near: Vec<String>,
    },
    /// The policy has not chosen an image yet.
    NotReady {
        /// What was written.
        setter: String,
    },
}

impl fmt::Display for MarkerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SingleQuotes => f.write_str("the marker's JSON needs double quotes, not single ones"),
            Self::TextAround => {
                f.write_str("the marker must be the whole comment; remove the text around it")
            }
            Self::Malformed(why) => write!(f, "the marker is not JSON: {why}"),
            Self::UnknownKey(key) => write!(f, "the marker has the key '{key}', must be '$imagepolicy'"),
            Self::NotAString => f.write_str("the marker's values must all be strings"),
            Self::BadName(name) => {
                write!(f, "the marker names '{name}', must be namespace:name[:name|tag|digest]")
            }
            Self::UnknownField { suffix, near } => {
                write!(f, "the marker has the unknown suffix '{suffix}', must be one of: name, tag, digest")?;
                near.as_ref().map_or(Ok(()), |near| write!(f, "; did you mean '{near}'?"))
            }
            Self::TwoPolicies([first, second]) => {
                write!(f, "setters '{first}' and '{second}' both set this field")
            }
            Self::OwnLine => {
                f.write_str("the marker stands on a line of its own, must follow the value on its line")
            }
            Self::InBlockScalar => f.write_str("the marker is part of a block scalar's text, not a comment"),
            Self::NotOnAScalar => {
                f.write_str("the marker stands on a mapping, list or alias, must follow a single value")
            }
            Self::UnknownPolicy { setter, near } => {
                write!(f, "no policy for setter '{setter}'")?;
                match near.as_slice() {
                    [] => Ok(()),
                    near => write!(f, "; did you mean '{}'?", near.join("' or '")),
                }
            }
            Self::NotReady { setter } => {
                write!(f, "the policy of setter '{setter}' has not chosen an image yet")
            }
        }
    }
}

/// Reads a comment, with or without its `#`. `Ok(None)` where it does not speak of image policies at all.
pub(super) fn read(comment: &str) -> Result<Option<Marker>, MarkerProblem> {
    if !mentions_policies(comment) {
        return Ok(None);
    }
    let text = comment.trim_start_matches('#').trim_matches([' ', '\t', '\r', '\n']);
    let pairs = match serde_json::from_str::<Pairs>(text) {
        Ok(pairs) => pairs.0,
        Err(error) => return Err(why_not_json(text, &error)),
    };
    let mut named = pairs.iter().filter(|(key, _)| key == "$imagepolicy");
    let Some((_, value)) = named.next() else {
        let key = pairs.into_iter().map(|(key, _)| key).find(|key| traces(key.as_bytes()).next().is_some());
        return key.map_or(Ok(None), |key| Err(MarkerProblem::UnknownKey(key)));
    };
    if pairs.iter().any(|(_, value)| !value.is_string()) {
        return Err(MarkerProblem::NotAString);
    }
    let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some((_, again)) = named.next()
        && again != value
    {
        return Err(MarkerProblem::TwoPolicies([text_of(value), text_of(again)]));
    }
    read_setter(&text_of(value)).map(Some)
}

/// Returns whether a comment means to be a marker: it has `$imagepolicy`, or an object whose first key is alike.
/// Prose that speaks of an `ImagePolicy` does not.
pub(super) fn mentions_policies(comment: &str) -> bool {
    traces(comment.as_bytes()).any(|at| {
        let before = comment[..at].trim_end_matches(['"', '\'', ' ', '\t']);
        before.ends_with(['$', '{'])
    })
}

/// Finds all places of `imagepolicy` in whatever case.
pub(super) fn traces(text: &[u8]) -> impl Iterator<Item = usize> {
    // The rarest letter is searched for, which lets the search skip whole blocks.
    memchr::memchr2_iter(b'y', b'Y', text).filter_map(|y| {
        let start = (y + 1).checked_sub(TRACE.len())?;
        text[start..=y].eq_ignore_ascii_case(TRACE).then_some(start)
    })
}

/// Reads `namespace:name[:field]`.
fn read_setter(text: &str) -> Result<Marker, MarkerProblem> {
    let mut parts = text.split(':');
    let (Some(namespace), Some(name), suffix, None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(MarkerProblem::BadName(text.to_owned()));
    };
    if namespace.is_empty() || name.is_empty() || text.contains(char::is_whitespace) {
        return Err(MarkerProblem::BadName(text.to_owned()));
    }
    let field = match suffix {
        None => Field::Image,
        Some(suffix) => match Field::SUFFIXES.iter().find(|(known, _)| *known == suffix) {
            Some((_, field)) => *field,
            None => {
                let mut known = Field::SUFFIXES.iter().map(|(known, _)| *known);
                let near = known.find(|known| distance(suffix, known).is_some()).map(str::to_owned);
                return Err(MarkerProblem::UnknownField { suffix: suffix.to_owned(), near });
            }
        },
    };
    Ok(Marker { policy: PolicyName::new(namespace, name), field })
}

fn why_not_json(text: &str, error: &serde_json::Error) -> MarkerProblem {
    let inner = text.find('{').and_then(|start| text.rfind('}').and_then(|end| text.get(start..=end)));
    match inner {
        Some(inner) if inner != text && serde_json::from_str::<Pairs>(inner).is_ok() => {
            MarkerProblem::TextAround
        }
        Some(inner) if serde_json::from_str::<Pairs>(&inner.replace('\'', "\"")).is_ok() => {
            if inner == text {
                MarkerProblem::SingleQuotes
            } else {
                MarkerProblem::TextAround
            }
        }
        _ => MarkerProblem::Malformed(error.to_string()),
    }
}

/// An object's pairs as they are written, repeated keys included.
struct Pairs(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object, as {\"$imagepolicy\": \"namespace:name\"}")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(comment: &str, wanted: &str) {
        assert_eq!(read(comment).unwrap().unwrap().to_string(), wanted);
    }

    #[track_caller]
    fn check_problem(comment: &str, wanted: &str) {
        assert_eq!(read(comment).unwrap_err().to_string(), wanted);
    }

    #[test]
    fn markers_are_whole_comments_of_json() {
        check(r##"# {"$imagepolicy": "flux-system:app"}"##, "flux-system:app");
        check(r##"#{"$imagepolicy":"flux-system:app:tag"}"##, "flux-system:app:tag");
        check(r##"### {"$imagepolicy": "a:b.c:digest", "x": "y"} "##, "a:b.c:digest");
        check(r##"# {"$imagepolicy": "a:b:name", "$imagepolicy": "a:b:name"}"##, "a:b:name");
    }

    #[test]
    fn other_comments_are_none() {
        for comment in ["# keep me", "", "# {\"$openapi\": \"x\"}", "# {", "# the ImagePolicy app picks this"]
        {
            assert_eq!(read(comment), Ok(None));
        }
    }

    #[test]
    fn wrong_markers_say_what_is_wrong() {
        check_problem("# {'$imagepolicy': 'a:b'}", "the marker's JSON needs double quotes, not single ones");
        let around = "the marker must be the whole comment; remove the text around it";
        check_problem(r##"# {"$imagepolicy": "a:b"} keep"##, around);
        check_problem(r##"# see {"$imagepolicy": "a:b"}"##, around);
        check_problem(
            r##"# {"$imagepolicy": "a:b""##,
            "the marker is not JSON: EOF while parsing an object at line 1 column 22",
        );
        check_problem(
            r##"# {"$imagePolicy": "a:b"}"##,
            "the marker has the key '$imagePolicy', must be '$imagepolicy'",
        );
        check_problem(r##"# {"$imagepolicy": 3}"##, "the marker's values must all be strings");
        check_problem(
            r##"# {"$imagepolicy": "app"}"##,
            "the marker names 'app', must be namespace:name[:name|tag|digest]",
        );
        check_problem(
            r##"# {"$imagepolicy": "a:b:tags"}"##,
            "the marker has the unknown suffix 'tags', must be one of: name, tag, digest; did you mean 'tag'?",
        );
        check_problem(
            r##"# {"$imagepolicy": "a:b", "$imagepolicy": "a:c"}"##,
            "setters 'a:b' and 'a:c' both set this field",
        );
    }
}
