//! Errors of scanner and parser: which line each of Go's libraries names, the source line, and what would be right.

use crate::{Error, ErrorKind, Str};

use super::{Mark, Scanner};

impl Scanner<'_> {
    /// Makes a scanner's error at the current position; `context` began at `since`.
    #[cold]
    pub(super) fn fail(&self, context: &'static str, since: Mark, problem: &'static str) -> Error {
        self.error_at(context, since, problem.into(), self.mark_here(), 1)
    }

    #[cold]
    pub(super) fn too_deep(&self, context: &'static str) -> Error {
        let since = self.simple_keys.last().map_or_else(Mark::default, |key| key.mark);
        let error = self.error_at(
            context,
            since,
            format!("exceeded max depth of {}", self.max_depth).into(),
            self.mark_here(),
            1,
        );
        error.of_kind(ErrorKind::Limit)
    }

    /// Makes a parser's error; go-yaml names the line before it, because it counts from 0 there.
    #[cold]
    pub(crate) fn parser_error(
        &self,
        context: &'static str,
        since: Mark,
        problem: &'static str,
        problem_mark: Mark,
    ) -> Error {
        self.error_at(context, since, problem.into(), problem_mark, 0)
    }

    fn error_at(
        &self,
        context: &'static str,
        since: Mark,
        problem: Str,
        problem_mark: Mark,
        scanner_adds: u32,
    ) -> Error {
        // v3 prefers the line on which the construct began, v2 the line of the mistake. Both take a first line for
        // none at all.
        let line = if self.is_v3 {
            match (since.line, problem_mark.line) {
                (0, 0) => None,
                (0, line) | (line, _) => Some(line + scanner_adds),
            }
        } else {
            match (problem_mark.line, since.line) {
                (0, 0) => None,
                (0, line) => Some(line),
                (line, _) => Some(line + scanner_adds),
            }
        };
        let start = self.bytes.get(..problem_mark.index as usize).unwrap_or(self.bytes);
        let start = memchr::memrchr(b'\n', start).map_or(0, |at| at + 1);
        let source: String = self.slice(start, self.line_end(start)).chars().take(200).collect();
        let hint = hint(&problem, &source, problem_mark);
        let mut error = Error::new(ErrorKind::Syntax, self.place(problem_mark), problem)
            .with_source_line(source.as_str());
        if let Some(line) = line {
            error = error.reporting_line(line);
        }
        if !context.is_empty() {
            error = error.since(context, self.place(since));
        }
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// Says what would be right, where the problem and its line tell.
fn hint(problem: &str, line: &str, mark: Mark) -> Option<&'static str> {
    let at = line.chars().nth(mark.column as usize);
    match problem {
        "found character that cannot start any token" => match at {
            Some('\t') => Some("indent with spaces, YAML allows no tabs there"),
            Some('@' | '`' | '%') => Some("quote values that begin with '@', '`' or '%'"),
            _ => None,
        },
        "found a tab character that violates indentation"
        | "found a tab character where an indentation space is expected" => {
            Some("indent with spaces, YAML allows no tabs there")
        }
        "mapping values are not allowed in this context" => {
            Some("quote the value if it holds ': ', or check the indentation of this line")
        }
        "could not find expected ':'" => {
            Some("every line of a mapping needs 'key: value'; check the line above too")
        }
        "did not find expected key" | "did not find expected '-' indicator" => {
            Some("lines of one collection begin in the same column; check the indentation")
        }
        "found unexpected end of stream" => Some("the quote is never closed"),
        "found unexpected document indicator" => Some("the quote is not closed before '---' or '...'"),
        "found unknown escape character" => Some("write '\\\\' for a backslash, or use single quotes"),
        "block sequence entries are not allowed in this context" => Some("begin a list on a line of its own"),
        _ => None,
    }
}
