//! `checkout`, `commit` and `push` of an ImageUpdateAutomation of v1alpha1 become `sourceRef` and `git`, and templates that
//! read `.Updated` read `.Changed`.

use super::edits::{Edits, Field, column_of};
use gitops_yaml::{Entry, Node, Style};

/// Rewrites the fields of v1alpha1; all three at once, or none.
pub(super) fn migrate(edits: &mut Edits<'_>, spec: &Node) {
    let old = ["checkout", "commit", "push"].map(|name| Field::of(spec, name));
    let fields: Vec<Field<'_>> = old.into_iter().flatten().collect();
    let Some((kept, gone)) = fields.split_first() else { return };
    let is_new_already = spec.get("git").is_some() || spec.get("sourceRef").is_some();
    let new = new_fields(old.map(|field| field.map(|field| field.value())));
    let is_done = !is_new_already
        && new.is_some_and(|new| {
            let comments: Vec<String> = fields.iter().flat_map(|field| comments(edits, field)).collect();
            if comments.is_empty() || kept.is_in_flow() {
                return gone.iter().all(|field| edits.remove(field)) && edits.replace(kept, &new);
            }
            // What was said of the old fields stands above the new ones.
            let Some(lines) = edits.lines_of(kept) else { return false };
            let indent = column_of(&kept.entry.key);
            let said: String = comments.iter().map(|comment| edits.indented(indent, comment)).collect();
            let shown: String =
                new.iter().map(|(name, value)| edits.shown(indent, name, value.clone())).collect();
            edits.put(lines, said + &shown);
            gone.iter().all(|field| edits.remove(field))
        });
    for field in fields {
        let name = field.entry.key.as_str().unwrap_or_default();
        if is_done {
            let new =
                if name == "checkout" { "sourceRef, git.checkout".to_owned() } else { format!("git.{name}") };
            edits.say(&field.entry.key, format!("{name} -> {new}"));
        } else {
            edits.leave(&field.entry.key, format!("{name} was removed: write it as sourceRef and git"));
        }
    }
}

/// Returns the fields of today; `None` where the old ones hold what has no place there.
fn new_fields([checkout, commit, push]: [Option<&Node>; 3]) -> Option<Vec<(&'static str, Node)>> {
    let mut fields = Vec::new();
    let mut git = Vec::new();
    if let Some(checkout) = checkout {
        knows(checkout, &["gitRepositoryRef", "branch"])?;
        if let Some(repository) = checkout.get("gitRepositoryRef") {
            let kind = field("kind", Node::string("GitRepository"));
            let rest = repository.entries()?.iter().cloned();
            fields.push(("sourceRef", Node::mapping(std::iter::once(kind).chain(rest).collect())));
        }
        if let Some(branch) = checkout.get("branch") {
            let branch = Node::mapping(vec![field("branch", branch.clone())]);
            git.push(field("checkout", Node::mapping(vec![field("ref", branch)])));
        }
    }
    if let Some(commit) = commit {
        knows(commit, &["authorName", "authorEmail", "messageTemplate", "signingKey"])?;
        let names = [("authorName", "name"), ("authorEmail", "email")];
        let author =
            names.iter().filter_map(|(old, new)| Some(field(new, commit.get(old)?.clone()))).collect();
        let mut entries = vec![field("author", Node::mapping(author))];
        if let Some(template) = commit.get("messageTemplate") {
            let new = template.as_str().filter(|text| text.contains(".Updated")).and_then(changed);
            let new = new.map(|text| Node::string(text).styled(template.style));
            entries.push(field("messageTemplate", new.unwrap_or_else(|| template.clone())));
        }
        entries.extend(commit.get("signingKey").map(|value| field("signingKey", value.clone())));
        git.push(field("commit", Node::mapping(entries)));
    }
    if let Some(push) = push {
        knows(push, &["branch"])?;
        git.push(field("push", push.clone()));
    }
    fields.push(("git", Node::mapping(git)));
    Some(fields)
}

fn field(name: &str, value: Node) -> Entry {
    Entry { key: Node::string(name), value }
}

fn knows(mapping: &Node, names: &[&str]) -> Option<()> {
    let is_known = |entry: &Entry| entry.key.as_str().is_some_and(|key| names.contains(&key));
    mapping.entries()?.iter().all(is_known).then_some(())
}

/// Returns the comments within the lines of a field, as lines of their own.
fn comments(edits: &Edits<'_>, field: &Field<'_>) -> Vec<String> {
    let Some(lines) = edits.lines_of(field) else { return Vec::new() };
    // Lines of texts over several lines may look like comments.
    let texts: Vec<std::ops::Range<usize>> = field
        .value()
        .entries()
        .unwrap_or_default()
        .iter()
        .filter(|entry| entry.value.is_scalar())
        .filter_map(|entry| {
            let lines = edits.lines_of(&Field { mapping: field.value(), entry })?;
            (lines.len() > 1).then_some(lines.start + 1..lines.end)
        })
        .collect();
    lines
        .filter(|line| !texts.iter().any(|text| text.contains(line)))
        .filter_map(|line| {
            let line = edits.line(line);
            let at = if line.trim_start().starts_with('#') { line.find('#')? } else { line.find(" #")? + 1 };
            Some(line.get(at..)?.trim_end().to_owned())
        })
        .collect()
}

/// Rewrites what a message's template reads, where the new form says the same.
pub(super) fn template(edits: &mut Edits<'_>, spec: &Node) {
    let Some(commit) = spec.at_path(&["git", "commit"]).or_else(|| spec.get("commit")) else { return };
    let Some(field) = Field::of(commit, "messageTemplate") else { return };
    let Some(text) = field.value().as_str().filter(|text| text.contains(".Updated")) else { return };
    if let Some(new) = changed(text) {
        // The template of a moved field was rewritten with it.
        if spec.get("git").is_none() || replace_within(edits, &field, text, &new).is_some() {
            edits.say(&field.entry.key, ".Updated -> .Changed");
            return;
        }
    }
    edits.leave(
        &field.entry.key,
        "the template reads .Updated, which was removed: .Changed.FileChanges has the changes of each file, \
         .Changed.Objects those of each object, and .Changed.Changes all, with .OldValue, .NewValue and .Setter",
    );
}

/// Returns a template that reads `.Changed`; `None` where it uses what `.Changed` has in another form.
///
/// The files and objects that changed are keys of maps in both forms; their values differ. The images that a list printed
/// become the new values that were written.
fn changed(template: &str) -> Option<String> {
    let mut new = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(".Updated") {
        let (before, from) = rest.split_at(at);
        let (head, action) = before.split_at(before.rfind("{{")?);
        let (_, variables) = action.split_once("range")?;
        new.push_str(head);
        new.push_str(action);
        if let Some(from) = from.strip_prefix(".Updated.Images") {
            let (list, after) = images(from).filter(|_| variables.trim().is_empty())?;
            new.push_str(&format!(".Changed.Changes{list}"));
            rest = after;
            continue;
        }
        let (old, now) =
            [(".Updated.Files", ".Changed.FileChanges"), (".Updated.Objects", ".Changed.Objects")]
                .into_iter()
                .find(|(old, _)| from.starts_with(old))?;
        // `range $key, $value := .Updated.…`, with a value that nothing else reads.
        let (key, value) = variables.trim_end().strip_suffix(":=")?.split_once(',')?;
        let value = value.trim();
        let is_variable = |name: &str| name.starts_with('$') && name.len() > 1;
        if !is_variable(key.trim()) || !is_variable(value) || reads(template, value) {
            return None;
        }
        rest = &from[old.len()..];
        if !rest.starts_with([' ', '}', '-', '\n', '\t']) {
            return None;
        }
        new.push_str(now);
    }
    new.push_str(rest);
    Some(new)
}

/// Rewrites a loop over images, from behind the list's name to its `end`, and returns it with what follows. Each round
/// must do no more than print the image.
fn images(from: &str) -> Option<(String, &str)> {
    let (opening, mut rest) = from.split_at(from.find("}}")? + 2);
    let mut text = opening.to_owned();
    loop {
        let start = rest.find("{{")?;
        let end = start + rest.get(start..)?.find("}}")? + 2;
        let action = rest.get(start + 2..end - 2)?;
        let is_end = action.trim_matches(['-', ' ']) == "end";
        if !is_end && action.trim_matches(['-', ' ']) != "." {
            return None;
        }
        text.push_str(&rest[..start]);
        if is_end {
            return Some((text, &rest[start..]));
        }
        text.push_str(&format!("{{{{{}}}}}", action.replacen('.', ".NewValue", 1)));
        rest = &rest[end..];
    }
}

/// Whether a variable is named elsewhere than where it is declared.
fn reads(template: &str, variable: &str) -> bool {
    template.match_indices(variable).any(|(at, _)| {
        let behind = &template[at + variable.len()..];
        let is_longer = behind.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        !is_longer && !behind.trim_start().starts_with(":=")
    })
}

/// Changes a text where it stands: each line of it that differs.
fn replace_within(edits: &mut Edits<'_>, field: &Field<'_>, old: &str, new: &str) -> Option<()> {
    if field.value().style != Style::Literal {
        return edits
            .replace(field, &[("messageTemplate", Node::string(new).styled(field.value().style))])
            .then_some(());
    }
    let lines = edits.lines_of(field)?;
    let mut changes = Vec::new();
    // A literal text has the lines that it is written in.
    for (at, (before, now)) in
        old.lines().zip(new.lines()).enumerate().filter(|(_, (before, now))| before != now)
    {
        let line = lines.start + 1 + at;
        let written = edits.line(line);
        if line >= lines.end || written.trim() != before.trim() {
            return None;
        }
        changes.push((line, written.replacen(before.trim(), now.trim(), 1)));
    }
    for (line, text) in changes {
        edits.put(line..line + 1, text);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_are_read_alike() {
        let text = "{{ range $file, $_ := .Updated.Files -}}\n- {{ $file }}\n{{ end -}}";
        assert_eq!(
            changed(text).as_deref(),
            Some("{{ range $file, $_ := .Changed.FileChanges -}}\n- {{ $file }}\n{{ end -}}")
        );
        let twice = "{{ range $k, $_ := .Updated.Files }}{{ $k }}{{ end }}{{ range $k, $_ := .Updated.Objects }}{{ $k }}{{ end }}";
        assert_eq!(changed(twice).map(|text| text.matches(".Changed.").count()), Some(2));
        let images = "{{- range .Updated.Images -}}\n- {{.}}\n{{ end }}";
        assert_eq!(
            changed(images).as_deref(),
            Some("{{- range .Changed.Changes -}}\n- {{.NewValue}}\n{{ end }}")
        );
        assert_eq!(changed("{{ range .Updated.Images }}{{ .Repository }}{{ end }}"), None);
        assert_eq!(changed("{{ len .Updated.Images }}"), None);
        assert_eq!(changed("{{ range $o, $v := .Updated.Objects }}{{ $v }}{{ end }}"), None);
        assert!(changed("{{ range $o, $v := .Updated.Objects }}{{ $o.Kind }}{{ end }}").is_some());
    }
}
