//! Templates that stay parsed from one render to the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_template::{ParsedText, Templates};
use gitops_yaml::Str;

use super::failure::parse_error;
use crate::Error;
use crate::chart::File;

/// How many bytes of texts are kept before they are forgotten.
const MOST_BYTES: usize = 64 << 20;

/// The parsed templates of charts, by their text. Every render keeps its own, so that equal texts of sibling charts are
/// parsed once; give one to several renders, by [`RenderOptions::keep`](super::RenderOptions::keep), and they parse a
/// chart once.
#[derive(Debug, Default)]
pub struct ParsedTemplates(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    parsed: HashMap<Text, ParsedText, foldhash::fast::RandomState>,
    bytes: usize,
}

impl ParsedTemplates {
    /// Keeps nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for the texts of a chart.
    pub(super) fn expect(&self, texts: usize) {
        let parsed = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).parsed;
        parsed.reserve(texts.saturating_sub(parsed.len()));
    }

    /// Adds a file's templates to a set.
    pub(super) fn add(&self, templates: &mut Templates, path: &Str, file: &File) -> Result<(), Error> {
        let text = Text(Arc::clone(file.data()));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.parsed.get(&text).is_some_and(|parsed| templates.add(path.clone(), parsed)) {
            return Ok(());
        }
        let source = file.text();
        let parsed = templates
            .parse_text(path.clone(), source.clone())
            .map_err(|error| parse_error(path, &error, &source))?;
        kept.bytes += source.len();
        if kept.bytes > MOST_BYTES {
            *kept = Kept { bytes: source.len(), ..Kept::default() };
        }
        kept.parsed.insert(text, parsed);
        Ok(())
    }
}

/// A text as a key; all of it is hashed, because sibling charts have texts that only differ in a name in their middle.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Text(Arc<[u8]>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_serves_under_several_names_and_its_errors_name_each() {
        let kept = ParsedTemplates::new();
        let mut templates = Templates::default();
        let file = File::new("templates/a.yaml", b"{{ .a.b.c }}");
        for path in ["x/templates/a.yaml", "y/templates/a.yaml"] {
            assert!(kept.add(&mut templates, &path.into(), &file).is_ok());
            let data = gitops_template::Value::from(gitops_template::Map::from_iter([(
                "a",
                gitops_template::Value::int(1),
            )]));
            let error = templates.render(path, &data, &gitops_template::Options::default());
            assert!(
                error.is_err_and(|error| error.to_string().starts_with(&format!("template: {path}:1:5")))
            );
        }
        assert_eq!(kept.0.lock().unwrap_or_else(PoisonError::into_inner).parsed.len(), 1);
    }
}
