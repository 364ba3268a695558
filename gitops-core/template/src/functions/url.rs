//! Addresses, taken apart and put together as Go's `net/url` does.

use super::{Result, pure};
use crate::function::{CallError, Functions, Type};
use crate::quote::quote;
use crate::value::{Map, Value};
use std::net::Ipv6Addr;

pub(super) fn add(functions: &mut Functions) {
    functions.insert("urlParse", pure(&[Type::String], Type::Map, |args| url_parse(super::bytes(&args[0]))));
    functions.insert("urlJoin", pure(&[Type::Map], Type::String, |args| url_join(&args[0])));
}

/// Returns whether Go's `url.ParseRequestURI` takes a text and finds a scheme in it, as `https://example.com/a b` and
/// `data:image/png` have one. Nothing is looked up.
///
/// ```
/// assert!(gitops_template::is_request_url("https://example.com/icon.png"));
/// assert!(!gitops_template::is_request_url("https://${HOST}/icon.png"));
/// assert!(!gitops_template::is_request_url("/icon.png"));
/// ```
#[must_use]
pub fn is_request_url(text: &str) -> bool {
    Url::parse_body(text.as_bytes()).is_ok_and(|url| !url.scheme.is_empty())
}

fn url_parse(text: &[u8]) -> Result {
    let url = Url::parse(text).map_err(|error| CallError::new(format!("unable to parse url: {error}")))?;
    let userinfo = url.user.as_ref().map(User::text).unwrap_or_default();
    let parts: [(&str, &[u8]); 8] = [
        ("scheme", &url.scheme),
        ("host", &url.host),
        ("hostname", hostname(&url.host)),
        ("path", &url.path),
        ("query", &url.query),
        ("opaque", &url.opaque),
        ("fragment", &url.fragment),
        ("userinfo", &userinfo),
    ];
    Ok(parts.into_iter().map(|(key, part)| (key, Value::from_bytes(part))).collect::<Map>().into())
}

fn url_join(dict: &Value) -> Result {
    let dict = dict.as_map().unwrap_or_default();
    let part = |key: &str| match dict.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Missing | Value::Nil) => {
            Err(CallError::new("runtime error: invalid memory address or nil pointer dereference"))
        }
        Some(value) => match value.as_string_bytes() {
            Some(text) => Ok(text.to_vec()),
            None => Err(CallError::new(format!(
                "unable to parse {key} key, must be of type string, but {} found",
                value.kind_name()
            ))),
        },
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    let userinfo = part("userinfo")?;
    if !userinfo.is_empty() {
        let text = [b"proto://", userinfo.as_slice(), b"@host"].concat();
        let parsed = Url::parse(&text)
            .map_err(|error| CallError::new(format!("unable to parse userinfo in dict: {error}")))?;
        url.user = parsed.user;
    }
    Ok(Value::from_bytes(&url.text()))
}

/// An address in parts, unescaped but for the query.
#[derive(Debug, Default)]
struct Url {
    scheme: Vec<u8>,
    opaque: Vec<u8>,
    user: Option<User>,
    host: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    fragment: Vec<u8>,
}

#[derive(Debug)]
struct User {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

impl User {
    fn text(&self) -> Vec<u8> {
        let mut text = escape(&self.name, Place::User);
        if let Some(password) = &self.password {
            text.push(b':');
            text.extend(escape(password, Place::User));
        }
        text
    }
}

/// What is escaped depends on where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Path,
    User,
    Host,
    /// The zone of an IPv6 address.
    Zone,
    Fragment,
}

impl Url {
    fn parse(text: &[u8]) -> std::result::Result<Self, String> {
        let (text_without_fragment, fragment) = cut(text, b'#').unwrap_or((text, b""));
        let refuse =
            |text: &[u8], why: String| format!("parse {}: {why}", quote(&String::from_utf8_lossy(text)));
        let mut url =
            Self::parse_body(text_without_fragment).map_err(|why| refuse(text_without_fragment, why))?;
        url.fragment = unescape(fragment, Place::Fragment).map_err(|why| refuse(text, why))?;
        Ok(url)
    }

    fn parse_body(text: &[u8]) -> std::result::Result<Self, String> {
        if text.iter().any(u8::is_ascii_control) {
            return Err("net/url: invalid control character in URL".into());
        }
        if text == b"*" {
            return Ok(Self { path: text.to_vec(), ..Self::default() });
        }
        let (scheme, rest) = scheme(text)?;
        let mut url = Self { scheme: scheme.to_ascii_lowercase(), ..Self::default() };
        let (mut rest, query) = cut(rest, b'?').unwrap_or((rest, b""));
        url.query = query.to_vec();
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').map_or(rest, |(segment, _)| segment).contains(&b':') {
                return Err("first path segment in URL cannot contain colon".into());
            }
        }
        if rest.starts_with(b"//") && (!url.scheme.is_empty() || !rest.starts_with(b"///")) {
            let authority = &rest[2..];
            let end = authority.iter().position(|b| *b == b'/').unwrap_or(authority.len());
            rest = &authority[end..];
            (url.user, url.host) = parse_authority(&url.scheme, &authority[..end])?;
        }
        url.path = unescape(rest, Place::Path)?;
        Ok(url)
    }

    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if !self.scheme.is_empty() {
            text.extend(&self.scheme);
            text.push(b':');
        }
        if self.opaque.is_empty() {
            self.append_place(&mut text);
        } else {
            text.extend(&self.opaque);
        }
        if !self.query.is_empty() {
            text.push(b'?');
            text.extend(&self.query);
        }
        if !self.fragment.is_empty() {
            text.push(b'#');
            text.extend(escape(&self.fragment, Place::Fragment));
        }
        text
    }

    fn append_place(&self, text: &mut Vec<u8>) {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        if has_authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
            text.extend(b"//");
        }
        if let Some(user) = &self.user {
            text.extend(user.text());
            text.push(b'@');
        }
        text.extend(escape(&self.host, Place::Host));
        let path = if self.path == b"*" { self.path.clone() } else { escape(&self.path, Place::Path) };
        if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
            text.push(b'/');
        }
        // A colon in the first segment would be taken for the end of a scheme.
        if text.is_empty() && cut(&path, b'/').map_or(path.as_slice(), |(segment, _)| segment).contains(&b':')
        {
            text.extend(b"./");
        }
        text.extend(path);
    }
}

fn cut(text: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|b| *b == mark)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Takes a scheme, if one stands at the start.
fn scheme(text: &[u8]) -> std::result::Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

type Authority = (Option<User>, Vec<u8>);

fn parse_authority(scheme: &[u8], authority: &[u8]) -> std::result::Result<Authority, String> {
    let Some(at) = authority.iter().rposition(|b| *b == b'@') else {
        return Ok((None, parse_host(scheme, authority)?));
    };
    let host = parse_host(scheme, &authority[at + 1..])?;
    let userinfo = &authority[..at];
    let valid = |b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b);
    if !userinfo.iter().all(valid) {
        return Err("net/url: invalid userinfo".into());
    }
    let user = match cut(userinfo, b':') {
        None => User { name: unescape(userinfo, Place::User)?, password: None },
        Some((name, password)) => {
            User { name: unescape(name, Place::User)?, password: Some(unescape(password, Place::User)?) }
        }
    };
    Ok((Some(user), host))
}

fn parse_host(scheme: &[u8], host: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let bad_port = |port: &[u8]| format!("invalid port {} after host", quote(&String::from_utf8_lossy(port)));
    match host.iter().rposition(|b| *b == b'[') {
        Some(0) => {}
        Some(_) => return Err("invalid IP-literal".into()),
        None => {
            let first = host.iter().position(|b| *b == b':');
            // Lists of hosts with ports are taken, but not for the web.
            let strict = matches!(scheme, b"http" | b"https");
            let colon = if strict { first } else { host.iter().rposition(|b| *b == b':') };
            if let Some(colon) = colon
                && !is_port(&host[colon..])
            {
                return Err(bad_port(&host[colon..]));
            }
            return unescape(host, Place::Host);
        }
    }
    let close = host.iter().rposition(|b| *b == b']').ok_or("missing ']' in host")?;
    let (name, port) = (&host[1..close], &host[close + 1..]);
    if !is_port(port) {
        return Err(bad_port(port));
    }
    let zone = name.windows(3).position(|part| part == b"%25").unwrap_or(name.len());
    let mut unescaped = unescape(&name[..zone], Place::Host)?;
    let address = String::from_utf8_lossy(&unescaped).into_owned();
    unescaped.extend(unescape(&name[zone..], Place::Zone)?);
    if address.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("invalid IP-literal".into());
    }
    if address.parse::<Ipv6Addr>().is_err() {
        return Err(format!("invalid host: ParseAddr({}): unable to parse IP", quote(&address)));
    }
    Ok([b"[", unescaped.as_slice(), b"]", port].concat())
}

/// Whether this is nothing, or a colon and digits.
fn is_port(text: &[u8]) -> bool {
    text.split_first().is_none_or(|(colon, digits)| *colon == b':' && digits.iter().all(u8::is_ascii_digit))
}

/// The host without its port and without the brackets of an IPv6 address.
fn hostname(host: &[u8]) -> &[u8] {
    let host = match host.iter().rposition(|b| *b == b':') {
        Some(colon) if is_port(&host[colon..]) => &host[..colon],
        _ => host,
    };
    host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
}

fn must_escape(byte: u8, place: Place) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    let plain: &[u8] = match place {
        Place::Host | Place::Zone => b"!$&'()*+,;=:[]<>\"",
        Place::Path => b"$&+,/:;=@",
        Place::User => b"$&+,;=",
        Place::Fragment => b"$&+,/:;=?@!()*",
    };
    !plain.contains(&byte)
}

fn escape(text: &[u8], place: Place) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if must_escape(byte, place) {
            out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        } else {
            out.push(byte);
        }
    }
    out
}

fn unescape(text: &[u8], place: Place) -> std::result::Result<Vec<u8>, String> {
    let shown = |part: &[u8]| quote(&String::from_utf8_lossy(part));
    let bad_escape = |part: &[u8]| format!("invalid URL escape {}", shown(part));
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            if matches!(place, Place::Host | Place::Zone) && byte < 0x80 && must_escape(byte, place) {
                return Err(format!("invalid character {} in host name", shown(&[byte])));
            }
            out.push(byte);
            rest = after;
            continue;
        }
        let escaped = &rest[..rest.len().min(3)];
        let digit = |at: usize| escaped.get(at).and_then(|b| char::from(*b).to_digit(16));
        let (Some(high), Some(low)) = (digit(1), digit(2)) else {
            return Err(bad_escape(escaped));
        };
        let value = u8::try_from(high * 16 + low).unwrap_or_default();
        let allowed = match place {
            // Hosts escape other than ASCII alone; a percent sign starts the zone of an address.
            Place::Host => high >= 8 || escaped == b"%25",
            Place::Zone => escaped == b"%25" || value == b' ' || !must_escape(value, Place::Host),
            _ => true,
        };
        if !allowed {
            return Err(bad_escape(escaped));
        }
        out.push(value);
        rest = &rest[3..];
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(text: &str) {
        let url = Url::parse(text.as_bytes()).expect("an address");
        assert_eq!(String::from_utf8_lossy(&url.text()), text);
    }

    #[track_caller]
    fn refused(text: &str, wanted: &str) {
        assert_eq!(
            Url::parse(text.as_bytes()).expect_err("a refusal"),
            format!("parse {}: {wanted}", quote(text))
        );
    }

    #[test]
    fn addresses_are_put_together_again() {
        same("http://u:p@h:1/p%20a?q=%zz#f");
        same("mailto:a@b");
        same("//h/p");
        same("https://[::1]:80/");
        same("./a:b");
        assert_eq!(hostname(b"[::1]:80"), b"::1");
    }

    #[test]
    fn refusals_are_worded_as_in_go() {
        refused(":a", "missing protocol scheme");
        refused("1:a", "first path segment in URL cannot contain colon");
        refused("http://a b/", "invalid character \" \" in host name");
        refused("http://h:p/", "invalid port \":p\" after host");
        refused("http://%41/", "invalid URL escape \"%41\"");
        refused("http://[::1", "missing ']' in host");
        refused("http://u s@h/", "net/url: invalid userinfo");
        refused("%1", "invalid URL escape \"%1\"");
    }
}
