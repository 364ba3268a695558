//! What a renderer has used up of its limits: work, and memory that was made.

use crate::limits::Limits;
use crate::value::Value;

/// How many bytes of text a step reads or writes.
const BYTES_A_STEP: usize = 256;
/// How many items of a list a step goes through.
const ITEMS_A_STEP: usize = 8;

/// The work and the memory that one renderer has used.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    steps: usize,
    made: usize,
}

impl Budget {
    /// Counts work.
    pub(crate) fn step(&mut self, count: usize, limits: &Limits) -> Result<(), String> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > limits.steps {
            return Err(format!("the render did more than {} steps, the limit", limits.steps));
        }
        Ok(())
    }

    /// Counts bytes that were made, which is work too.
    pub(crate) fn make(&mut self, bytes: usize, limits: &Limits) -> Result<(), String> {
        self.made = self.made.saturating_add(bytes);
        if self.made > limits.made_bytes {
            return Err(format!("the render made more than {} bytes, the limit", limits.made_bytes));
        }
        self.step(bytes / BYTES_A_STEP, limits)
    }
}

/// How many steps a call takes that goes through its arguments once.
pub(crate) fn weight(arguments: &[Value]) -> usize {
    let weight = |value: &Value| match value {
        Value::String(text) => text.len() / BYTES_A_STEP,
        Value::RawString(bytes) | Value::Bytes(bytes) => bytes.len() / BYTES_A_STEP,
        Value::List(list) => list.len() / ITEMS_A_STEP,
        Value::Object(object) => object.made_entries(),
        _ => 0,
    };
    arguments.iter().map(weight).sum()
}
