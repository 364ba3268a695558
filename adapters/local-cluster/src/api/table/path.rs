//! The paths of printer columns: `.status.conditions[?(@.type=="Ready")].status`.

use crate::value::Value;

/// Returns the first value at a path.
pub(super) fn find(value: &Value, path: &str) -> Option<Value> {
    let path = path.trim().trim_start_matches('{').trim_end_matches('}').trim_start_matches('$');
    walk(value, path).cloned()
}

fn walk<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some(rest) = path.strip_prefix('.') {
        // A dot in a name is escaped: `.metadata.labels.app\.kubernetes\.io/name`.
        let mut name = String::new();
        let mut chars = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.extend(chars.next().map(|(_, c)| c)),
                '.' | '[' => {
                    end = at;
                    break;
                }
                c => name.push(c),
            }
        }
        return if name.is_empty() {
            walk(value, &rest[end..])
        } else {
            walk(value.get(&name)?, &rest[end..])
        };
    }
    let inner = path.strip_prefix('[')?;
    let close = closing(inner)?;
    let (inside, rest) = (inner[..close].trim(), &inner[close + 1..]);
    if let Some(test) = inside.strip_prefix("?(").and_then(|test| test.strip_suffix(')')) {
        let (field, wanted) = test.split_once("==")?;
        let field = field.trim().strip_prefix('@')?;
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        return value.as_list()?.iter().find_map(|item| {
            let found = walk(item, field)?;
            let same = found.as_str() == Some(wanted) || found.to_json() == wanted;
            if same { walk(item, rest) } else { None }
        });
    }
    if inside == "*" {
        return value.as_list()?.iter().find_map(|item| walk(item, rest));
    }
    if let Some(name) = inside.strip_prefix(['"', '\'']) {
        return walk(value.get(name.trim_end_matches(['"', '\'']))?, rest);
    }
    let items = value.as_list()?;
    let index: i64 = inside.parse().ok()?;
    let index = if index < 0 {
        items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(index).ok()?
    };
    walk(items.get(index)?, rest)
}

/// The bracket that closes, past those within.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 0 => return Some(at),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_columns_are_followed() {
        let value = Value::from_json(
            br#"{"a":{"b.c":[1,2]},"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#,
        )
        .unwrap();
        let found = |path| find(&value, path).map(|value| value.to_json()).unwrap_or_default();
        assert_eq!(found(r#".status.conditions[?(@.type=="Ready")].status"#), "\"True\"");
        assert_eq!(found(r".a.b\.c[-1]"), "2");
        assert_eq!(found(".a['b.c'][0]"), "1");
        assert_eq!(found(".missing.x"), "");
        assert_eq!(found(".a["), "");
    }
}
