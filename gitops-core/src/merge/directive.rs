//! The `$patch` directives that a strategic merge patch may hold.

use gitops_yaml::Node;

use super::{MergeError, text};

pub(super) const KEY: &str = "$patch";

/// What a mapping or a list of a patch asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Directive {
    /// No directive stands there: merge.
    #[default]
    None,
    /// `$patch: merge`
    Merge,
    /// `$patch: replace`
    Replace,
    /// `$patch: delete`
    Delete,
}

impl Directive {
    fn parse(value: &Node) -> Result<Self, MergeError> {
        match text(value) {
            "delete" => Ok(Self::Delete),
            "replace" => Ok(Self::Replace),
            "merge" => Ok(Self::Merge),
            other => Err(MergeError::new(format!("unknown patch strategy '{other}'"), value.place)),
        }
    }

    /// Reads the directive of a mapping.
    pub(super) fn of_mapping(patch: &Node) -> Result<Self, MergeError> {
        patch.get(KEY).map_or(Ok(Self::None), Self::parse)
    }

    /// Reads the directive of a list: an element with `$patch` alone. Only the first element that has the key counts.
    pub(super) fn of_list(patch: &[Node]) -> Result<Self, MergeError> {
        let Some(element) = patch.iter().find(|element| element.get(KEY).is_some()) else {
            return Ok(Self::None);
        };
        if element.entries().is_some_and(|entries| entries.len() > 1) {
            return Ok(Self::None);
        }
        element.get(KEY).map_or(Ok(Self::None), Self::parse)
    }

    /// Returns how the directive is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Merge => "merge",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }
}
