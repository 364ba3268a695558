//! Slash-separated paths, as Go's `path`; `os…` are the same, for Helm runs with a slash.

use super::{pure, text};
use crate::function::{Function, Functions, Signature, Type};
use crate::value::Value;

pub(super) fn add(functions: &mut Functions) {
    let mut both = |name: &str, os_name: &str, body: fn(&str) -> String| {
        for name in [name, os_name] {
            let signature = Signature::new(&[Type::String], Type::String);
            functions.insert(name, Function::new(signature, move |_, args| Ok(body(&text(&args[0])).into())));
        }
    };
    both("base", "osBase", |path| base(path).to_owned());
    both("dir", "osDir", dir);
    both("clean", "osClean", clean);
    both("ext", "osExt", |path| extension(path).to_owned());
    for name in ["isAbs", "osIsAbs"] {
        functions.insert(
            name,
            pure(&[Type::String], Type::Bool, |args| Ok(Value::Bool(text(&args[0]).starts_with('/')))),
        );
    }
}

fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match (path.is_empty(), trimmed.is_empty()) {
        (true, _) => ".",
        (false, true) => "/",
        (false, false) => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |slash| &path[..=slash]))
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or("", |dot| &name[dot..])
}

/// The shortest path that means the same.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_as_go_cuts_them() {
        assert_eq!((base(""), base("///"), base("a/b/")), (".", "/", "b"));
        assert_eq!((dir(""), dir("/"), dir("a/b/../c")), (".".into(), "/".into(), "a".into()));
        assert_eq!(
            (clean("/../a//b/./"), clean("../../x"), clean("a/..")),
            ("/a/b".into(), "../../x".into(), ".".into())
        );
        assert_eq!((extension("a.b/c"), extension("x.tar.gz"), extension("x.")), ("", ".gz", "."));
    }
}
