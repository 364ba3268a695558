//! Merges one map into another as mergo does beneath sprig, quirks included.

use super::Result;
use crate::function::CallContext;
use crate::limits::ITEM_BYTES;
use crate::value::{MAX_DEPTH, Map, Value};

/// Which side wins where both have a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wins {
    /// What is there stays, unless it is empty: `merge`.
    Destination,
    /// What comes replaces, even where it is empty: `mergeOverwrite`.
    Source,
}

/// Merges `source` into `destination`; maps within are merged too, everything else is taken or left whole.
///
/// # Errors
/// When a limit is reached.
pub(super) fn merge(
    context: &mut dyn CallContext,
    destination: &Map,
    source: &Map,
    wins: Wins,
) -> Result<()> {
    within(context, destination, source, wins, MAX_DEPTH)
}

fn within(
    context: &mut dyn CallContext,
    destination: &Map,
    source: &Map,
    wins: Wins,
    depth: usize,
) -> Result<()> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
    if destination.is_same(source) {
        return Ok(());
    }
    let (before, entries) = (destination.len(), source.entries());
    context.step(1 + entries.len())?;
    for (key, new) in entries {
        let old = destination.get(&key);
        if new.is_nil() {
            if wins == Wins::Source {
                destination.insert(key, Value::Nil);
            }
            continue;
        }
        let old_is_empty = old.as_ref().is_none_or(|old| !old.truth());
        if let (Some(new), Some(old)) = (view(&new), old.as_ref().and_then(view)) {
            within(context, old, new, wins, depth)?;
            if !old_is_empty {
                continue;
            }
        }
        if wins == Wins::Source || old_is_empty {
            destination.insert(key, new);
        }
    }
    context.made((destination.len() - before) * ITEM_BYTES)
}

/// Returns the map that a value is or stands over, as `.Values` does.
fn view(value: &Value) -> Option<&Map> {
    match value {
        Value::Map(map) => Some(map),
        Value::Object(object) => object.as_map(),
        _ => None,
    }
}
