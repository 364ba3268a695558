//! Prints a diff as a comment on a pull request.

use std::fmt::Write;

use super::{Action, FleetDiff, ObjectChange};

impl FleetDiff {
    /// Prints a summary, the problems that are new, a table of all objects, and the diff of each behind a fold. No text
    /// is longer than `limit` bytes: what does not fit is counted.
    #[must_use]
    pub fn to_markdown(&self, limit: usize) -> String {
        let mut text = format!("### What this changes: {}\n\n", self.summary());
        for (app, gap) in &self.new_problems {
            if gap.severity > super::Severity::Note {
                let app = app.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
                let sign = if gap.severity == super::Severity::Error { "❌" } else { "⚠️" };
                let place = if gap.place.is_empty() { String::new() } else { format!("`{}`: ", gap.place) };
                let _ =
                    writeln!(text, "- {sign} {place}{}{app} {}", escaped(&gap.message), escaped(&gap.help));
            }
        }
        for app in &self.broken {
            let _ = writeln!(text, "- ❌ `{app}` can no longer be rendered: its objects are not compared");
        }
        if self.changes.is_empty() {
            return cut(text, limit);
        }
        text.push_str("\n| | object | app | fields |\n|---|---|---|---|\n");
        for (shown, change) in self.changes.iter().enumerate() {
            let row = row(change);
            // Half of the room is for the manifests.
            if text.len() + row.len() > limit / 2 {
                let _ = writeln!(text, "| … | {} more objects | | |", self.changes.len() - shown);
                break;
            }
            text.push_str(&row);
        }
        text.push('\n');
        const ENDING: usize = 120;
        for (folded, change) in self.changes.iter().enumerate() {
            let fold = fold(change);
            if text.len() + fold.len() + ENDING > limit {
                let _ = writeln!(text, "… {} more diffs do not fit here.", self.changes.len() - folded);
                break;
            }
            text.push_str(&fold);
        }
        cut(text, limit)
    }
}

fn row(change: &ObjectChange) -> String {
    let note = match &change.action {
        Action::Add => "new".to_owned(),
        Action::Remove => "gone".to_owned(),
        Action::Rename(from) => format!("was `{from}`"),
        Action::Move(from) => format!("was applied by `{from}`"),
        Action::Change => {
            const SHOWN: usize = 3;
            let paths: Vec<String> =
                change.fields.iter().take(SHOWN).map(|field| format!("`{}`", field.path)).collect();
            let more = change.fields.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", paths.join(", "))
        }
    };
    format!(
        "| {} | `{}` | `{}` | {} |\n",
        change.action.sign(),
        change.id,
        change.app,
        note.replace('|', "\\|")
    )
}

fn fold(change: &ObjectChange) -> String {
    let diff = change.to_unified();
    if diff.is_empty() {
        return String::new();
    }
    // A fence must be longer than any in the text.
    let mut fence = "```".to_owned();
    while diff.contains(&fence) {
        fence.push('`');
    }
    let (sign, id) = (change.action.sign(), &change.id);
    format!(
        "<details><summary>{sign} <code>{id}</code></summary>\n\n{fence}diff\n{diff}{fence}\n</details>\n\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('<', "&lt;").replace('\n', " ")
}

fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let mut end = limit.saturating_sub(4);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}
