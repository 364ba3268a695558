//! Flags as Go's programs read them: durations, booleans with a value, references, and the words of a refusal.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Command};
use gitops_core::api::GoDuration;
use std::error::Error;

/// Reads a duration, and refuses in the words of Go's `time.ParseDuration`.
pub(crate) fn duration(text: &str) -> Result<GoDuration, String> {
    let quoted = format!("{text:?}");
    let rest = text.trim_start_matches(['+', '-']);
    let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if rest.is_empty() || rest.len() == number.len() {
        return Err(format!("time: invalid duration {quoted}"));
    }
    text.parse::<GoDuration>().map_err(|_| {
        let mut left = rest;
        while !left.is_empty() {
            let unit = left.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            if unit.len() == left.len() {
                return format!("time: invalid duration {quoted}");
            }
            let end = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
            match &unit[..end] {
                "" => return format!("time: missing unit in duration {quoted}"),
                "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h" => left = &unit[end..],
                other => return format!("time: unknown unit {other:?} in duration {quoted}"),
            }
        }
        format!("time: invalid duration {quoted}")
    })
}

/// Whether a name may be an object's: letters, digits and dashes, between 2 and 63 of them.
pub(crate) fn is_object_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (2..=63).contains(&bytes.len())
        && bytes.iter().all(|&byte| inner(byte) || byte == b'-')
        && bytes.first().copied().is_some_and(inner)
        && bytes.last().copied().is_some_and(inner)
}

/// A reference to an object: `[KIND/]NAME[.NAMESPACE]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl Reference {
    /// Splits `KIND/NAME`; other forms are a name alone.
    pub(crate) fn kind_and_name(text: &str) -> Self {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) if !name.contains('/') => (kind, name),
            _ => ("", text),
        };
        Self { kind: kind.to_owned(), name: name.to_owned(), namespace: String::new() }
    }

    /// Splits `KIND/NAME.NAMESPACE`; what follows the last dot is the namespace.
    pub(crate) fn with_namespace(text: &str) -> Self {
        let mut made = Self::kind_and_name(text);
        if let Some((name, namespace)) = made.name.rsplit_once('.') {
            (made.namespace, made.name) = (namespace.to_owned(), name.to_owned());
        }
        made
    }

    /// Puts the kind into the spelling of one of `known`.
    pub(crate) fn of_kind(mut self, known: &[&str]) -> Result<Self, String> {
        match known.iter().find(|kind| kind.eq_ignore_ascii_case(&self.kind)) {
            Some(kind) => {
                (*kind).clone_into(&mut self.kind);
                Ok(self)
            }
            None => Err(format!(
                "source kind '{}' is not supported, must be one of: {}",
                self.kind,
                known.join(", ")
            )),
        }
    }
}

/// Returns a parser that takes one of some words and refuses others as `WHAT 'x' is not supported, must be one of: …`.
pub(crate) fn one_of(
    what: &'static str,
    known: &'static [&'static str],
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text| {
        if known.contains(&text) {
            Ok(text.to_owned())
        } else {
            Err(format!("{what} '{text}' is not supported, must be one of: {}", known.join(", ")))
        }
    }
}

/// Lets flags without a value take `=true` or `=false`, as Go's flags do, where the arguments use that form.
pub(crate) fn with_boolean_values(command: Command, arguments: &[String]) -> Command {
    let is_used = arguments.iter().any(|argument| {
        argument.starts_with('-')
            && argument.split_once('=').is_some_and(|(_, value)| go_bool(value).is_some())
    });
    if is_used { boolean_values(command) } else { command }
}

fn boolean_values(command: Command) -> Command {
    command
        .mut_args(|argument| {
            if !matches!(argument.get_action(), ArgAction::SetTrue) {
                return argument;
            }
            argument
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .default_value("false")
                .value_parser(|text: &str| {
                    go_bool(text)
                        .ok_or_else(|| format!("strconv.ParseBool: parsing {text:?}: invalid syntax"))
                })
        })
        .mut_subcommands(boolean_values)
}

/// Reads what Go's `strconv.ParseBool` reads.
pub(crate) fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Moves flags that stand before the command behind it, where they are known: `gitops -n apps get all`.
pub(crate) fn commands_first(mut arguments: Vec<String>) -> Vec<String> {
    const WITH_VALUE: [&str; 20] = [
        "-n",
        "--namespace",
        "--kubeconfig",
        "--context",
        "--cluster",
        "--user",
        "--server",
        "--as",
        "--as-group",
        "--as-uid",
        "--as-user-extra",
        "--cache-dir",
        "--certificate-authority",
        "--client-certificate",
        "--client-key",
        "--kube-api-burst",
        "--kube-api-qps",
        "--timeout",
        "--tls-server-name",
        "--token",
    ];
    const ALONE: [&str; 4] =
        ["--disable-compression", "--insecure-skip-tls-verify", "--ns-follows-kube-context", "--verbose"];
    let mut end = 1;
    while let Some(flag) = arguments.get(end) {
        let (name, has_value) = flag.split_once('=').map_or((flag.as_str(), false), |(name, _)| (name, true));
        if WITH_VALUE.contains(&name) {
            end += if has_value { 1 } else { 2 };
        } else if ALONE.contains(&name) {
            end += 1;
        } else {
            break;
        }
    }
    if end > 1 && end < arguments.len() {
        let moved: Vec<String> = arguments.drain(1..end).collect();
        let at = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
        arguments.splice(at..at, moved);
    }
    arguments
}

/// Words a refusal of flags as Flux does; `None` for help, and where Flux has no words.
pub(crate) fn refusal(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = || text(ContextKind::InvalidArg).map(|flag| flag.split_whitespace().next().unwrap_or(flag));
    match error.kind() {
        ErrorKind::ValueValidation => {
            let why = error.source()?;
            let value = text(ContextKind::InvalidValue)?;
            Some(format!("invalid argument {value:?} for {:?} flag: {why}", flag()?))
        }
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue).is_none_or(str::is_empty) => {
            Some(format!("flag needs an argument: {}", flag()?))
        }
        ErrorKind::UnknownArgument => {
            let flag = flag()?.split('=').next()?;
            let short = flag.strip_prefix('-').filter(|name| !name.starts_with('-'));
            Some(match short {
                Some(name) => {
                    format!("unknown shorthand flag: '{}' in {flag}", name.chars().next().unwrap_or('-'))
                }
                None => format!("unknown flag: {flag}"),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_refused_in_go_words() {
        assert_eq!(duration("1m30s").unwrap().to_string(), "1m30s");
        for (text, why) in [
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
            ("5", "time: missing unit in duration \"5\""),
            ("", "time: invalid duration \"\""),
            ("abc", "time: invalid duration \"abc\""),
            ("1m2y", "time: unknown unit \"y\" in duration \"1m2y\""),
        ] {
            assert_eq!(duration(text).unwrap_err(), why);
        }
    }

    #[test]
    fn references_are_split() {
        let made = Reference::with_namespace("HelmRepository/a.b.c");
        assert_eq!((&*made.kind, &*made.name, &*made.namespace), ("HelmRepository", "a.b", "c"));
        assert_eq!(Reference::kind_and_name("a/b/c").name, "a/b/c");
        assert!(made.of_kind(&["Bucket"]).is_err());
    }

    #[test]
    fn flags_before_the_command_are_moved() {
        let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            commands_first(args("gitops -n a --context=b get all")),
            args("gitops get all -n a --context=b")
        );
        assert_eq!(
            commands_first(args("gitops --verbose --as-uid 7 --kube-api-qps=9 install --export")),
            args("gitops install --export --verbose --as-uid 7 --kube-api-qps=9")
        );
        assert_eq!(commands_first(args("gitops get all")), args("gitops get all"));
    }

    #[test]
    fn names_are_labels_of_two_or_more() {
        assert!(is_object_name("a-1"));
        for name in ["a", "A1", "-a", "a-", "a.b", ""] {
            assert!(!is_object_name(name), "{name}");
        }
    }
}
