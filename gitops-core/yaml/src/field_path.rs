//! Paths to a field, as users write them and as errors show them: `spec.containers[name=app].image`.

use std::fmt;

use crate::{Error, ErrorKind, Node, Place, Str};

/// The way from a node to one within it.
///
/// ```
/// use gitops_yaml::{FieldPath, FieldStep};
/// let path = FieldPath::parse("spec.containers.[name=app].ports[0]").unwrap();
/// assert_eq!(path.to_string(), "spec.containers[name=app].ports[0]");
/// assert_eq!(path.steps()[3], FieldStep::key("ports"));
/// let slashed = FieldPath::parse_slashed("metadata/annotations/example.com\\/owner").unwrap();
/// assert_eq!(slashed.to_string(), r"metadata.annotations.example\.com/owner");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<FieldStep>);

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldStep {
    /// A mapping's value. In a path that a user wrote, a number may also mean an item.
    Key(Str),
    /// The item of a sequence at this index, counted from 0.
    Index(usize),
    /// The first item of a sequence whose field `key` is `value`; with an empty key, the first scalar `value`.
    Item {
        /// The field that tells items apart, such as `name`.
        key: Str,
        /// Its value.
        value: Str,
    },
    /// Every item or value: `*`.
    All,
}

impl FieldStep {
    /// Makes the step to a mapping's value.
    #[must_use]
    pub fn key(key: impl Into<Str>) -> Self {
        Self::Key(key.into())
    }
}

impl FieldPath {
    /// Reads a path with dots between its parts.
    ///
    /// A part is a key, `*`, or in brackets an index or `key=value`; brackets may follow a key or stand alone, and keep
    /// the dots within. `\` takes the meaning from a dot, a bracket and itself.
    ///
    /// # Errors
    /// When a bracket is not closed.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_with(text, '.')
    }

    /// Reads a path with slashes between its parts, as kustomize's field specs are written; otherwise as
    /// [`FieldPath::parse`].
    ///
    /// # Errors
    /// When a bracket is not closed.
    pub fn parse_slashed(text: &str) -> Result<Self, Error> {
        Self::parse_with(text, '/')
    }

    fn parse_with(text: &str, delimiter: char) -> Result<Self, Error> {
        let mut steps = Vec::new();
        let mut key = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.peek() {
                    Some(&escaped)
                        if escaped == delimiter || matches!(escaped, '\\' | '[' | ']' | '.' | '/') =>
                    {
                        key.push(escaped);
                        chars.next();
                    }
                    _ => key.push('\\'),
                },
                '[' => {
                    let mut inside = String::new();
                    let mut closed = false;
                    for c in chars.by_ref() {
                        if c == ']' {
                            closed = true;
                            break;
                        }
                        inside.push(c);
                    }
                    if !closed {
                        let message = format!("invalid field path '{text}': a bracket is not closed");
                        return Err(Error::new(ErrorKind::Path, Place::NONE, message));
                    }
                    end_key(&mut steps, &mut key);
                    steps.extend(bracket(&inside));
                }
                c if c == delimiter => end_key(&mut steps, &mut key),
                c => key.push(c),
            }
        }
        end_key(&mut steps, &mut key);
        Ok(Self(steps))
    }

    /// Returns the steps.
    #[must_use]
    pub fn steps(&self) -> &[FieldStep] {
        &self.0
    }

    /// Returns whether the path leads nowhere but to its start.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a step.
    pub fn push(&mut self, step: FieldStep) {
        self.0.push(step);
    }

    /// Removes the last step.
    pub fn pop(&mut self) -> Option<FieldStep> {
        self.0.pop()
    }

    /// Returns the path with a mapping's key appended.
    #[must_use]
    pub fn key(mut self, key: impl Into<Str>) -> Self {
        self.0.push(FieldStep::Key(key.into()));
        self
    }

    /// Returns the path with an item's index appended.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(FieldStep::Index(index));
        self
    }

    /// Returns the node that the path leads to; where there are several, the first.
    #[must_use]
    pub fn find<'n>(&self, node: &'n Node) -> Option<&'n Node> {
        self.find_all(node).into_iter().next()
    }

    /// Returns all nodes that the path leads to, in the order of the text.
    #[must_use]
    pub fn find_all<'n>(&self, node: &'n Node) -> Vec<&'n Node> {
        let mut found = vec![node];
        for step in &self.0 {
            found = found.into_iter().flat_map(|node| step.of(node)).collect();
        }
        found
    }

    /// Returns the node that the path leads to, to change; where there are several, the first.
    #[must_use]
    pub fn find_mut<'n>(&self, node: &'n mut Node) -> Option<&'n mut Node> {
        self.0.iter().try_fold(node, |node, step| {
            let index = step.position(node)?;
            if node.is_mapping() {
                node.entries_mut()?.get_mut(index).map(|entry| &mut entry.value)
            } else {
                node.items_mut()?.get_mut(index)
            }
        })
    }
}

impl FieldStep {
    /// Returns the nodes that the step leads to.
    fn of<'n>(&self, node: &'n Node) -> Vec<&'n Node> {
        let values = || match (node.entries(), node.items()) {
            (Some(entries), _) => entries.iter().map(|entry| &entry.value).collect(),
            (_, Some(items)) => items.iter().collect(),
            _ => Vec::new(),
        };
        match self {
            Self::All => values(),
            _ => self.position(node).and_then(|index| values().into_iter().nth(index)).into_iter().collect(),
        }
    }

    /// Returns the index of the first entry or item that the step leads to.
    fn position(&self, node: &Node) -> Option<usize> {
        match (self, node.entries(), node.items()) {
            (Self::Key(key), Some(entries), _) => {
                entries.iter().position(|entry| entry.key.as_str() == Some(key.as_str()))
            }
            (Self::Key(key), _, Some(items)) if key == "-" => items.len().checked_sub(1),
            (Self::Key(key), _, Some(_)) => key.parse().ok(),
            (Self::Index(index), _, Some(_)) => Some(*index),
            (Self::Item { key, value }, _, Some(items)) => items.iter().position(|item| {
                let item = if key.is_empty() { Some(item) } else { item.get(key) };
                item.and_then(Node::as_str) == Some(value.as_str())
            }),
            (Self::All, Some(entries), _) if !entries.is_empty() => Some(0),
            (Self::All, _, Some(items)) if !items.is_empty() => Some(0),
            _ => None,
        }
    }
}

fn end_key(steps: &mut Vec<FieldStep>, key: &mut String) {
    match std::mem::take(key).as_str() {
        "" => {}
        "*" => steps.push(FieldStep::All),
        key => steps.push(FieldStep::key(key)),
    }
}

/// Reads what stands between brackets; nothing there means nothing more, as in kustomize's `containers[]`.
fn bracket(inside: &str) -> Option<FieldStep> {
    if inside.is_empty() {
        return None;
    }
    if inside == "*" {
        return Some(FieldStep::All);
    }
    if let Some((key, value)) = inside.split_once('=') {
        return Some(FieldStep::Item { key: key.into(), value: value.into() });
    }
    Some(inside.parse().map_or_else(|_| FieldStep::key(inside), FieldStep::Index))
}

impl FromIterator<FieldStep> for FieldPath {
    fn from_iter<I: IntoIterator<Item = FieldStep>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                FieldStep::Index(index) => write!(f, "[{index}]")?,
                FieldStep::Item { key, value } => write!(f, "[{key}={value}]")?,
                FieldStep::Key(_) | FieldStep::All if at > 0 => f.write_str(".")?,
                _ => {}
            }
            match step {
                FieldStep::Key(key) => {
                    for c in key.chars() {
                        if matches!(c, '.' | '[' | ']' | '\\') {
                            f.write_str("\\")?;
                        }
                        fmt::Write::write_char(f, c)?;
                    }
                }
                FieldStep::All => f.write_str("*")?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileId;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(FieldPath::parse(text).unwrap().to_string(), shown);
        assert_eq!(FieldPath::parse(shown).unwrap().to_string(), shown, "read again");
    }

    #[test]
    fn paths_are_shown_in_one_form() {
        check(
            "spec.template.spec.containers[name=a.b].image",
            "spec.template.spec.containers[name=a.b].image",
        );
        check("a.[0].b", "a[0].b");
        check(
            r"metadata.annotations.config\.kubernetes\.io/x",
            r"metadata.annotations.config\.kubernetes\.io/x",
        );
        check("metadata.annotations[a]", "metadata.annotations.a");
        check("spec.*.b", "spec.*.b");
        assert!(FieldPath::parse("a[b").is_err());
    }

    #[test]
    fn finds_by_name_index_and_star() {
        let text = r#"{"c":[{"name":"a","v":1},{"name":"b","v":2}]}"#;
        let mut node = crate::from_json(text, FileId::NONE).unwrap();
        let find = |path: &str| -> Vec<String> {
            let path = FieldPath::parse(path).unwrap();
            path.find_all(&node).iter().filter_map(|node| node.as_str()).map(str::to_owned).collect()
        };
        assert_eq!(find("c[name=b].v"), ["2"]);
        assert_eq!(find("c.0.v"), ["1"]);
        assert_eq!(find("c.*.v"), ["1", "2"]);
        assert_eq!(find("c.-.name"), ["b"]);
        assert!(find("c[name=x].v").is_empty());
        *FieldPath::parse("c[1].v").unwrap().find_mut(&mut node).unwrap() = Node::int(7);
        assert_eq!(FieldPath::parse("c[1].v").unwrap().find(&node).unwrap().as_str(), Some("7"));
    }
}
