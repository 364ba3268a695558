//! A small web server in front of `git http-backend`, which remembers what was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    pub(crate) proxy_authorization: Option<String>,
    pub(crate) protocol: String,
    pub(crate) body: Vec<u8>,
    /// Bytes of the answer's body.
    pub(crate) answered: usize,
}

/// An answer that replaces git's.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Bytes that are announced and never sent.
    pub(crate) withheld: usize,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { status, headers, body: body.to_vec(), withheld: 0 }
    }
}

type Decide = dyn Fn(&Seen) -> Option<Answer> + Send + Sync;

/// A server that runs until the tests end.
pub(crate) struct Server {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Serves the repositories of a folder.
    pub(crate) fn of(root: &Path) -> Self {
        Self::with(root, |_| None)
    }

    /// Serves what `decide` answers, and git's own answer where it has none.
    pub(crate) fn with(
        root: &Path,
        decide: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self::wrapped(root, decide, Some)
    }

    /// As [`Server::with`], on what `wrap` makes of a connection.
    pub(crate) fn wrapped<S: Read + Write>(
        root: &Path,
        decide: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Option<S> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (root, log, decide) = (root.to_path_buf(), Arc::clone(&seen), Arc::new(decide) as Arc<Decide>);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, log, decide) = (root.clone(), Arc::clone(&log), Arc::clone(&decide));
                let wrap = wrap.clone();
                std::thread::spawn(move || {
                    if let Some(stream) = wrap(stream) {
                        serve(stream, &root, &log, &*decide);
                    }
                });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/repo.git", self.address)
    }

    /// Returns what was asked since the last call.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn serve(stream: impl Read + Write, root: &Path, log: &Mutex<Vec<Seen>>, decide: &Decide) {
    let mut reader = BufReader::new(stream);
    while let Some((mut seen, headers)) = read_request(&mut reader) {
        let answer = decide(&seen).unwrap_or_else(|| backend(root, &seen, &headers));
        seen.answered = answer.body.len();
        log.lock().unwrap().push(seen);
        let mut head = format!(
            "HTTP/1.1 {} X\r\nContent-Length: {}\r\n",
            answer.status,
            answer.body.len() + answer.withheld
        );
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let stream = reader.get_mut();
        if stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&answer.body))
            .and_then(|()| stream.flush())
            .is_err()
        {
            return;
        }
        if answer.withheld > 0 {
            std::thread::park();
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<(Seen, Vec<(String, String)>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let find = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let mut body = vec![0; find("content-length").and_then(|value| value.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let proxy_authorization = find("proxy-authorization");
    let (authorization, protocol) = (find("authorization"), find("git-protocol").unwrap_or_default());
    Some((Seen { method, target, authorization, proxy_authorization, protocol, body, answered: 0 }, headers))
}

fn backend(root: &Path, seen: &Seen, headers: &[(String, String)]) -> Answer {
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let find =
        |name: &str| headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let mut child = Command::new("git")
        .arg("http-backend")
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_HTTP_EXPORT_ALL", "1"), ("REMOTE_USER", "git")])
        .env("GIT_PROJECT_ROOT", root)
        .envs([("PATH_INFO", path), ("QUERY_STRING", query), ("REQUEST_METHOD", &seen.method)])
        .envs([("CONTENT_TYPE", find("content-type")), ("GIT_PROTOCOL", find("git-protocol"))])
        .env("CONTENT_LENGTH", seen.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = seen.body.clone();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&body)));
    let output = child.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let mut answer =
        Answer { status: 200, headers: Vec::new(), body: output[end + 4..].to_vec(), withheld: 0 };
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        match line.split_once(": ") {
            Some(("Status", status)) => answer.status = status[..3].parse().unwrap(),
            Some(("Content-Type", kind)) => answer.headers.push(("Content-Type", kind.to_owned())),
            _ => {}
        }
    }
    answer
}

/// Asks another server the same, without the header that names a protocol.
pub(crate) fn forward(address: &str, seen: &Seen) -> Answer {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    let service = seen.target.rsplit('/').next().unwrap();
    let head = format!(
        "{} {} HTTP/1.1\r\nContent-Type: application/x-{service}-request\r\nContent-Length: {}\r\n\r\n",
        seen.method,
        seen.target,
        seen.body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&seen.body).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut answer = Answer::new(line[9..12].parse().unwrap(), &[], b"");
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().unwrap(),
            Some(("Content-Type", value)) => answer.headers.push(("Content-Type", value.to_owned())),
            Some(_) => {}
            None => break,
        }
    }
    answer.body = vec![0; length];
    reader.read_exact(&mut answer.body).unwrap();
    answer
}
