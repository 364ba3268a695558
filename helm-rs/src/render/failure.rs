//! Words a failed render as Helm does, and keeps what Go's texts hide: places, source lines, what was nil.

use gitops_template::{ParseError, RenderError, Templates};

use super::functions::{WARNING_END, WARNING_START};
use super::help::{of_dead_end, of_execution, of_parsing};
use crate::{Error, ErrorKind, Site};

/// Words a template that can't be parsed: only what stands behind the last `: ` survives, as in Helm.
pub(crate) fn parse_error(path: &str, error: &ParseError, source: &str) -> Error {
    let text = error.to_string();
    let mut parts = text.split(": ");
    let message = match (parts.next(), parts.next()) {
        (Some(_), Some(location)) => {
            let last = parts.last().unwrap_or(location);
            format!("parse error at ({location}): {last}")
        }
        _ => format!("parse error in ({path}): {text}"),
    };
    let mut worded = Error::new(ErrorKind::Render, message).at(place(path, error.offset, source));
    if text.ends_with(&error.message) && error.message.contains(": ") {
        worded = worded.note(error.message.clone());
    }
    match error.help.as_ref().and_then(of_parsing) {
        Some(help) => worded.note(help),
        None => worded,
    }
}

/// Returns the place of a byte of a text.
fn place(file: &str, offset: usize, source: &str) -> Site {
    let before = source.get(..offset).unwrap_or(source);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let number = |count: usize| u32::try_from(count + 1).unwrap_or(0);
    Site {
        file: file.to_owned(),
        line: number(before.matches('\n').count()),
        column: number(before[start..].chars().count()),
        source_line: source[start..].lines().next().map(str::to_owned),
    }
}

/// Words a template that can't be executed, where these templates are known.
pub(crate) fn execution_error(error: &RenderError, templates: &Templates) -> Error {
    let text = error.to_string();
    let kind = if error.root().is_limit() { ErrorKind::Limit } else { ErrorKind::Render };
    let mut worded = Error::new(kind, worded(error, &text));
    let mut chain: Vec<&RenderError> = std::iter::successors(Some(error), |error| error.inner()).collect();
    // The mistake itself comes first, then who included it.
    chain.reverse();
    let mut last = None;
    for error in chain {
        let Some(at) = error.location() else { continue };
        let before = at.source_line.get(..at.column).map_or(at.column, |text| text.chars().count());
        let site = Site {
            file: at.file.to_string(),
            line: u32::try_from(at.line).unwrap_or(0),
            column: u32::try_from(before + 1).unwrap_or(0),
            source_line: Some(at.source_line.clone()),
        };
        if last.as_ref() != Some(&site) {
            worded = worded.at(site.clone());
            last = Some(site);
        }
    }
    if let Some(end) = error.root().dead_end() {
        worded = worded.note(of_dead_end(end));
    }
    match of_execution(error.root().message(), templates) {
        Some(help) => worded.note(help),
        None => worded,
    }
}

/// How many failures that led to each other are told one by one. Each of Helm's texts holds those of all that follow.
const LONGEST_CHAIN: usize = 200;

fn worded(error: &RenderError, text: &str) -> String {
    let mut tokens = text.splitn(3, ": ");
    let (Some(_), Some(location), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return format!(
            "execution error in ({}): {text}",
            error.location().map_or("", |at| at.file.as_str())
        );
    };
    if let Some(start) = rest.find(WARNING_START)
        && let Some(end) = rest.rfind(WARNING_END)
        && start + WARNING_START.len() <= end
    {
        let message = &rest[start + WARNING_START.len()..end];
        return format!("execution error at ({location}): {message}");
    }
    if std::iter::successors(Some(error), |error| error.inner()).nth(LONGEST_CHAIN).is_some() {
        return text.to_owned();
    }
    let mut found: Vec<Traced> = Vec::new();
    for text in wrapped_texts(error) {
        match Traced::parse(&text) {
            // An error that has another shape anywhere in the chain keeps the whole text as it is.
            None => return error.to_string(),
            Some(traced) if found.last() != Some(&traced) => found.push(traced),
            Some(_) => {}
        }
    }
    let all: String = found.iter().map(Traced::show).collect();
    all.trim().to_owned()
}

/// Returns the texts of an error and of all that it wraps, as Go's `errors.Unwrap` finds them.
fn wrapped_texts(error: &RenderError) -> Vec<String> {
    let mut texts = Vec::new();
    let mut current = Some(error);
    while let Some(error) = current {
        texts.push(error.to_string());
        current = error.inner();
        let called = error.message().strip_prefix("error calling ").and_then(|rest| rest.split_once(": "));
        if let Some((_, cause)) = called {
            match current {
                // A function that says more than the template that it rendered wraps that template's error.
                Some(_) if cause.is_empty() => {}
                Some(inner) => texts.push(format!("{cause}{inner}")),
                None => texts.push(cause.to_owned()),
            }
        }
    }
    texts
}

/// A link of the chain, taken apart.
#[derive(PartialEq)]
struct Traced {
    location: String,
    message: String,
    executed: String,
}

impl Traced {
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("template: ")?;
        if rest.starts_with("no template ") {
            return Some(Self { location: String::new(), message: text.to_owned(), executed: String::new() });
        }
        Self::executing(rest).or_else(|| Self::simple(rest))
    }

    /// `FILE:L:C: executing "NAME" at <EXPRESSION>: MESSAGE`
    fn executing(rest: &str) -> Option<Self> {
        let (location, after) = rest.split_once(": executing ")?;
        let (name, after) = after.strip_prefix('"')?.split_once('"')?;
        let (expression, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
        Some(Self {
            location: location.to_owned(),
            message: before_next(message).to_owned(),
            executed: format!("executing \"{name}\" at <{expression}>:"),
        })
    }

    /// `FILE: MESSAGE`
    fn simple(rest: &str) -> Option<Self> {
        let (location, message) = rest.rsplit_once(": ")?;
        Some(Self {
            location: location.to_owned(),
            message: before_next(message).to_owned(),
            executed: String::new(),
        })
    }

    fn show(&self) -> String {
        let mut text = String::new();
        if !self.location.is_empty() {
            text.push_str(&format!("{}\n  ", self.location));
        }
        if !self.executed.is_empty() {
            text.push_str(&format!("{}\n    ", self.executed));
        }
        if !self.message.is_empty() {
            text.push_str(&format!("{}\n", self.message));
        }
        text
    }
}

/// Cuts the text of the next link off.
fn before_next(message: &str) -> &str {
    message.find(" template:").map_or(message, |at| &message[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_shown_at_their_place_with_the_remedy() {
        let cases = [
            (
                "a: {{ .Values.my-key }}",
                1,
                17,
                Some("a key with a dash is asked for with `index .Values \"my-key\"`"),
            ),
            ("{{ $.my-key.sub }}", 1, 8, Some("a key with a dash is asked for with `index $ \"my-key\"`")),
            ("é\n{{ .é-b }}", 2, 6, Some("a key with a dash is asked for with `index . \"é-b\"`")),
            ("{{ prinff .a }}", 1, 4, Some("did you mean `printf`?")),
            ("{{ $name := 1 }}\n{{ $nam }}", 2, 4, Some("did you mean `$name`?")),
            ("é {{ if .a }}\n{{ range .b }}{{ end }}\n", 1, 3, Some("this `if` has no `{{ end }}`")),
            ("{{ with .a }}{{ else }}\nb", 1, 1, Some("this `with` has no `{{ end }}`")),
            ("\n{{ define \"x\" }}", 2, 11, Some("this `define` has no `{{ end }}`")),
            ("a\n b {{ end }}", 2, 4, Some("no `if`, `range`, `with`, `define` or `block` is open here")),
            ("a {{ .b", 1, 3, None),
            ("{{ .b }", 1, 7, None),
            ("{{ \"a }}", 1, 4, None),
        ];
        for (source, line, column, help) in cases {
            let Err(error) = Templates::default().parse_text("t", source) else {
                panic!("{source} is parsed")
            };
            let error = parse_error("t", &error, source);
            let site = error.sites().first().map(|site| (site.line, site.column));
            assert_eq!(site, Some((line, column)), "{source}");
            assert_eq!(error.notes().first().map(String::as_str), help, "{source}");
        }
    }
}
