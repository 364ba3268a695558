//! What Go's texts leave to the reader: a line that says how a failed render is mended.

use gitops_core::did_you_mean;
use gitops_template::{DeadEnd, ParseHelp, Templates};
use gitops_yaml::Str;

/// Helps with a template that can't be parsed.
pub(super) fn of_parsing(help: &ParseHelp) -> Option<String> {
    match help {
        ParseHelp::Unclosed(block) => Some(format!("this `{block}` has no `{{{{ end }}}}`")),
        ParseHelp::NothingOpen => {
            Some("no `if`, `range`, `with`, `define` or `block` is open here".to_owned())
        }
        ParseHelp::NoName { path, key } => {
            Some(format!("a key with a dash is asked for with `index {path} \"{key}\"`"))
        }
        ParseHelp::Unknown { name, known } => {
            let near = did_you_mean(name, known.iter().map(String::as_str));
            match near {
                Some(near) => Some(format!("did you mean `{near}`?")),
                None if name.starts_with('$') => Some(format!(
                    "a variable is declared before it is used, in the same template and block: `{{{{ {name} := … }}}}`"
                )),
                None => None,
            }
        }
        _ => None,
    }
}

/// Says what a path of fields ended at, and which keys stand where something else should.
pub(super) fn of_dead_end(found: &DeadEnd) -> String {
    let DeadEnd { path, end: nil, found, siblings } = found;
    let first = path.trim_start_matches('.').split('.').next().unwrap_or(path);
    if found != "nil" {
        let dot = if nil == "." { "the dot" } else { &format!("`{nil}`") };
        return match found.as_str() {
            _ if nil == "." && ROOT.contains(&first) => format!(
                "`.{first}` is a field of the root, and the dot is something else here: within `with` and `range` write `$.{first}`, \
                 and give `include` the root (`$`)"
            ),
            list if list.starts_with("[]") => format!(
                "{dot} is a list: `range` goes through its items, and `index` gives one of them, as in `(index {nil} 0)`"
            ),
            other => format!("{dot} is of type {other}, so `{path}` can't be looked up"),
        };
    }
    let mut note = if nil == path {
        format!("`{path}` is not set")
    } else {
        format!("`{nil}` is nil, so `{path}` can't be looked up")
    };
    if !siblings.is_empty() {
        let named: Vec<String> = siblings.iter().take(MOST).map(|name| format!("`{name}`")).collect();
        let parent = nil.rsplit_once('.').map_or("", |(parent, _)| parent);
        let holder = match parent.rsplit('.').next() {
            None | Some("") => "the dot",
            Some(name) => &format!("`{name}`"),
        };
        note.push_str(&format!(": {holder} has {}", named.join(", ")));
        if siblings.len() > MOST {
            note.push_str(&format!(" and {} more", siblings.len() - MOST));
        }
    }
    let wanted = nil.rsplit('.').next().unwrap_or(nil);
    if let Some(near) = did_you_mean(wanted, siblings.iter().map(Str::as_str)) {
        note.push_str(&format!("; did you mean `{near}`?"));
    }
    if nil.strip_prefix('.').is_some_and(|field| ROOT.contains(&field)) {
        note.push_str(&format!("; the root's is `${nil}`"));
    }
    note
}

/// Helps with a template that can't be executed, by Go's words for what went wrong.
pub(super) fn of_execution(message: &str, templates: &Templates) -> Option<String> {
    if let Some(name) = missing_template(message) {
        return Some(missing_help(name, templates));
    }
    if message.starts_with("range can't iterate over ") {
        return Some(
            "`range` goes through lists, maps and integers: a number of a values file is a float64 and becomes one with `int`, a \
             text becomes a list with `splitList`"
                .to_owned(),
        );
    }
    if let Some((name, _)) =
        message.strip_prefix("wrong number of args for ").and_then(|rest| rest.split_once(": want "))
    {
        let function = templates.functions().get(name)?;
        let kind = function.type_name();
        return Some(format!("`{name}` is a {kind}; what a pipe brings is its last argument"));
    }
    if let Some((_, found)) = message.split_once("; expected string; got ") {
        return Some(match found {
            "interface {}" => {
                "the value is nil: `default` gives it another one, or `required` says so".to_owned()
            }
            _ => "`toString` makes a text of a value".to_owned(),
        });
    }
    if message.ends_with("invalid value; expected string") {
        return Some("there is no value: `default` gives it one, or `required` says so".to_owned());
    }
    let (_, types) = message.split_once("incompatible types for comparison")?;
    let numbers = [": float64 and int", ": int and float64"].contains(&types);
    Some(if numbers {
        "numbers of values files are float64 and those of templates int: compare `int .Values.x`".to_owned()
    } else {
        "both sides have to be of one type: compare texts with `toString`, whole numbers with `int`"
            .to_owned()
    })
}

/// Helps with a rendered file that is no manifest, by what is wrong with it and the rendered line where that is.
pub(super) fn of_manifest(message: &str, line: Option<&str>) -> Option<String> {
    let line = line.unwrap_or_default();
    if line.contains("%!") {
        return Some(
            "`%!` is what `printf` prints where a verb does not fit its value: `%v` fits all".to_owned(),
        );
    }
    if message.contains("util.SimpleHead") {
        return Some(
            "a manifest is a map with apiVersion and kind: an action that prints a value by accident keeps it with `{{ $_ := … }}`"
                .to_owned(),
        );
    }
    let is_nested = message.contains("mapping values are not allowed in this context")
        && line.matches(": ").count() + usize::from(line.ends_with(':')) > 1;
    is_nested.then(|| {
        "what has several lines, as that of `toYaml` and `include`, begins on a line of its own: `{{- toYaml … | nindent 2 }}`; a text \
         with `: ` in it needs `quote`"
            .to_owned()
    })
}

/// The fields of the root that charts ask for.
const ROOT: [&str; 7] = ["Values", "Release", "Chart", "Capabilities", "Files", "Template", "Subcharts"];

/// Returns the template that is not there, of the words of `include` or of those of `template`.
fn missing_template(message: &str) -> Option<&str> {
    let included = message.split_once("template: no template \"").and_then(|(_, rest)| {
        let (name, after) = rest.split_once('"')?;
        after.starts_with(" associated").then_some(name)
    });
    included.or_else(|| message.strip_prefix("template \"")?.strip_suffix("\" not defined"))
}

/// Names what is defined instead, or the chart that seems to be missing.
fn missing_help(name: &str, templates: &Templates) -> String {
    let known = templates.names();
    if let Some(near) = did_you_mean(name, known.iter().map(Str::as_str)) {
        return format!("did you mean `{near}`?");
    }
    let family = name.split('.').next().unwrap_or(name);
    let is_kin = |known: &&Str| known.split('.').next() == Some(family) && !known.contains('/');
    let kin: Vec<String> = known.iter().filter(is_kin).take(MOST).map(|name| format!("`{name}`")).collect();
    if kin.is_empty() {
        return format!(
            "no `define` names `{name}`, nor anything else of `{family}`: if a chart that this one depends on defines it, \
             `gitops dependency build` brings that chart into `charts/`"
        );
    }
    format!("no `define` names `{name}`; there are {}", kin.join(", "))
}

/// How many names are listed.
const MOST: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_of_execution_are_told_with_the_remedy() {
        let mut templates = Templates::default();
        let text = "{{ define \"app.labels\" }}{{ end }}{{ define \"app.name\" }}{{ end }}";
        assert!(templates.parse("app/templates/_helpers.tpl", text).is_ok());
        let help = |message: &str| of_execution(message, &templates).unwrap_or_default();
        let missing = |name: &str| {
            help(&format!(
                "error calling include: template: no template {name:?} associated with template \"gotpl\""
            ))
        };
        assert_eq!(missing("app.lables"), "did you mean `app.labels`?");
        assert_eq!(
            missing("app.serviceAccountName"),
            "no `define` names `app.serviceAccountName`; there are `app.labels`, `app.name`"
        );
        assert!(missing("common.names.fullname").contains("`gitops dependency build`"));
        assert_eq!(help("template \"app.nme\" not defined"), "did you mean `app.name`?");
        assert!(help("range can't iterate over 3").contains("`int`"));
        assert!(help("wrong type for value; expected string; got interface {}").contains("`default`"));
        assert!(help("wrong type for value; expected string; got float64").contains("`toString`"));
        assert!(help("invalid value; expected string").contains("`default`"));
        assert!(
            help("error calling eq: incompatible types for comparison: string and int")
                .contains("`toString`")
        );
        assert!(
            help("error calling eq: incompatible types for comparison: float64 and int")
                .contains("`int .Values.x`")
        );
    }
}
