//! Why a field of a chart's object is so: the template line that printed it, and the values that it depends on.

use gitops_core::object::ObjectId;
use gitops_template::Seeded;
use gitops_yaml::{FieldPath, FieldStep, FileId, Files, Node, ReadOptions, Str, read_document};
use helm_rs::Warnings;
use helm_rs::chart::Chart;
use helm_rs::manifest::{KindOrder, sort_manifests};
use helm_rs::render::{RenderOptions, Rendered as RenderedChart, Trace, render};
use helm_rs::values::{Nulls, Table, Value, coalesce, process_dependencies};

use super::super::app::App;
use super::super::elsewhere::Fetched;
use super::super::flux::{SourceRef, text};
use super::super::recorder::Recorder;
use super::super::release::{ChartPlace, Request};
use super::super::render::{Fleet, Rendered, World};
use super::super::roots::Declared;
use super::super::variables::references;
use super::{Layer, Role, declared_of, shown};

/// Values that are tried out; more are left untold.
const MOST_TRIALS: usize = 200;

impl Fleet<'_> {
    /// Renders a release again: once traced, and once for each value that might matter, changed.
    pub(super) fn chart_layers(
        &self,
        rendered: &Rendered,
        app: &App,
        id: &ObjectId,
        path: &FieldPath,
        depth: usize,
    ) -> Vec<Layer> {
        let answers = self.answers();
        let mut recorder = Recorder::new(&answers);
        let declared = declared_of(app);
        let world = World::of(rendered, app.cluster);
        let fetched = Fetched::default();
        let fetch = |source: &SourceRef, declared: Option<&Declared>, place: &str| match declared {
            Some(declared) => fetched.get(self.charts, app.cluster, source, declared, place),
            None => fetched.artifact(self, (app.cluster, &world), source, place),
        };
        let Ok(request) = Request::read(&app.id, &declared, &world, &mut recorder, &fetch) else {
            return Vec::new();
        };
        let Ok(chart) = request.load(self, &mut recorder) else { return Vec::new() };
        let trial = Trial { fleet: self, request: &request, chart: &chart, id, path };
        let Some(first) = trial.run(&request.values) else { return Vec::new() };
        let mut layers = Vec::new();
        if let Some(template) = &first.template {
            layers.push(Layer::new("template", template.clone(), first.value.clone()));
        }
        let mut causes = Vec::new();
        let mut effective = Vec::new();
        let mut warnings = Warnings::new();
        let all = coalesce(&chart, &request.values, Nulls::Remove, &mut warnings).unwrap_or_default();
        leaves(&Value::table(all), &mut Vec::new(), &mut effective);
        // What looks like the value first: where it is found, little else is tried.
        let looks = |value: &str| first.value.as_deref().is_some_and(|shown| shown.contains(value));
        effective.sort_by_key(|(_, text)| !looks(text));
        for (keys, _) in effective.iter().take(MOST_TRIALS) {
            let mut changed = request.values.clone();
            let Some(other) = other_value(&request.values, &chart, keys) else { continue };
            set_at(&mut changed, keys, other);
            let differs = trial.run(&changed).is_none_or(|made| made.value != first.value);
            if differs {
                causes.push(keys.clone());
            }
            if causes.len() >= 4 {
                break;
            }
        }
        for keys in causes {
            let mut found = self.value_layers(rendered, (app, &world), &request, &chart, &keys, depth);
            for (index, layer) in found.iter_mut().enumerate() {
                layer.role = if index == 0 { Role::Input } else { Role::Overridden };
            }
            layers.extend(found);
        }
        layers
    }

    /// Who set one entry of the values, the last one first.
    fn value_layers(
        &self,
        rendered: &Rendered,
        (app, world): (&App, &World),
        request: &Request<'_>,
        chart: &Chart,
        keys: &[Str],
        depth: usize,
    ) -> Vec<Layer> {
        let name = keys.join(".");
        let field: FieldPath = ["spec", "values"]
            .into_iter()
            .map(FieldStep::key)
            .chain(keys.iter().map(|key| FieldStep::key(key.clone())))
            .collect();
        let mut layers = Vec::new();
        if field.find(&app.manifest).is_some() {
            // The release is an object of another app, with layers of its own.
            let own = ObjectId::of(&app.manifest);
            let parent = app.parent.and_then(|parent| rendered.apps.get(parent));
            let found =
                parent.map(|parent| self.explain_one(rendered, parent, &own, &field, depth + 1).layers);
            for layer in found.unwrap_or_default() {
                let what = format!("values entry {name} of {}, by {}", app.id, layer.what);
                layers.push(Layer { what, ..layer });
            }
        }
        layers.extend(self.values_from(rendered, (app, world), keys, depth));
        if layers.is_empty() && at(&request.values, keys).is_some() {
            let value = at(&request.values, keys).map(|value| shown(&value.to_node()));
            let what = format!("values entry {name} of {}, from its valuesFrom", app.id);
            let place = app.manifest.at_path(&["spec", "valuesFrom"]);
            let place = place.map(|node| declared_of(app).show(node)).unwrap_or_default();
            layers.push(Layer::new(what, place, value));
        }
        let default = chart.values().and_then(|table| at(table, keys)).map(|value| shown(&value.to_node()));
        if default.is_some() {
            let raw = chart.raw().iter().find(|file| file.name == "values.yaml");
            let file = match &request.chart {
                ChartPlace::Tree(path) => format!("{path}/values.yaml"),
                ChartPlace::Elsewhere(there, path) => format!("{}/values.yaml", there.path(path)),
                ChartPlace::Remote(_) => format!("{}/values.yaml", chart.name()),
            };
            let place = raw.and_then(|raw| place_of(raw.data(), &file, keys)).unwrap_or(file);
            layers.push(Layer::new(format!("default of the chart for {name}"), place, default));
        }
        layers
    }
}

impl Fleet<'_> {
    /// The entries of `valuesFrom` that set a value, the last one first.
    fn values_from(
        &self,
        rendered: &Rendered,
        (app, world): (&App, &World),
        keys: &[Str],
        depth: usize,
    ) -> Vec<Layer> {
        let mut layers = Vec::new();
        let list = app.manifest.at_path(&["spec", "valuesFrom"]);
        for (key, _, entry) in references(&app.id, list).iter().rev() {
            let Some(config) = world.configs.get(key) else { continue };
            let wanted = text(entry, &["valuesKey"]);
            let wanted = if wanted.is_empty() { "values.yaml" } else { wanted.as_str() };
            let Some(content) = config.data.get(wanted) else { continue };
            let target = text(entry, &["targetPath"]);
            let (value, inner) = if target.is_empty() {
                let document = read_document(content.as_bytes(), FileId::NONE, &ReadOptions::yaml11());
                let root = document.ok().flatten().map(|document| document.root);
                let found =
                    root.as_ref().and_then(|root| keys.iter().try_fold(root, |node, key| node.get(key)));
                let Some(found) = found.map(shown) else { continue };
                (found, keys)
            } else {
                if *target != *keys.join(".") {
                    continue;
                }
                (content.to_string(), &[][..])
            };
            let found = self.find_config(rendered, key, &config, (wanted, inner), depth);
            let (kind, namespace, name) = key;
            let what = format!(
                "values entry {} of {}, from its valuesFrom: {kind}/{namespace}/{name} key {wanted}, by {}",
                keys.join("."),
                app.id,
                found.what
            );
            layers.push(Layer::new(what, found.place, Some(value)));
        }
        layers
    }
}

struct Trial<'t, 'f> {
    fleet: &'t Fleet<'f>,
    request: &'t Request<'t>,
    chart: &'t Chart,
    id: &'t ObjectId,
    path: &'t FieldPath,
}

struct Made {
    value: Option<String>,
    /// The template's line.
    template: Option<String>,
}

impl Trial<'_, '_> {
    fn run(&self, values: &Table) -> Option<Made> {
        let mut chart = self.chart.clone();
        let mut warnings = Warnings::new();
        process_dependencies(&mut chart, values, &mut warnings).ok()?;
        let values = coalesce(&chart, values, Nulls::Remove, &mut warnings).ok()?;
        let world = Seeded::new(0x6f70_7321, 946_684_800_000_000_000);
        let mut options = RenderOptions::new(self.request.facts()).world(&world).trace(Trace::On);
        if let Some(capabilities) = self.fleet.capabilities {
            options = options.capabilities(capabilities.clone());
        }
        let rendered: RenderedChart = render(&chart, &values, &options).ok()?;
        let mut files = rendered.files.clone();
        files.retain(|name, _| !name.ends_with("NOTES.txt"));
        let sorted = sort_manifests(&files, KindOrder::Install, &mut warnings).ok()?;
        for manifest in sorted.manifests.iter().filter(|manifest| manifest.kind == self.id.kind) {
            let options = ReadOptions::v3().starting_at_line(manifest.line);
            let document = read_document(manifest.content.as_bytes(), FileId::NONE, &options).ok()??;
            let found = ObjectId::of(&document.root);
            if found.name != self.id.name {
                continue;
            }
            let node = self.path.find(&document.root);
            let origin = node.filter(|node| node.place.is_known()).and_then(|node| {
                let origin = rendered.files.get(&manifest.file)?.origin(node.place.line)?;
                Some(self.template_place(&origin.file, origin.line))
            });
            return Some(Made { value: node.map(shown), template: origin });
        }
        None
    }

    /// A chart in the repository is shown by its path in it.
    fn template_place(&self, file: &str, line: u32) -> String {
        match (&self.request.chart, file.split_once('/')) {
            (ChartPlace::Tree(path), Some((_, rest))) => format!("{path}/{rest}:{line}"),
            (ChartPlace::Elsewhere(there, path), Some((_, rest))) => {
                format!("{}/{rest}:{line}", there.path(path))
            }
            _ => format!("{file}:{line}"),
        }
    }
}

/// All scalars of values, with the keys that lead to them.
fn leaves(value: &Value, keys: &mut Vec<Str>, found: &mut Vec<(Vec<Str>, String)>) {
    match value {
        Value::Table(table) if keys.len() < 16 => {
            for (key, below) in table.iter() {
                keys.push(key.clone());
                leaves(below, keys, found);
                keys.pop();
            }
        }
        Value::Table(_) => {}
        other => found.push((keys.clone(), shown(&other.to_node()))),
    }
}

fn at<'v>(table: &'v Table, keys: &[Str]) -> Option<&'v Value> {
    let (first, rest) = keys.split_first()?;
    let value = table.get(first.as_str())?;
    if rest.is_empty() { Some(value) } else { value.at_path(rest.iter().map(Str::as_str)) }
}

fn set_at(table: &mut Table, keys: &[Str], value: Value) {
    let Some((first, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        table.insert(first.clone(), value);
        return;
    }
    let mut below = match table.get(first.as_str()) {
        Some(Value::Table(below)) => (**below).clone(),
        _ => Table::new(),
    };
    set_at(&mut below, rest, value);
    table.insert(first.clone(), Value::table(below));
}

/// A value of the same type that is not the same.
fn other_value(values: &Table, chart: &Chart, keys: &[Str]) -> Option<Value> {
    let now = at(values, keys).or_else(|| chart.values().and_then(|table| at(table, keys)))?;
    Some(match now {
        Value::Bool(value) => Value::Bool(!value),
        Value::Int(value) => Value::Int(value.wrapping_add(1)),
        Value::Float(value) => Value::Float(value + 1.0),
        Value::Text(text) => Value::Text(Str::from(format!("{text}x"))),
        Value::Null => Value::Text("x".into()),
        _ => return None,
    })
}

/// Where an entry stands in a file of values.
pub(super) fn place_of(content: &[u8], file: &str, keys: &[Str]) -> Option<String> {
    let mut files = Files::default();
    let id = files.add(file);
    let document = read_document(content, id, &ReadOptions::yaml11()).ok()??;
    let mut node: &Node = &document.root;
    for key in keys {
        node = node.get(key)?;
    }
    Some(files.show(node.place))
}
