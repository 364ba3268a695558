//! Reads a text into documents: the entry points, their options and the document that they return.

use crate::compose::{Composed, Composer};
use crate::scan::Input;
use crate::{Comments, Error, ErrorKind, FileId, Limits, Node, Place, Str};

/// Which of Go's two YAML libraries is matched, in what is accepted, in the wording of errors and in comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// go.yaml.in/yaml/v2 as sigs.k8s.io/yaml uses it: Helm, and kustomize's kustomization files.
    Yaml11,
    /// go.yaml.in/yaml/v3 as kyaml uses it: kustomize's resources.
    V3,
}

/// Whether comments are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepComments {
    /// Comments are attached to nodes as go-yaml v3 attaches them.
    Yes,
    /// Comments are skipped.
    No,
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The library that is matched.
    pub dialect: Dialect,
    /// Whether comments are kept; always dropped by [`Dialect::Yaml11`].
    pub comments: KeepComments,
    /// What a read may cost.
    pub limits: Limits,
    /// The line of the file on which the text begins, counted from 1; for a part of a file. Places count from it, the
    /// lines in error messages count from the start of the text as Go's do.
    pub first_line: u32,
}

impl ReadOptions {
    /// Reads as go.yaml.in/yaml/v3 does and keeps comments.
    #[must_use]
    pub fn v3() -> Self {
        Self { dialect: Dialect::V3, comments: KeepComments::Yes, limits: Limits::default(), first_line: 1 }
    }

    /// Reads as go.yaml.in/yaml/v2 does, beneath sigs.k8s.io/yaml; comments are skipped.
    #[must_use]
    pub fn yaml11() -> Self {
        Self { dialect: Dialect::Yaml11, comments: KeepComments::No, ..Self::v3() }
    }

    /// Skips comments.
    #[must_use]
    pub fn without_comments(mut self) -> Self {
        self.comments = KeepComments::No;
        self
    }

    /// Sets what a read may cost.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the line of the file on which the text begins.
    #[must_use]
    pub fn starting_at_line(mut self, line: u32) -> Self {
        self.first_line = line;
        self
    }
}

/// One document of a stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Document {
    /// The value. An empty document holds an empty plain scalar, which resolves to null.
    pub root: Node,
    /// Comments of the document itself, as on go-yaml v3's `DocumentNode`: above all content and set off by a blank
    /// line, and after all content. `line` is always empty.
    pub comments: Comments,
    /// Where the document starts: its `---`, or its first node.
    pub place: Place,
    /// Whether `---` or directives began it.
    pub explicit_start: bool,
    /// Whether `...` ended it.
    pub explicit_end: bool,
    /// Anchors of earlier documents that this one refers to, which go-yaml v3 allows.
    pub(crate) earlier_anchors: Vec<(Str, Node)>,
}

/// Reads all documents of a stream.
///
/// Text that holds nothing but comments is no document. UTF-8 with or without a byte order mark and UTF-16 with one
/// are read.
///
/// ```
/// use gitops_yaml::{FileId, ReadOptions, read_stream};
/// let documents = read_stream(b"a: 1 # one\n---\n- b\n", FileId::NONE, &ReadOptions::v3()).unwrap();
/// let value = documents[0].root.get("a").unwrap();
/// assert_eq!((value.place.line, value.place.column), (1, 4));
/// assert_eq!(value.comments().unwrap().line, "# one");
/// assert_eq!(documents.len(), 2);
/// ```
///
/// # Errors
/// The first mistake, in go-yaml's words.
pub fn read_stream(text: &[u8], file: FileId, options: &ReadOptions) -> Result<Vec<Document>, Error> {
    check_size(text, file, options)?;
    let input = Input::decode(text);
    let mut composer = Composer::new(&input, file, options);
    let mut documents = Vec::new();
    while let Some(Composed { mut document, earlier_anchors }) = composer.next_document()? {
        if !earlier_anchors.is_empty() {
            document.earlier_anchors =
                crate::alias::find_anchors(&documents, &earlier_anchors, &options.limits)?;
        }
        documents.push(document);
    }
    Ok(documents)
}

/// Reads the first document of a stream and looks no further than Go's `Unmarshal` does; `None` where there is none.
///
/// # Errors
/// The first mistake, in go-yaml's words.
pub fn read_document(text: &[u8], file: FileId, options: &ReadOptions) -> Result<Option<Document>, Error> {
    check_size(text, file, options)?;
    let input = Input::decode(text);
    let composed = Composer::new(&input, file, options).next_document()?;
    Ok(composed.map(|composed| composed.document))
}

pub(crate) fn check_size(text: &[u8], file: FileId, options: &ReadOptions) -> Result<(), Error> {
    let limit = options.limits.bytes.min(u32::MAX as usize - 1);
    if text.len() <= limit {
        return Ok(());
    }
    let place = Place { file, ..Place::NONE };
    Err(Error::new(ErrorKind::Limit, place, format!("text is longer than {limit} bytes")))
}
