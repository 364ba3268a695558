//! RFC 6902, with the API server's words.

use crate::failure::Failure;
use crate::value::Value;
use gitops_yaml::Str;

/// More operations than this are refused.
const MOST: usize = 10_000;

/// Applies a JSON patch.
pub(crate) fn json(target: &mut Value, operations: &Value) -> Result<(), Failure> {
    let Value::List(operations) = operations else {
        return Err(Failure::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        ));
    };
    if operations.len() > MOST {
        let message =
            format!("The allowed maximum operations in a JSON patch is {MOST}, got {}", operations.len());
        return Err(Failure::new(413, "RequestEntityTooLarge", message));
    }
    for operation in operations {
        one(target, operation).map_err(|why| {
            // The server says nothing of the object it patched.
            Failure::new(
                422,
                "Invalid",
                format!("the server rejected our request due to an error in our request: {why}"),
            )
            .unworded()
        })?;
    }
    Ok(())
}

impl Failure {
    fn unworded(mut self) -> Self {
        "the server rejected our request due to an error in our request".clone_into(&mut self.message);
        self.details = Some(crate::failure::Details::default());
        self
    }
}

fn one(target: &mut Value, operation: &Value) -> Result<(), String> {
    let path = operation.text_at(&["path"]).to_owned();
    let value = || operation.get("value").cloned().ok_or_else(|| "missing value".to_owned());
    match operation.text_at(&["op"]) {
        "add" => add(target, &path, value()?),
        "remove" => remove(target, &path).map(drop),
        "replace" => {
            if find(target, &path).is_none() {
                return Err(format!("replace operation does not apply: doc is missing key: {path}"));
            }
            let value = value()?;
            match find_mut(target, &path) {
                Some(found) => *found = value,
                None => return Err("missing path".to_owned()),
            }
            Ok(())
        }
        "move" => {
            let from = operation.text_at(&["from"]).to_owned();
            let value = remove(target, &from)?;
            add(target, &path, value)
        }
        "copy" => {
            let from = operation.text_at(&["from"]);
            let value = find(target, from).cloned().ok_or("copy operation does not apply")?;
            add(target, &path, value)
        }
        "test" => {
            let found = find(target, &path).cloned().unwrap_or_default();
            let wanted = operation.get("value").cloned().unwrap_or_default();
            if found == wanted { Ok(()) } else { Err(format!("testing value {path} failed")) }
        }
        other => Err(format!("unexpected kind: {other}")),
    }
}

fn steps(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

fn find<'a>(target: &'a Value, path: &str) -> Option<&'a Value> {
    steps(path).iter().try_fold(target, |value, step| match value {
        Value::Map(map) => map.get(step),
        Value::List(items) => items.get(index(step, items.len())?),
        _ => None,
    })
}

fn find_mut<'a>(target: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    descend(target, &steps(path))
}

fn descend<'a>(target: &'a mut Value, steps: &[String]) -> Option<&'a mut Value> {
    steps.iter().try_fold(target, |value, step| match value {
        Value::Map(map) => map.get_mut(step),
        Value::List(items) => {
            let index = index(step, items.len())?;
            items.get_mut(index)
        }
        _ => None,
    })
}

/// Negative indices count from the end.
fn index(step: &str, length: usize) -> Option<usize> {
    let number: i64 = step.parse().ok()?;
    if number < 0 {
        length.checked_sub(usize::try_from(number.unsigned_abs()).ok()?)
    } else {
        usize::try_from(number).ok()
    }
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let steps = steps(path);
    let Some((last, parents)) = steps.split_last() else {
        *target = value;
        return Ok(());
    };
    let parent = descend(target, parents).ok_or_else(|| {
        format!("add operation does not apply: doc is missing path: {path:?}: missing value")
    })?;
    match parent {
        Value::Map(map) => {
            map.insert(Str::from(last), value);
            Ok(())
        }
        Value::List(items) if last == "-" => {
            items.push(value);
            Ok(())
        }
        Value::List(items) => {
            let at = index(last, items.len() + 1).filter(|at| *at <= items.len());
            let at = at.ok_or_else(|| format!("Unable to access invalid index: {last}"))?;
            items.insert(at, value);
            Ok(())
        }
        _ => Err("missing path".to_owned()),
    }
}

fn remove(target: &mut Value, path: &str) -> Result<Value, String> {
    let steps = steps(path);
    let missing = || format!("remove operation does not apply: doc is missing path: {path:?}: missing value");
    let (last, parents) = steps.split_last().ok_or_else(missing)?;
    match descend(target, parents).ok_or_else(missing)? {
        Value::Map(map) => map.remove(last).ok_or_else(missing),
        Value::List(items) => {
            let at = index(last, items.len()).filter(|at| *at < items.len()).ok_or_else(missing)?;
            Ok(items.remove(at))
        }
        _ => Err(missing()),
    }
}
