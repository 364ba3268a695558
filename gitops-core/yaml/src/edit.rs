//! Changes single scalars of a text in place and leaves every other byte as it was.

use std::ops::Range;

use crate::parse::{Event, EventKind, Parser};
use crate::read::{Dialect, check_size};
use crate::scan::{Input, ScanOptions};
use crate::{Error, ErrorKind, FileId, Kind, Limits, Place, ReadOptions, Str, Style, resolve};

/// A scalar of a text and where its bytes are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScalarSite {
    /// The document of the stream that holds it, counted from 0.
    pub document: usize,
    /// The keys and indexes that lead to it.
    pub path: Vec<PathStep>,
    /// Whether it is a mapping's key; its path then ends in itself.
    pub is_key: bool,
    /// Whether it stands inside a flow collection, `[…]` or `{…}`.
    pub is_in_flow: bool,
    /// The bytes of the text that it covers, quotes included; anchor, tag and comments not.
    pub bytes: Range<usize>,
    /// Its line and column.
    pub place: Place,
    /// How it is written.
    pub style: Style,
    /// Its value.
    pub value: Str,
    /// The comment at the end of its line, with its `#`; empty if there is none.
    pub line_comment: Str,
}

/// A step of the way from a document's root to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// The value of this key of a mapping.
    Key(Str),
    /// The item at this index of a sequence.
    Index(usize),
}

/// Several changes of one text.
///
/// ```
/// use gitops_yaml::Edits;
/// let text = "image: 'app:1.0' # {\"$imagepolicy\": \"ns:app\"}\r\nother:   kept\r\n";
/// let mut edits = Edits::new(text).unwrap();
/// let image = edits.scalars().iter().position(|s| s.line_comment.contains("ns:app")).unwrap();
/// edits.replace(image, "app:1.1").unwrap();
/// assert_eq!(edits.finish(), text.replace("1.0", "1.1"));
/// ```
#[derive(Clone, Debug)]
pub struct Edits<'t> {
    text: &'t str,
    scalars: Vec<ScalarSite>,
    /// What stands in place of each changed scalar.
    changes: Vec<Option<String>>,
}

impl<'t> Edits<'t> {
    /// Reads a text, so that its scalars can be found and replaced.
    ///
    /// # Errors
    /// When the text is not YAML.
    pub fn new(text: &'t str) -> Result<Self, Error> {
        Self::of_file(text, FileId::NONE, &Limits::default())
    }

    /// Reads the text of a file, within other limits than the default ones.
    ///
    /// # Errors
    /// When the text is not YAML.
    pub fn of_file(text: &'t str, file: FileId, limits: &Limits) -> Result<Self, Error> {
        let scalars = find_scalars(text, file, limits)?;
        let changes = vec![None; scalars.len()];
        Ok(Self { text, scalars, changes })
    }

    /// Returns all scalars in the order of the text, keys included.
    #[must_use]
    pub fn scalars(&self) -> &[ScalarSite] {
        &self.scalars
    }

    /// Replaces the scalar at this index of [`Edits::scalars`]; the quotes that it has are kept where they can be.
    /// A plain scalar whose new value would not be read back as that very text is quoted. The last replacement of a
    /// scalar counts.
    ///
    /// # Errors
    /// When there is no such scalar, or the new value can't be written in that place.
    pub fn replace(&mut self, scalar: usize, value: &str) -> Result<(), Error> {
        let (Some(site), Some(change)) = (self.scalars.get(scalar), self.changes.get_mut(scalar)) else {
            return Err(Error::new(ErrorKind::Value, Place::NONE, "there is no scalar to replace"));
        };
        let old = self.text.get(site.bytes.clone()).unwrap_or_default();
        let new = write_scalar(site, old, value);
        if old.is_empty() && !fills_gap(self.text, &self.scalars, scalar, &new, value) {
            return Err(Error::new(ErrorKind::Value, site.place, "the value is missing here")
                .with_hint("write a ':' and a value there first"));
        }
        *change = Some(new);
        Ok(())
    }

    /// Replaces the scalar that begins at this line and column.
    ///
    /// # Errors
    /// When no scalar begins there, or the new value can't be written there.
    pub fn replace_at(&mut self, place: Place, value: &str) -> Result<(), Error> {
        let index = self.index_at(place)?;
        self.replace(index, value)
    }

    /// Replaces the scalar that begins at this line and column by a string: in a plain scalar, a value that either
    /// dialect would read as a number, a boolean, a time or null gets double quotes.
    ///
    /// # Errors
    /// When no scalar begins there, or the new value can't be written there.
    pub fn replace_with_string_at(&mut self, place: Place, value: &str) -> Result<(), Error> {
        let index = self.index_at(place)?;
        self.replace(index, value)?;
        let (Some(site), Some(change)) = (self.scalars.get(index), self.changes.get_mut(index)) else {
            return Ok(());
        };
        let is_string = |dialect| resolve(value, dialect) == Kind::Str;
        if site.style == Style::Default && !(is_string(Dialect::V3) && is_string(Dialect::Yaml11)) {
            let gap = if site.bytes.is_empty() { " " } else { "" };
            *change = Some(format!("{gap}{}", double_quoted(value)));
        }
        Ok(())
    }

    fn index_at(&self, place: Place) -> Result<usize, Error> {
        let at = |site: &ScalarSite| (site.place.line, site.place.column);
        // Empty scalars may share their place with what follows: the last one is the one that is written.
        let end = self.scalars.partition_point(|site| at(site) <= (place.line, place.column));
        end.checked_sub(1)
            .filter(|&index| self.scalars.get(index).map(at) == Some((place.line, place.column)))
            .ok_or_else(|| Error::new(ErrorKind::Value, place, "no scalar begins here"))
    }

    /// Returns the changed text.
    #[must_use]
    pub fn finish(self) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut done = 0;
        for (site, change) in self.scalars.iter().zip(&self.changes) {
            let Some(change) = change else { continue };
            out.push_str(self.text.get(done..site.bytes.start).unwrap_or_default());
            out.push_str(change);
            done = site.bytes.end;
        }
        out.push_str(self.text.get(done..).unwrap_or_default());
        out
    }
}

// ---- finding ----

/// An open collection and where in it the walk is.
enum Level {
    Sequence { next: usize, is_flow: bool },
    Mapping { key: Option<Str>, expects_key: bool, is_flow: bool },
}

impl Level {
    fn is_flow(&self) -> bool {
        match self {
            Self::Sequence { is_flow, .. } | Self::Mapping { is_flow, .. } => *is_flow,
        }
    }

    /// The step to the child that comes next.
    fn step(&self) -> PathStep {
        match self {
            Self::Sequence { next, .. } => PathStep::Index(*next),
            Self::Mapping { key, .. } => PathStep::Key(key.clone().unwrap_or_default()),
        }
    }

    /// Goes past a finished child.
    fn advance(&mut self, scalar: Option<&Str>) {
        match self {
            Self::Sequence { next, .. } => *next += 1,
            Self::Mapping { key, expects_key, .. } => {
                *key = if *expects_key { scalar.cloned() } else { None };
                *expects_key = !*expects_key;
            }
        }
    }
}

fn find_scalars(text: &str, file: FileId, limits: &Limits) -> Result<Vec<ScalarSite>, Error> {
    let options = ReadOptions::v3().with_limits(*limits);
    check_size(text.as_bytes(), file, &options)?;
    let input = Input::decode(text.as_bytes());
    let scan = ScanOptions { dialect: Dialect::V3, file, first_line: 1, depth: limits.depth };
    let mut parser = Parser::new(&input, scan);
    let mut found: Vec<ScalarSite> = Vec::new();
    let mut levels: Vec<Level> = Vec::new();
    let mut document = 0;
    loop {
        let event = parser.next_event()?;
        let is_flow = event.style == Style::Flow;
        let (value, comments) = (parser.take_text(), parser.take_event_comments());
        parser.take_properties();
        let child = match event.kind {
            EventKind::StreamEnd => return Ok(found),
            EventKind::DocumentStart { .. } => continue,
            EventKind::DocumentEnd { .. } => {
                document += 1;
                continue;
            }
            EventKind::SequenceStart => {
                levels.push(Level::Sequence { next: 0, is_flow });
                continue;
            }
            EventKind::MappingStart => {
                levels.push(Level::Mapping { key: None, expects_key: true, is_flow });
                continue;
            }
            EventKind::SequenceEnd | EventKind::MappingEnd => {
                levels.pop();
                None
            }
            EventKind::Alias => None,
            EventKind::Scalar => {
                let place = parser.place(event.start);
                let line_comment = comments.map(|comments| comments.line.into()).unwrap_or_default();
                let mut site = site_of(event, value.clone(), &levels, place, input.bom);
                (site.document, site.line_comment) = (document, line_comment);
                found.push(site);
                Some(value)
            }
        };
        if found.len() > limits.nodes {
            return Err(Error::new(ErrorKind::Limit, Place::NONE, "text holds too many nodes"));
        }
        if let Some(level) = levels.last_mut() {
            level.advance(child.as_ref());
        }
    }
}

fn site_of(event: Event, value: Str, levels: &[Level], place: Place, bom: usize) -> ScalarSite {
    let (start, end) = event.span;
    let is_key = matches!(levels.last(), Some(Level::Mapping { expects_key: true, .. }));
    let mut path: Vec<PathStep> = levels.iter().map(Level::step).collect();
    if is_key && let Some(last) = path.last_mut() {
        *last = PathStep::Key(value.clone());
    }
    ScalarSite {
        document: 0,
        path,
        is_key,
        is_in_flow: levels.last().is_some_and(Level::is_flow),
        bytes: start as usize + bom..end as usize + bom,
        place,
        style: event.style,
        value,
        line_comment: Str::EMPTY,
    }
}

// ---- writing ----

/// Returns whether a text that is put where a value is missing becomes that value and changes nothing else: it does
/// behind `key:`, but not behind `? key`.
fn fills_gap(text: &str, scalars: &[ScalarSite], index: usize, new: &str, value: &str) -> bool {
    let Some(at) = scalars.get(index).map(|site| site.bytes.start) else { return false };
    let (Some(before), Some(after)) = (text.get(..at), text.get(at..)) else { return false };
    find_scalars(&[before, new, after].concat(), FileId::NONE, &Limits::default()).is_ok_and(|again| {
        again.len() == scalars.len()
            && again.iter().zip(scalars).enumerate().all(|(at, (new, old))| {
                new.path == old.path && if at == index { new.value == value } else { new.value == old.value }
            })
    })
}

/// Writes a value in the style of the scalar that it replaces, or in the nearest one that can hold it.
fn write_scalar(site: &ScalarSite, old: &str, value: &str) -> String {
    let needs_escapes =
        value.chars().any(|c| c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}'));
    match site.style {
        Style::Literal | Style::Folded if !site.is_key => match write_block(old, value) {
            Some(text) => text,
            None => quoted_with_comment(old, value),
        },
        Style::DoubleQuoted => double_quoted(value),
        _ if needs_escapes => double_quoted(value),
        Style::SingleQuoted => single_quoted(value),
        _ if old.is_empty() => {
            format!(" {}", if is_plain_safe(value, site) { value.into() } else { single_quoted(value) })
        }
        _ if is_plain_safe(value, site) => value.to_owned(),
        _ => single_quoted(value),
    }
}

fn single_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn double_quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{feff}' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04X}", c as u32)),
            c if c.is_control() => out.push_str(&format!("\\x{:02X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes a value of one line under the header of a literal or folded scalar, and makes the header say whether a line
/// break ends it. Comments on the header and blank lines below stay.
fn write_block(old: &str, value: &str) -> Option<String> {
    let (header, body) = old.split_at(old.find('\n')? + 1);
    let (line, is_ended) = match value.strip_suffix('\n') {
        Some(line) => (line, true),
        None => (value, false),
    };
    let is_plain_text = !line.starts_with([' ', '\t'])
        && !line.chars().any(|c| c.is_control() && c != '\t')
        && !line.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}']);
    if !is_plain_text || (line.is_empty() && is_ended) {
        return None;
    }
    let indicators = header.split([' ', '\t', '\r', '\n']).next()?;
    let is_stripped = indicators.contains('-');
    let mut out = if is_stripped != is_ended && !indicators.contains('+') && !has_digit(indicators) {
        indicators.to_owned()
    } else {
        format!("{}{}", indicators.get(..1)?, if is_ended { "" } else { "-" })
    };
    out.push_str(header.get(indicators.len()..)?);
    let lines_end = body.trim_end_matches([' ', '\t', '\r', '\n']).len();
    if !line.is_empty() {
        let first = body.lines().find(|line| !line.trim().is_empty())?;
        out.push_str(&first[..first.len() - first.trim_start_matches(' ').len()]);
        out.push_str(line);
    }
    let below = &body[lines_end..];
    // An empty value has no line whose break could stay.
    let below = if line.is_empty() { below.split_once('\n').map_or("", |(_, rest)| rest) } else { below };
    out.push_str(below);
    Some(out)
}

/// Writes a value in quotes where a block scalar stood, and what followed the block's indicators behind it.
fn quoted_with_comment(old: &str, value: &str) -> String {
    let header = old.split_inclusive('\n').next().unwrap_or_default();
    let indicators = header.split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
    double_quoted(value) + header.get(indicators.len()..).unwrap_or_default()
}

fn has_digit(indicators: &str) -> bool {
    indicators.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns whether a value is read back as the same text when it is written without quotes at this site, and whether
/// it keeps its kind: a string does not become a number by losing its quotes.
fn is_plain_safe(value: &str, site: &ScalarSite) -> bool {
    let probe = match (site.is_key, site.is_in_flow) {
        (true, true) => format!("{{{value}: x}}"),
        (true, false) => format!("{value}: x"),
        (false, true) => format!("[{value}]"),
        (false, false) => format!("- {value}"),
    };
    if value.is_empty() || value.trim() != value {
        return false;
    }
    find_scalars(&probe, FileId::NONE, &Limits::default()).is_ok_and(|scalars| {
        scalars.len() == 1 + usize::from(site.is_key)
            && scalars
                .first()
                .is_some_and(|s| s.style == Style::Default && s.value == value && s.path.len() == 1)
    })
}
