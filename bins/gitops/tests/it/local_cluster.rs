//! `gitops local-cluster`: what it has answered is there again, however its process ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const WRITERS: usize = 4;

struct Server {
    child: Child,
    /// `127.0.0.1:1234`
    address: String,
    /// What every path begins with.
    token: String,
}

impl Server {
    fn start(state: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gitops"))
            .args(["local-cluster", "--no-simulation", "--listen", "127.0.0.1:0", "--state"])
            .arg(state)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url =
            lines.find_map(|line| line.unwrap().trim().strip_prefix("server: http://").map(str::to_owned));
        let url = url.expect("a kubeconfig is printed");
        let (address, token) = url.split_once('/').unwrap();
        Self { child, address: address.to_owned(), token: token.to_owned() }
    }

    /// Makes a request; `None` where the server was gone before it answered.
    fn send(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut socket = TcpStream::connect(&self.address).ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
        let request = format!(
            "{method} /{}{path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/apply-patch+yaml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.token,
            body.len()
        );
        socket.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer))
    }

    fn apply(&self, writer: usize, value: usize) -> Option<u16> {
        let path =
            format!("/api/v1/namespaces/default/configmaps/writer-{writer}?fieldManager=test&force=true");
        let body = format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"writer-{writer}"}},"data":{{"value":"{value}"}}}}"#
        );
        Some(self.send("PATCH", &path, &body)?.0)
    }

    fn value(&self, writer: usize) -> Option<usize> {
        let path = format!("/api/v1/namespaces/default/configmaps/writer-{writer}");
        let (status, answer) = self.send("GET", &path, "")?;
        if status == 404 {
            return Some(0);
        }
        answer.split("\"value\":\"").nth(1)?.split('"').next()?.parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_was_answered_outlives_a_kill_at_any_moment() {
    let folder = std::env::temp_dir().join(format!("gitops-it-{}-killed", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let state = folder.join("state");
    let answered: Vec<AtomicUsize> = (0..WRITERS).map(|_| AtomicUsize::new(0)).collect();
    for round in 0..8_usize {
        let mut server = Server::start(&state);
        for (writer, answered) in answered.iter().enumerate() {
            let (stored, answered) = (server.value(writer).unwrap(), answered.load(Ordering::SeqCst));
            assert!(stored >= answered, "round {round}: {stored} is stored of {answered} answered");
        }
        let before: usize = answered.iter().map(|one| one.load(Ordering::SeqCst)).sum();
        let wanted = before + 1 + round * round;
        std::thread::scope(|scope| {
            let (target, answered) = (&server, &answered);
            for (writer, answered) in answered.iter().enumerate() {
                scope.spawn(move || {
                    let Some(first) = target.value(writer) else { return };
                    for value in first + 1.. {
                        match target.apply(writer, value) {
                            Some(status) if status < 300 => answered.store(value, Ordering::SeqCst),
                            Some(status) => panic!("status {status}"),
                            None => return,
                        }
                    }
                });
            }
            // The writers end once nobody answers them.
            let pid = target.child.id().to_string();
            while answered.iter().map(|one| one.load(Ordering::SeqCst)).sum::<usize>() < wanted {
                std::thread::yield_now();
            }
            assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        });
        server.child.wait().unwrap();
    }
    let server = Server::start(&state);
    for (writer, answered) in answered.iter().enumerate() {
        assert!(server.value(writer).unwrap() >= answered.load(Ordering::SeqCst));
    }
    assert!(answered.iter().map(|one| one.load(Ordering::SeqCst)).sum::<usize>() > 100);
    drop(server);
    std::fs::remove_dir_all(&folder).unwrap();
}
