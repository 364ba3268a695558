//! Variables, `$(NAME)`: the older way to carry a value from one resource to another.

use std::collections::{BTreeMap, BTreeSet};

use gitops_yaml::{Dialect, Kind, Node, Str, go_float};

use crate::build::Budget;
use crate::error::{Error, ErrorKind};
use crate::field_spec::{FieldSpec, NewField};
use crate::id::{Gvk, ResourceId};
use crate::kustomization::Var;
use crate::resource_map::ResourceMap;

/// The variables that were declared, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct VarSet {
    vars: BTreeMap<Str, Var>,
}

impl VarSet {
    /// Adds variables.
    ///
    /// # Errors
    /// When a name is taken.
    pub(crate) fn merge(&mut self, vars: impl IntoIterator<Item = Var>) -> Result<(), Error> {
        for mut var in vars {
            if self.vars.contains_key(&var.name) {
                let message = format!("var '{}' already encountered", var.name);
                return Err(Error::new(ErrorKind::Kustomization, message));
            }
            if var.fieldref.field_path.is_empty() {
                var.fieldref.field_path = Str::literal("metadata.name");
            }
            self.vars.insert(var.name.clone(), var);
        }
        Ok(())
    }

    pub(crate) fn into_vars(self) -> impl Iterator<Item = Var> {
        self.vars.into_values()
    }

    /// Replaces the variables in all fields that may hold them; returns a warning about those that nobody used.
    ///
    /// # Errors
    /// When a variable's value is not found, or a field is no place for one.
    pub(crate) fn resolve(
        &self,
        resources: &mut ResourceMap,
        fields: &[FieldSpec],
        budget: &Budget,
    ) -> Result<Option<String>, Error> {
        if self.vars.is_empty() {
            return Ok(None);
        }
        let mut values = BTreeMap::new();
        for var in self.vars.values() {
            values.insert(var.name.clone(), value_of(var, resources)?);
        }
        let mut used = BTreeSet::new();
        for resource in resources.iter_mut() {
            let gvk = resource.gvk();
            for field in fields.iter().filter(|field| field.selects(&gvk)) {
                let mut replace = |node: &mut Node| {
                    replace_in(node, &values, &mut used)?;
                    budget.take(node.weight())
                };
                field.visit(&mut resource.node, NewField::None, &mut replace).map_err(|error| {
                    error.within(format!(
                        "considering field '{}' of object {gvk}/{}",
                        field.path,
                        resource.name()
                    ))
                })?;
            }
        }
        let unused: Vec<_> = values.keys().filter(|name| !used.contains(*name)).map(Str::as_str).collect();
        let warning = format!("well-defined vars that were never replaced: {}", unused.join(","));
        Ok((!unused.is_empty()).then_some(warning))
    }
}

/// Notes on resources which variables read from them.
///
/// # Errors
/// When a variable could mean several.
pub(crate) fn mark_sources(vars: &[Var], resources: &mut ResourceMap) -> Result<(), Error> {
    for var in vars {
        let wanted = target_id(var, resources);
        let found = if wanted.namespace.is_empty() && !wanted.cluster_scoped {
            // No namespace means any.
            let matches = |id: &ResourceId| id.same_except_namespace(&wanted);
            let is_target = |position: &usize| {
                resources.get(*position).is_some_and(|resource| {
                    !resource.is_empty()
                        && (matches(&resources.current_id(resource))
                            || resources.previous_ids(resource).any(|id| matches(&id)))
                })
            };
            (0..resources.len()).filter(is_target).collect()
        } else {
            resources.with_any_id(&wanted)
        };
        match found[..] {
            [] => {}
            [position] => {
                if let Some(resource) = resources.get_mut(position) {
                    resource.history.variables.push(var.name.clone());
                }
            }
            _ => {
                let message = format!(
                    "found {} resId matches for var {} (unable to disambiguate)",
                    found.len(),
                    describe(var)
                );
                return Err(Error::new(ErrorKind::Kustomization, message));
            }
        }
    }
    Ok(())
}

fn target_gvk(var: &Var) -> Gvk {
    let target = &var.objref;
    let mut gvk = Gvk::new(target.group.clone(), target.version.clone(), target.kind.clone());
    match target.api_version.split('/').collect::<Vec<_>>()[..] {
        [""] => {}
        [version] => gvk.version = version.into(),
        [group, version] => (gvk.group, gvk.version) = (group.into(), version.into()),
        _ => {}
    }
    gvk
}

fn target_id(var: &Var, resources: &ResourceMap) -> ResourceId {
    let gvk = target_gvk(var);
    let cluster_scoped = resources.scopes().is_cluster_scoped(&gvk);
    ResourceId { gvk, name: var.objref.name.clone(), namespace: var.objref.namespace.clone(), cluster_scoped }
}

fn describe(var: &Var) -> String {
    let field = &var.fieldref.field_path;
    format!("{{{} {} {{{field}}}}}", var.name, target_gvk(var))
}

fn value_of(var: &Var, resources: &ResourceMap) -> Result<Node, Error> {
    let source = resources.iter().find(|resource| resource.history.variables.contains(&var.name));
    let Some(source) = source else {
        let message =
            format!("var '{}' cannot be mapped to a field in the set of known resources", describe(var));
        return Err(Error::new(ErrorKind::Kustomization, message));
    };
    let field = lookup(&source.node, &var.fieldref.field_path);
    field.cloned().ok_or_else(|| {
        let message =
            format!("field specified in var '{}' not found in corresponding resource", describe(var));
        Error::new(ErrorKind::Kustomization, message).at(source.place())
    })
}

/// Finds a field by a path such as `spec.ports[0].port` or `metadata.annotations.a\.b`.
fn lookup<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    let mut node = node;
    for step in split_dots(path) {
        let (name, indexes) = match step.split_once('[') {
            Some((name, rest)) if rest.ends_with(']') => (name, Some(rest.trim_end_matches(']'))),
            _ => (step.as_str(), None),
        };
        if !name.is_empty() {
            node = match (node.items(), name.parse::<usize>()) {
                (Some(items), Ok(index)) => items.get(index)?,
                _ => node.get(name)?,
            };
        }
        for index in indexes.into_iter().flat_map(|indexes| indexes.split("][")) {
            node = match index.parse::<usize>() {
                Ok(index) => node.items()?.get(index)?,
                Err(_) => node.get(index)?,
            };
        }
    }
    Some(node)
}

/// Splits at dots outside of brackets; `\.` is a dot in a step.
fn split_dots(path: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let (mut escaped, mut depth) = (false, 0u32);
    for c in path.chars() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '.' if !escaped && depth == 0 => {
                steps.push(String::new());
                continue;
            }
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = false;
        if let Some(step) = steps.last_mut() {
            step.push(c);
        }
    }
    steps
}

fn replace_in(node: &mut Node, values: &BTreeMap<Str, Node>, used: &mut BTreeSet<Str>) -> Result<(), Error> {
    if node.is_null() {
        return Ok(());
    }
    if let Some(items) = node.items_mut() {
        for item in items {
            if !item.is_scalar() {
                let message = "invalid value type expect a string";
                return Err(Error::new(ErrorKind::Transform, message).at(item.place));
            }
            replace_text(item, values, used);
        }
        return Ok(());
    }
    if let Some(entries) = node.entries_mut() {
        for entry in entries {
            if !entry.value.is_scalar() || entry.value.is_null() {
                continue;
            }
            replace_text(&mut entry.value, values, used);
        }
        return Ok(());
    }
    replace_text(node, values, used);
    Ok(())
}

fn replace_text(node: &mut Node, values: &BTreeMap<Str, Node>, used: &mut BTreeSet<Str>) {
    if node.kind(Dialect::V3) != Kind::Str {
        return;
    }
    let Some(text) = node.scalar().cloned() else { return };
    if !text.contains('$') {
        return;
    }
    match expand(&text, values, used) {
        Expanded::Text(new) if new == text.as_str() => {}
        Expanded::Text(new) => *node = Node::string(new).styled(node.style).at(node.place),
        Expanded::Value(value) => {
            // A string takes over the style, and without quotes stays one by its tag: an empty one would be null.
            *node = match value.scalar() {
                Some(text) if value.kind(Dialect::V3) == Kind::Str => {
                    Node::string(text.clone()).styled(node.style).at(node.place)
                }
                _ => value.at(node.place),
            };
        }
    }
}

enum Expanded {
    Text(String),
    /// The text was one variable and nothing else, whose value keeps its type.
    Value(Node),
}

fn expand(text: &str, values: &BTreeMap<Str, Node>, used: &mut BTreeSet<Str>) -> Expanded {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        expanded.push_str(before);
        let after = &after[1..];
        if after.is_empty() {
            expanded.push('$');
            rest = "";
        } else if let Some(escaped) = after.strip_prefix('$') {
            expanded.push('$');
            rest = escaped;
        } else if let Some(inner) = after.strip_prefix('(') {
            let Some((name, behind)) = inner.split_once(')') else {
                expanded.push_str("$(");
                rest = inner;
                continue;
            };
            let value = values.get(name).filter(|value| is_primitive(value));
            if let Some(value) = value {
                used.insert(name.into());
                if text.len() == name.len() + 3 {
                    return Expanded::Value(value.clone());
                }
                expanded.push_str(&as_text(value));
            } else {
                expanded.push_str(&format!("$({name})"));
            }
            rest = behind;
        } else {
            expanded.push('$');
            rest = after;
        }
    }
    expanded.push_str(rest);
    Expanded::Text(expanded)
}

fn is_primitive(value: &Node) -> bool {
    matches!(
        value.kind(Dialect::V3),
        Kind::Str | Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) | Kind::Timestamp
    )
}

/// Returns a value as Go's `%v` prints it.
fn as_text(value: &Node) -> String {
    match value.kind(Dialect::V3) {
        Kind::Int(value) => value.to_string(),
        Kind::Bool(value) => value.to_string(),
        Kind::Float(value) => go_float(value),
        _ => value.as_str().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let values = BTreeMap::from([("A".into(), Node::string("x")), ("N".into(), Node::int(8))]);
        let expanded = match expand(text, &values, &mut BTreeSet::new()) {
            Expanded::Text(text) => text,
            Expanded::Value(value) => format!("{:?}", value.kind(Dialect::V3)),
        };
        assert_eq!(expanded, wanted, "{text}");
    }

    #[test]
    fn variables_are_expanded_as_upstream_does() {
        check("$(A)-$(N)", "x-8");
        check("$(N)", "Int(8)");
        check("$$(A)", "$(A)");
        check("$(B)", "$(B)");
        check("$(A", "$(A");
        check("a$", "a$");
        check("$x$(A)", "$xx");
    }

    #[test]
    fn strings_stay_strings_without_their_quotes() {
        for text in ["", "12", "true"] {
            let values =
                BTreeMap::from([("A".into(), Node::plain(text).styled(gitops_yaml::Style::DoubleQuoted))]);
            let mut node = Node::plain("$(A)");
            replace_text(&mut node, &values, &mut BTreeSet::new());
            assert_eq!((node.as_str(), node.kind(Dialect::V3)), (Some(text), Kind::Str));
        }
    }

    #[test]
    fn dots_and_brackets_make_steps() {
        assert_eq!(split_dots(r"metadata.annotations.a\.b"), ["metadata", "annotations", "a.b"]);
        assert_eq!(split_dots("a.b[c.d]"), ["a", "b[c.d]"]);
    }
}
