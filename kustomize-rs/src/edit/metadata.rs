//! `commonLabels`, `commonAnnotations` and `labels`.

use std::collections::BTreeMap;

use gitops_yaml::Node;

use super::shape::text;
use super::{KustomizationFile, put, refuse};
use crate::error::Error;

/// A field that holds text by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataField {
    /// `commonLabels`
    Labels,
    /// `commonAnnotations`
    Annotations,
}

impl MetadataField {
    fn name(self) -> &'static str {
        match self {
            Self::Labels => "commonLabels",
            Self::Annotations => "commonAnnotations",
        }
    }

    /// Returns what one entry is called: `label` or `annotation`.
    #[must_use]
    pub fn one(self) -> &'static str {
        match self {
            Self::Labels => "label",
            Self::Annotations => "annotation",
        }
    }
}

/// What to do about a name that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is an error.
    Refuse,
    /// The new value counts.
    Overwrite,
}

/// Which fields labels of an entry of `labels` reach beside `metadata.labels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelForm {
    /// None.
    ObjectsOnly,
    /// Templates.
    WithTemplates,
}

/// Reads arguments of the form `name:value`, where the value may stand in double quotes and may be missing.
///
/// # Errors
/// When a name is empty; `kind` is what the error calls the pair.
pub fn parse_pairs<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
    kind: &str,
) -> Result<BTreeMap<String, String>, Error> {
    let mut pairs = BTreeMap::new();
    for argument in arguments {
        let (name, value) = argument.split_once(':').unwrap_or((argument, ""));
        if name.is_empty() && argument.starts_with(':') {
            let message = format!("invalid {kind}: '{argument}' (need k:v pair where v may be quoted)");
            return Err(refuse(message));
        }
        let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        pairs.insert(name.to_owned(), unquoted.unwrap_or(value).to_owned());
    }
    Ok(pairs)
}

impl KustomizationFile {
    /// Adds or sets labels or annotations.
    ///
    /// # Errors
    /// When one is there already and shall not be overwritten.
    pub fn put_metadata(
        &mut self,
        field: MetadataField,
        pairs: &BTreeMap<String, String>,
        existing: Existing,
    ) -> Result<(), Error> {
        let mut all = self.data.get(field.name()).cloned().unwrap_or_else(|| Node::mapping(Vec::new()));
        write_pairs(&mut all, pairs, existing, field.one())?;
        self.put(field.name(), all);
        Ok(())
    }

    /// Adds labels to the entry of `labels` that has this form, or to a new one.
    ///
    /// # Errors
    /// When one is there already and shall not be overwritten.
    pub fn add_labels(
        &mut self,
        form: LabelForm,
        pairs: &BTreeMap<String, String>,
        existing: Existing,
    ) -> Result<(), Error> {
        let mut entries = self.items("labels");
        let is_set = |entry: &Node, field: &str| entry.get(field).is_some();
        let templates = form == LabelForm::WithTemplates;
        let fits = |entry: &Node| {
            !is_set(entry, "includeSelectors") && is_set(entry, "includeTemplates") == templates
        };
        let position = entries.iter().position(fits).unwrap_or_else(|| {
            let mut entry = Node::mapping(Vec::new());
            put(&mut entry, "includeTemplates", Node::bool(templates));
            entries.push(entry);
            entries.len() - 1
        });
        let entry = &mut entries[position];
        let mut all = entry.get("pairs").cloned().unwrap_or_else(|| Node::mapping(Vec::new()));
        write_pairs(&mut all, pairs, existing, "label")?;
        put(entry, "pairs", all);
        self.put_items("labels", entries);
        Ok(())
    }

    /// Removes labels or annotations by their names. `ignore_missing` passes over those that are not there.
    ///
    /// # Errors
    /// When one is not there.
    pub fn remove_metadata(
        &mut self,
        field: MetadataField,
        names: &[String],
        ignore_missing: bool,
    ) -> Result<(), Error> {
        let Some(mut all) = self.data.get(field.name()).cloned() else {
            if ignore_missing {
                return Ok(());
            }
            return Err(refuse(format!("{} is not defined in kustomization file", field.name())));
        };
        for name in names {
            if all.remove(name).is_none() && !ignore_missing {
                return Err(refuse(format!("{} {name} is not defined in kustomization file", field.one())));
            }
        }
        self.put(field.name(), all);
        Ok(())
    }
}

fn write_pairs(
    all: &mut Node,
    pairs: &BTreeMap<String, String>,
    existing: Existing,
    kind: &str,
) -> Result<(), Error> {
    for (name, value) in pairs {
        if all.get(name).is_some() && existing == Existing::Refuse {
            let message = format!("{kind} {name} already in kustomization file. Use --force to override.");
            return Err(refuse(message));
        }
        all.set(name.as_str(), text(value.as_str()));
    }
    Ok(())
}
