//! One kustomization: reads its file, gathers the resources of what it includes, generates and transforms them.

use std::sync::Arc;

use gitops_yaml::Str;

use crate::build::Session;
use crate::crds::field_specs_of_crds;
use crate::error::{Error, ErrorKind};
use crate::field_specs::FieldSpecs;
use crate::generate::{
    config_map, inflate, secret, string_data_as_data, take_over_metadata, unite_data, with_global_options,
};
use crate::kustomization::{COMPONENT, FILE_NAMES, Kustomization, Text};
use crate::load::Loader;
use crate::origin::{ORIGIN, Origin, TRANSFORMATIONS};
use crate::plugin::{self, Configured};
use crate::read::{read_config, read_resources};
use crate::resource::{Behavior, Resource};
use crate::resource_map::ResourceMap;
use crate::transform::Transformer;
use crate::vars::{VarSet, mark_sources};

/// What a kustomization hands to the one that includes it.
pub(crate) struct Accumulator {
    pub(crate) resources: ResourceMap,
    pub(crate) specs: Arc<FieldSpecs>,
    pub(crate) vars: VarSet,
}

impl Accumulator {
    fn empty(session: &Session<'_>) -> Self {
        Self { resources: session.resource_map(), specs: Arc::default(), vars: VarSet::default() }
    }

    /// Adds what an included kustomization made.
    fn merge(&mut self, other: Self) -> Result<(), Error> {
        self.resources.append(other.resources)?;
        self.merge_specs(&other.specs)?;
        self.vars.merge(other.vars.into_vars())
    }

    /// Adds field specs. Most kustomizations have no table but the built-in one, which is shared and not merged.
    fn merge_specs(&mut self, specs: &Arc<FieldSpecs>) -> Result<(), Error> {
        if Arc::ptr_eq(&self.specs, specs) {
            return Ok(());
        }
        if *self.specs == FieldSpecs::default() {
            self.specs = Arc::clone(specs);
            return Ok(());
        }
        Arc::make_mut(&mut self.specs).merge(specs)
    }
}

/// What a kustomization hands down to those that it includes.
struct HandedDown {
    build_metadata: Vec<Str>,
    chart_namespace: Str,
}

/// A kustomization file in its directory.
pub(crate) struct Target<'l, 's, 'a> {
    loader: &'l Loader<'s, 'a>,
    kustomization: Kustomization,
    /// The name of its file.
    file_name: &'static str,
    /// The namespace that charts get where neither they nor the kustomization name one: that of the kustomization
    /// which includes this one.
    chart_namespace: Str,
}

impl<'l, 's, 'a> Target<'l, 's, 'a> {
    /// Reads the kustomization file of the loader's directory, and the schema that it brings.
    pub(crate) fn load(loader: &'l Loader<'s, 'a>) -> Result<Self, Error> {
        let session = loader.session();
        let found: Vec<&'static str> = FILE_NAMES.into_iter().filter(|name| loader.is_file(name)).collect();
        let file_name = match found[..] {
            [name] => name,
            [] => {
                let message = format!(
                    "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{}'",
                    loader.shown_root()
                );
                return Err(Error::new(ErrorKind::NotFound, message));
            }
            _ => {
                let message = format!("Found multiple kustomization files under: {}\n", loader.shown_root());
                return Err(Error::new(ErrorKind::Kustomization, message));
            }
        };
        let (path, content) = loader.load(&Text::from(file_name))?;
        let file = session.add_file(&path);
        let node = read_config(&content, file).map_err(|error| error.within("invalid Kustomization"))?;
        let kustomization = Kustomization::read(node.as_ref(), file, &loader.shown_root())?;
        for warning in kustomization.deprecations() {
            session.warn(warning);
        }
        let target = Self { loader, kustomization, file_name, chart_namespace: Str::EMPTY };
        target.set_schema()?;
        Ok(target)
    }

    pub(crate) fn kustomization(&self) -> &Kustomization {
        &self.kustomization
    }

    fn set_schema(&self) -> Result<(), Error> {
        let session = self.loader.session();
        let (path, version) =
            (self.kustomization.openapi.get("path"), self.kustomization.openapi.get("version"));
        let refuse = |message: &str| Err(Error::new(ErrorKind::Kustomization, message));
        match (path, version) {
            (Some(_), Some(_)) => refuse("builtin version and custom schema provided, cannot use both"),
            (Some(path), None) => {
                let (path, content) = self.loader.load(&Text::from(path.as_str()))?;
                match read_config(&content, session.add_file(&path))? {
                    Some(document) => session.set_schema(&document),
                    None => session.set_schema(&gitops_yaml::Node::mapping(Vec::new())),
                }
            }
            (None, Some(version)) if version != "v1.21.2" && version != "v1212" => {
                refuse("the specified OpenAPI version is not built in")
            }
            _ => Ok(()),
        }
    }

    /// Gathers, generates and transforms, into an accumulator of its own.
    pub(crate) fn accumulate(&self, origin: Option<&Origin>) -> Result<Accumulator, Error> {
        self.accumulate_into(Accumulator::empty(self.loader.session()), origin)
    }

    /// Gathers, generates and transforms; a component works on what its parent has so far.
    fn accumulate_into(&self, mut sum: Accumulator, origin: Option<&Origin>) -> Result<Accumulator, Error> {
        let kustomization = &self.kustomization;
        let step = |error: Error, name: &str| error.within(name.to_owned());
        accumulate_resources(self.loader, &mut sum, &kustomization.resources, origin, &self.handed_down())
            .map_err(|error| step(error, "accumulating resources"))?;
        self.observe("file", &sum);
        sum.merge_specs(&self.own_specs()?).map_err(|error| step(error, "merging config"))?;
        let crds = self.specs_of_crds().map_err(|error| step(error, "loading CRDs"))?;
        if !kustomization.crds.is_empty() {
            sum.merge_specs(&Arc::new(crds)).map_err(|error| step(error, "merging CRDs"))?;
        }
        self.generate(&mut sum, origin)?;
        for path in &kustomization.components {
            sum =
                self.component(sum, path, origin).map_err(|error| step(error, "accumulating components"))?;
        }
        self.transform(&mut sum, origin)?;
        self.validate(&mut sum)?;
        let vars = kustomization.vars.clone().unwrap_or_default();
        mark_sources(&vars, &mut sum.resources).map_err(|error| step(error, "merging vars"))?;
        sum.vars.merge(vars).map_err(|error| step(error, "merging vars"))?;
        Ok(sum)
    }

    /// The built-in field specs with those of `configurations`.
    fn own_specs(&self) -> Result<Arc<FieldSpecs>, Error> {
        let mut specs = Arc::clone(&self.loader.session().builtin_specs);
        for path in &self.kustomization.configurations {
            let (full, content) = self.loader.load(path)?;
            let node = read_config(&content, self.loader.session().add_file(&full))?;
            if let Some(node) = node {
                Arc::make_mut(&mut specs).merge(&FieldSpecs::read(&node)?)?;
            }
        }
        if !self.kustomization.configurations.is_empty() {
            // Merging into an empty table drops what a more general field of the sorted table covers, as upstream's does.
            let mut merged = FieldSpecs::default();
            merged.merge(&specs)?;
            specs = Arc::new(merged);
        }
        Ok(specs)
    }

    fn specs_of_crds(&self) -> Result<FieldSpecs, Error> {
        let mut specs = FieldSpecs::default();
        for path in &self.kustomization.crds {
            let (full, content) = self.loader.load(path)?;
            let node = read_config(&content, self.loader.session().add_file(&full)).map_err(|error| {
                error.within(format!("unable to parse open API definition from '{}'", &**path))
            })?;
            if let Some(node) = node {
                specs.merge(&field_specs_of_crds(&node)?)?;
            }
        }
        Ok(specs)
    }

    fn handed_down(&self) -> HandedDown {
        HandedDown {
            build_metadata: self.kustomization.build_metadata.clone(),
            chart_namespace: self.namespace_of_charts(),
        }
    }

    fn namespace_of_charts(&self) -> Str {
        let own = &self.kustomization.namespace;
        if own.is_empty() { self.chart_namespace.clone() } else { own.clone() }
    }

    fn generate(&self, sum: &mut Accumulator, origin: Option<&Origin>) -> Result<(), Error> {
        let kustomization = &self.kustomization;
        let options = kustomization.generator_options.as_ref();
        let made_by = |kind: &'static str| origin.map(|origin| origin.builtin(self.file_name, kind));
        for args in &kustomization.config_map_generator {
            let mut args = args.clone();
            args.options = with_global_options(args.options.as_ref(), options);
            absorb(sum, vec![config_map(self.loader, &args)?], made_by("ConfigMapGenerator").as_ref())?;
            self.observe("ConfigMapGenerator", sum);
        }
        for args in &kustomization.secret_generator {
            let mut args = args.clone();
            args.options = with_global_options(args.options.as_ref(), options);
            absorb(sum, vec![secret(self.loader, &args)?], made_by("SecretGenerator").as_ref())?;
            self.observe("SecretGenerator", sum);
        }
        for chart in &kustomization.helm_charts {
            let mut chart = chart.clone();
            if let Some(globals) = &kustomization.helm_globals {
                chart.chart_home = globals.chart_home.clone();
                chart.config_home = globals.config_home.clone();
            }
            if chart.namespace.is_empty() {
                chart.namespace = self.namespace_of_charts();
            }
            absorb(sum, inflate(self.loader, &chart)?, made_by("HelmChartInflationGenerator").as_ref())?;
            self.observe("HelmChartInflationGenerator", sum);
        }
        let configs = self
            .plugin_configs(&kustomization.generators, origin)
            .map_err(|error| error.within("loading generator plugins"))?;
        for config in &configs {
            match plugin::configure(self.loader, config)? {
                Configured::Generator(resources) => absorb(sum, resources, plugin::origin(config).as_ref())?,
                Configured::Transformers(_) => {
                    let message = format!("plugin {} not a generator", sum.resources.current_id(config));
                    return Err(Error::new(ErrorKind::Kustomization, message).at(config.place()));
                }
            }
        }
        Ok(())
    }

    /// Reads the configurations of plugins: written in place, in files or built by kustomizations.
    fn plugin_configs(&self, entries: &[Text], origin: Option<&Origin>) -> Result<Vec<Resource>, Error> {
        let session = self.loader.session();
        let mut sum = Accumulator::empty(session);
        let mut paths = Vec::new();
        for entry in entries {
            match read_resources(entry.as_bytes(), entry.place.file) {
                Ok(resources) => {
                    for mut resource in resources {
                        resource.history.origin =
                            origin.map(|origin| Box::new(origin.append(self.file_name)));
                        sum.resources.push(resource)?;
                    }
                }
                Err(_) => paths.push(entry.clone()),
            }
        }
        accumulate_resources(self.loader, &mut sum, &paths, origin, &self.handed_down())?;
        Ok(sum.resources.into_resources())
    }

    fn transform(&self, sum: &mut Accumulator, origin: Option<&Origin>) -> Result<(), Error> {
        let made_by = |kind: &'static str| origin.map(|origin| origin.builtin(self.file_name, kind));
        for (transformer, kind) in plugin::of_kustomization(self.loader, &self.kustomization, &sum.specs)? {
            self.run(transformer.as_ref(), made_by(kind), sum)?;
            self.observe(kind, sum);
        }
        for config in &self.plugin_configs(&self.kustomization.transformers, origin)? {
            let Configured::Transformers(transformers) = plugin::configure(self.loader, config)? else {
                let message = format!("plugin {} not a transformer", sum.resources.current_id(config));
                return Err(Error::new(ErrorKind::Kustomization, message).at(config.place()));
            };
            let last = transformers.len().saturating_sub(1);
            for (place, transformer) in transformers.iter().enumerate() {
                let by = plugin::origin(config).filter(|_| place == last);
                self.run(transformer.as_ref(), by, sum)?;
                self.observe("transformers", sum);
            }
        }
        Ok(())
    }

    fn observe(&self, name: &str, sum: &Accumulator) {
        let file = || match self.loader.shown_root().as_str() {
            "." => self.file_name.to_owned(),
            root => format!("{root}/{}", self.file_name),
        };
        self.loader.session().observe(&file, name, &sum.resources);
    }

    fn run(
        &self,
        transformer: &dyn Transformer,
        by: Option<Origin>,
        sum: &mut Accumulator,
    ) -> Result<(), Error> {
        let Some(by) = by else {
            self.loader.session().transform(transformer, &mut sum.resources)?;
            sum.resources.drop_empty();
            return Ok(());
        };
        // Upstream keeps track in annotations, which a patch may wipe: marks show whether it did.
        sum.resources.iter_mut().for_each(mark_tracks);
        self.loader.session().transform(transformer, &mut sum.resources)?;
        for resource in sum.resources.iter_mut() {
            forget_wiped_tracks(resource);
            match &resource.history.origin {
                Some(_) => resource.history.transformations.push(by.clone()),
                None => resource.history.origin = Some(Box::new(by.clone())),
            }
            resource.part_annotations();
        }
        sum.resources.drop_empty();
        Ok(())
    }

    fn validate(&self, sum: &mut Accumulator) -> Result<(), Error> {
        for config in &self.plugin_configs(&self.kustomization.validators, None)? {
            let Configured::Transformers(transformers) = plugin::configure(self.loader, config)? else {
                let message = format!("plugin {} not a transformer", sum.resources.current_id(config));
                return Err(Error::new(ErrorKind::Kustomization, message).at(config.place()));
            };
            let mut copy = sum.resources.clone();
            for transformer in transformers {
                self.loader.session().transform(transformer.as_ref(), &mut copy)?;
            }
            let printed = |map: &ResourceMap| {
                map.iter().map(|r| crate::node_json::node_json(&r.node)).collect::<Vec<_>>()
            };
            if printed(&copy) != printed(&sum.resources) {
                let message = "validator shouldn't modify the resource map";
                return Err(Error::new(ErrorKind::Kustomization, message).at(config.place()));
            }
        }
        Ok(())
    }

    fn component(
        &self,
        sum: Accumulator,
        path: &Text,
        origin: Option<&Origin>,
    ) -> Result<Accumulator, Error> {
        let loader = self.loader.include(path).map_err(|error| error.within("loader.New"))?;
        let origin = origin.map(|origin| origin.append(path));
        let mut target = Target::load(&loader).map_err(|error| {
            error
                .within(format!("couldn't make target for path '{}'", loader.shown_root()))
                .within("accumulateDirectory")
        })?;
        let handed = self.handed_down();
        target.kustomization.build_metadata = handed.build_metadata;
        target.chart_namespace = handed.chart_namespace;
        if target.kustomization.kind != COMPONENT {
            let message = format!(
                "accumulateDirectory: expected kind '{COMPONENT}' for path '{}' but got '{}'",
                loader.shown_root(),
                target.kustomization.kind
            );
            return Err(Error::new(ErrorKind::Kustomization, message).at(path.place));
        }
        target.accumulate_into(sum, origin.as_ref()).map_err(|error| {
            error
                .within(format!("recursed accumulation of path '{}'", loader.shown_root()))
                .within("accumulateDirectory")
        })
    }
}

fn mark_tracks(resource: &mut Resource) {
    if resource.history.origin.is_some() {
        resource.set_annotation(ORIGIN, "");
    }
    if !resource.history.transformations.is_empty() {
        resource.set_annotation(TRANSFORMATIONS, "");
    }
}

fn forget_wiped_tracks(resource: &mut Resource) {
    if resource.annotation(ORIGIN).is_none() {
        resource.history.origin = None;
    }
    if resource.annotation(TRANSFORMATIONS).is_none() {
        resource.history.transformations.clear();
    }
    resource.remove_annotation(ORIGIN);
    resource.remove_annotation(TRANSFORMATIONS);
}

/// Gathers files and directories: each entry is tried as a file first.
fn accumulate_resources(
    loader: &Loader<'_, '_>,
    sum: &mut Accumulator,
    paths: &[Text],
    origin: Option<&Origin>,
    handed: &HandedDown,
) -> Result<(), Error> {
    for path in paths {
        if loader.is_directory(path) {
            directory(loader, sum, path, origin, handed)?;
            continue;
        }
        let as_file = match file(loader, sum, path, origin) {
            Ok(()) => continue,
            Err(error) => error,
        };
        // A file that is there but wrong is what the user meant; else the entry may be a remote base.
        if loader.is_file(path)
            || matches!(as_file.kind(), ErrorKind::Syntax | ErrorKind::Remote | ErrorKind::Duplicate)
        {
            return Err(as_file);
        }
        match loader.include(path) {
            Ok(_) => directory(loader, sum, path, origin, handed)?,
            Err(error) => {
                let error = if error.kind() == ErrorKind::NotFound { as_file } else { error };
                return Err(error);
            }
        }
    }
    Ok(())
}

fn file(
    loader: &Loader<'_, '_>,
    sum: &mut Accumulator,
    path: &Text,
    origin: Option<&Origin>,
) -> Result<(), Error> {
    let circumstance = || format!("accumulating resources from '{}'", &**path);
    let (full, content) = loader.load(path).map_err(|error| error.within(circumstance()))?;
    let resources = read_resources(&content, loader.session().add_file(&full))
        .map_err(|error| error.within(circumstance()))?;
    for mut resource in resources {
        loader.session().budget.take(resource.node.weight()).map_err(|error| error.within(circumstance()))?;
        resource.history.origin = origin.map(|origin| Box::new(origin.append(path)));
        sum.resources
            .push(resource)
            .map_err(|error| error.within(format!("merging resources from '{}'", &**path)))?;
    }
    Ok(())
}

fn directory(
    loader: &Loader<'_, '_>,
    sum: &mut Accumulator,
    path: &Text,
    origin: Option<&Origin>,
    handed: &HandedDown,
) -> Result<(), Error> {
    let below = loader.include(path)?;
    let origin = origin.map(|origin| origin.append(path));
    let mut target = Target::load(&below)
        .map_err(|error| error.within(format!("couldn't make target for path '{}'", below.shown_root())))?;
    target.kustomization.build_metadata.clone_from(&handed.build_metadata);
    target.chart_namespace = handed.chart_namespace.clone();
    if target.kustomization.kind == COMPONENT {
        let message = format!("expected kind != '{COMPONENT}' for path '{}'", below.shown_root());
        return Err(Error::new(ErrorKind::Kustomization, message).at(path.place));
    }
    let made = target
        .accumulate(origin.as_ref())
        .map_err(|error| error.within(format!("recursed accumulation of path '{}'", below.shown_root())))?;
    sum.merge(made)
        .map_err(|error| error.within(format!("recursed merging from path '{}'", below.shown_root())))
}

/// Adds what a generator made: a new resource, or one that replaces or joins a resource of its id.
fn absorb(sum: &mut Accumulator, made: Vec<Resource>, by: Option<&Origin>) -> Result<(), Error> {
    for mut new in made {
        new.history.origin = by.cloned().map(Box::new);
        let refuse = |new: &Resource, message: String| {
            Err(Error::new(ErrorKind::Generator, message).at(new.place()).within("merging from generator"))
        };
        let id = sum.resources.current_id(&new);
        let found = sum.resources.with_any_id(&id);
        match (&found[..], new.history.behavior) {
            ([], Behavior::Merge | Behavior::Replace) => {
                return refuse(&new, format!("id {id} does not exist; cannot merge or replace"));
            }
            ([], _) => sum.resources.push(new).map_err(|error| error.within("merging from generator"))?,
            ([position], behavior @ (Behavior::Merge | Behavior::Replace)) => {
                let Some(old) = sum.resources.get(*position) else { continue };
                take_over_metadata(&mut new, old);
                if behavior == Behavior::Merge {
                    // What is merged still comes from where it was first made.
                    if old.history.origin.is_some() {
                        new.history.origin.clone_from(&old.history.origin);
                    }
                    let is_secret = new.api_version() == "v1" && new.kind() == "Secret";
                    let with_strings = if is_secret {
                        Some(string_data_as_data(old).map_err(|error| {
                            error.within(format!("failed to normalize stringData for {id}"))
                        })?)
                    } else {
                        None
                    };
                    unite_data(&mut new, with_strings.as_ref().unwrap_or(old), "data");
                    unite_data(&mut new, old, "binaryData");
                }
                sum.resources.replace(*position, new);
            }
            ([_], _) => return refuse(&new, format!("id {id} exists; behavior must be merge or replace")),
            (_, _) => return refuse(&new, format!("found multiple objects that could accept merge of {id}")),
        }
    }
    Ok(())
}

/// The text of a node that holds YAML within a file, and the line on which it begins there.
pub(crate) fn first_line(text: &Text) -> u32 {
    // A block scalar begins on the line after its header; a short text stands where its place says.
    let line = text.place.line.max(1);
    if text.contains('\n') { line.saturating_add(1) } else { line }
}
