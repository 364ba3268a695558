//! Records as Helm stores them: JSON, packed with gzip, in base64, in a Secret with labels.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use data_encoding::BASE64;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use gitops_yaml::{Dialect, FileId, Kind, Node, Str, from_json};

use super::record::{ApplyMethod, Release, ReleaseInfo, Status};
use crate::chart::{Chart, Dependency, File, Lock, Metadata, UnknownFields};
use crate::decode::{Field, object};
use crate::json::{Json, node_to_json, write_json};
use crate::manifest::{Hook, HookEvent, HookRun};
use crate::values::{Table, Value};
use crate::{Error, ErrorKind, Time};

/// The type of Secrets that hold records.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";

/// Labels that Helm sets itself; users may not.
pub const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// How large a record may be once it is unpacked.
const LARGEST: u64 = 256 << 20;

impl Release {
    /// Packs the record: what a Secret's `data.release` holds, before Kubernetes' own base64.
    #[must_use]
    pub fn encode(&self) -> String {
        let json = write_json(&self.to_json());
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory can't fail.
        let packed = packer.write_all(json.as_bytes()).and_then(|()| packer.finish()).unwrap_or_default();
        BASE64.encode(&packed)
    }

    /// Unpacks a record; one that is not packed, as of old versions, is read as well.
    ///
    /// # Errors
    /// When the text is no record, or larger than any record is.
    pub fn decode(text: &str) -> Result<Self, Error> {
        let refused =
            |message: String| Error::new(ErrorKind::Release, format!("corrupted release record: {message}"));
        let packed = BASE64.decode(text.trim().as_bytes()).map_err(|error| refused(error.to_string()))?;
        let json = if packed.starts_with(&[0x1f, 0x8b, 0x08]) {
            let mut json = Vec::new();
            let read = GzDecoder::new(packed.as_slice()).take(LARGEST + 1).read_to_end(&mut json);
            read.map_err(|error| refused(error.to_string()))?;
            if json.len() as u64 > LARGEST {
                return Err(refused(format!("larger than {LARGEST} bytes")));
            }
            json
        } else {
            packed
        };
        let json = String::from_utf8(json).map_err(|error| refused(error.to_string()))?;
        Self::from_json_text(&json)
    }

    /// Returns the labels of the Secret that holds the record, without the times that Helm adds.
    #[must_use]
    pub fn record_labels(&self) -> BTreeMap<Str, Str> {
        let mut labels = self.labels.clone();
        labels.insert(Str::literal("name"), self.name.clone());
        labels.insert(Str::literal("owner"), Str::literal("helm"));
        labels.insert(Str::literal("status"), Str::literal(self.info.status.as_str()));
        labels.insert(Str::literal("version"), self.revision.to_string().into());
        labels
    }

    /// Returns the record as JSON, fields in Helm's order.
    #[must_use]
    pub fn to_json_text(&self) -> String {
        write_json(&self.to_json())
    }

    fn to_json(&self) -> Json {
        let mut fields = Fields::default();
        fields.text("name", &self.name);
        fields.add("info", info_to_json(&self.info));
        fields.add("chart", chart_to_json(&self.chart));
        if !self.config.is_empty() {
            fields.add("config", Value::table(self.config.clone()).to_json());
        }
        fields.text("manifest", &self.manifest);
        fields.list("hooks", self.hooks.iter().map(hook_to_json).collect());
        fields.number("version", self.revision);
        fields.text("namespace", &self.namespace);
        fields.text("apply_method", self.apply_method.as_str());
        fields.finish()
    }

    /// Reads a record from JSON. Its labels are not part of it.
    ///
    /// # Errors
    /// When the text is no JSON or no record.
    pub fn from_json_text(text: &str) -> Result<Self, Error> {
        let refused =
            |message: String| Error::new(ErrorKind::Release, format!("corrupted release record: {message}"));
        let root = from_json(text, FileId::NONE).map_err(|error| refused(error.to_string()))?;
        if !root.is_mapping() {
            return Err(refused("no object".to_owned()));
        }
        let chart = match root.get("chart") {
            Some(node) if node.is_mapping() => chart_from_node(node).map_err(refused)?,
            _ => Chart::default(),
        };
        let hooks = root.get("hooks").and_then(Node::items).unwrap_or_default();
        Ok(Self {
            name: text_of(&root, "name"),
            namespace: text_of(&root, "namespace"),
            revision: int_of(&root, "version"),
            info: root.get("info").map(info_from_node).unwrap_or_default(),
            chart,
            config: root.get("config").map(table_of).unwrap_or_default(),
            manifest: text_of(&root, "manifest"),
            hooks: hooks.iter().map(hook_from_node).collect(),
            labels: BTreeMap::new(),
            apply_method: match text_of(&root, "apply_method").as_str() {
                "ssa" => ApplyMethod::ServerSide,
                _ => ApplyMethod::ClientSide,
            },
        })
    }
}

/// Fields of an object; empty ones are left out, as Go's `omitempty` does.
#[derive(Default)]
struct Fields(Vec<(Str, Json)>);

impl Fields {
    fn add(&mut self, key: &'static str, value: Json) {
        self.0.push((Str::literal(key), value));
    }

    fn text(&mut self, key: &'static str, text: &str) {
        if !text.is_empty() {
            self.add(key, Json::Text(text.into()));
        }
    }

    fn number(&mut self, key: &'static str, number: i64) {
        if number != 0 {
            self.add(key, Json::Int(number));
        }
    }

    fn time(&mut self, key: &'static str, time: Time) {
        if !time.is_zero() {
            self.add(key, Json::Text(time.to_string().into()));
        }
    }

    fn list(&mut self, key: &'static str, items: Vec<Json>) {
        if !items.is_empty() {
            self.add(key, Json::List(items));
        }
    }

    fn texts<'a>(&mut self, key: &'static str, texts: impl IntoIterator<Item = &'a Str>) {
        self.list(key, texts.into_iter().map(|text| Json::Text(text.clone())).collect());
    }

    fn finish(self) -> Json {
        Json::Object(self.0)
    }
}

fn info_to_json(info: &ReleaseInfo) -> Json {
    let mut fields = Fields::default();
    fields.time("first_deployed", info.first_deployed);
    fields.time("last_deployed", info.last_deployed);
    fields.time("deleted", info.deleted);
    fields.text("description", &info.description);
    fields.text("status", info.status.as_str());
    fields.number("rollback_revision", info.rollback_revision);
    fields.text("notes", &info.notes);
    fields.finish()
}

fn hook_to_json(hook: &Hook) -> Json {
    let mut fields = Fields::default();
    fields.text("name", &hook.name);
    fields.text("kind", &hook.kind);
    fields.text("path", &hook.path);
    fields.text("manifest", &hook.manifest);
    fields.list("events", hook.events.iter().map(|event| Json::Text(Str::literal(event.as_str()))).collect());
    let mut run = Fields::default();
    run.time("started_at", hook.last_run.started_at);
    run.time("completed_at", hook.last_run.completed_at);
    run.add("phase", Json::Text(hook.last_run.phase.clone()));
    fields.add("last_run", run.finish());
    fields.number("weight", hook.weight);
    fields.texts("delete_policies", &hook.delete_policies);
    fields.texts("output_log_policies", &hook.output_log_policies);
    fields.finish()
}

fn chart_to_json(chart: &Chart) -> Json {
    let files = |files: &[File]| {
        if files.is_empty() {
            return Json::Null;
        }
        let files = files.iter().map(|file| {
            let mut fields = Fields::default();
            fields.add("name", Json::Text(file.name.clone()));
            fields.add("data", Json::Text(BASE64.encode(file.data()).into()));
            fields.time("modtime", file.modified);
            fields.finish()
        });
        Json::List(files.collect())
    };
    let mut fields = Fields::default();
    fields.add("metadata", metadata_to_json(&chart.metadata));
    fields.add("lock", chart.lock.as_ref().map_or(Json::Null, lock_to_json));
    fields.add("templates", files(&chart.templates));
    fields.add("values", chart.values().map_or(Json::Null, |values| Value::table(values.clone()).to_json()));
    fields
        .add("schema", chart.schema().map_or(Json::Null, |schema| Json::Text(BASE64.encode(schema).into())));
    let modified = if chart.schema.is_some() { chart.schema_modified } else { Time::ZERO };
    fields.add("schemamodtime", Json::Text(modified.to_string().into()));
    fields.add("files", files(&chart.files));
    fields.time("modtime", chart.modified);
    fields.finish()
}

fn metadata_to_json(metadata: &Metadata) -> Json {
    let mut fields = Fields::default();
    fields.text("name", &metadata.name);
    fields.text("home", &metadata.home);
    fields.texts("sources", &metadata.sources);
    fields.text("version", &metadata.version);
    fields.text("description", &metadata.description);
    fields.texts("keywords", &metadata.keywords);
    let maintainers = metadata.maintainers.iter().flatten().map(|maintainer| {
        let mut fields = Fields::default();
        fields.text("name", &maintainer.name);
        fields.text("email", &maintainer.email);
        fields.text("url", &maintainer.url);
        fields.finish()
    });
    fields.list("maintainers", maintainers.collect());
    fields.text("icon", &metadata.icon);
    fields.text("apiVersion", &metadata.api_version);
    fields.text("condition", &metadata.condition);
    fields.text("tags", &metadata.tags);
    fields.text("appVersion", &metadata.app_version);
    if metadata.deprecated {
        fields.add("deprecated", Json::Bool(true));
    }
    if !metadata.annotations.is_empty() {
        let notes = metadata.annotations.iter().map(|(key, note)| (key.clone(), Json::Text(note.clone())));
        fields.add("annotations", Json::Object(notes.collect()));
    }
    fields.text("kubeVersion", &metadata.kube_version);
    fields.list("dependencies", metadata.dependencies.iter().flatten().map(Dependency::to_json).collect());
    fields.text("type", &metadata.chart_type);
    fields.finish()
}

fn lock_to_json(lock: &Lock) -> Json {
    Json::fields([
        ("generated", Json::Text(lock.generated.to_string().into())),
        ("digest", Json::Text(lock.digest.clone())),
        ("dependencies", Json::List(lock.dependencies.iter().flatten().map(Dependency::to_json).collect())),
    ])
}

fn text_of(node: &Node, key: &str) -> Str {
    node.get(key)
        .filter(|node| !crate::decode::is_null(node))
        .and_then(Node::scalar)
        .cloned()
        .unwrap_or_default()
}

fn int_of(node: &Node, key: &str) -> i64 {
    match node.get(key).map(|node| node.kind(Dialect::Yaml11)) {
        Some(Kind::Int(value)) => value,
        _ => 0,
    }
}

fn time_of(node: &Node, key: &str) -> Time {
    Time::parse(&text_of(node, key)).unwrap_or(Time::ZERO)
}

fn table_of(node: &Node) -> Table {
    Value::from_json(&node_to_json(node)).as_table().cloned().unwrap_or_default()
}

fn texts_of(node: &Node, key: &str) -> Vec<Str> {
    let items = node.get(key).and_then(Node::items).unwrap_or_default();
    items.iter().filter_map(|item| item.scalar().cloned()).collect()
}

fn info_from_node(node: &Node) -> ReleaseInfo {
    ReleaseInfo {
        first_deployed: time_of(node, "first_deployed"),
        last_deployed: time_of(node, "last_deployed"),
        deleted: time_of(node, "deleted"),
        description: text_of(node, "description").to_string(),
        status: Status::parse(&text_of(node, "status")),
        rollback_revision: int_of(node, "rollback_revision"),
        notes: text_of(node, "notes").to_string(),
    }
}

fn hook_from_node(node: &Node) -> Hook {
    let events = texts_of(node, "events");
    let run = node.get("last_run");
    Hook {
        name: text_of(node, "name"),
        kind: text_of(node, "kind"),
        path: text_of(node, "path"),
        manifest: text_of(node, "manifest"),
        events: events.iter().filter_map(|event| HookEvent::parse(event)).collect(),
        weight: int_of(node, "weight"),
        delete_policies: texts_of(node, "delete_policies"),
        output_log_policies: texts_of(node, "output_log_policies"),
        last_run: run.map_or_else(HookRun::default, |run| HookRun {
            started_at: time_of(run, "started_at"),
            completed_at: time_of(run, "completed_at"),
            phase: text_of(run, "phase"),
        }),
    }
}

fn chart_from_node(node: &Node) -> Result<Chart, String> {
    let mut metadata = Metadata::default();
    if let Some(found) = node.get("metadata") {
        let fields = object(found, &Field::ROOT, "v2.Metadata").map_err(|error| error.message)?;
        metadata
            .merge_fields(fields.unwrap_or_default(), &Field::ROOT, UnknownFields::Skipped)
            .map_err(|error| error.message)?;
    }
    let files = |key: &str| -> Result<Arc<[File]>, String> {
        let items = node.get(key).and_then(Node::items).unwrap_or_default();
        let files = items.iter().map(|item| {
            let data = BASE64.decode(text_of(item, "data").as_bytes()).map_err(|error| error.to_string())?;
            Ok(File::new(text_of(item, "name"), &data).modified(time_of(item, "modtime")))
        });
        files.collect::<Result<Vec<_>, String>>().map(Into::into)
    };
    let lock = match node.get("lock") {
        Some(lock) if lock.is_mapping() => {
            let text = write_json(&node_to_json(lock));
            Lock::read(text.as_bytes()).map_err(|error| error.message)?
        }
        _ => None,
    };
    let schema = match text_of(node, "schema").as_str() {
        "" => None,
        text => Some(BASE64.decode(text.as_bytes()).map_err(|error| error.to_string())?.into()),
    };
    Ok(Chart {
        metadata: Arc::new(metadata),
        lock,
        templates: files("templates")?,
        values: node
            .get("values")
            .filter(|values| values.is_mapping())
            .map(|values| Arc::new(table_of(values))),
        schema,
        schema_modified: time_of(node, "schemamodtime"),
        files: files("files")?,
        modified: time_of(node, "modtime"),
        ..Chart::default()
    })
}
