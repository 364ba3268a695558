//! Checks values against the charts' `values.schema.json`, with the words of Helm's validator.
//!
//! JSON Schema of the drafts 4, 6, 7, 2019-09 and 2020-12. Nothing is fetched: a reference to another document is an
//! error, one to a `urn:` lets everything pass, as Helm has it without a resolver.

mod check;
mod failure;
mod format;
mod resolve;

use gitops_yaml::{FileId, from_json};

use crate::chart::Chart;
use crate::json::node_to_json;
use crate::places::at_values;
use crate::values::{Table, UserValues, Value};
use crate::{Error, ErrorKind};
use check::Checker;
use failure::{Failure, Kind};

/// Checks the values of a chart and of all charts beneath.
///
/// # Errors
/// Helm's list of what is wrong, chart by chart.
pub fn validate(chart: &Chart, values: &Table) -> Result<(), Error> {
    validate_given(chart, values, &Table::new(), None)
}

/// Checks values as [`validate`] does, and says where those that are wrong come from: `own` are the user's values, which
/// `given` gave.
pub(crate) fn validate_given(
    chart: &Chart,
    values: &Table,
    own: &Table,
    given: Option<&UserValues>,
) -> Result<(), Error> {
    let mut found = Found::default();
    found.check(chart, &Value::table(values.clone()), &mut Vec::new());
    if found.text.is_empty() {
        return Ok(());
    }
    let heading = "values don't meet the specifications of the schema(s) in the following chart(s):";
    let error = Error::new(ErrorKind::Schema, format!("{heading}\n{}", found.text));
    Err(at_values(error, chart, own, given, &found.paths))
}

/// How large a schema may be, in bytes; the shortest values take fifty times theirs.
const LARGEST: usize = 8 << 20;

/// How many wrong values are shown with their place.
const MOST_PLACES: usize = 8;

/// What is wrong with the values of a chart and of those beneath.
#[derive(Default)]
struct Found {
    /// Helm's list.
    text: String,
    /// Where the wrong values are, seen from the chart above all.
    paths: Vec<Vec<String>>,
}

impl Found {
    /// Checks the values of one chart, which stand at this path, and of those beneath.
    fn check(&mut self, chart: &Chart, values: &Value, path: &mut Vec<String>) {
        if let Some(schema) = chart.schema()
            && let Err(mistake) = check_values(values, schema)
        {
            self.text.push_str(&format!("{}:\n{}", chart.name(), mistake.text()));
            if let Mistake::Values(failure) = mistake {
                failure.leaves(&mut |at| {
                    if self.paths.len() >= MOST_PLACES {
                        return;
                    }
                    let at: Vec<String> = path.iter().chain(at).cloned().collect();
                    if !at.is_empty() && !self.paths.contains(&at) {
                        self.paths.push(at);
                    }
                });
            }
        }
        for sub in chart.dependencies() {
            match values.get(sub.name()) {
                None | Some(Value::Null) => {}
                Some(table @ Value::Table(_)) => {
                    path.push(sub.name().to_owned());
                    self.check(sub, table, path);
                    path.pop();
                }
                Some(other) => self.text.push_str(&format!(
                    "{}:\ninvalid type for values: expected object (map), got {}\n",
                    sub.name(),
                    other.go_type()
                )),
            }
        }
    }
}

/// Why a check failed.
enum Mistake {
    /// The schema can't be used.
    Schema(String),
    /// The values break it.
    Values(Failure),
}

impl Mistake {
    fn text(&self) -> String {
        match self {
            Self::Schema(why) => why.clone(),
            Self::Values(failure) => failure.list(),
        }
    }
}

/// Checks values against one schema.
///
/// # Errors
/// What is wrong with the values, one line each, or with the schema.
///
/// ```
/// use helm_rs::values::{Table, Value};
/// let values = Value::table(Table::from([("port".into(), Value::from("http"))]));
/// let schema = br#"{"properties": {"port": {"type": "integer"}}}"#;
/// let error = helm_rs::validate_values(&values, schema).unwrap_err();
/// assert_eq!(error.to_string(), "- at '/port': got string, want integer\n");
/// ```
pub fn validate_values(values: &Value, schema: &[u8]) -> Result<(), Error> {
    check_values(values, schema).map_err(|mistake| Error::new(ErrorKind::Schema, mistake.text()))
}

fn check_values(values: &Value, schema: &[u8]) -> Result<(), Mistake> {
    let refused = Mistake::Schema;
    if schema.len() > LARGEST {
        return Err(refused(format!("the schema is larger than {LARGEST} bytes")));
    }
    let text = std::str::from_utf8(schema).map_err(|error| refused(error.to_string()))?;
    if text.trim().is_empty() {
        return Err(refused("EOF".to_owned()));
    }
    if nesting(text) > DEEPEST {
        return Err(refused(format!("the schema is nested more than {DEEPEST} deep")));
    }
    let node = from_json(text, FileId::NONE).map_err(|error| {
        let why = crate::values::json_mistake(text).unwrap_or_else(|| error.message().to_owned());
        refused(why)
    })?;
    let schema = Value::from_json(&node_to_json(&node));
    resolve::check_form(&schema).map_err(|why| {
        refused(format!("\"file:///values.schema.json#\" is not valid against metaschema: {why}"))
    })?;
    let checker = Checker::new(&schema);
    match checker.run(values) {
        Ok(()) => Ok(()),
        Err(Failure { kind: Kind::Broken(why), .. }) => Err(refused(why)),
        Err(failure) => Err(Mistake::Values(failure)),
    }
}

/// How deep the JSON of a schema may be nested.
const DEEPEST: usize = 200;

/// Returns how deep brackets are nested in JSON, without recursion.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
