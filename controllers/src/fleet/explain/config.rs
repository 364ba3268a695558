//! Where a value of a ConfigMap or Secret stands: the literal, the file of a generator, or the line of a manifest.

use gitops_core::object::ObjectId;
use gitops_yaml::{FieldPath, FieldStep, Node, Str, Style};

use super::super::render::{Fleet, Rendered};
use super::super::roots::objects_of;
use super::super::variables::{Config, ConfigKey};
use super::Layer;
use super::chart::place_of;

/// Where one entry of a ConfigMap or Secret was written.
pub(super) struct Found {
    pub(super) place: String,
    /// What wrote it, in words: `file`, `configMapGenerator of …`.
    pub(super) what: String,
}

impl Fleet<'_> {
    /// Finds who wrote an entry of a ConfigMap or Secret, and within the text of that entry a value.
    pub(super) fn find_config(
        &self,
        rendered: &Rendered,
        key: &ConfigKey,
        config: &Config,
        (entry, inner): (&str, &[Str]),
        depth: usize,
    ) -> Found {
        let fallback = || Found { place: config.place.to_string(), what: "file".to_owned() };
        let is_it = |id: &ObjectId| {
            id.group.is_empty() && id.kind == key.0 && id.namespace == key.1 && id.name == key.2
        };
        let all = || rendered.apps.iter().flat_map(|app| app.objects.iter().map(move |object| (app, object)));
        let Some((app, object)) = all().find(|(_, object)| is_it(&object.id)) else { return fallback() };
        let own = self.answers();
        let source = app.elsewhere.as_ref().map_or(&own, |there| &there.answers).source();
        // A generator takes a file's text as it is; variables are put in later.
        let text = config.data.get(entry);
        let is_same = |file: &&str| {
            let content = source.read(file).ok();
            text.is_some_and(|text| content.is_some_and(|content| is_template_of(&content, text)))
        };
        let many_lines = text.is_some_and(|text| text.contains('\n'));
        if many_lines && let Some(file) = app.reads.files().find(is_same) {
            let content = source.read(file).unwrap_or_default();
            let place = text.and_then(|text| place_of(text.as_bytes(), file, inner));
            let line = place.as_deref().and_then(|place| place.split(':').nth(1)?.parse::<usize>().ok());
            let written = String::from_utf8_lossy(&content);
            let written = line.and_then(|line| written.lines().nth(line.saturating_sub(1)));
            let what = match written {
                Some(written) if written.contains("${") => {
                    format!("file of a generator, where it is written as {}", written.trim())
                }
                _ => "file of a generator".to_owned(),
            };
            return Found { place: place.unwrap_or_else(|| file.to_owned()), what };
        }
        let field = |data: &'static str| -> FieldPath {
            [FieldStep::key(Str::literal(data)), FieldStep::key(Str::from(entry))].into_iter().collect()
        };
        for data in ["data", "stringData"] {
            let explained = self.explain_one(rendered, app, &object.id, &field(data), depth + 1);
            // The whole text is substituted, and the value's own line is what is asked for.
            let is_line = |layer: &Layer| inner.is_empty() || !layer.what.starts_with("substitution");
            if let Some(layer) = explained.layers.into_iter().find(is_line) {
                let line = text.filter(|_| !inner.is_empty()).and_then(|text| {
                    let at = line_within(text, inner)?;
                    line_in_manifest(source, &layer.place, &object.id, (data, entry), at)
                });
                return Found { place: line.unwrap_or(layer.place), what: layer.what };
            }
        }
        fallback()
    }
}

/// Whether a text is what variables make of a template, line by line.
fn is_template_of(template: &[u8], text: &str) -> bool {
    let Ok(template) = std::str::from_utf8(template) else { return false };
    let is_same = |(written, made): (&str, &str)| written == made || written.contains("${");
    template == text
        || (template.lines().count() == text.lines().count()
            && template.lines().zip(text.lines()).all(is_same))
}

/// The line of a value within a text of YAML, from one.
fn line_within(text: &str, keys: &[Str]) -> Option<u32> {
    let place = place_of(text.as_bytes(), "text", keys)?;
    place.split(':').nth(1)?.parse().ok()
}

/// The line of a text's line in the manifest that holds the text as a block.
fn line_in_manifest(
    source: &dyn gitops_core::tree::Source,
    place: &str,
    id: &ObjectId,
    (data, entry): (&str, &str),
    line: u32,
) -> Option<String> {
    let file = place.split(':').next()?;
    let declared = objects_of(source, file).into_iter().find(|declared| {
        let name = declared.node.at_path(&["metadata", "name"]).and_then(Node::as_str);
        id.kind == super::super::flux::kind(&declared.node) && name == Some(id.name.as_str())
    })?;
    let node = declared.node.at_path(&[data, entry])?;
    // The text of a block begins in the line below its mark.
    (node.style == Style::Literal).then(|| format!("{file}:{}", node.place.line + line))
}
