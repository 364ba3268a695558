//! A set of templates that call each other: parsed once, rendered many times.

use crate::ast::{Source, Tree};
use crate::error::{ParseError, RenderError};
use crate::exec::{Machine, Mark};
use crate::function::{CallError, Functions};
use crate::lex::Delimiters;
use crate::limits::Limits;
use crate::named::Named;
use crate::parse::Scratch;
use crate::parsed::ParsedText;
use crate::value::Value;
use crate::world::{Hermetic, World};
use gitops_yaml::Str;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// What the look-up of a missing key in a map gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// No value, printed `<no value>`; fields of it are no value either.
    #[default]
    Default,
    /// The zero value of the map's type: nil in a `map[string]interface {}`, whose fields are an error. Helm's choice.
    Zero,
    /// An error.
    Error,
}

/// Templates by name, with the functions that they may call.
///
/// ```
/// use gitops_template::{Map, Options, Templates, Value};
/// let mut templates = Templates::default();
/// templates.parse("greeting", "{{define \"name\"}}{{.}}!{{end}}Hello, {{template \"name\" .user}}")?;
/// let data = Value::from(Map::from_iter([("user", Value::from("Ada"))]));
/// assert_eq!(templates.render("greeting", &data, &Options::default())?.text, "Hello, Ada!");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Templates {
    name: Str,
    pub(crate) functions: Functions,
    pub(crate) delimiters: Delimiters,
    pub(crate) missing_key: MissingKey,
    pub(crate) limits: Limits,
    trees: Named<Arc<Tree>>,
    /// How many bytes the texts take that were parsed here.
    parsed_bytes: usize,
    room: Room,
}

/// The parser's room between two texts; a copy of the set has its own.
#[derive(Debug, Default)]
struct Room(Scratch);

impl Clone for Room {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Default for Templates {
    /// A set with Go's own functions.
    fn default() -> Self {
        Self::new(crate::builtin::builtins())
    }
}

/// How to render.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Options<'w> {
    /// Where time, chance and names come from; refused by default.
    pub world: &'w dyn World,
    /// Whether to remember which template printed which part of the output.
    pub trace: Trace,
    /// Counts how often objects were read that differ from render to render; none by default.
    pub watched: Option<&'w AtomicUsize>,
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("trace", &self.trace).finish_non_exhaustive()
    }
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { world: &Hermetic, trace: Trace::Off, watched: None }
    }
}

impl<'w> Options<'w> {
    /// Takes time, chance and names from this world.
    #[must_use]
    pub fn world(mut self, world: &'w dyn World) -> Self {
        self.world = world;
        self
    }

    /// Says whether to remember the origin of each part of the output.
    #[must_use]
    pub fn trace(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }

    /// Names the count of reads of objects that differ from render to render. A [`Renderer`] keeps what `include` and
    /// `tpl` gave for data that is one [`Object`](crate::Object), and uses it again in further renders of the same object;
    /// what was counted up meanwhile is not kept.
    #[must_use]
    pub fn watched(mut self, reads: &'w AtomicUsize) -> Self {
        self.watched = Some(reads);
        self
    }
}

/// Whether a render remembers where its output came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trace {
    /// It does not.
    #[default]
    Off,
    /// It does, at the cost of a few bytes for each action.
    On,
}

/// What a render printed.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The text; bytes that are no UTF-8, which only strings of the template's own making hold, are replaced.
    pub text: String,
    /// The bytes, where they are no UTF-8.
    raw: Option<Vec<u8>>,
    marks: Vec<Mark>,
}

/// Where a part of an output came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The template's file.
    pub file: Str,
    /// The line, counted from 1.
    pub line: usize,
}

impl Output {
    pub(crate) fn new(bytes: &[u8], marks: Vec<Mark>) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: text.to_owned(), raw: None, marks },
            Err(_) => {
                Self { text: String::from_utf8_lossy(bytes).into_owned(), raw: Some(bytes.to_vec()), marks }
            }
        }
    }

    /// Returns the very bytes that were printed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// Returns which template's line printed the byte at an offset; `None` where the render was not traced.
    #[must_use]
    pub fn origin(&self, offset: usize) -> Option<Origin> {
        let at = self.marks.partition_point(|mark| mark.offset <= offset).checked_sub(1)?;
        let mark = &self.marks[at];
        let (mut line, _) = mark.source.place(mark.pos);
        if mark.is_text {
            // Text is printed as it stands, so lines can be counted along.
            let printed = self.bytes().get(mark.offset..offset).unwrap_or_default();
            line += memchr::memchr_iter(b'\n', printed).count();
        }
        Some(Origin { file: mark.source.name.clone(), line })
    }
}

impl Templates {
    /// Makes an empty set with these functions; Go's own are in [`builtins`](crate::builtins).
    #[must_use]
    pub fn new(functions: Functions) -> Self {
        Self {
            name: Str::literal("gotpl"),
            functions,
            delimiters: Delimiters::default(),
            missing_key: MissingKey::default(),
            limits: Limits::default(),
            trees: Named::default(),
            parsed_bytes: 0,
            room: Room::default(),
        }
    }

    /// Names the set: error texts and texts without a name of their own use it. `gotpl` by default, as in Helm.
    #[must_use]
    pub fn named(mut self, name: impl Into<Str>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the marks around actions for texts parsed from now on.
    #[must_use]
    pub fn delimiters(mut self, delimiters: Delimiters) -> Self {
        self.delimiters = delimiters;
        self
    }

    /// Sets what a missing key gives.
    #[must_use]
    pub fn missing_key(mut self, missing_key: MissingKey) -> Self {
        self.missing_key = missing_key;
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the functions, for a further set.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Parses a text and adds it under a name, and all that it defines. A later definition replaces an earlier one,
    /// unless the later one is empty.
    ///
    /// # Errors
    /// Go's text for what is wrong; nothing is added then.
    pub fn parse(&mut self, name: impl Into<Str>, text: impl Into<Str>) -> Result<(), ParseError> {
        self.parse_text(name, text).map(drop)
    }

    /// As [`parse`](Self::parse); returns the parsed text, to be [added](Self::add) to other sets or under other names.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_text(
        &mut self,
        name: impl Into<Str>,
        text: impl Into<Str>,
    ) -> Result<ParsedText, ParseError> {
        let mut room = std::mem::take(&mut self.room);
        let parsed = self.parsed(name.into(), text.into(), &mut room.0);
        self.room = room;
        let parsed = parsed?;
        self.parsed_bytes = self.parsed_bytes.saturating_add(parsed.parts.bytes());
        let most = self.limits.parsed_bytes;
        if self.parsed_bytes > most {
            let message =
                format!("the templates take more than {most} bytes when they are parsed, the limit");
            let template = parsed.source.name.clone();
            return Err(ParseError { template, line: 1, message, offset: 0, help: None });
        }
        self.add_trees(&parsed);
        Ok(parsed)
    }

    /// Adds a parsed text under a name, and all that it defines, as if its text were parsed here; delimiters and limits of the
    /// set that parsed it hold on. Returns whether it could be added: where not, because this set lacks a function or a
    /// definition has this name, the text has to be parsed.
    #[must_use]
    pub fn add(&mut self, name: impl Into<Str>, parsed: &ParsedText) -> bool {
        let moved = parsed.moved(name.into(), &self.functions);
        moved.map(|parsed| self.add_trees(&parsed)).is_some()
    }

    fn add_trees(&mut self, parsed: &ParsedText) {
        for tree in parsed.trees() {
            let keep = tree.is_empty() && self.trees.contains_key(&tree.name);
            if !keep {
                self.trees.insert(tree.name.clone(), Arc::new(tree));
            }
        }
    }

    pub(crate) fn parsed(
        &self,
        name: Str,
        text: Str,
        scratch: &mut Scratch,
    ) -> Result<ParsedText, ParseError> {
        let source = Arc::new(Source { name, text });
        crate::parse::parse(&source, &self.delimiters, &self.functions, &self.limits, scratch)
    }

    pub(crate) fn tree(&self, name: &str) -> Option<&Arc<Tree>> {
        self.trees.get(name)
    }

    pub(crate) fn name(&self) -> &Str {
        &self.name
    }

    /// Returns whether a template of this name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.trees.contains_key(name)
    }

    /// Returns the names of all templates, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<Str> {
        let mut names: Vec<Str> = self.trees.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Prints a template back as Go prints its parse tree; `None` where there is none of the name.
    #[must_use]
    pub fn show(&self, name: &str) -> Option<String> {
        let tree = self.tree(name)?;
        let mut text = String::new();
        tree.show_list(&mut text, tree.root);
        Some(text)
    }

    /// Renders a template over this data.
    ///
    /// # Errors
    /// Go's text for what went wrong, with the place, and what else is known of the cause.
    #[allow(clippy::result_large_err, reason = "a render fails once")]
    pub fn render(&self, name: &str, data: &Value, options: &Options<'_>) -> Result<Output, RenderError> {
        Machine::new(self, options).render(name, data)
    }

    /// Returns what renders many templates of the set, one after another, and parses each text that `tpl` is given but
    /// once.
    ///
    /// ```
    /// use gitops_template::{Options, Templates, Value};
    /// let mut templates = Templates::default();
    /// templates.parse("a", "{{.}}?")?;
    /// templates.parse("b", "{{.}}!")?;
    /// let mut renderer = templates.renderer(&Options::default());
    /// assert_eq!(renderer.render("a", &Value::from("x"))?.text, "x?");
    /// assert_eq!(renderer.render("b", &Value::from("x"))?.text, "x!");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn renderer<'r>(&'r self, options: &Options<'r>) -> Renderer<'r> {
        Renderer(Machine::new(self, options))
    }
}

/// Renders templates of one set, one after another, within [`Limits`](crate::Limits) for all of them together.
///
/// Data that is an [`Object`](crate::Object) must not be changed from outside between renders, but for what is
/// [watched](Options::watched).
pub struct Renderer<'r>(Machine<'r>);

impl fmt::Debug for Renderer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer").finish_non_exhaustive()
    }
}

impl Renderer<'_> {
    /// Renders a template over this data.
    ///
    /// # Errors
    /// As [`Templates::render`].
    #[allow(clippy::result_large_err, reason = "a render fails once")]
    pub fn render(&mut self, name: &str, data: &Value) -> Result<Output, RenderError> {
        self.0.render(name, data)
    }
}

impl From<ParseError> for CallError {
    fn from(error: ParseError) -> Self {
        CallError::new(error.to_string())
    }
}
