//! What templates see: `.Values`, `.Chart`, `.Release`, `.Capabilities`, `.Files`, `.Subcharts` and `.Template`.

use std::any::Any;
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use gitops_template::{Element, Map, Object, Value};
use gitops_yaml::Str;

use super::cluster_facts::CapabilitiesObject;
use super::files::Files;
use super::{Operation, ReleaseFacts};
use crate::Capabilities;
use crate::chart::{Chart, File, Metadata};
use crate::go::base_name;
use crate::values;

/// A template with the data of its chart.
#[derive(Debug)]
pub(crate) struct Renderable {
    pub(crate) path: Str,
    pub(crate) file: File,
    /// The data of the file's chart, one object for all its files.
    pub(crate) data: Value,
    map: Map,
    base_path: Str,
    current: Arc<CurrentTemplate>,
}

/// Turns a value into one that templates can read and change.
pub(crate) fn to_template(value: &values::Value) -> Value {
    match value {
        values::Value::Null => Value::Nil,
        values::Value::Bool(value) => Value::Bool(*value),
        values::Value::Int(value) => Value::int64(*value),
        values::Value::Float(value) => Value::Float(*value),
        values::Value::Text(text) => Value::String(text.clone()),
        values::Value::List(items) => Value::list(items.iter().map(to_template).collect()),
        values::Value::Table(table) => {
            let table = Arc::clone(table);
            Value::Map(Map::deferred(move || {
                table.iter().map(|(key, value)| (key.clone(), to_template(value))).collect()
            }))
        }
    }
}

fn to_map(table: &values::Table) -> Map {
    table.iter().map(|(key, value)| (key.clone(), to_template(value))).collect()
}

/// `common.Values`: a map with a name of its own.
#[derive(Debug)]
struct Values(Map);

impl Object for Values {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed("common.Values")
    }

    fn as_map(&self) -> Option<&Map> {
        Some(&self.0)
    }

    fn over(&self, map: Map) -> Option<Value> {
        Some(values_object(map))
    }

    fn truth(&self) -> bool {
        !self.0.is_empty()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn values_object(map: Map) -> Value {
    Value::Object(Arc::new(Values(map)))
}

/// `.Template`: the file of a chart that is being rendered. It is one object for all files of the chart and counts who
/// reads it, so that texts that don't can be used for the next file.
#[derive(Debug)]
pub(crate) struct CurrentTemplate {
    facts: RwLock<TemplateFacts>,
    reads: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct TemplateFacts {
    name: Str,
    base_path: Str,
    /// What templates see, which they may change; few ask for it.
    map: OnceLock<Map>,
}

impl Object for CurrentTemplate {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed("common.Values")
    }

    fn plain(&self) -> Option<Value> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let facts = self.facts.read().unwrap_or_else(PoisonError::into_inner);
        let map = facts.map.get_or_init(|| {
            Map::from_iter([
                ("BasePath", Value::String(facts.base_path.clone())),
                ("Name", Value::String(facts.name.clone())),
            ])
        });
        Some(Value::Map(map.clone()))
    }

    fn over(&self, map: Map) -> Option<Value> {
        Some(values_object(map))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Renderable {
    /// Makes `.Template` tell of this file.
    pub(crate) fn begin(&self) {
        let (name, base_path) = (self.path.clone(), self.base_path.clone());
        let facts = TemplateFacts { name, base_path, map: OnceLock::new() };
        *self.current.facts.write().unwrap_or_else(PoisonError::into_inner) = facts;
        // Charts whose turn has not come have no `.Template` yet.
        if !self.map.contains(TEMPLATE) {
            self.map.insert(TEMPLATE, Value::Object(Arc::clone(&self.current) as Arc<dyn Object>));
        }
    }
}

const TEMPLATE: &str = "Template";

/// Lists all templates of a chart and of those beneath, each with its chart's data.
pub(crate) fn renderables(
    chart: &Chart,
    values: &values::Table,
    release: &ReleaseFacts,
    capabilities: &Arc<Capabilities>,
    reads: &Arc<AtomicUsize>,
) -> Vec<Renderable> {
    let mut builder = Builder {
        reads: Arc::clone(reads),
        release: Value::Map(release_map(release)),
        capabilities: Value::Object(Arc::new(CapabilitiesObject(Arc::clone(capabilities)))),
        found: Vec::new(),
    };
    builder.chart(chart, chart.name(), &to_map(values), Level::Root);
    builder.found
}

#[derive(Clone, Copy, PartialEq)]
enum Level {
    Root,
    Beneath,
}

struct Builder {
    /// Counts reads of `.Template`.
    reads: Arc<AtomicUsize>,
    release: Value,
    capabilities: Value,
    found: Vec<Renderable>,
}

impl Builder {
    fn chart(&mut self, chart: &Chart, path: &str, values: &Map, level: Level) -> Map {
        let metadata = metadata_map(chart.metadata(), level);
        let subcharts = Map::new();
        let data: Map = [
            ("Chart", Value::Map(metadata)),
            ("Files", Value::Object(Arc::new(Files::new(chart.files())))),
            ("Release", self.release.clone()),
            ("Capabilities", self.capabilities.clone()),
            ("Values", values_object(values.clone())),
            ("Subcharts", Value::Map(subcharts.clone())),
        ]
        .into_iter()
        .collect();
        for sub in chart.dependencies() {
            let values = match values.get(sub.name()) {
                Some(Value::Map(values)) => values,
                _ => Map::new(),
            };
            let path = [path, "/charts/", sub.name()].concat();
            let beneath = self.chart(sub, &path, &values, Level::Beneath);
            subcharts.insert(sub.name(), Value::Map(beneath));
        }
        let base_path = Str::from(format!("{path}/templates"));
        let own = values_object(data.clone());
        let current = CurrentTemplate { facts: RwLock::default(), reads: Arc::clone(&self.reads) };
        let current = Arc::new(current);
        for file in chart.templates() {
            if chart.metadata().is_library() && !base_name(&file.name).starts_with('_') {
                continue;
            }
            self.found.push(Renderable {
                path: [path, "/", file.name.as_str()].concat().into(),
                file: file.clone(),
                data: own.clone(),
                map: data.clone(),
                current: Arc::clone(&current),
                base_path: base_path.clone(),
            });
        }
        data
    }
}

fn release_map(release: &ReleaseFacts) -> Map {
    Map::from_iter([
        ("Name", Value::String(release.name.clone())),
        ("Namespace", Value::String(release.namespace.clone())),
        ("IsUpgrade", Value::Bool(release.operation == Operation::Upgrade)),
        ("IsInstall", Value::Bool(release.operation == Operation::Install)),
        ("Revision", Value::int(release.revision)),
        ("Service", Value::from("Helm")),
    ])
}

/// Turns metadata into a map with the names of Go's fields.
fn metadata_map(metadata: &Metadata, level: Level) -> Map {
    let text = |text: &Str| Value::String(text.clone());
    let texts = |list: &[Str]| Value::list(list.iter().map(text).collect());
    let annotations = Map::typed(Element::String);
    for (key, note) in &metadata.annotations {
        annotations.insert(key.clone(), text(note));
    }
    let maintainers = metadata.maintainers.iter().flatten().map(|maintainer| {
        Value::Map(Map::from_iter([
            ("Name", text(&maintainer.name)),
            ("Email", text(&maintainer.email)),
            ("URL", text(&maintainer.url)),
        ]))
    });
    let dependencies = metadata.dependencies.iter().flatten().map(|dependency| {
        let imports = dependency.import_values.iter().map(|import| to_template(&import.value()));
        Value::Map(Map::from_iter([
            ("Name", text(&dependency.name)),
            ("Version", text(&dependency.version)),
            ("Repository", text(&dependency.repository)),
            ("Condition", text(&dependency.condition)),
            ("Tags", texts(&dependency.tags)),
            ("Enabled", Value::Bool(dependency.enabled)),
            ("ImportValues", Value::list(imports.collect())),
            ("Alias", text(&dependency.alias)),
        ]))
    });
    Map::from_iter([
        ("APIVersion", text(&metadata.api_version)),
        ("Annotations", Value::Map(annotations)),
        ("AppVersion", text(&metadata.app_version)),
        ("Condition", text(&metadata.condition)),
        ("Dependencies", Value::list(dependencies.collect())),
        ("Deprecated", Value::Bool(metadata.deprecated)),
        ("Description", text(&metadata.description)),
        ("Home", text(&metadata.home)),
        ("Icon", text(&metadata.icon)),
        ("IsRoot", Value::Bool(level == Level::Root)),
        ("Keywords", texts(&metadata.keywords)),
        ("KubeVersion", text(&metadata.kube_version)),
        ("Maintainers", Value::list(maintainers.collect())),
        ("Name", text(&metadata.name)),
        ("Sources", texts(&metadata.sources)),
        ("Tags", text(&metadata.tags)),
        ("Type", text(&metadata.chart_type)),
        ("Version", text(&metadata.version)),
    ])
}
