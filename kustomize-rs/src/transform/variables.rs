//! Expands `$(NAME)`, the variables before replacements.

use std::collections::{BTreeMap, BTreeSet};

use gitops_yaml::{Dialect, Kind, Node, Str, Style};

use super::set::for_each_field;
use crate::error::{Error, ErrorKind};
use crate::field_spec::{FieldSpec, NewField};
use crate::resource_map::ResourceMap;

/// The values of variables, and the fields in which they are expanded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    /// Scalars by the variables' names.
    pub(crate) values: BTreeMap<Str, Node>,
    pub(crate) fields: Vec<FieldSpec>,
}

impl Variables {
    /// Expands variables in all resources; returns the names of those that were not used.
    ///
    /// # Errors
    /// When a list on the way holds something else than strings, or a mapping keys that are none.
    pub(crate) fn expand(&self, resources: &mut ResourceMap) -> Result<Vec<Str>, Error> {
        let mut used = BTreeSet::new();
        for resource in resources.iter_mut() {
            for_each_field(resource, &self.fields, NewField::None, &mut |node| self.set(node, &mut used))?;
        }
        Ok(self.values.keys().filter(|name| !used.contains(*name)).cloned().collect())
    }

    fn set(&self, node: &mut Node, used: &mut BTreeSet<Str>) -> Result<(), Error> {
        let failed = |message: String, node: &Node| Error::new(ErrorKind::Transform, message).at(node.place);
        if node.is_null() {
            return Ok(());
        }
        if let Some(items) = node.items_mut() {
            for item in items {
                if !is_string(item) {
                    return Err(failed("invalid value type expect a string".to_owned(), item));
                }
                self.set_string(item, used);
            }
        } else if let Some(entries) = node.entries_mut() {
            for entry in entries {
                if !is_string(&entry.key) {
                    let tag = entry.key.kind(Dialect::V3).tag();
                    let text = entry.key.as_str().unwrap_or_default();
                    return Err(failed(format!("invalid map key: value='{text}', tag='{tag}'"), &entry.key));
                }
                if is_string(&entry.value) {
                    self.set_string(&mut entry.value, used);
                }
            }
        } else if is_string(node) {
            self.set_string(node, used);
        }
        Ok(())
    }

    fn set_string(&self, node: &mut Node, used: &mut BTreeSet<Str>) {
        let text = node.scalar().cloned().unwrap_or_default();
        let place = node.place;
        let expanded = match self.alone(&text) {
            Some((name, value)) => {
                used.insert(name.clone());
                typed(value)
            }
            None => Node::string(self.expand_text(&text, used)),
        };
        *node = expanded.at(place);
    }

    /// Returns the variable that a text is nothing but a reference to; its value keeps its type.
    fn alone(&self, text: &str) -> Option<(&Str, &Node)> {
        self.values.get_key_value(text.strip_prefix("$(")?.strip_suffix(')')?)
    }

    fn expand_text(&self, text: &str, used: &mut BTreeSet<Str>) -> String {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            expanded.push_str(&rest[..dollar]);
            let after = &rest[dollar + 1..];
            rest = match after.chars().next() {
                None => {
                    expanded.push('$');
                    after
                }
                // A doubled dollar stands for one.
                Some('$') => {
                    expanded.push('$');
                    &after[1..]
                }
                Some('(') => match after.find(')') {
                    Some(close) => {
                        let name = &after[1..close];
                        match self.values.get_key_value(name) {
                            Some((name, value)) => {
                                used.insert(name.clone());
                                expanded.push_str(&plain_text(value));
                            }
                            None => {
                                expanded.push_str("$(");
                                expanded.push_str(name);
                                expanded.push(')');
                            }
                        }
                        &after[close + 1..]
                    }
                    None => {
                        expanded.push_str("$(");
                        &after[1..]
                    }
                },
                Some(_) => {
                    expanded.push('$');
                    after
                }
            };
        }
        expanded.push_str(rest);
        expanded
    }
}

fn is_string(node: &Node) -> bool {
    node.is_scalar() && node.kind(Dialect::V3) == Kind::Str
}

/// Returns a value as a node of its own type, however it was written.
fn typed(value: &Node) -> Node {
    match value.kind(Dialect::V3) {
        Kind::Int(number) => Node::int(number),
        Kind::Bool(truth) => Node::bool(truth),
        Kind::Float(number) => Node::plain(decimal(number)),
        _ => Node::string(value.scalar().cloned().unwrap_or_default()).styled(Style::Default),
    }
}

/// Prints a value in the middle of a text, as Go's `%v` does.
fn plain_text(value: &Node) -> Str {
    match value.kind(Dialect::V3) {
        Kind::Int(number) => number.to_string().into(),
        Kind::Bool(truth) => truth.to_string().into(),
        Kind::Float(number) => gitops_yaml::go_float(number).into(),
        _ => value.scalar().cloned().unwrap_or_default(),
    }
}

/// Prints a float without an exponent.
fn decimal(number: f64) -> String {
    format!("{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Node) {
        let values = [("HOST", Node::plain("db")), ("PORT", Node::plain("80"))];
        let values = values.into_iter().map(|(name, value)| (Str::from(name), value)).collect();
        let variables = Variables { values, fields: Vec::new() };
        let mut node = Node::plain(text);
        variables.set_string(&mut node, &mut BTreeSet::new());
        assert_eq!((node.as_str(), node.kind(Dialect::V3)), (wanted.as_str(), wanted.kind(Dialect::V3)));
    }

    #[test]
    fn variables_expand_in_the_middle_of_texts_and_keep_their_type_alone() {
        check("http://$(HOST):$(PORT)/", Node::string("http://db:80/"));
        check("$(PORT)", Node::int(80));
        check("$(HOST)", Node::string("db"));
    }

    #[test]
    fn unknown_names_escapes_and_loose_dollars_stay() {
        check("$(GONE) $(HOST)", Node::string("$(GONE) db"));
        check("$$(HOST)", Node::string("$(HOST)"));
        check("a $ b $", Node::string("a $ b $"));
        check("$(HOST", Node::string("$(HOST"));
    }
}
