//! Which end of a sorted list wins.

use super::PolicyError;
use std::fmt;

/// Which end of the sorted tags an alphabetical or numerical policy picks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The highest wins.
    #[default]
    Asc,
    /// The lowest wins.
    Desc,
}

impl Order {
    /// Reads `asc` or `desc` in any case; an empty text is the default, `asc`.
    ///
    /// # Errors
    /// [`PolicyError::Invalid`] with Flux's wording for any other text.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        match text.to_uppercase().as_str() {
            "" | "ASC" => Ok(Self::Asc),
            "DESC" => Ok(Self::Desc),
            other => Err(PolicyError::Invalid(format!(
                "invalid order argument provided: '{other}', must be one of: ASC, DESC"
            ))),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        })
    }
}
