//! The flags that give values, as Helm has them.

use crate::Failure;
use helm_rs::values::{Table, UserValues};
use std::io::Read;

/// `-f`, `--set` and kin.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct ValueFlags {
    /// Read values from a YAML file, or from stdin for `-` (repeatable, comma-separated).
    #[arg(short = 'f', long = "values", value_name = "FILE", value_delimiter = ',')]
    files: Vec<String>,
    /// Set values: key1=val1,key2=val2 (repeatable).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Set text values: key1=val1,key2=val2 (repeatable).
    #[arg(long = "set-string", value_name = "KEY=TEXT")]
    set_string: Vec<String>,
    /// Set JSON values: key1=json1,key2=json2, or one JSON object (repeatable).
    #[arg(long = "set-json", value_name = "KEY=JSON")]
    set_json: Vec<String>,
    /// Set values to the contents of files: key1=path1 (repeatable).
    #[arg(long = "set-file", value_name = "KEY=FILE")]
    set_file: Vec<String>,
    /// Set one text value; nothing in it is special (repeatable).
    #[arg(long = "set-literal", value_name = "KEY=TEXT")]
    set_literal: Vec<String>,
}

impl ValueFlags {
    /// Lays all values over each other, and returns them with what gave them.
    pub(crate) fn merge(&self) -> Result<(Table, UserValues), Failure> {
        let mut given = UserValues::default();
        for name in &self.files {
            given.files.push((name.clone(), read(name)?));
        }
        given.set.clone_from(&self.set);
        given.set_string.clone_from(&self.set_string);
        given.set_json.clone_from(&self.set_json);
        given.set_file.clone_from(&self.set_file);
        given.set_literal.clone_from(&self.set_literal);
        let file = |name: &str| {
            let bytes = read(name).map_err(|error| error.to_string())?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let values = given.merge(&file)?;
        Ok((values, given))
    }
}

fn read(name: &str) -> Result<Vec<u8>, Failure> {
    if name.trim() == "-" {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return Ok(text);
    }
    if ["http://", "https://", "oci://"].iter().any(|scheme| name.starts_with(scheme)) {
        return Err(format!("values are not fetched from the network: {name}").into());
    }
    std::fs::read(name).map_err(|error| super::source::open_error(name, &error).into())
}
