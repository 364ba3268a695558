//! One step of a field path.

use crate::value::Value;
use gitops_yaml::Str;
use std::cmp::Ordering;
use std::fmt;

/// One step of a field path.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A field of a structure or map.
    Field(Str),
    /// An item of a list, by its key fields, sorted by name.
    Key(Vec<(Str, Value)>),
    /// An item of a set.
    Value(Value),
    /// An item of any other list.
    Index(i64),
}

impl Step {
    pub(crate) fn field(name: &str) -> Self {
        Self::Field(name.into())
    }
}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        fn rank(step: &Step) -> u8 {
            match step {
                Step::Field(_) => 0,
                Step::Key(_) => 1,
                Step::Value(_) => 2,
                Step::Index(_) => 3,
            }
        }
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => {
                for (a, b) in a.iter().zip(b) {
                    let order = a.0.cmp(&b.0).then_with(|| a.1.order(&b.1));
                    if order != Ordering::Equal {
                        return order;
                    }
                }
                a.len().cmp(&b.len())
            }
            (Self::Value(a), Self::Value(b)) => a.order(b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Step {}

/// `.spec`, `[name="web"]`, `[="value"]`, `[3]`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{name}={}", value.to_json())?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={}]", value.to_json()),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}
