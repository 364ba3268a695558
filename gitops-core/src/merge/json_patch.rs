//! JSON patch (RFC 6902) as kustomize applies it: evanphx/json-patch v4 over the JSON of a document.
//!
//! Negative indexes count from the end, `replace` of a missing field adds it, and the whole document comes back as JSON
//! would: without comments, numbers in one form. Here the nodes stay, each with its place.

use gitops_yaml::{Dialect, Node, Place, Str};

use super::MergeError;
use super::json_form::{settle, value_of};

/// Operations to be applied to a document one after the other.
///
/// ```
/// use gitops_core::merge::JsonPatch;
/// use gitops_yaml::{Dialect, FileId, from_json};
/// let patch = from_json(r#"[{"op": "replace", "path": "/spec/replicas", "value": 3}]"#, FileId::NONE).unwrap();
/// let patch = JsonPatch::read(&patch, Dialect::Yaml11)?;
/// let mut document = from_json(r#"{"spec": {"replicas": 1}}"#, FileId::NONE).unwrap();
/// patch.apply(&mut document)?;
/// assert_eq!(document.at_path(&["spec", "replicas"]).and_then(|node| node.as_str()), Some("3"));
/// # Ok::<(), gitops_core::merge::MergeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct JsonPatch {
    operations: Vec<Operation>,
}

#[derive(Clone, Debug)]
struct Operation {
    op: Str,
    path: Option<Str>,
    from: Option<Str>,
    value: Option<Node>,
    place: Place,
}

impl JsonPatch {
    /// Reads a list of operations. The dialect is that of the document they were read from; scalars take the type they
    /// have in it.
    ///
    /// # Errors
    /// In encoding/json's words, when the document is no list of mappings.
    pub fn read(document: &Node, dialect: Dialect) -> Result<Self, MergeError> {
        if document.is_null() {
            return Ok(Self::default());
        }
        let Some(items) = document.items() else {
            let message = format!(
                "json: cannot unmarshal {} into Go value of type jsonpatch.Patch",
                json_name(document, dialect)
            );
            return Err(MergeError::new(message, document.place));
        };
        let operations = items.iter().map(|item| Operation::read(item, dialect)).collect::<Result<_, _>>()?;
        Ok(Self { operations })
    }

    /// Returns whether there is no operation.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Applies all operations. What they put into the document is bounded by 256 MiB: each `copy` may copy the copies before.
    ///
    /// # Errors
    /// In json-patch's words, with the place of the operation that does not apply. The document is then half changed.
    pub fn apply(&self, document: &mut Node) -> Result<(), MergeError> {
        self.apply_within(document, &mut { MOST_BYTES })
    }

    /// Applies all operations, and takes the bytes of what they put into the document, as [`Node::weight`] counts them, from
    /// `left`.
    ///
    /// # Errors
    /// As [`JsonPatch::apply`], and when nothing is left.
    pub fn apply_within(&self, document: &mut Node, left: &mut usize) -> Result<(), MergeError> {
        settle(document);
        for operation in &self.operations {
            operation.apply(document, left).map_err(|message| MergeError::new(message, operation.place))?;
        }
        Ok(())
    }
}

/// How many bytes a patch may put into a document.
const MOST_BYTES: usize = 256 << 20;

/// Takes the bytes of a value from what is left.
fn take(value: &Node, left: &mut usize) -> Result<(), String> {
    *left = left
        .checked_sub(value.weight())
        .ok_or("what the operations put into documents is over the limit of bytes")?;
    Ok(())
}

fn json_name(node: &Node, dialect: Dialect) -> &'static str {
    use gitops_yaml::Kind;
    match node.kind(dialect) {
        Kind::Mapping => "object",
        Kind::Sequence => "array",
        Kind::Bool(_) => "bool",
        Kind::Int(_) | Kind::Uint(_) | Kind::Float(_) => "number",
        _ => "string",
    }
}

impl Operation {
    fn read(item: &Node, dialect: Dialect) -> Result<Self, MergeError> {
        if !item.is_mapping() && !item.is_null() {
            let name = json_name(item, dialect);
            let message = format!("json: cannot unmarshal {name} into Go value of type jsonpatch.Operation");
            return Err(MergeError::new(message, item.place));
        }
        let text = |field: &str| {
            let value = item.get(field)?;
            (json_name(value, dialect) == "string" && !value.is_null()).then(|| value.scalar().cloned())?
        };
        Ok(Self {
            op: text("op").unwrap_or(Str::literal("unknown")),
            path: text("path"),
            from: text("from"),
            value: item.get("value").map(|value| value_of(value, dialect)),
            place: item.place,
        })
    }

    fn value(&self) -> Node {
        self.value.clone().unwrap_or_else(|| Node::null().at(self.place))
    }

    fn take_value(&self, left: &mut usize) -> Result<(), String> {
        self.value.as_ref().map_or(Ok(()), |value| take(value, left))
    }

    fn path(&self) -> Result<&str, String> {
        self.path.as_deref().ok_or_else(|| {
            let missing = "operation missing path field: missing value";
            match self.op.as_str() {
                "add" | "remove" | "copy" => {
                    format!("{} operation failed to decode path: missing value", self.op)
                }
                op => format!("{op} operation failed to decode path: {missing}"),
            }
        })
    }

    fn from(&self) -> Result<&str, String> {
        let missing = "operation, missing from field: missing value";
        self.from.as_deref().ok_or_else(|| format!("{} operation failed to decode from: {missing}", self.op))
    }

    fn apply(&self, document: &mut Node, left: &mut usize) -> Result<(), String> {
        match self.op.as_str() {
            "add" => {
                self.take_value(left)?;
                let path = self.path()?;
                let (container, key) = find(document, path).ok_or_else(|| {
                    format!("add operation does not apply: doc is missing path: \"{path}\": missing value")
                })?;
                add(container, &key, self.value())
                    .map_err(|why| format!("error in add for path: '{path}': {why}"))
            }
            "remove" => {
                let path = self.path()?;
                let (container, key) = find(document, path).ok_or_else(|| {
                    format!("remove operation does not apply: doc is missing path: \"{path}\": missing value")
                })?;
                remove(container, &key)
                    .map(|_| ())
                    .map_err(|why| format!("error in remove for path: '{path}': {why}"))
            }
            "replace" => {
                self.take_value(left)?;
                self.replace(document)
            }
            "move" => self.move_value(document),
            "copy" => self.copy_value(document, left),
            "test" => self.test(document),
            other => Err(format!("Unexpected kind: {other}")),
        }
    }

    fn replace(&self, document: &mut Node) -> Result<(), String> {
        let path = self.path()?;
        if path.is_empty() {
            let value = self.value();
            if value.is_scalar() {
                return Err("replace operation value must be object or array: %!w(<nil>)".to_owned());
            }
            *document = value;
            return Ok(());
        }
        let missing =
            |what| format!("replace operation does not apply: doc is missing {what}: {path}: missing value");
        let (container, key) = find(document, path).ok_or_else(|| missing("path"))?;
        match container.items_mut() {
            None => set(container, &key, self.value()),
            Some(items) => {
                let index = index(&key, items.len()).map_err(|_| missing("key"))?;
                *items.get_mut(index).ok_or_else(|| missing("key"))? = self.value();
            }
        }
        Ok(())
    }

    fn move_value(&self, document: &mut Node) -> Result<(), String> {
        let from = self.from()?;
        let (container, key) = find(document, from).ok_or_else(|| {
            format!("move operation does not apply: doc is missing from path: {from}: missing value")
        })?;
        let value =
            remove(container, &key).map_err(|why| format!("error in move for path: '{key}': {why}"))?;
        let path = self.path()?;
        let (container, key) = find(document, path).ok_or_else(|| {
            format!("move operation does not apply: doc is missing destination path: {path}: missing value")
        })?;
        add(container, &key, value).map_err(|why| format!("error in move for path: '{path}': {why}"))
    }

    fn copy_value(&self, document: &mut Node, left: &mut usize) -> Result<(), String> {
        let from = self.from()?;
        let (container, key) = find(document, from).ok_or_else(|| {
            format!("copy operation does not apply: doc is missing from path: {from}: missing value")
        })?;
        let found = get(container, &key).map_err(|why| format!("error in copy for from: '{from}': {why}"))?;
        let value = match found {
            Some(found) => {
                take(found, left)?;
                found.clone()
            }
            None => Node::null(),
        };
        let path = self.path()?;
        let (container, key) = find(document, path).ok_or_else(|| {
            format!("copy operation does not apply: doc is missing destination path: {path}: missing value")
        })?;
        add(container, &key, value).map_err(|why| format!("error while adding value during copy: {why}"))
    }

    fn test(&self, document: &mut Node) -> Result<(), String> {
        let path = self.path()?;
        let failed = || format!("testing value {path} failed: test failed");
        if path.is_empty() {
            return if is_equal(document, &self.value()) { Ok(()) } else { Err(failed()) };
        }
        let (container, key) = find(document, path).ok_or_else(|| {
            format!("test operation does not apply: is missing path: {path}: missing value")
        })?;
        let found = get(container, &key).map_err(|why| format!("error in test for path: '{path}': {why}"))?;
        let wanted = self.value.as_ref().filter(|value| !value.is_null());
        match (found.filter(|found| !found.is_null()), wanted) {
            (None, None) => Ok(()),
            (Some(found), Some(wanted)) if is_equal(found, wanted) => Ok(()),
            _ => Err(failed()),
        }
    }
}

/// Returns the collection that a pointer's last step is in, and that step; what stands before the first slash of a
/// pointer does not count.
fn find<'a>(document: &'a mut Node, path: &str) -> Option<(&'a mut Node, String)> {
    let (_, steps) = path.split_once('/')?;
    let (steps, key) = match steps.rsplit_once('/') {
        Some((steps, key)) => (Some(steps), key),
        None => (None, steps),
    };
    let mut node = document;
    for step in steps.into_iter().flat_map(|steps| steps.split('/')) {
        let step = decode(step);
        node = if node.is_sequence() {
            let items = node.items_mut()?;
            let index = index(&step, items.len()).ok()?;
            items.get_mut(index)?
        } else {
            node.get_mut(&step)?
        };
    }
    (!node.is_scalar()).then(|| (node, decode(key)))
}

fn decode(step: &str) -> String {
    if step.contains('~') { step.replace("~1", "/").replace("~0", "~") } else { step.to_owned() }
}

/// Reads an index that must exist; negative ones count from the end.
fn index(key: &str, length: usize) -> Result<usize, String> {
    let wanted = atoi(key)?;
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let found = if wanted < 0 { wanted.saturating_add(length) } else { wanted };
    match usize::try_from(found) {
        Ok(index) if found < length => Ok(index),
        _ => Err(invalid_index(wanted)),
    }
}

fn invalid_index(index: i64) -> String {
    format!("Unable to access invalid index: {index}: invalid index referenced")
}

fn atoi(key: &str) -> Result<i64, String> {
    key.parse().map_err(|_| format!("strconv.Atoi: parsing {key:?}: invalid syntax"))
}

fn get<'a>(container: &'a Node, key: &str) -> Result<Option<&'a Node>, String> {
    match container.items() {
        Some(items) => index(key, items.len()).map(|index| items.get(index)),
        None => Ok(container.get(key)),
    }
}

fn set(container: &mut Node, key: &str, value: Node) {
    container.set(key, value);
}

fn add(container: &mut Node, key: &str, value: Node) -> Result<(), String> {
    let Some(items) = container.items_mut() else {
        set(container, key, value);
        return Ok(());
    };
    if key == "-" {
        items.push(value);
        return Ok(());
    }
    let wanted = key.parse::<i64>().map_err(|_| {
        format!("value was not a proper array index: '{key}': strconv.Atoi: parsing {key:?}: invalid syntax")
    })?;
    // A negative index counts from behind the new item: -1 appends.
    let places = i64::try_from(items.len()).unwrap_or(i64::MAX).saturating_add(1);
    let found = if wanted < 0 { wanted.saturating_add(places) } else { wanted };
    match usize::try_from(found) {
        Ok(index) if found < places => {
            items.insert(index, value);
            Ok(())
        }
        _ => Err(invalid_index(wanted)),
    }
}

fn remove(container: &mut Node, key: &str) -> Result<Node, String> {
    match container.items_mut() {
        Some(items) => {
            let index = index(key, items.len())?;
            Ok(items.remove(index))
        }
        None => container
            .remove(key)
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value")),
    }
}

/// Compares values, not the order of keys.
fn is_equal(a: &Node, b: &Node) -> bool {
    use gitops_yaml::Kind;
    match (a.kind(Dialect::V3), b.kind(Dialect::V3)) {
        (Kind::Mapping, Kind::Mapping) => {
            let (a_entries, b_entries) = (a.entries().unwrap_or_default(), b.entries().unwrap_or_default());
            a_entries.len() == b_entries.len()
                && a_entries.iter().all(|entry| {
                    let other = entry.key.as_str().and_then(|key| b.get(key));
                    other.is_some_and(|other| is_equal(&entry.value, other))
                })
        }
        (Kind::Sequence, Kind::Sequence) => {
            let (a, b) = (a.items().unwrap_or_default(), b.items().unwrap_or_default());
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b))
        }
        (Kind::Str, Kind::Str) => a.as_str() == b.as_str(),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{FileId, from_json, to_json};

    #[track_caller]
    fn check(document: &str, patch: &str, wanted: &str) {
        let mut node = from_json(document, FileId::NONE).unwrap();
        let patch = from_json(patch, FileId::NONE).unwrap();
        let outcome = JsonPatch::read(&patch, Dialect::V3).and_then(|patch| patch.apply(&mut node));
        let got = match outcome {
            Ok(()) => to_json(&node, Dialect::V3).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, wanted);
    }

    #[test]
    fn adds_into_mappings_and_lists() {
        check(r#"{"a":[1,2]}"#, r#"[{"op":"add","path":"/a/-","value":3}]"#, r#"{"a":[1,2,3]}"#);
        check(r#"{"a":[1,2]}"#, r#"[{"op":"add","path":"/a/0","value":0}]"#, r#"{"a":[0,1,2]}"#);
        check(r#"{"a":[1,2]}"#, r#"[{"op":"add","path":"/a/-1","value":3}]"#, r#"{"a":[1,2,3]}"#);
        check(r#"{"a":{}}"#, r#"[{"op":"add","path":"/a/x~1y~0","value":null}]"#, r#"{"a":{"x/y~":null}}"#);
        check(
            r#"{"a":[1]}"#,
            r#"[{"op":"add","path":"/a/5","value":3}]"#,
            "error in add for path: '/a/5': Unable to access invalid index: 5: invalid index referenced",
        );
        check(
            "{}",
            r#"[{"op":"add","path":"/a/b","value":3}]"#,
            "add operation does not apply: doc is missing path: \"/a/b\": missing value",
        );
    }

    #[test]
    fn removes_and_replaces() {
        check(r#"{"a":[1,2]}"#, r#"[{"op":"remove","path":"/a/-1"}]"#, r#"{"a":[1]}"#);
        check(r#"{"a":1}"#, r#"[{"op":"replace","path":"/b","value":2}]"#, r#"{"a":1,"b":2}"#);
        check(
            r#"{"a":1}"#,
            r#"[{"op":"remove","path":"/b"}]"#,
            "error in remove for path: '/b': Unable to remove nonexistent key: b: missing value",
        );
        check(
            r#"{"a":[]}"#,
            r#"[{"op":"replace","path":"/a/0","value":2}]"#,
            "replace operation does not apply: doc is missing key: /a/0: missing value",
        );
    }

    #[test]
    fn moves_copies_and_tests() {
        check(r#"{"a":1}"#, r#"[{"op":"move","from":"/a","path":"/b"}]"#, r#"{"b":1}"#);
        check(r#"{"a":[1]}"#, r#"[{"op":"copy","from":"/a/0","path":"/b"}]"#, r#"{"a":[1],"b":1}"#);
        check(
            r#"{"a":{"x":1,"y":"2"}}"#,
            r#"[{"op":"test","path":"/a","value":{"y":"2","x":1}},{"op":"remove","path":"/a"}]"#,
            "{}",
        );
        check(
            r#"{"a":1}"#,
            r#"[{"op":"test","path":"/a","value":"1"}]"#,
            "testing value /a failed: test failed",
        );
        check("{}", r#"[{"op":"drop","path":"/a"}]"#, "Unexpected kind: drop");
        check("{}", r#"{"op":"add"}"#, "json: cannot unmarshal object into Go value of type jsonpatch.Patch");
    }
}
