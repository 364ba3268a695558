//! The keyword `format`, which drafts before 2019 check.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Time;

/// Says why a text is not of a format; unknown formats let everything pass.
pub(super) fn format_mistake(format: &str, text: &str) -> Option<String> {
    let mistake = |is_right: bool, why: &str| (!is_right).then(|| why.to_owned());
    match format {
        "ipv4" => mistake(text.parse::<Ipv4Addr>().is_ok(), "expected four decimals"),
        "ipv6" => mistake(text.parse::<Ipv6Addr>().is_ok(), "invalid"),
        "hostname" => hostname_mistake(text),
        "email" => email_mistake(text),
        "date-time" => mistake(is_date_time(text), "not a date-time of RFC 3339"),
        "date" => mistake(Time::parse(&format!("{text}T00:00:00Z")).is_some(), "not a date of RFC 3339"),
        "time" => mistake(is_date_time(&format!("2000-01-01T{text}")), "not a time of RFC 3339"),
        "uri" => mistake(is_address(text) && has_scheme(text), "relative url"),
        "uri-reference" => mistake(is_address(text), "invalid url"),
        "uuid" => mistake(is_uuid(text), "not a UUID"),
        "regex" => gitops_regex::GoRegex::new(text).err().map(|error| error.to_string()),
        "json-pointer" => mistake(text.is_empty() || text.starts_with('/'), "not starting with /"),
        "semver" => {
            let is_version = gitops_semver::Version::parse_strict(text).is_ok();
            mistake(is_version, "not a semantic version")
        }
        _ => None,
    }
}

fn is_date_time(text: &str) -> bool {
    // A leap second is a second that RFC 3339 knows and clocks do not.
    let without_leap = match text.get(17..19) {
        Some("60") => format!("{}59{}", &text[..17], &text[19..]),
        _ => text.to_owned(),
    };
    Time::parse(&without_leap).is_some()
}

fn hostname_mistake(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.len() > 253 {
        return Some("more than 253 characters long".to_owned());
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Some("label must be 1 to 63 characters long".to_owned());
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some(
                if label.starts_with('-') { "label starts with hyphen" } else { "label ends with hyphen" }
                    .to_owned(),
            );
        }
        if let Some(c) = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return Some(format!("invalid character {c:?}"));
        }
    }
    None
}

fn email_mistake(text: &str) -> Option<String> {
    if text.len() > 254 {
        return Some("more than 255 characters long".to_owned());
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return Some("missing @".to_owned()) };
    if local.len() > 64 {
        return Some("local part more than 64 characters long".to_owned());
    }
    let is_local = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii())
    };
    if local.starts_with('.') {
        return Some("starts with dot".to_owned());
    }
    if local.ends_with('.') {
        return Some("ends with dot".to_owned());
    }
    if local.contains("..") {
        return Some("consecutive dots".to_owned());
    }
    let is_quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    if !is_local(local) && !is_quoted {
        return Some("invalid character in local part".to_owned());
    }
    if let Some(address) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let is_right = match address.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => address.parse::<Ipv4Addr>().is_ok(),
        };
        return (!is_right).then(|| "invalid ip address".to_owned());
    }
    hostname_mistake(domain).map(|why| format!("invalid domain: {why}"))
}

fn is_address(text: &str) -> bool {
    let bad =
        |c: char| c.is_control() || matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    !text.contains(bad)
        && text
            .split('%')
            .skip(1)
            .all(|part| part.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = [8, 4, 4, 4, 12];
    groups.len() == lengths.len()
        && groups
            .iter()
            .zip(lengths)
            .all(|(group, length)| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit()))
}
