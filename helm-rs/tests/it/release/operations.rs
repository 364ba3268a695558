//! Installs, upgrades, rollbacks and uninstalls against a cluster in memory: what they change, and the records they leave.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use gitops_conformance::{Suite, entries, folder};
use gitops_template::Seeded;
use helm_rs::chart::Chart;
use helm_rs::release::{
    ApplyMethod, Conflicts, Crds, History, Hooks, Install, NameReuse, NamespaceCreation, OldValues,
    OnFailure, OperationOptions, Operator, Ownership, Release, Rollback, Status, UninstallOptions, Upgrade,
};
use helm_rs::render::{Operation, ReleaseFacts, RenderOptions};
use helm_rs::values::{SetKind, Table, set};
use helm_rs::{Error, TemplateOptions, Templated, template};
use serde_json::{Value as Json, json};

use super::world::{Refusal, State, World};

/// Runs a future that never waits for anything.
fn done<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// What stands on a command line.
struct Line<'a> {
    words: Vec<&'a str>,
    flags: Vec<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    fn read(args: &'a Json) -> Self {
        const BARE: [&str; 17] = [
            "wait",
            "no-hooks",
            "replace",
            "keep-history",
            "create-namespace",
            "take-ownership",
            "rollback-on-failure",
            "install",
            "reuse-values",
            "reset-values",
            "reset-then-reuse-values",
            "ignore-not-found",
            "skip-crds",
            "force-conflicts",
            "dry-run",
            "hide-secret",
            "all",
        ];
        let mut line = Self { words: Vec::new(), flags: Vec::new() };
        let mut args = args.as_array().unwrap().iter().filter_map(Json::as_str);
        while let Some(arg) = args.next() {
            let Some(flag) = arg.strip_prefix('-') else {
                line.words.push(arg);
                continue;
            };
            let flag = flag.trim_start_matches('-');
            let pair = match flag.split_once('=') {
                Some(pair) => pair,
                None if BARE.contains(&flag) => (flag, "true"),
                None => (flag, args.next().unwrap_or_default()),
            };
            line.flags.push(pair);
        }
        line
    }

    fn flag(&self, name: &str) -> Option<&'a str> {
        self.flags.iter().rev().find(|(flag, _)| *flag == name).map(|(_, value)| *value)
    }

    fn has(&self, name: &str) -> bool {
        self.flag(name).is_some_and(|value| value != "false")
    }

    fn values(&self) -> Table {
        let mut values = Table::new();
        for (flag, text) in &self.flags {
            match *flag {
                "set" => set(&mut values, text, SetKind::Typed).unwrap(),
                "set-string" => set(&mut values, text, SetKind::Text).unwrap(),
                _ => {}
            }
        }
        values
    }

    fn options(&self) -> OperationOptions {
        let mut options = OperationOptions::default();
        options.apply_method = match self.flag("server-side") {
            Some("false") => Some(ApplyMethod::ClientSide),
            Some("true") => Some(ApplyMethod::ServerSide),
            _ => None,
        };
        if self.has("force-conflicts") {
            options.conflicts = Conflicts::TakenOver;
        }
        if self.has("no-hooks") {
            options.hooks = Hooks::Skipped;
        }
        if let Some(kept) = self.flag("history-max") {
            options.history = kept.parse().unwrap();
        }
        options.description = self.flag("description").unwrap_or_default().to_owned();
        options
    }

    fn labels(&self) -> BTreeMap<gitops_yaml::Str, gitops_yaml::Str> {
        let pairs = self.flag("labels").unwrap_or_default().split(',');
        pairs.filter_map(|pair| pair.split_once('=')).map(|(key, value)| (key.into(), value.into())).collect()
    }
}

fn rendered(chart: Chart, values: &Table, facts: ReleaseFacts) -> Result<Templated, Error> {
    let world = Seeded::new(1, 1_600_000_000_000_000_000);
    let render = RenderOptions::new(facts).world(&world);
    template(chart, values, &TemplateOptions::new(render), &mut Vec::new()).map_err(|failed| failed.error)
}

/// Runs a command; `None` for those that change nothing.
fn run(world: &World, line: &Line<'_>, chart: &dyn Fn(&str) -> Chart) -> Option<Result<(), Error>> {
    if line.has("dry-run") || line.has("hide-secret") {
        return None;
    }
    let command = *line.words.first()?;
    if !["install", "upgrade", "rollback", "uninstall", "test"].contains(&command) {
        return None;
    }
    let name = line.words[1];
    line.flag("n").unwrap_or("ns").clone_into(&mut world.namespace.lock().unwrap());
    *world.waits.lock().unwrap() = line.has("wait") || line.has("rollback-on-failure");
    let operator = Operator::new(world, world, world, line.options());
    let mut warnings = Vec::new();
    let result = match command {
        "install" => install(world, line, name, NameReuse::Refused, chart),
        "upgrade" => {
            let last = world.last(name);
            let is_over = last.as_ref().is_none_or(|last| last.info.status == Status::Uninstalled);
            if line.has("install") && is_over {
                return Some(install(world, line, name, NameReuse::Allowed, chart));
            }
            let mut upgrade = Upgrade::new(name);
            upgrade.values = line.values();
            upgrade.labels = line.labels();
            upgrade.old_values = if line.has("reset-values") {
                OldValues::Reset
            } else if line.has("reuse-values") {
                OldValues::Reuse
            } else if line.has("reset-then-reuse-values") {
                OldValues::ResetThenReuse
            } else {
                OldValues::UnlessGiven
            };
            if line.has("rollback-on-failure") {
                upgrade.on_failure = OnFailure::GoBack;
            }
            let chart = chart(line.words[2]);
            let render = |facts: &helm_rs::release::UpgradeFacts| {
                let release = ReleaseFacts::install(name, facts.namespace.clone());
                let release = release.revision(facts.revision).operation(Operation::Upgrade);
                rendered(facts.chart.clone(), &facts.values, release)
            };
            done(operator.upgrade(&upgrade, chart, render, &mut warnings)).map(drop)
        }
        "rollback" => {
            let revision = line.words.get(2).map_or(0, |text| text.parse().unwrap());
            done(operator.rollback(&Rollback::new(name, revision), &mut warnings)).map(drop)
        }
        "uninstall" => {
            let kept = if line.has("keep-history") { History::Kept } else { History::Deleted };
            let options = UninstallOptions::default().history(kept);
            if line.has("ignore-not-found") && world.last(name).is_none() {
                return Some(Ok(()));
            }
            done(operator.uninstall(name, &options, &mut warnings)).map(drop)
        }
        _ => done(operator.test(name, &helm_rs::release::TestOptions::default(), &mut warnings)).map(drop),
    };
    Some(result)
}

fn install(
    world: &World,
    line: &Line<'_>,
    name: &str,
    reuse: NameReuse,
    chart: &dyn Fn(&str) -> Chart,
) -> Result<(), Error> {
    let operator = Operator::new(world, world, world, line.options());
    let namespace = line.flag("n").unwrap_or("ns");
    let mut install = Install::new(name, namespace);
    install.config = line.values();
    install.labels = line.labels();
    install.name_reuse = if line.has("replace") { NameReuse::Allowed } else { reuse };
    if line.has("take-ownership") {
        install.ownership = Ownership::Taken;
    }
    if line.has("skip-crds") {
        install.crds = Crds::Skipped;
    }
    if line.has("create-namespace") {
        install.namespace_creation = NamespaceCreation::Yes;
    }
    if line.has("rollback-on-failure") {
        install.on_failure = OnFailure::GoBack;
    }
    let chart = chart(line.words[2]);
    let crds = chart.crds();
    let facts = ReleaseFacts::install(name, namespace);
    let render = || rendered(chart.clone(), &install.config, facts);
    done(operator.install(&install, &crds, render, &mut Vec::new())).map(drop)
}

impl World {
    fn last(&self, name: &str) -> Option<Release> {
        let namespace = self.namespace.lock().unwrap().clone();
        let prefix = format!("/api/v1/namespaces/{namespace}/");
        let state = self.state.lock().unwrap();
        let records = state.records.iter().filter(|(key, _)| key.starts_with(&prefix));
        let records = records.map(|(_, record)| record).filter(|record| record.name == name);
        records.max_by_key(|record| record.revision).cloned()
    }
}

/// Writes a record as recorded ones are: without times, and with the names of files alone.
fn outline(record: &Release) -> Json {
    let mut json: Json = serde_json::from_str(&record.to_json_text()).unwrap();
    hide_times(&mut json);
    let chart = json["chart"].take();
    let names = |key: &str| -> Json {
        let files = chart[key].as_array().into_iter().flatten();
        let mut names: Vec<_> = files.map(|file| file["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        json!(names)
    };
    let values = if chart["values"] == json!({}) { Json::Null } else { chart["values"].clone() };
    json["chart"] = json!({
        "metadata": chart["metadata"], "values": values,
        "$templates": names("templates"), "$files": names("files"),
    });
    json
}

fn hide_times(json: &mut Json) {
    match json {
        Json::String(text) if text.starts_with("2020-09-13T12:26:40") => "<time>".clone_into(text),
        Json::Array(items) => items.iter_mut().for_each(hide_times),
        Json::Object(fields) => fields.values_mut().for_each(hide_times),
        _ => {}
    }
}

/// Compares what a step changed, what it said and what records there are after it.
fn compare(step: &Json, state: &State, result: &Result<(), Error>, any_order: bool) -> Result<(), String> {
    let failed = step["rc"] != 0;
    if failed != result.is_err() {
        return Err(format!("exit code {}, got {result:?}", step["rc"]));
    }
    if let Err(error) = result {
        let stderr = step["stderr"].as_str().unwrap();
        if !stderr.trim_end().ends_with(&format!(": {error}")) {
            return Err(format!("wanted {stderr}got {error}"));
        }
    }
    let requests = step["requests"].as_array().into_iter().flatten();
    let changes = requests.filter(|request| request["method"] != "GET" && request["status"] != 404);
    let mut wanted: Vec<String> = changes
        .map(|request| {
            format!("{} {}", request["method"].as_str().unwrap(), request["path"].as_str().unwrap())
        })
        .collect();
    let mut got = state.changes.clone();
    if any_order {
        wanted.sort();
        got.sort();
    }
    if wanted != got {
        return Err(format!("wanted changes {wanted:#?}\ngot {got:#?}"));
    }
    let mut wanted = Vec::new();
    for after in step["releases_after"].as_array().into_iter().flatten() {
        let mut release = after["release"].clone();
        if let Some(chart) = release["chart"].as_object_mut() {
            chart.remove("$keys");
            if chart["values"] == json!({}) {
                chart["values"] = Json::Null;
            }
        }
        let mut labels = after["labels"].clone();
        for time in ["createdAt", "modifiedAt"] {
            labels.as_object_mut().unwrap().remove(time);
        }
        wanted.push((labels, release));
    }
    let got: Vec<(Json, Json)> = state
        .records
        .values()
        .map(|record| {
            let labels = record.record_labels();
            let labels: BTreeMap<&str, &str> =
                labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            (json!(labels), outline(record))
        })
        .collect();
    if wanted.len() != got.len() {
        return Err(format!("{} records, got {}", wanted.len(), got.len()));
    }
    for (wanted, got) in wanted.iter().zip(&got) {
        if wanted != got {
            return Err(format!("wanted {} {}\ngot    {} {}", wanted.0, wanted.1, got.0, got.1));
        }
    }
    Ok(())
}

#[test]
fn operations_change_what_helm_changes() {
    let Some(folder) = folder("helm/release") else { return };
    let charts = folder.parent().unwrap().join("engine-charts/rel");
    let chart =
        |name: &str| Chart::load(&crate::charts::read_chart(&charts.join(name)), &mut Vec::new()).unwrap();
    let mut suite = Suite::new("helm-release");
    for file in entries(&folder) {
        let case: Json = serde_json::from_str(&gitops_conformance::read(&file)).unwrap();
        let Some(steps) = case["steps"].as_array() else { continue };
        let records = if case["env"]["HELM_DRIVER"] == "configmap" { "configmaps" } else { "secrets" };
        let world = World {
            state: Mutex::default(),
            namespace: Mutex::new("ns".to_owned()),
            waits: Mutex::new(false),
            records,
        };
        for (position, step) in steps.iter().enumerate() {
            let control = &step["control"];
            if control["fail"].is_object() {
                world.state.lock().unwrap().refusals = vec![Refusal::read(&control["fail"])];
            }
            if control["put"].is_object() {
                world.put(&control["put"]["Object"]);
            }
            if !step["args"].is_array() {
                continue;
            }
            let line = Line::read(&step["args"]);
            world.state.lock().unwrap().changes.clear();
            let Some(result) = run(&world, &line, &chart) else { continue };
            let varies = case["varies"].as_array().into_iter().flatten();
            let any_order = varies.into_iter().any(|index| index == &json!(position));
            let name = format!("{}/{position}", case["name"].as_str().unwrap());
            suite.check(&name, || compare(step, &world.state.lock().unwrap(), &result, any_order));
        }
    }
    suite.finish(99.0);
}
