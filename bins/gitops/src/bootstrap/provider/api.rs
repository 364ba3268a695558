//! One server's interface: JSON over HTTP with a token.

use crate::Failure;
use crate::bootstrap::Common;
use gitops_core::ports::Secret;
use gitops_transport::{Answer, Authorization, Call, Client, Method, Options, Retries, StatusCode, Tls};
use serde_json::Value;
use std::time::Duration;

/// How many entries of a list are asked for at a time, and how many lists of that many are read.
const PAGE: usize = 100;
const PAGES: usize = 100;

/// A server: `github.com`, `https://git.example.com:8443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    is_plain: bool,
    authority: String,
}

impl Host {
    pub(super) fn new(text: &str, may_be_plain: bool) -> Result<Self, Failure> {
        let (is_plain, authority) = match text.split_once("://") {
            None => (false, text),
            Some(("https", rest)) => (false, rest),
            Some(("http", rest)) if may_be_plain => (true, rest),
            Some(("http", _)) => {
                return Err("scheme http is insecure, pass --allow-insecure-http=true to allow it".into());
            }
            Some(_) => return Err(format!("--hostname={text:?} is no host").into()),
        };
        let authority = authority.trim_end_matches('/');
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        if authority.is_empty() || authority.starts_with('-') || !authority.chars().all(is_host) {
            return Err(format!("--hostname={text:?} is no host").into());
        }
        Ok(Self { is_plain, authority: authority.to_owned() })
    }

    /// The address of what is below the server: `https://github.com` and `org/fleet` as `https://github.com/org/fleet.git`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}.git", self.root())
    }

    pub(super) fn root(&self) -> String {
        format!("{}://{}", if self.is_plain { "http" } else { "https" }, self.authority)
    }

    /// The host without a port, which is another one for ssh.
    pub(super) fn name(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &self.authority,
        }
    }
}

/// The interface of one server.
pub(super) struct Api {
    reading: Client,
    writing: Client,
    base: String,
    token: Secret,
    /// The variable that the token comes from, for errors.
    variable: &'static str,
    accept: &'static str,
}

impl Api {
    pub(super) fn new(
        base: String,
        (variable, token): (&'static str, Secret),
        accept: &'static str,
        flags: &Common,
    ) -> Result<Self, Failure> {
        let client = |retries: Retries| -> Result<Client, Failure> {
            let mut options = Options::default();
            options.total = Duration::from_secs(60);
            options.retries = retries;
            let mut tls = Tls::default();
            if let Some(file) = &flags.ca_file {
                tls.authorities = Some(crate::bootstrap::read(file)?.into_bytes());
            }
            options.tls = tls;
            Ok(Client::new(options)?)
        };
        // What makes something is not asked for twice.
        let (reading, writing) = (client(Retries::default())?, client(Retries::none())?);
        Ok(Self { reading, writing, base, token, variable, accept })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let client = if method == Method::GET { &self.reading } else { &self.writing };
        let login = Authorization::Bearer(self.token.clone());
        let mut call = Call::new(method, &format!("{}{path}", self.base))?
            .authorization(Some(login))
            .header("Accept", self.accept)?
            .limit(16 << 20);
        if self.accept.contains("github") {
            call = call.header("X-GitHub-Api-Version", "2022-11-28")?;
        }
        if let Some(body) = body {
            call = call.header("Content-Type", "application/json")?.body(body.to_string().into_bytes());
        }
        Ok(client.call(&call).await?)
    }

    /// Words a refusal: what the server says, and what may help.
    fn refusal(&self, answer: &Answer) -> Failure {
        let said = serde_json::from_slice(&answer.body).ok().and_then(|body: Value| said(&body));
        let why = answer.failure(said.as_deref());
        match answer.status.as_u16() {
            401 => format!("{why}; the token of {} is not accepted", self.variable).into(),
            403 => format!("{why}; the token of {} may not do that", self.variable).into(),
            _ => why.into(),
        }
    }

    /// Reads one thing; `None` where there is no such.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        let answer = self.ask(Method::GET, path, None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(self.refusal(&answer));
        }
        // "No content" says that there is such a thing, and no more.
        if answer.body.is_empty() {
            return Ok(Some(Value::Null));
        }
        Ok(Some(read(&answer)?))
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.find(path).await?.ok_or_else(|| format!("{}{path}: not found", self.base).into())
    }

    /// Reads a list to its end; `size` is the name that the server has for the length of a page.
    pub(super) async fn list(&self, path: &str, size: &str) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            match self.get(&format!("{path}?{size}={PAGE}&page={page}")).await? {
                Value::Array(entries) if entries.is_empty() => return Ok(all),
                Value::Array(entries) => all.extend(entries),
                _ => return Err(format!("{}{path}: the answer is no list", self.base).into()),
            }
        }
        Ok(all)
    }

    /// Makes, changes or removes something.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let answer = self.ask(method, path, body).await?;
        if !answer.status.is_success() {
            return Err(self.refusal(&answer));
        }
        if answer.body.is_empty() { Ok(Value::Null) } else { read(&answer) }
    }
}

fn read(answer: &Answer) -> Result<Value, Failure> {
    serde_json::from_slice(&answer.body).map_err(|_| answer.refused("the answer is no JSON").into())
}

/// What a server says went wrong, in the forms that the three have: `message` as a text or as lists by field, `error`, `errors`.
fn said(body: &Value) -> Option<String> {
    let mut words = Vec::new();
    for name in ["message", "error", "error_description", "errors"] {
        gather(body.get(name).unwrap_or(&Value::Null), &mut words);
    }
    Some(words.join(": ")).filter(|text| !text.is_empty())
}

fn gather(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => words.push(text.clone()),
        Value::Array(entries) => entries.iter().for_each(|entry| gather(entry, words)),
        Value::Object(fields) => match fields.get("message") {
            Some(message) => gather(message, words),
            None => {
                for (name, value) in fields {
                    let mut inner = Vec::new();
                    gather(value, &mut inner);
                    words.extend(inner.into_iter().map(|text| format!("{name} {text}")));
                }
            }
        },
        _ => {}
    }
}

/// A text of an answer.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A number that names something.
pub(super) fn id(value: &Value) -> Result<u64, Failure> {
    value.get("id").and_then(Value::as_u64).ok_or_else(|| "the server's answer has no id".into())
}

/// A part of an address, with everything that parts addresses escaped.
pub(super) fn part(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_host_has_a_scheme_or_none() {
        let root = |text: &str| Host::new(text, true).map(|host| (host.root(), host.name().to_owned()));
        let pair = |root: &str, name: &str| (root.to_owned(), name.to_owned());
        assert_eq!(root("github.com").unwrap(), pair("https://github.com", "github.com"));
        assert_eq!(
            root("https://git.example.com:8443/").unwrap(),
            pair("https://git.example.com:8443", "git.example.com")
        );
        assert_eq!(root("http://127.0.0.1:80").unwrap(), pair("http://127.0.0.1:80", "127.0.0.1"));
        for text in ["", "ssh://x", "a/b", "a@b", "-oProxyCommand=x", "https://"] {
            assert!(root(text).is_err(), "{text}");
        }
        let why = Host::new("http://git.example.com", false).unwrap_err().to_string();
        assert_eq!(why, "scheme http is insecure, pass --allow-insecure-http=true to allow it");
    }

    #[test]
    fn what_a_server_says_is_read_in_each_form() {
        for (body, wanted) in [
            (json!({"message": "Bad credentials", "documentation_url": "x"}), Some("Bad credentials")),
            (
                json!({"message": "Validation Failed", "errors": [{"resource": "PublicKey", "message": "key is already in use"}]}),
                Some("Validation Failed: key is already in use"),
            ),
            (json!({"message": {"name": ["has already been taken"]}}), Some("name has already been taken")),
            (
                json!({"error": "invalid_token", "error_description": "Token was revoked"}),
                Some("invalid_token: Token was revoked"),
            ),
            (json!({"other": 1}), None),
        ] {
            assert_eq!(said(&body).as_deref(), wanted, "{body}");
        }
    }

    #[test]
    fn a_path_is_one_part_of_an_address() {
        assert_eq!(part("org/a b/fleet.x_y"), "org%2Fa%20b%2Ffleet.x_y");
    }
}
