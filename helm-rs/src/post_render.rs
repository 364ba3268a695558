//! Hands manifests to a post-renderer and takes them back, file by file.

use std::collections::BTreeMap;
use std::fmt;

use gitops_yaml::{
    FileId, Node, PrintOptions, ReadOptions, Str, Style, print_documents, read_document, read_stream,
};

use crate::manifest::{KindOrder, sort_manifests, split_manifests};
use crate::render::Rendered;
use crate::{Error, ErrorKind, Warnings};

/// Changes manifests: a stream of YAML documents in, another out.
pub trait PostRenderer {
    /// Changes the stream.
    ///
    /// # Errors
    /// What went wrong, as text for the user.
    fn run(&self, manifests: &str) -> Result<String, String>;
}

/// A post-renderer and what it gets to see.
#[derive(Clone, Copy)]
pub struct PostRender<'a> {
    /// The post-renderer.
    pub renderer: &'a dyn PostRenderer,
    /// How hooks are passed.
    pub strategy: PostRenderStrategy,
}

impl fmt::Debug for PostRender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostRender").field("strategy", &self.strategy).finish_non_exhaustive()
    }
}

/// How hooks and other manifests are passed to a post-renderer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PostRenderStrategy {
    /// Both in one stream, as Helm 4 does.
    #[default]
    Combined,
    /// Each in a stream of its own.
    Separate,
    /// Hooks are not passed at all, as in Helm 3.
    NoHooks,
}

/// The annotation that says which file a document came from while a post-renderer has it.
const FILE: &str = "postrenderer.helm.sh/postrender-filename";

/// Hands the documents of all files to a post-renderer as one stream, or as two, and sorts what comes back into files again.
///
/// What it adds is of the files `generated-by-postrender-0.yaml` and so on.
pub(crate) fn post_render(
    rendered: &Rendered,
    step: &PostRender<'_>,
    warnings: &mut Warnings,
) -> Result<BTreeMap<Str, String>, Error> {
    if step.strategy == PostRenderStrategy::Combined {
        let files = rendered.files.iter().map(|(name, file)| (name, file.text()));
        let merged = merge(files).map_err(|why| refused(format!("error merging manifests: {why}")))?;
        let changed = step.renderer.run(&merged);
        let changed =
            changed.map_err(|why| refused(format!("error while running post render on files: {why}")))?;
        let mut files = BTreeMap::new();
        split(&changed, "", &mut files)
            .map_err(|why| refused(format!("error while parsing post rendered output: {why}")))?;
        return Ok(files);
    }
    let sorted = sort_manifests(&rendered.files, KindOrder::Install, warnings)?;
    let (mut hooks, mut manifests) = (BTreeMap::new(), BTreeMap::new());
    for hook in &sorted.hooks {
        append(&mut hooks, &hook.path, &hook.manifest);
    }
    for manifest in &sorted.manifests {
        append(&mut manifests, &manifest.file, &manifest.content);
    }
    let mut files = BTreeMap::new();
    for (group, texts) in [("hooks", hooks), ("manifests", manifests)] {
        if texts.is_empty() {
            continue;
        }
        if group == "hooks" && step.strategy == PostRenderStrategy::NoHooks {
            for (name, text) in &texts {
                append(&mut files, name, text);
            }
            continue;
        }
        let merged = merge(texts.iter().map(|(name, text)| (name, text.as_str())))
            .map_err(|why| refused(format!("error merging {group}: {why}")))?;
        let changed = step.renderer.run(&merged);
        let changed =
            changed.map_err(|why| refused(format!("error while running post render on {group}: {why}")))?;
        split(&changed, group, &mut files)
            .map_err(|why| refused(format!("error while parsing post rendered output for {group}: {why}")))?;
    }
    Ok(files)
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Manifest, message)
}

fn append(files: &mut BTreeMap<Str, String>, name: &Str, text: &str) {
    let file = files.entry(name.clone()).or_default();
    if !file.is_empty() {
        file.push_str("\n---\n");
    }
    file.push_str(text);
}

/// Writes the documents of files one after the other, each annotated with its file.
fn merge<'f>(files: impl Iterator<Item = (&'f Str, &'f str)>) -> Result<String, String> {
    let mut documents = Vec::new();
    for (name, text) in files {
        if name.rsplit('/').next().unwrap_or_default().starts_with('_') {
            continue;
        }
        for document in split_manifests(text) {
            let read = read_document(document.as_bytes(), FileId::NONE, &ReadOptions::v3())
                .map_err(|error| format!("parsing {name}: {error}"))?;
            let Some(mut document) = read.filter(|document| !document.root.is_null()) else { continue };
            annotate(&mut document.root, name).map_err(|why| format!("annotating {name}: {why}"))?;
            documents.push(document);
        }
    }
    print_documents(&documents, &PrintOptions::kyaml()).map_err(|error| error.to_string())
}

/// Reads a stream and takes the annotations off again.
fn split(text: &str, group: &str, files: &mut BTreeMap<Str, String>) -> Result<(), String> {
    let stream = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3());
    let stream = stream.map_err(|error| error.to_string())?;
    let documents = stream.into_iter().filter(|document| !document.root.is_null());
    for (index, mut document) in documents.enumerate() {
        let name = take_annotation(&mut document.root).unwrap_or_else(|| match group {
            "" => format!("generated-by-postrender-{index}.yaml").into(),
            _ => format!("generated-by-postrender-{group}-{index}.yaml").into(),
        });
        let printed =
            print_documents([&document], &PrintOptions::kyaml()).map_err(|error| error.to_string())?;
        let file = files.entry(name).or_default();
        if !file.is_empty() {
            file.push_str("---\n");
        }
        file.push_str(&printed);
    }
    Ok(())
}

fn annotate(root: &mut Node, file: &Str) -> Result<(), String> {
    let mut inner = root;
    for field in ["metadata", "annotations"] {
        if !inner.is_mapping() {
            return Err("a mapping is wanted".to_owned());
        }
        if inner.get(field).is_none_or(Node::is_null) {
            inner.set(field, Node::mapping(Vec::new()));
        }
        let Some(next) = inner.get_mut(field) else { return Ok(()) };
        inner = next;
    }
    let mut name = Node::string(file.clone());
    name.style = Style::SingleQuoted;
    inner.set(FILE, name);
    Ok(())
}

fn take_annotation(root: &mut Node) -> Option<Str> {
    let metadata = root.get_mut("metadata")?;
    let annotations = metadata.get_mut("annotations")?;
    let name = annotations.remove(FILE)?.scalar().cloned();
    if annotations.entries().is_some_and(<[_]>::is_empty) {
        metadata.remove("annotations");
    }
    name.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Chart, File};
    use crate::render::{ReleaseFacts, RenderOptions};
    use crate::values::Table;
    use crate::{TemplateOptions, template};

    /// Notes what it is given, and adds a line and a document.
    struct Adds;

    impl PostRenderer for Adds {
        fn run(&self, manifests: &str) -> Result<String, String> {
            assert!(manifests.contains("postrenderer.helm.sh/postrender-filename: 'web/templates/a.yaml'"));
            let more = "---\nkind: Extra\nmetadata:\n  name: extra\n";
            Ok(format!("{}{more}", manifests.replace("data: 1", "data: 2")))
        }
    }

    #[track_caller]
    fn check(strategy: PostRenderStrategy, wanted_hook: &str) {
        let files = [
            File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.2.3\n"),
            File::new(
                "templates/a.yaml",
                b"kind: A\nmetadata: {name: a}\ndata: 1 # one\n---\nkind: B\ndata: 1\n",
            ),
            File::new(
                "templates/hook.yaml",
                b"kind: Job\nmetadata:\n  name: h\n  annotations: {helm.sh/hook: pre-install}\ndata: 1\n",
            ),
        ];
        let chart = Chart::load(&files, &mut Vec::new()).unwrap();
        let options = TemplateOptions::new(RenderOptions::new(ReleaseFacts::install("prod", "default")))
            .post_render(PostRender { renderer: &Adds, strategy });
        let templated = template(chart, &Table::new(), &options, &mut Vec::new()).unwrap();
        let text = templated.print();
        assert!(
            text.contains("# Source: web/templates/a.yaml\nkind: A\nmetadata: {name: a}\ndata: 2 # one\n"),
            "{text}"
        );
        assert!(text.contains("kind: B\ndata: 2\n"), "{text}");
        assert!(text.contains("kind: Extra\n") && text.contains("generated-by-postrender-"), "{text}");
        assert!(!text.contains("postrender-filename"), "{text}");
        assert_eq!(templated.hooks.len(), 1);
        let hook = &templated.hooks[0].manifest;
        assert!(hook.contains(wanted_hook), "{hook}");
    }

    #[test]
    fn documents_come_back_to_their_files() {
        check(PostRenderStrategy::Combined, "data: 2");
        check(PostRenderStrategy::NoHooks, "data: 1");
    }
}
