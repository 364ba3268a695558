//! The formats of strings that the API server checks.

/// Returns whether a text has a format; unknown formats take everything.
pub(super) fn matches(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "datetime" => crate::time::read(text).is_some(),
        "date" => text.len() == 10 && crate::time::read(&format!("{text}T00:00:00Z")).is_some(),
        "byte" => crate::base64::check(text).is_ok(),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => {
            let bare: String = text.chars().filter(|c| *c != '-').collect();
            bare.len() == 32 && bare.chars().all(|c| c.is_ascii_hexdigit())
        }
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "email" => text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        "uri" => text.contains(':') || text.starts_with('/'),
        "duration" => is_duration(text),
        _ => true,
    }
}

/// Go's durations: `1h30m`, `-1.5s`.
fn is_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['+', '-']);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        if digits == 0 || !rest[..digits].contains(|c: char| c.is_ascii_digit()) {
            return false;
        }
        rest = &rest[digits..];
        let Some(unit) =
            ["ns", "us", "µs", "μs", "ms", "s", "m", "h"].iter().find(|unit| rest.starts_with(**unit))
        else {
            return false;
        };
        // `m` is a prefix of `ms`, which stands before it.
        rest = &rest[unit.len()..];
    }
    true
}
