//! Alert: which events go where.

use std::collections::BTreeMap;

use gitops_core::api::{Alert, EventSource, Object};
use gitops_regex::GoRegex;
use gitops_yaml::Node;

use super::rate::Facts;
use crate::context::{Failure, Finalizer, Outcome, Run};
use crate::event::{Event, Severity};
use crate::kind::{Key, Kind};
use crate::world::World;

/// The kinds whose events an Alert may ask for.
const SOURCES: [Kind; 11] = [
    Kind::GitRepository,
    Kind::OciRepository,
    Kind::HelmRepository,
    Kind::HelmChart,
    Kind::Bucket,
    Kind::ExternalArtifact,
    Kind::Kustomization,
    Kind::HelmRelease,
    Kind::ImageRepository,
    Kind::ImagePolicy,
    Kind::ImageUpdateAutomation,
];

/// Looks at an Alert: nothing is sent here, but what would never send anything is told in a condition.
pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return match run.finalize(Finalizer::Gone).await {
            Ok(()) => Outcome::on_change(),
            Err(_) => Outcome::backoff(),
        };
    }
    let spec = match Object::<Alert>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    if let Err(why) = check(&spec) {
        return run.fail(Failure::lasting("ValidationFailed", why)).await;
    }
    let provider = Key::new(Kind::Provider, run.key.namespace.clone(), spec.provider_ref.name.as_str());
    if run.context.cache.get(&provider).is_none() {
        let message =
            format!("failed to read provider: Provider '{}/{}' not found", provider.namespace, provider.name);
        return run.fail(Failure::passing("ValidationFailed", message)).await;
    }
    run.status.ready("Succeeded", "Initialized");
    run.end(Outcome::on_change()).await
}

fn check(spec: &Alert) -> Result<(), String> {
    if spec.provider_ref.name.is_empty() {
        return Err("spec.providerRef.name is required".into());
    }
    if spec.event_sources.is_empty() {
        return Err("spec.eventSources is required: the kinds and names whose events are sent".into());
    }
    if let Some(severity) = spec.event_severity.as_deref().filter(|one| !matches!(*one, "info" | "error")) {
        return Err(format!("spec.eventSeverity '{severity}' is none of info and error"));
    }
    for source in &spec.event_sources {
        let known = Kind::named(&source.kind).is_some_and(|kind| SOURCES.contains(&kind));
        if !known && source.kind != "ArtifactGenerator" {
            let near = SOURCES.iter().find(|kind| kind.name().eq_ignore_ascii_case(&source.kind));
            let near = near.map(|kind| format!("; did you mean {kind}?")).unwrap_or_default();
            return Err(format!("spec.eventSources: there are no events of kind '{}'{near}", source.kind));
        }
        if source.name.is_empty() {
            return Err("spec.eventSources: a name is required; '*' stands for all".into());
        }
    }
    for (list, field) in [(&spec.inclusion_list, "inclusionList"), (&spec.exclusion_list, "exclusionList")] {
        for pattern in list {
            GoRegex::new(pattern).map_err(|why| format!("failed to compile spec.{field}: {why}"))?;
        }
    }
    Ok(())
}

/// Returns whether an alert of this namespace asks for an event of an object.
pub(super) fn wants(spec: &Alert, namespace: &str, event: &Event, object: Option<&Node>) -> bool {
    let any = |list: &[String]| {
        // What can't be compiled matches nothing, and stands in the Alert's condition.
        list.iter().filter_map(|one| GoRegex::new(one).ok()).any(|regex| regex.is_match(&event.message))
    };
    !spec.suspend
        && (spec.event_severity.as_deref().unwrap_or("info") == "info" || event.severity == Severity::Error)
        && spec.event_sources.iter().any(|source| matches(source, namespace, event, object))
        && (spec.inclusion_list.is_empty() || any(&spec.inclusion_list))
        && !any(&spec.exclusion_list)
}

fn matches(source: &EventSource, namespace: &str, event: &Event, object: Option<&Node>) -> bool {
    let given = source.namespace.as_deref().filter(|one| !one.is_empty());
    given.unwrap_or(namespace) == &*event.key.namespace
        && source.kind == event.key.kind.name()
        && (source.name == "*" || source.name == *event.key.name)
        && labelled(&source.match_labels, object)
}

/// Returns whether an object has all of these labels.
pub(super) fn labelled(wanted: &BTreeMap<String, String>, object: Option<&Node>) -> bool {
    wanted.iter().all(|(name, value)| {
        object.and_then(|object| object.at_path(&["metadata", "labels", name])?.as_str()) == Some(value)
    })
}

/// Puts facts together: an object's annotations give way to the alert, and the alert to the object's controller.
pub(super) fn metadata(spec: &Alert, facts: &Facts) -> BTreeMap<String, String> {
    let mut all = facts.annotations.clone();
    all.extend(spec.event_metadata.clone());
    if let Some(summary) = spec.summary.as_ref().filter(|summary| !summary.is_empty()) {
        all.insert("summary".into(), summary.clone());
    }
    // What makes events different is nothing to read.
    all.extend(
        facts.controller.iter().filter(|(name, _)| *name != "token").map(|(k, v)| (k.clone(), v.clone())),
    );
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node;

    const EVENT: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: team, labels: {app: web}}\n";

    #[track_caller]
    fn check_wants(alert: &str, severity: Severity, wanted: bool) {
        let object = node(EVENT);
        let key = Key::of(&object).unwrap();
        let event = Event::of(&key, &object, severity, "BuildFailed", "build failed: no such file");
        let text = format!(
            "apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata: {{name: a, namespace: team}}\nspec: {{providerRef: {{name: p}}, {alert}}}\n"
        );
        let spec = Object::<Alert>::read(&node(&text)).unwrap().spec;
        assert_eq!(wants(&spec, "team", &event, Some(&object)), wanted, "{alert}");
    }

    #[test]
    fn alerts_ask_for_what_they_name() {
        let error = |alert: &str, wanted| check_wants(alert, Severity::Error, wanted);
        error("eventSources: [{kind: Kustomization, name: apps}]", true);
        error("eventSources: [{kind: Kustomization, name: '*'}]", true);
        error("eventSources: [{kind: Kustomization, name: other}]", false);
        error("eventSources: [{kind: HelmRelease, name: apps}]", false);
        error("eventSources: [{kind: Kustomization, name: '*', namespace: other}]", false);
        error("eventSources: [{kind: Kustomization, name: '*', matchLabels: {app: web}}]", true);
        error("eventSources: [{kind: Kustomization, name: '*', matchLabels: {app: db}}]", false);
        error("suspend: true, eventSources: [{kind: Kustomization, name: '*'}]", false);
        error("inclusionList: ['^build'], eventSources: [{kind: Kustomization, name: '*'}]", true);
        error("inclusionList: ['^apply'], eventSources: [{kind: Kustomization, name: '*'}]", false);
        error("exclusionList: ['no such .*'], eventSources: [{kind: Kustomization, name: '*'}]", false);
        let only_errors = "eventSeverity: error, eventSources: [{kind: Kustomization, name: '*'}]";
        check_wants(only_errors, Severity::Info, false);
        check_wants(only_errors, Severity::Error, true);
    }

    #[test]
    fn the_controllers_facts_win() {
        let spec = Alert {
            event_metadata: [("env", "prod"), ("revision", "mine"), ("team", "alert")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            summary: Some("s".into()),
            ..Alert::default()
        };
        let facts = Facts::of(
            "g",
            [("g/revision", "r"), ("g/token", "t"), ("event.toolkit.fluxcd.io/team", "object")],
        );
        let all = metadata(&spec, &facts);
        let text: Vec<String> = all.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(text, ["env=prod", "revision=r", "summary=s", "team=alert"]);
    }
}
