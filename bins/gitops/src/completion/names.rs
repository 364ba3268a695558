//! `gitops completion names`: the names that may stand where the cursor is, as the cluster has them.

use crate::cluster::{ClusterFlags, Target, list, list_of, text, within};
use crate::{Failure, commands};
use clap::{Args as _, FromArgMatches as _};
use gitops_core::object::Gvk;
use std::process::ExitCode;
use std::time::Duration;

/// How long a shell waits; a cluster that is not there by then has no names.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the words of a line ask for.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    wanted: Wanted,
    /// The flags that say which cluster and namespace.
    flags: Vec<String>,
    /// What the word under the cursor begins with.
    begin: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Objects(Target),
    Namespaces,
}

/// Returns the names for the words behind `gitops`, the last of which is being typed; none where there is anything wrong.
pub(super) fn names(words: &[String]) -> Vec<String> {
    let Some(line) = read(words) else { return Vec::new() };
    let flags = ClusterFlags::augment_args(clap::Command::new("names").no_binary_name(true));
    let Ok(matches) = flags.try_get_matches_from(&line.flags) else { return Vec::new() };
    let Ok(flags) = ClusterFlags::from_arg_matches(&matches) else { return Vec::new() };
    let mut names = Vec::new();
    let asked = crate::cluster::run(async {
        names = within(PATIENCE, ask(&flags, &line.wanted)).await?;
        Ok(ExitCode::SUCCESS)
    });
    if asked.is_err() {
        return Vec::new();
    }
    names.retain(|name| name.starts_with(&line.begin));
    names
}

async fn ask(flags: &ClusterFlags, wanted: &Wanted) -> Result<Vec<String>, Failure> {
    let cluster = flags.connect().await?;
    let found = match wanted {
        Wanted::Objects(target) => list(&cluster, target.info(), Some(&flags.namespace()), "").await?,
        Wanted::Namespaces => list_of(&cluster, &Gvk::new("v1", "Namespace"), None, "").await?,
    };
    Ok(found.iter().map(|object| text(object, &["metadata", "name"]).to_owned()).collect())
}

/// Reads a line by the definitions of the commands.
fn read(words: &[String]) -> Option<Line> {
    let (begin, before) = words.split_last()?;
    let mut command = commands::definition(commands::Command::named(words.first()?));
    let known = ClusterFlags::augment_args(clap::Command::new("names"));
    let is_of_cluster = |flag: &clap::Arg| known.get_arguments().any(|arg| arg.get_id() == flag.get_id());
    let mut arguments: Vec<clap::Arg> = Vec::new();
    let (mut path, mut flags) = (Vec::new(), Vec::new());
    let mut pending: Option<clap::Arg> = None;
    for word in before {
        if let Some(flag) = pending.take() {
            if is_of_cluster(&flag) {
                flags.push(format!("--{}={word}", flag.get_long()?));
            }
        } else if word.starts_with('-') {
            let (name, value) =
                word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            let is_named = |arg: &&clap::Arg| match name.strip_prefix("--") {
                Some(long) => arg.get_long() == Some(long),
                None => arg
                    .get_short()
                    .is_some_and(|short| name.strip_prefix('-') == Some(short.to_string().as_str())),
            };
            let flag = arguments.iter().find(is_named)?.clone();
            match value {
                Some(value) if is_of_cluster(&flag) => flags.push(format!("--{}={value}", flag.get_long()?)),
                None if flag.get_action().takes_values() => pending = Some(flag),
                _ => {}
            }
        } else if let Some(found) = command.find_subcommand(word).cloned() {
            path.push(found.get_name().trim_end_matches('s').to_owned());
            arguments.extend(found.get_arguments().cloned());
            command = found;
        }
    }
    let wanted = match pending {
        Some(flag) if flag.get_id() == "namespace" => Wanted::Namespaces,
        Some(_) => return None,
        None if begin.starts_with('-') => return None,
        None => Wanted::Objects(target(&path)?),
    };
    Some(Line { wanted, flags, begin: begin.clone() })
}

/// The kind that a command is about: `get sources git`, `suspend kustomization`.
fn target(path: &[String]) -> Option<Target> {
    let (verb, kind) = path.split_first()?;
    if !["get", "reconcile", "suspend", "resume", "delete", "export", "debug", "tree", "create"]
        .contains(&verb.as_str())
    {
        return None;
    }
    let kind: Vec<&str> = kind.iter().map(String::as_str).collect();
    Some(match kind.as_slice() {
        ["kustomization"] => Target::Kustomization,
        ["helmrelease"] => Target::HelmRelease,
        ["alert"] => Target::Alert,
        ["alert-provider"] => Target::AlertProvider,
        ["receiver"] => Target::Receiver,
        ["artifact", "generator"] => Target::Generator,
        ["image", "policy"] => Target::ImagePolicy,
        ["image", "repository"] => Target::ImageRepository,
        ["image", "update"] => Target::ImageUpdate,
        ["source", "bucket"] => Target::Bucket,
        ["source", "chart"] => Target::Chart,
        ["source", "external"] => Target::External,
        ["source", "git"] => Target::Git,
        ["source", "helm"] => Target::Helm,
        ["source", "oci"] => Target::Oci,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<(Wanted, Vec<String>)> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        read(&words).map(|line| (line.wanted, line.flags))
    }

    #[test]
    fn a_line_tells_the_kind_and_the_cluster() {
        for (text, target, flags) in [
            ("get kustomizations ", Target::Kustomization, &[][..]),
            ("get ks po", Target::Kustomization, &[]),
            ("get sources git -n apps ", Target::Git, &["--namespace=apps"]),
            (
                "suspend -n apps --context=a hr web ",
                Target::HelmRelease,
                &["--namespace=apps", "--context=a"],
            ),
            ("delete image policy --silent ", Target::ImagePolicy, &[]),
            ("reconcile kustomization --with-source ", Target::Kustomization, &[]),
            ("get alert-providers ", Target::AlertProvider, &[]),
        ] {
            let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
            assert_eq!(line(text), Some((Wanted::Objects(target), flags)), "{text}");
        }
        assert_eq!(line("get ks -n "), Some((Wanted::Namespaces, Vec::new())));
    }

    #[test]
    fn other_places_have_no_names() {
        for text in [
            "",
            "get",
            "get ",
            "get ks --kube",
            "get ks --timeout ",
            "build ",
            "up ks ",
            "get ks --nonsense x",
            "nonsense ks ",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }
}
