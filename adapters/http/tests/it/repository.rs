//! Indexes and charts.

use crate::server::{Asked, Reply, Server};
use gitops_core::ports::{ChartRepository, Outlook};
use gitops_http::{HttpRepository, PassCredentials, RepositoryOptions};
use gitops_transport::{Authorization, Options, Retries};
use std::io::Write;
use std::time::Duration;

pub(crate) fn quick() -> Options {
    let mut options = Options::default();
    options.stall = Duration::from_millis(500);
    options.retries =
        Retries { attempts: 2, first: Duration::from_millis(1), longest: Duration::from_secs(1) };
    options
}

fn at(url: &str) -> RepositoryOptions {
    let mut options = RepositoryOptions::new(url);
    options.transport = quick();
    options
}

fn repository(url: &str) -> HttpRepository {
    HttpRepository::new(at(url)).unwrap()
}

fn tagged(asked: &Asked) -> Reply {
    match asked.header("if-none-match") {
        Some("\"1\"") => Reply::new(304, "").with("ETag", &"\"1\""),
        _ => Reply::ok("apiVersion: v1\n").with("ETag", &"\"1\""),
    }
}

#[tokio::test]
async fn an_unchanged_index_is_one_small_request() {
    let server = Server::start(tagged);
    let repository = repository(&server.url("/charts"));
    let (index, tag) = repository.index(None).await.unwrap().unwrap();
    assert_eq!((&index[..], tag.as_deref()), (&b"apiVersion: v1\n"[..], Some("\"1\"")));
    server.forget();
    assert_eq!(repository.index(tag.as_deref()).await.unwrap(), None);
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/charts/index.yaml"));
    println!(
        "a poll of an unchanged index: 1 GET of {} bytes, answered by 304 without a body",
        asked[0].bytes
    );
    assert!(asked[0].bytes < 400, "{} bytes", asked[0].bytes);
}

#[tokio::test]
async fn addresses_are_seen_from_the_repository() {
    let server = Server::start(|_| Reply::ok("chart"));
    for (base, chart, wanted) in [
        ("/charts", "web-1.0.0.tgz", "/charts/web-1.0.0.tgz"),
        ("/charts/", "sub/web.tgz", "/charts/sub/web.tgz"),
        ("/charts", "/web.tgz", "/web.tgz"),
        ("/charts?key=1", "web.tgz", "/charts/web.tgz?key=1"),
        ("", "web.tgz?a=b", "/web.tgz?a=b"),
    ] {
        repository(&server.url(base)).chart(chart).await.unwrap();
        assert_eq!(server.asked().last().unwrap().path, wanted);
    }
    let repository = repository(&server.url(""));
    repository.chart(&server.url("/absolute.tgz")).await.unwrap();
    assert_eq!(server.asked().last().unwrap().path, "/absolute.tgz");
    let count = server.asked().len();
    for odd in ["file:///etc/passwd", "oci://x/y", "ftp://x/y"] {
        let error = repository.chart(odd).await.unwrap_err();
        assert!(error.to_string().contains("not supported"), "{error}");
    }
    assert_eq!(server.asked().len(), count);
}

#[tokio::test]
async fn credentials_go_to_the_repositorys_host_alone() {
    let other = Server::start(|_| Reply::ok("chart"));
    let elsewhere = other.other_name("/web.tgz");
    let location = elsewhere.clone();
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/moved.tgz" => Reply::new(302, "").with("Location", &location),
        _ => Reply::ok("chart"),
    });
    for (pass, wanted) in
        [(PassCredentials::OwnHost, None), (PassCredentials::Everywhere, Some("Basic bWU6aHVudGVyMg=="))]
    {
        let mut options = at(&server.url(""));
        options.authorization = Some(Authorization::basic("me", "hunter2"));
        options.pass_credentials = pass;
        let repository = HttpRepository::new(options).unwrap();
        assert!(!format!("{repository:?}").contains("hunter2"));
        for chart in ["web.tgz", "moved.tgz", &elsewhere] {
            repository.chart(chart).await.unwrap();
        }
        assert!(server.asked().iter().all(|a| a.header("authorization") == Some("Basic bWU6aHVudGVyMg==")));
        assert!(other.asked().iter().all(|asked| asked.header("authorization") == wanted));
        assert_eq!(other.asked().len(), 2);
        other.forget();
    }
}

#[tokio::test]
async fn a_password_in_the_url_is_used_and_not_shown() {
    let server = Server::start(|_| Reply::new(401, ""));
    let url = server.url("").replace("http://", "http://me:hunter2@");
    let repository = repository(&url);
    let error = repository.index(None).await.unwrap_err();
    assert_eq!(server.asked()[0].header("authorization"), Some("Basic bWU6aHVudGVyMg=="));
    assert_eq!(error.outlook(), Outlook::Stalled);
    assert!(!format!("{error} {error:?} {repository:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_index_of_50_mb_is_read_and_a_larger_one_refused() {
    let mut index = String::from("apiVersion: v1\nentries:\n  web:\n");
    for version in 0..100_000 {
        index.push_str(&format!("  - name: web\n    version: 1.0.{version}\n    description: {:480}\n", "x"));
    }
    index.truncate(50 << 20);
    let whole = index.len();
    assert!(whole > 48 << 20);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(index.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let server = Server::start(move |asked| {
        assert_eq!(asked.header("accept-encoding"), Some("gzip"));
        match asked.path.as_str() {
            "/packed/index.yaml" => Reply::ok(&packed).with("Content-Encoding", &"gzip"),
            _ => Reply::ok(&index),
        }
    });
    for path in ["", "/packed"] {
        let (read, _) = repository(&server.url(path)).index(None).await.unwrap().unwrap();
        assert_eq!(read.len(), whole);
        let mut smaller = at(&server.url(path));
        smaller.index_bytes = whole as u64 - 1;
        let error = HttpRepository::new(smaller).unwrap().index(None).await.unwrap_err();
        assert!(!error.can_retry() && error.to_string().contains("limit"), "{error}");
    }
}

#[tokio::test]
async fn a_chart_that_is_too_large_or_stalls_ends() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/large.tgz" => Reply { unannounced: true, ..Reply::ok(vec![0; 11 << 20]) },
        _ => Reply { stall_after: Some(1), ..Reply::ok("chart") },
    });
    let repository = repository(&server.url(""));
    let error = repository.chart("large.tgz").await.unwrap_err();
    assert!(!error.can_retry() && error.to_string().contains("the limit is 10485760"), "{error}");
    let error = repository.chart("slow.tgz").await.unwrap_err();
    assert!(error.can_retry() && error.to_string().contains("stalled"), "{error}");
}

#[tokio::test]
async fn a_server_that_says_unchanged_unasked_is_not_believed() {
    let server = Server::start(|_| Reply::new(304, ""));
    assert!(repository(&server.url("")).index(None).await.is_err());
}

#[tokio::test]
async fn a_real_server_serves_an_index() {
    let (Ok(url), Ok(root)) = (std::env::var("CHARTS_URL"), std::env::var("CHARTS_ROOT")) else {
        println!("skipped: CHARTS_URL is not set");
        return;
    };
    let name = format!("gitops-http-{}", std::process::id());
    let folder = std::path::Path::new(&root).join(&name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.yaml"), "apiVersion: v1\nentries: {}\n").unwrap();
    std::fs::write(folder.join("web-1.0.0.tgz"), "chart").unwrap();
    let repository = repository(&format!("{url}/{name}"));
    let (index, _) = repository.index(None).await.unwrap().unwrap();
    assert!(index.starts_with(b"apiVersion"));
    assert_eq!(&repository.chart("web-1.0.0.tgz").await.unwrap()[..], b"chart");
    assert_eq!(repository.chart("web-2.0.0.tgz").await.unwrap_err().outlook(), Outlook::Stalled);
    std::fs::remove_dir_all(&folder).unwrap();
}
