//! Charts of kustomizations, rendered by the Helm engine of this program; no `helm` is started.

use super::world::World;
use crate::Failure;
use crate::helm::world::{ThisMachine, unix_seconds};
use crate::helm::{namespace, print_warnings, source};
use crate::printable::Printable;
use crate::remote::chart::{ChartFlags, fetch as fetch_chart};
use helm_rs::chart::{ArchiveLimits, Chart, files_in, unpack};
use helm_rs::render::{ReleaseFacts, RenderOptions, Trace};
use helm_rs::values::{Table, UserValues};
use helm_rs::{Capabilities, KubeVersion, TemplateOptions, Warnings};
use kustomize_rs::{ChartInflator, ChartRequest, NeededChart};
use std::path::Path;

/// Renders charts from the disk, or from what was fetched, as `helm template` would.
#[derive(Debug)]
pub(super) struct Charts<'w>(pub(super) &'w World);

impl ChartInflator for Charts<'_> {
    fn inflate(&self, request: &ChartRequest) -> Result<String, String> {
        self.render(request).map_err(|failure| failure.to_string())
    }
}

/// Fetches a chart that a kustomization takes from a repository, and puts it where the kustomization looks for it.
pub(super) fn fetch(chart: &NeededChart, world: &mut World) -> Result<(), Failure> {
    let (name, repository) = (&chart.name, chart.shown_repository());
    anstream::eprintln!("{}", Printable(format_args!("fetching chart {name} from {repository}")));
    let fetched = fetch_chart(&chart.name, &ChartFlags::of_kustomization(chart))?;
    world.add_chart(&chart.directory, &unpack(&fetched.archive, ArchiveLimits::default())?)?;
    Ok(())
}

impl Charts<'_> {
    /// Loads a chart from where the tree has it: the disk, or what was fetched.
    fn load(&self, folder: &str, warnings: &mut Warnings) -> Result<Chart, Failure> {
        match self.0.fetched(folder) {
            Some(tree) => Ok(Chart::load(&files_in(tree, folder)?, warnings)?),
            // Paths of the tree are seen from the root of the disk.
            None => source::load(&Path::new("/").join(folder), warnings),
        }
    }

    fn render(&self, request: &ChartRequest) -> Result<String, Failure> {
        let name = release_name(request)?;
        helm_rs::release::check_name(&name)
            .map_err(|error| format!("release name check failed: release name \"{name}\": {error}"))?;
        let mut capabilities = Capabilities::default();
        if !request.kube_version.is_empty() {
            capabilities.kube_version = KubeVersion::parse(&request.kube_version)
                .map_err(|error| format!("invalid kube version '{}': {error}", request.kube_version))?;
        }
        capabilities.api_versions.extend(request.api_versions.iter().map(Into::into));

        let mut warnings = Warnings::new();
        let chart = self.load(&request.chart, &mut warnings)?;
        if !matches!(chart.metadata().chart_type.as_str(), "" | "application") {
            return Err(format!("{} charts are not installable", chart.metadata().chart_type).into());
        }
        chart.check_dependencies()?;
        let wanted = if request.namespace.is_empty() { None } else { Some(request.namespace.as_str()) };
        let render = RenderOptions::new(ReleaseFacts::install(name.as_str(), namespace(wanted)))
            .capabilities(capabilities)
            .world(&ThisMachine)
            .trace(Trace::On);
        let templated =
            helm_rs::template(chart, &values(request)?, &TemplateOptions::new(render), &mut warnings);
        print_warnings(&warnings);
        let templated = templated.map_err(|failed| failed.error.report())?;
        let crds = if request.include_crds { &templated.crds[..] } else { &[] };
        let hooks = match (request.skip_hooks, request.skip_tests) {
            (true, _) => Vec::new(),
            (false, true) => templated.hooks_without_tests(),
            (false, false) => templated.hooks.iter().collect(),
        };
        Ok(templated.print_with(crds, &hooks))
    }
}

fn release_name(request: &ChartRequest) -> Result<String, Failure> {
    match (request.release_name.as_str(), request.name_template.as_str()) {
        ("", "") => Ok(format!("{}-{}", request.name, unix_seconds())),
        ("", template) => Ok(helm_rs::render::render_name(template, &ThisMachine)?),
        (name, "") => Ok(name.to_owned()),
        _ => Err("cannot set --name-template and also specify a name".into()),
    }
}

fn values(request: &ChartRequest) -> Result<Table, Failure> {
    let mut given = UserValues::default();
    for (i, text) in request.values.iter().enumerate() {
        given.files.push((format!("values {} of {}", i + 1, request.name), text.clone().into_bytes()));
    }
    Ok(given.merge(&|name| Err(format!("{name} is not read")))?)
}
