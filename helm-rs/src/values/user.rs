//! A user's values: files and arguments, laid over each other in Helm's order.

use super::set::json_object;
use super::{SetKind, Table, load_values, merge_tables, set};
use crate::{Error, ErrorKind};

/// What a user gives on a command line. Whatever the order of the arguments, files come first, then `--set-json`,
/// `--set`, `--set-string`, `--set-file` and `--set-literal`.
///
/// ```
/// use helm_rs::values::UserValues;
/// let mut given = UserValues::default();
/// given.set.push("a=2".to_owned());
/// given.files.push(("prod.yaml".to_owned(), b"a: 1\nb: 1\n".to_vec()));
/// let values = given.merge(&|name| Err(format!("open {name}: no such file or directory")))?;
/// assert_eq!((values["a"].to_string(), values["b"].to_string()), ("2".into(), "1".into()));
/// # Ok::<(), helm_rs::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UserValues {
    /// `-f`: names and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// `--set-json`.
    pub set_json: Vec<String>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--set-string`.
    pub set_string: Vec<String>,
    /// `--set-file`.
    pub set_file: Vec<String>,
    /// `--set-literal`.
    pub set_literal: Vec<String>,
}

impl UserValues {
    /// Lays everything over each other. `read` returns the contents of a file named by `--set-file`.
    ///
    /// # Errors
    /// The first mistake, in Helm's words: `failed parsing --set data: …`.
    pub fn merge(&self, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Table, Error> {
        let mut values = Table::new();
        for (name, text) in &self.files {
            let table = load_values(text, name).map_err(|e| e.within(format!("failed to parse {name}")))?;
            merge_tables(&mut values, &table);
        }
        for argument in &self.set_json {
            if argument.trim().starts_with('{') {
                let table = json_object(argument).ok_or_else(|| {
                    let message = format!("failed parsing --set-json data JSON: {argument}");
                    Error::new(ErrorKind::Values, message).note(
                        "an argument that begins with `{` is one JSON object, as in '{\"a\": {\"b\": 1}}'",
                    )
                })?;
                merge_tables(&mut values, &table);
            } else {
                set(&mut values, argument, SetKind::Json).map_err(|error| {
                    Error::new(ErrorKind::Values, format!("failed parsing --set-json data {argument}"))
                        .note(error.to_string())
                })?;
            }
        }
        let groups = [
            (&self.set, SetKind::Typed, "--set"),
            (&self.set_string, SetKind::Text, "--set-string"),
            (&self.set_file, SetKind::File(read), "--set-file"),
            (&self.set_literal, SetKind::Literal, "--set-literal"),
        ];
        for (arguments, kind, flag) in groups {
            for argument in arguments {
                set(&mut values, argument, kind).map_err(|error| {
                    error.within(format!("failed parsing {flag} data")).note(grammar(kind))
                })?;
            }
        }
        Ok(values)
    }
}

/// Says how the argument of a flag is written.
fn grammar(kind: SetKind<'_>) -> &'static str {
    match kind {
        SetKind::Literal => {
            "write NAME=TEXT, as in a.b=1 or a[0]=x; all that follows the first `=` is the value"
        }
        SetKind::File(_) => "write NAME=FILE, as in a.b=notes.txt,c[0]=x.txt",
        _ => {
            "write NAME=VALUE, as in a.b=1,c[0]=x,d={x,y}; a `,` in a value, and a `.`, `[` or `=` in a name, has a backslash before it"
        }
    }
}
