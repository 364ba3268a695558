//! Why a field is so: which file, line and layer set it, and what each layer overrode.

mod chart;
mod config;
mod trace;

use gitops_core::object::ObjectId;
use gitops_yaml::{Dialect, FieldPath, FieldStep, Node, Str, did_you_mean};

use super::app::{App, AppId, AppKind};
use super::cache::Cache;
use super::flux::text;
use super::kustomize;
use super::recorder::Recorder;
use super::render::{Fleet, Rendered, World};
use super::roots::{Declared, files_below, find_raw_configs};
use super::sealed::{Opener, joined};
use super::select::Selector;
use super::variables::{Configs, Substitution, variables};
use trace::Trace;

/// Why one field of one object has its value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The app that applies the object.
    pub app: AppId,
    /// The object.
    pub object: ObjectId,
    /// The field.
    pub path: FieldPath,
    /// The value, as one line; `None` where the field is not there.
    pub value: Option<String>,
    /// What set the value, the last one first: each overrode those below.
    pub layers: Vec<Layer>,
}

/// One thing that set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layer {
    /// What it is, in words: `file of the base`, `patch of k8s/apps/demo/kustomization.yaml`, `substitution of ${region}`.
    pub what: String,
    /// Where the value stands: `file:line:column`, as far as that is known.
    pub place: String,
    /// The value that it set, as one line; `None` where it removed the field.
    pub value: Option<String>,
    /// What it has to do with the value that is there now.
    pub role: Role,
}

/// What a layer has to do with the value that is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// It set the value.
    Sets,
    /// The layer above it overrode its value.
    Overridden,
    /// What set the value was computed from it.
    Input,
}

impl Layer {
    fn new(what: impl Into<String>, place: impl Into<String>, value: Option<String>) -> Self {
        Self { what: what.into(), place: place.into(), value, role: Role::Overridden }
    }
}

impl Fleet<'_> {
    /// Explains a field of every object that the selector means.
    ///
    /// The fleet is rendered once; the builds of the apps that apply the objects then run again under observation, so that
    /// renders cost nothing for it.
    ///
    /// # Errors
    /// Where nothing is meant, or the field is in none of the objects, with what is nearest.
    pub fn explain(&self, selector: &Selector, path: &FieldPath) -> Result<Vec<Explanation>, String> {
        let rendered = self.render(&mut Cache::default());
        let chosen = self.chosen(&rendered, selector)?;
        let mut found = Vec::new();
        for (app, id) in chosen {
            let node =
                app.objects.iter().find(|object| object.id == id).and_then(|object| object.read().ok());
            let path = node.map_or_else(|| path.clone(), |node| with_dots(&node, path));
            found.push(self.explain_one(&rendered, app, &id, &path, 0));
        }
        if found.iter().all(|one| one.layers.is_empty()) {
            let object = rendered.apps.iter().flat_map(|app| &app.objects).find(|o| selector.selects(&o.id));
            let near = object.and_then(|object| object.read().ok()).and_then(|node| near_field(&node, path));
            let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return Err(format!("{selector} has no field {path}{hint}"));
        }
        Ok(found)
    }

    fn chosen<'r>(
        &self,
        rendered: &'r Rendered,
        selector: &Selector,
    ) -> Result<Vec<(&'r App, ObjectId)>, String> {
        let mut chosen = Vec::new();
        for app in &rendered.apps {
            for object in app.objects.iter().filter(|object| selector.selects(&object.id)) {
                chosen.push((app, object.id.clone()));
            }
        }
        if chosen.is_empty() {
            let names: Vec<String> =
                rendered.apps.iter().flat_map(|app| &app.objects).map(|o| o.id.to_string()).collect();
            let near =
                did_you_mean(&selector.to_string(), names.iter().map(String::as_str)).map(str::to_owned);
            let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return Err(format!("nothing in this fleet is called {selector}{hint}"));
        }
        Ok(chosen)
    }

    fn explain_one(
        &self,
        rendered: &Rendered,
        app: &App,
        id: &ObjectId,
        path: &FieldPath,
        depth: usize,
    ) -> Explanation {
        let node = app.objects.iter().find(|object| object.id == *id).and_then(|object| object.read().ok());
        let mut value = node.as_ref().and_then(|node| path.find(node)).map(shown);
        let mut layers = match app.id.kind {
            AppKind::Kustomization if depth < 8 => self.build_layers(rendered, app, id, path, depth),
            AppKind::Kustomization => Vec::new(),
            AppKind::HelmRelease if depth < 4 => self.chart_layers(rendered, app, id, path, depth),
            AppKind::HelmRelease => Vec::new(),
        };
        // What the controller itself adds is in no file.
        if layers.first().is_none_or(|last| last.value != value) && value.is_some() {
            let sealed =
                layers.first().filter(|last| last.value.as_deref().is_some_and(|v| v.starts_with("ENC[")));
            let place = sealed.map_or_else(|| app.place.to_string(), |sealed| sealed.place.clone());
            let what = match (&app.id.kind, path.to_string().starts_with("metadata.")) {
                _ if sealed.is_some() => "what SOPS encrypted, or a word in its place".to_owned(),
                (_, true) => {
                    format!("written by the controller of {}: its owner labels or commonMetadata", app.id)
                }
                (AppKind::Kustomization, false) => format!("written by the controller of {}", app.id),
                (AppKind::HelmRelease, false) => format!("post-renderer of {}", app.id),
            };
            layers.insert(0, Layer::new(what, place, value.clone()));
        }
        if let Some(first) = layers.first_mut() {
            first.role = Role::Sets;
        }
        let all = rendered.apps.iter().flat_map(|app| &app.objects).filter_map(|o| o.secrets.as_ref());
        let secrets = joined(all);
        let hide = |text: &mut String| *text = secrets.hide(text);
        value.as_mut().into_iter().for_each(hide);
        layers.iter_mut().flat_map(|layer| layer.value.iter_mut().chain([&mut layer.what])).for_each(hide);
        Explanation { app: app.id.clone(), object: id.clone(), path: path.clone(), value, layers }
    }

    /// Runs the build of a Kustomization again and watches one field.
    fn build_layers(
        &self,
        rendered: &Rendered,
        app: &App,
        id: &ObjectId,
        path: &FieldPath,
        depth: usize,
    ) -> Vec<Layer> {
        let own = self.answers();
        let answers = app.elsewhere.as_ref().map_or(&own, |there| &there.answers);
        let declared = declared_of(app);
        let declared = app.elsewhere.as_ref().map_or(declared.clone(), |there| there.seen(&declared));
        let opener = Opener::new(self.keys);
        let Ok(built) = kustomize::build(&mut Recorder::new(answers), &declared, None, &opener) else {
            return Vec::new();
        };
        let Some(position) = built.objects.iter().position(|node| ObjectId::of(node) == *id) else {
            // A name that is substituted is another one in the build.
            return self.substituted_name(rendered, app, id, path);
        };
        let names = built.names.get(position).cloned().unwrap_or_default();
        let trace = Trace::new(answers.source(), id.kind.clone(), names, path.clone());
        let _ = kustomize::build(&mut Recorder::new(answers), &declared, Some(&trace), &opener);
        let mut layers = trace.into_layers();
        if let Some(node) = built.objects.get(position) {
            layers.extend(self.substitution_layers(rendered, app, node, path, depth));
        }
        layers.reverse();
        layers
    }

    fn substituted_name(
        &self,
        rendered: &Rendered,
        app: &App,
        id: &ObjectId,
        path: &FieldPath,
    ) -> Vec<Layer> {
        let place = app.objects.iter().find(|object| object.id == *id).map(|object| object.place.to_string());
        let _ = rendered;
        let value = app.objects.iter().find(|object| object.id == *id).and_then(|object| object.read().ok());
        let value = value.as_ref().and_then(|node| path.find(node)).map(shown);
        vec![Layer::new("file, with variables in the object's name", place.unwrap_or_default(), value)]
    }

    fn substitution_layers(
        &self,
        rendered: &Rendered,
        app: &App,
        built: &Node,
        path: &FieldPath,
        depth: usize,
    ) -> Vec<Layer> {
        let world = World::of(rendered, app.cluster);
        let raw;
        let declared = declared_of(app);
        let Some(spec) = app.manifest.get("spec").filter(|spec| spec.get("postBuild").is_some()) else {
            return Vec::new();
        };
        let show = |node: &Node| declared.show(node);
        let mut configs = &world.configs;
        let mut found = variables(&app.id, spec, configs, &show);
        if found.is_err() {
            raw = self.raw_configs();
            configs = &raw;
            found = variables(&app.id, spec, configs, &show);
        }
        let Ok(found) = found else { return Vec::new() };
        let before = path.find(built).map(shown);
        let mut after = built.clone();
        if Substitution::new(spec, &found).apply(&mut after).is_err() {
            return Vec::new();
        }
        let value = path.find(&after).map(shown);
        if value == before {
            return Vec::new();
        }
        let text = before.unwrap_or_default();
        let used: Vec<_> = found.iter().filter(|(name, _)| text.contains(&format!("${{{name}"))).collect();
        let mut layers = Vec::new();
        for (name, variable) in &used {
            let from = if variable.holder.is_empty() {
                format!("postBuild.substitute of {}", app.id)
            } else {
                variable.holder.clone()
            };
            let key = variable.key.as_ref().and_then(|key| Some((key, configs.get(key)?)));
            let place = match key {
                Some((key, config)) => self.find_config(rendered, key, &config, (name, &[]), depth).place,
                None => variable.place.clone(),
            };
            let what = format!("substitution of ${{{name}}} = {} from {from}", variable.value);
            layers.push(Layer::new(what, place, value.clone()));
        }
        if layers.is_empty() {
            layers.push(Layer::new("substitution: the variable's default", app.place.to_string(), value));
        }
        layers
    }
}

impl Fleet<'_> {
    fn raw_configs(&self) -> Configs {
        find_raw_configs(self.source, files_below(self.source, ".").iter().map(String::as_str))
    }
}

fn declared_of(app: &App) -> Declared {
    Declared {
        node: app.manifest.clone(),
        path: app.place.split(':').next().unwrap_or_default().to_owned(),
        place: app.place.to_string(),
        files: std::sync::Arc::clone(&app.declared_in),
        secrets: None,
    }
}

/// A value on one line.
fn shown(node: &Node) -> String {
    let text = match node.as_str() {
        Some(text) if text.contains('\n') => format!("{text:?}"),
        Some(text) => text.to_owned(),
        None => gitops_yaml::to_json(node, Dialect::V3).unwrap_or_default().trim_end().to_owned(),
    };
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The path with keys joined where only together they are one, as those of labels are: `kustomize.toolkit.fluxcd.io/name`.
fn with_dots(node: &Node, path: &FieldPath) -> FieldPath {
    let mut steps: Vec<FieldStep> = Vec::new();
    let mut rest = path.steps();
    while let Some((first, below)) = rest.split_first() {
        let here: FieldPath = steps.iter().cloned().collect();
        let at = here.find(node);
        let mut taken = (first.clone(), below);
        if let (FieldStep::Key(key), Some(at)) = (first, at)
            && at.get(key).is_none()
        {
            let mut joined = key.to_string();
            for (index, step) in below.iter().enumerate() {
                let FieldStep::Key(next) = step else { break };
                joined = format!("{joined}.{next}");
                if at.get(&joined).is_some() {
                    taken = (FieldStep::key(joined), below.get(index + 1..).unwrap_or_default());
                    break;
                }
            }
        }
        steps.push(taken.0);
        rest = taken.1;
    }
    steps.into_iter().collect()
}

/// The path with its first unknown key replaced by one that is there.
fn near_field(node: &Node, path: &FieldPath) -> Option<String> {
    let mut good: Vec<gitops_yaml::FieldStep> = Vec::new();
    for step in path.steps() {
        let here: FieldPath = good.iter().cloned().collect();
        let at = here.find(node)?;
        let mut next = good.clone();
        next.push(step.clone());
        let next: FieldPath = next.into_iter().collect();
        if next.find(node).is_none() {
            let keys = at.entries()?.iter().filter_map(|entry| entry.key.as_str());
            let gitops_yaml::FieldStep::Key(wanted) = step else { return None };
            let near = did_you_mean(wanted, keys)?;
            return Some(if good.is_empty() { near.to_owned() } else { format!("{here}.{near}") });
        }
        good.push(step.clone());
    }
    None
}

/// The name of an object's namespace and own name, for matching.
fn name_of(node: &Node) -> Str {
    text(node, &["metadata", "name"])
}
