//! Finds what is wrong with a fleet before any cluster sees it, and says what would be right.

mod built;
mod files;
mod flux_kinds;
mod objects;
mod references;
mod workloads;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use gitops_core::schema::Schema;
use gitops_core::tree::Source;
use gitops_yaml::{Files, Node};

use super::app::{AppId, Gap, Severity};
use super::cache::Cache;
use super::graph::Graph;
use super::render::{Fleet, KeepNodes, Rendered};
use super::sealed::joined;

pub(crate) use built::slips;

/// Something that validation found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule that found it, such as `unknown-field`: for leaving it out.
    pub rule: &'static str,
    /// The app that it is about, where it is about one.
    pub app: Option<AppId>,
    /// What is wrong, where, and what would help.
    pub gap: Gap,
}

/// Everything that validation found, by place.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Validation {
    /// What was found.
    pub findings: Vec<Finding>,
    /// How many objects were looked at.
    pub objects: usize,
    /// How many of them are of kinds whose fields are not known here.
    pub unknown_kinds: usize,
}

/// An object with what it takes to show where its fields stand.
pub(crate) struct Checked<'r> {
    pub(crate) node: &'r Node,
    pub(crate) files: &'r Files,
    pub(crate) app: Option<&'r AppId>,
    pub(crate) cluster: usize,
    /// Where the object stands, for fields that no file holds.
    pub(crate) place: String,
    /// Whether values of it were decrypted.
    pub(crate) is_opened: bool,
}

impl Checked<'_> {
    /// Shows where a node of the object stands.
    pub(crate) fn show(&self, node: &Node) -> String {
        let shown = if node.place.is_known() { self.files.show(node.place) } else { String::new() };
        if shown.is_empty() { self.place.clone() } else { shown }
    }

    /// Shows where a field stands, or the nearest one above it.
    pub(crate) fn show_at(&self, path: &[&str]) -> String {
        let mut node = self.node;
        for key in path {
            match node.get(key) {
                Some(below) => node = below,
                None => break,
            }
        }
        self.show(node)
    }
}

/// What the checks write to.
#[derive(Default)]
pub(crate) struct Report {
    findings: Vec<Finding>,
    seen: HashSet<(String, String)>,
}

impl Report {
    /// Returns whether something was found at a place.
    pub(crate) fn has_at(&self, place: &str) -> bool {
        self.findings.iter().any(|finding| finding.gap.place == place)
    }

    /// Adds a finding, once: a base that three overlays use is wrong once.
    pub(crate) fn add(&mut self, rule: &'static str, app: Option<&AppId>, gap: Gap) {
        if self.seen.insert((gap.place.clone(), gap.message.clone())) {
            self.findings.push(Finding { rule, app: app.cloned(), gap });
        }
    }

    pub(crate) fn error(
        &mut self,
        rule: &'static str,
        on: &Checked<'_>,
        place: String,
        what: String,
        help: &str,
    ) {
        self.add(rule, on.app, Gap::new(Severity::Error, place, what).help(help));
    }

    pub(crate) fn warn(
        &mut self,
        rule: &'static str,
        on: &Checked<'_>,
        place: String,
        what: String,
        help: &str,
    ) {
        self.add(rule, on.app, Gap::new(Severity::Warning, place, what).help(help));
    }

    pub(crate) fn note(
        &mut self,
        rule: &'static str,
        on: &Checked<'_>,
        place: String,
        what: String,
        help: &str,
    ) {
        self.add(rule, on.app, Gap::new(Severity::Note, place, what).help(help));
    }
}

impl Fleet<'_> {
    /// Renders the fleet and checks everything that can be known without a cluster: fields against the schemas of their
    /// kinds, references, dependencies, versions, owners, files that nothing reads, and slips that render but don't work.
    ///
    /// Folders with a kustomization that no app could build are built by themselves, so that one mistake hides no other.
    #[must_use]
    pub fn validate(&self) -> Validation {
        let rendered = self.keep_nodes(KeepNodes::Yes).render(&mut Cache::default());
        let source: &(dyn Source + Sync) = self.source;
        let mut report = Report::default();
        let tree_files = super::roots::files_below(source, ".");
        let mut read = files::read_files(&rendered);
        let alone = files::build_alone(&rendered, source, &tree_files, &mut read, &mut report);
        let checked = all_objects(&rendered, &alone);
        for (app, gap) in rendered.all_gaps().filter(|(_, gap)| !files::is_told_of_each(gap)) {
            report.add(rule_of(gap), app, files::with_unused(gap, source, &read));
        }
        let schema = schema(&checked);
        for one in &checked {
            // What Flux's own reader says of a field is more than what the schema knows.
            flux_kinds::check(one, &mut report);
            objects::check(one, &schema, &mut report);
            workloads::check(one, &mut report);
        }
        flux_kinds::check_fleet(&rendered, &checked, source, &tree_files, &mut report);
        references::check(&checked, &rendered, &mut report);
        check_dependencies(&rendered, &mut report);
        files::check(&rendered, source, &tree_files, &read, &mut report);
        let mut findings = report.findings;
        let secrets =
            joined(rendered.apps.iter().flat_map(|app| &app.objects).filter_map(|o| o.secrets.as_ref()));
        findings.iter_mut().for_each(|finding| secrets.hide_in(&mut finding.gap));
        findings.sort_by_cached_key(|finding| sort_key(&finding.gap));
        let is_unknown = |one: &&Checked<'_>| {
            let (version, kind) = (super::flux::api_version(one.node), super::flux::kind(one.node));
            schema.kind(version, kind).is_none() && !version.contains("toolkit.fluxcd.io/")
        };
        Validation {
            findings,
            objects: checked.len(),
            unknown_kinds: checked.iter().filter(is_unknown).count(),
        }
    }
}

/// Sorts by file, line and column, and what stands nowhere last.
fn sort_key(gap: &Gap) -> (bool, String, u32, u32, String) {
    let mut parts = gap.place.rsplitn(3, ':');
    let mut number = || parts.next().and_then(|part| part.parse().ok());
    let (column, line) = (number().unwrap_or(0), number().unwrap_or(0));
    let file = gap.place.split(':').next().unwrap_or_default().to_owned();
    (gap.place.is_empty(), file, line, column, gap.message.clone())
}

fn rule_of(gap: &Gap) -> &'static str {
    let message = &gap.message;
    match () {
        () if message.starts_with("kustomization path not found") => "missing-path",
        () if message.starts_with("kustomize build failed") => "build",
        () if message.starts_with("no such ") || message.contains(": no such ") => "missing-reference",
        () if message.starts_with("chart ") => "chart",
        () if message.contains("SOPS") => "encrypted",
        () if message.contains("deprecated") => "deprecated-field",
        () => "render",
    }
}

fn all_objects<'r>(rendered: &'r Rendered, alone: &'r [files::Alone]) -> Vec<Checked<'r>> {
    let mut checked = Vec::new();
    for app in &rendered.apps {
        for object in &app.objects {
            if let Some(node) = &object.node {
                checked.push(Checked {
                    node,
                    files: &app.files,
                    app: Some(&app.id),
                    cluster: app.cluster,
                    place: object.place.to_string(),
                    is_opened: object.secrets.is_some(),
                });
            }
        }
        // Roots are applied by nobody, and are objects all the same.
        if app.parent.is_none() && app.manifest.place.is_known() {
            checked.push(Checked {
                node: &app.manifest,
                files: &app.declared_in,
                app: Some(&app.id),
                cluster: app.cluster,
                place: app.place.to_string(),
                is_opened: false,
            });
        }
    }
    for built in alone {
        for node in &built.objects {
            let place = built.files.show(node.place);
            checked.push(Checked {
                node,
                files: &built.files,
                app: None,
                cluster: usize::MAX,
                place,
                is_opened: false,
            });
        }
    }
    checked
}

/// The schema of Kubernetes with Flux's kinds, in all versions, and those that the repository itself defines.
fn schema(checked: &[Checked<'_>]) -> Schema {
    let mut schema = Schema::kubernetes();
    for definition in gitops_core::api::definitions(gitops_core::api::ServedVersions::All) {
        schema.add_custom_kinds(&definition);
    }
    for one in checked {
        if super::flux::kind(one.node) == "CustomResourceDefinition" {
            schema.add_custom_kinds(one.node);
        }
    }
    schema
}

/// Dependencies that are nowhere, that go in circles, or that are ready before anything runs.
fn check_dependencies(rendered: &Rendered, report: &mut Report) {
    let graph = Graph::of(rendered);
    for cycle in &graph.cycles {
        let names: Vec<String> = cycle.iter().map(ToString::to_string).collect();
        let on = rendered.apps.iter().find(|app| cycle.contains(&app.id));
        let place = on.and_then(|app| app.depends_on.first()).map(|d| d.place.clone()).unwrap_or_default();
        let message = format!("these wait for each other forever: {}", names.join(" -> "));
        let gap = Gap::new(Severity::Error, place, message).help("remove one of the dependencies");
        report.add("cycle", on.map(|app| &app.id), gap);
    }
    let by_id: BTreeMap<_, _> = rendered.apps.iter().map(|app| ((app.cluster, &app.id), app)).collect();
    for app in &rendered.apps {
        for dependency in &app.depends_on {
            let Some(on) = by_id.get(&(app.cluster, &dependency.on)) else {
                let same = rendered.apps.iter().filter(|other| other.cluster == app.cluster);
                let names: Vec<&str> = same.map(|other| other.id.name.as_str()).collect();
                let near = gitops_yaml::did_you_mean(&dependency.on.name, names);
                let message =
                    format!("dependency '{}/{}' not found", dependency.on.namespace, dependency.on.name);
                let help = near.map_or_else(
                    || "it waits forever: add it, or drop the dependency".to_owned(),
                    |near| format!("did you mean {near}?"),
                );
                report.add(
                    "missing-dependency",
                    Some(&app.id),
                    Gap::new(Severity::Error, &*dependency.place, message).help(help),
                );
                continue;
            };
            let spec = on.manifest.get("spec");
            let waits = spec.is_some_and(|spec| {
                spec.get("wait").and_then(Node::as_str) == Some("true")
                    || spec.get("healthChecks").is_some()
                    || spec.get("healthCheckExprs").is_some()
            });
            if !waits && on.id.kind == super::app::AppKind::Kustomization {
                let message = format!(
                    "{} is ready as soon as it is applied, not when its objects run: it has no wait: true",
                    dependency.on.name
                );
                let gap = Gap::new(Severity::Warning, &*dependency.place, message)
                    .help(format!("set spec.wait: true in {}", on.place));
                report.add("dependency-does-not-wait", Some(&app.id), gap);
            }
        }
    }
    check_owners(rendered, report);
}

/// Objects that two apps of one cluster apply: they undo each other's work.
fn check_owners(rendered: &Rendered, report: &mut Report) {
    let mut owners = BTreeMap::new();
    for app in &rendered.apps {
        for object in &app.objects {
            if let Some((first, place)) = owners
                .insert((app.cluster, object.id.clone()), (Arc::new(app.id.clone()), object.place.clone()))
                && *first != app.id
            {
                let message = format!("{} is applied by {first} too, from {place}", object.id);
                let gap = Gap::new(Severity::Error, &*object.place, message).help(
                    "leave it in one of them: they undo each other's changes, and prune each other's objects",
                );
                report.add("two-owners", Some(&app.id), gap);
            }
        }
    }
}
