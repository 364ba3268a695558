//! A server on this machine that stands for others: charts of folders as a chart repository, and lists of tags as a registry.

use crate::Failure;
use crate::helm::source;
use bytes::Bytes;
use gitops_controller::{plain, serve};
use gitops_core::digest::sha256;
use helm_rs::{PackageOptions, Time, Warnings, package};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Where messages to a chat may be sent.
pub(super) const MESSAGES: &str = "/messages";

/// What the server answers, by path.
#[derive(Default)]
pub(super) struct StandIn {
    pages: BTreeMap<String, Bytes>,
    /// The repositories' URLs, and where each stands here.
    pub(super) charts: Vec<(String, String)>,
    /// The registries' hosts.
    pub(super) registries: Vec<String>,
}

impl StandIn {
    /// Answers for a chart repository with the charts of a folder, packed or not. Returns whether there are any.
    pub(super) fn serve_charts(&mut self, url: &str, folder: &Path) -> Result<bool, Failure> {
        let mut entries = Map::new();
        let base = format!("/charts/{}", self.charts.len());
        for path in charts_in(folder)? {
            let chart = source::load_with(&path, source::Times::Read, &mut Warnings::new())?;
            let archive = if path.is_dir() {
                package(&chart, &PackageOptions::new(Time::from_seconds(0)))?.archive
            } else {
                std::fs::read(&path)?
            };
            let metadata = chart.metadata();
            let file = format!("{}-{}.tgz", chart.name(), metadata.version);
            let entry = json!({
                "apiVersion": "v2",
                "name": chart.name(),
                "version": metadata.version.to_string(),
                "digest": sha256(&archive).trim_start_matches("sha256:"),
                "urls": [file],
            });
            self.pages.insert(format!("{base}/{file}"), archive.into());
            if let Some(list) = entries.entry(chart.name()).or_insert_with(|| json!([])).as_array_mut() {
                list.push(entry);
            }
        }
        if entries.is_empty() {
            return Ok(false);
        }
        let index = json!({"apiVersion": "v1", "entries": entries});
        self.pages.insert(format!("{base}/index.yaml"), index.to_string().into());
        self.charts.push((url.to_owned(), base));
        Ok(true)
    }

    /// Answers for an image with a list of tags, as `HOST/NAME=TAG,TAG`.
    pub(super) fn serve_tags(&mut self, text: &str) -> Result<(), Failure> {
        let wrong = || format!("--tags {text}: want HOST/NAME=TAG,TAG");
        let (image, tags) = text.split_once('=').ok_or_else(wrong)?;
        let (host, name) = image.split_once('/').ok_or_else(wrong)?;
        let tags: Vec<Value> = tags.split(',').map(Value::from).collect();
        let list = json!({"name": name, "tags": tags});
        self.pages.insert("/v2/".into(), Bytes::from_static(b"{}"));
        self.pages.insert(format!("/v2/{name}/tags/list"), list.to_string().into());
        if !self.registries.iter().any(|known| known == host) {
            self.registries.push(host.to_owned());
        }
        Ok(())
    }

    /// Answers whoever sends a message to a chat that it arrived.
    pub(super) fn take_messages(&mut self) {
        self.pages.insert(MESSAGES.into(), Bytes::from_static(b"ok"));
    }

    /// Whether there is nothing to answer.
    pub(super) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Begins to serve, and returns the host and port.
    pub(super) async fn start(&self) -> Result<String, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let host = listener.local_addr()?.to_string();
        let pages = Arc::new(self.pages.clone());
        tokio::spawn(serve(listener, move |request| {
            let page = pages.get(request.uri().path()).cloned();
            async move { page.map_or_else(|| plain(StatusCode::NOT_FOUND, "not found\n"), Response::new) }
        }));
        Ok(host)
    }
}

/// Finds the charts of a folder: archives, folders with a Chart.yaml, or the folder itself.
fn charts_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    if folder.join("Chart.yaml").is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        let is_archive = path.extension().is_some_and(|end| end == "tgz") && path.is_file();
        if is_archive || path.join("Chart.yaml").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
