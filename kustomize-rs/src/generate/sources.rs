//! The keys and values of generators: literals, files, and files of `key=value` lines.

use gitops_yaml::{Place, Str};

use crate::error::{Error, ErrorKind};
use crate::kustomization::{GeneratorArgs, Text};
use crate::load::Loader;

/// A key, its value and the entry of the kustomization file that asked for it.
pub(crate) struct Pair {
    pub(crate) key: Str,
    pub(crate) value: Vec<u8>,
    pub(crate) place: Place,
}

/// Reads all sources of an entry: files of lines, then literals, then files.
pub(crate) fn pairs(loader: &Loader<'_, '_>, args: &GeneratorArgs) -> Result<Vec<Pair>, Error> {
    let mut pairs = Vec::new();
    for path in &args.envs {
        from_lines(loader, path, &mut pairs)
            .map_err(|error| error.within(format!("env source files: {}", list(&args.envs))))?;
    }
    for source in &args.literals {
        let pair = literal(source);
        pairs.push(pair.map_err(|error| error.within(format!("literal sources {}", list(&args.literals))))?);
    }
    for source in &args.files {
        let pair = file(loader, source);
        pairs.push(pair.map_err(|error| error.within(format!("file sources: {}", list(&args.files))))?);
    }
    Ok(pairs)
}

fn list(sources: &[Text]) -> String {
    format!("[{}]", sources.iter().map(|source| &**source).collect::<Vec<_>>().join(" "))
}

fn refuse(message: String, place: Place) -> Error {
    Error::new(ErrorKind::Generator, message).at(place)
}

fn literal(source: &Text) -> Result<Pair, Error> {
    match source.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            Ok(Pair { key: key.into(), value: without_quotes(value).into(), place: source.place })
        }
        _ => {
            let message = format!("invalid literal source {}, expected key=value", &**source);
            Err(refuse(message, source.place))
        }
    }
}

/// Strips one pair of equal quotes.
fn without_quotes(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

fn file(loader: &Loader<'_, '_>, source: &Text) -> Result<Pair, Error> {
    let text = &**source;
    let (key, path) = match text.split_once('=') {
        None => (base_name(text), text),
        Some((_, path)) if path.contains('=') => {
            return Err(refuse(format!("source {text:?} key name or file path contains '='"), source.place));
        }
        Some(("", path)) => {
            return Err(refuse(
                format!("missing key name for file path {path:?} in source {text:?}"),
                source.place,
            ));
        }
        Some((key, "")) => {
            return Err(refuse(
                format!("missing file path for key name {key:?} in source {text:?}"),
                source.place,
            ));
        }
        Some((key, path)) => (key, path),
    };
    let (_, content) = loader.load(&Text { text: path.into(), place: source.place })?;
    Ok(Pair { key: key.into(), value: content.into_owned(), place: source.place })
}

/// The last element of a path as Go's `path.Base` gives it.
fn base_name(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}

fn from_lines(loader: &Loader<'_, '_>, path: &Text, pairs: &mut Vec<Pair>) -> Result<(), Error> {
    let (_, content) = loader.load(path)?;
    for (number, line) in lines(&content).enumerate() {
        // Go's scanner gives up silently at a line of 64 KiB.
        if line.len() >= 64 * 1024 {
            break;
        }
        let Ok(line) = std::str::from_utf8(line) else {
            let message = format!("line {} of '{}' has invalid utf8 bytes", number + 1, &**path);
            return Err(refuse(message, path.place));
        };
        let line = if number == 0 { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !key.is_empty() {
            pairs.push(Pair { key: key.into(), value: value.into(), place: path.place });
        }
    }
    Ok(())
}

/// Splits at line breaks, which may be `\r\n`; an empty last line is none.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let is_empty = text.is_empty();
    let lines = text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(move |_| !is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_of_equal_quotes_is_stripped() {
        assert_eq!(without_quotes("'a'"), "a");
        assert_eq!(without_quotes("\"'a'\""), "'a'");
        assert_eq!(without_quotes("'a\""), "'a\"");
        assert_eq!(without_quotes("'"), "'");
        assert_eq!(without_quotes("''"), "");
    }

    #[test]
    fn base_names_are_gos() {
        assert_eq!((base_name("a/b.txt"), base_name("a/"), base_name("/")), ("b.txt", "a", "/"));
    }
}
