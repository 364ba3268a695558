//! The chart of a HelmRelease: a HelmChart that is made for it, or a source that is a chart itself.

use std::sync::Arc;

use gitops_core::api::{ChartReference, HelmRelease};
use gitops_core::ports::{Cluster, ClusterFault, DeleteOptions, FieldConflicts, WriteOptions};
use gitops_semver::Version;
use gitops_yaml::{Node, Str};
use helm_rs::Warnings;
use helm_rs::chart::Chart;

use crate::context::{CrossNamespace, Failure, Run};
use crate::kind::{Key, Kind};
use crate::source::{Published, referenced, with_metadata};
use crate::status::{Truth, condition_of, generation, mapping, same};
use crate::world::World;

/// The labels that say which release a HelmChart was made for.
const OWNER_NAME: &str = "helm.toolkit.fluxcd.io/name";
const OWNER_NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";

/// A chart, ready to be rendered.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) chart: Chart,
    /// The version, with the revision of its source where that is a part of it.
    pub(super) version: String,
}

/// Returns the chart of a release.
pub(super) async fn find<W: World>(run: &mut Run<'_, W>, spec: &HelmRelease) -> Result<Found, Failure> {
    let key = match (&spec.chart, &spec.chart_ref) {
        (Some(_), None) => own_chart(run, spec).await?,
        (None, Some(reference)) => {
            // The chart that was made before is no longer wanted.
            remove_chart(run).await?;
            chart_source(run, reference)?
        }
        (Some(_), Some(_)) => {
            let message = "spec.chart and spec.chartRef are both set: one of them names the chart";
            return Err(Failure::lasting("InvalidSpec", message));
        }
        (None, None) => {
            let message = "neither spec.chart nor spec.chartRef is set";
            return Err(Failure::lasting("InvalidSpec", message));
        }
    };
    let object = run.context.cache.get(&key);
    let published = ready(run, &key, object.as_deref())?;
    let content = run.context.content(&published).await?;
    let failed = |why: String| Failure::passing("ArtifactFailed", why);
    let mut chart = Chart::load_archive(&content, &mut Warnings::new())
        .map_err(|error| failed(format!("could not load the chart of {key}: {error}")))?;
    if matches!(key.kind, Kind::OciRepository | Kind::ExternalArtifact) {
        let version = tracked_version(&chart.metadata().version, &published.revision)
            .map_err(|why| failed(format!("could not use the chart of {key}: {why}")))?;
        chart.set_version(version);
        let digest = published.revision.rsplit('@').next().unwrap_or_default();
        run.status.set_text("lastAttemptedRevisionDigest", digest);
    } else {
        run.status.unset("lastAttemptedRevisionDigest");
    }
    let version = chart.metadata().version.to_string();
    Ok(Found { chart, version })
}

/// A chart's version with the digest of the artifact it came in, so that a tag that moves is noticed.
fn tracked_version(version: &str, revision: &str) -> Result<String, String> {
    let (tag, digest) =
        revision.split_once('@').map_or((None, revision), |(tag, digest)| (Some(tag), digest));
    let tagged = tag.and_then(|tag| Version::parse(&tag.replace('_', "+")).ok());
    let own = Version::parse(version).map_err(|_| format!("invalid chart version {version}"))?;
    if let (Some(tag), Some(tagged)) = (tag, tagged)
        && tagged.cmp(&own).is_ne()
    {
        return Err(format!("artifact revision {tag} does not match chart version {version}"));
    }
    let hash = digest.split_once(':').and_then(|(_, hash)| hash.get(..12));
    let hash = hash.ok_or_else(|| format!("invalid artifact revision {revision}"))?;
    with_metadata(version, hash).ok_or_else(|| format!("invalid chart version {version}"))
}

/// Checks that a source is ready and has an artifact.
fn ready<W: World>(run: &Run<'_, W>, key: &Key, object: Option<&Node>) -> Result<Published, Failure> {
    let wait = run.context.settings.requeue_dependency;
    let (kind, named) = (key.kind, format!("{}/{}", key.namespace, key.name));
    let Some(object) = object else {
        let message = format!("{kind}.{} \"{}\" not found", kind.group(), key.name);
        return Err(Failure::later("ArtifactFailed", message, wait));
    };
    let waiting = |why: &str| {
        let message = format!("{kind} '{named}' is not ready: {why}");
        Failure::waiting("SourceNotReady", message, wait)
    };
    let words = |condition: &str, wanted: Truth| {
        let found = condition_of(object, condition)?;
        let text = |field: &str| found.get(field).and_then(Node::as_str);
        let stands = text("status") == Some(if wanted == Truth::True { "True" } else { "False" });
        stands.then(|| text("message").unwrap_or_default().to_owned())
    };
    if kind != Kind::ExternalArtifact {
        let observed = object.at_path(&["status", "observedGeneration"]).and_then(Node::scalar);
        if observed.and_then(|text| text.parse().ok()) != Some(generation(object)) {
            let why = words("Ready", Truth::False);
            return Err(match why {
                Some(why) => Failure::later("SourceNotReady", waiting(&why).message, wait),
                None => waiting("latest generation of object has not been reconciled"),
            });
        }
        if let Some(why) = words("Stalled", Truth::True) {
            return Err(Failure::later("SourceNotReady", waiting(&why).message, wait));
        }
    }
    Published::of(object).ok_or_else(|| waiting("does not have an artifact"))
}

/// Refuses another namespace where that is not allowed.
fn allowed<W: World>(run: &Run<'_, W>, key: &Key) -> Result<(), Failure> {
    if run.context.settings.cross_namespace == CrossNamespace::Blocked && key.namespace != run.key.namespace {
        let message = format!("can't access '{key}', cross-namespace references have been blocked");
        return Err(Failure::lasting("AccessDenied", message));
    }
    Ok(())
}

fn chart_source<W: World>(run: &Run<'_, W>, reference: &ChartReference) -> Result<Key, Failure> {
    let kind = Kind::named(&reference.kind)
        .filter(|kind| matches!(kind, Kind::OciRepository | Kind::HelmChart | Kind::ExternalArtifact))
        .ok_or_else(|| {
            let message = format!(
                "spec.chartRef.kind '{}' is no chart: it is OCIRepository, HelmChart or ExternalArtifact",
                reference.kind
            );
            Failure::lasting("InvalidSpec", message)
        })?;
    let key = referenced(kind, reference.namespace.as_deref(), &reference.name, &run.key.namespace);
    allowed(run, &key)?;
    Ok(key)
}

/// Brings about the HelmChart that `spec.chart` describes: `<namespace>-<name>`, in the namespace of its source.
async fn own_chart<W: World>(run: &mut Run<'_, W>, spec: &HelmRelease) -> Result<Key, Failure> {
    let template = spec.chart.as_ref().map(|chart| &chart.spec).cloned().unwrap_or_default();
    let namespace = template.source_ref.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    let namespace = namespace.map_or_else(|| run.key.namespace.clone(), Str::from);
    let key = Key::new(Kind::HelmChart, namespace, format!("{}-{}", run.key.namespace, run.key.name));
    allowed(run, &key)?;
    let kind = Kind::named(&template.source_ref.kind).filter(|kind| kind.is_source()).ok_or_else(|| {
        let message =
            format!("spec.chart.spec.sourceRef.kind '{}' is not a source", template.source_ref.kind);
        Failure::lasting("InvalidSpec", message)
    })?;
    let shown = format!("{}/{}", key.namespace, key.name);
    if run.status.text(&["helmChart"]).is_some_and(|before| before != shown) {
        remove_chart(run).await?;
    }
    let wanted = object(run, spec, &key, kind);
    let stands = run.context.cache.get(&key).is_some_and(|known| has(&known, &wanted));
    if !stands {
        let options = WriteOptions {
            manager: "helm-controller".into(),
            conflicts: FieldConflicts::TakenOver,
            ..WriteOptions::default()
        };
        let stored = run.context.world.cluster().apply(&wanted, &options).await.map_err(|error| {
            Failure::passing("ArtifactFailed", format!("failed to apply HelmChart '{shown}': {error}"))
        })?;
        run.context.cache.put(&key, stored);
    }
    run.status.set_text("helmChart", shown);
    Ok(key)
}

/// Returns whether an object has all that is wanted of it, and nothing else in its `spec` than the server's defaults.
fn has(known: &Node, wanted: &Node) -> bool {
    let includes = |path: &[&str]| {
        wanted.at_path(path).and_then(Node::entries).unwrap_or_default().iter().all(|entry| {
            let name = entry.key.as_str().unwrap_or_default();
            let found = known.at_path(path).and_then(|fields| fields.get(name));
            found.is_some_and(|found| same(found, &entry.value))
        })
    };
    let defaults = ["reconcileStrategy", "version"];
    let spec = known.get("spec").and_then(Node::entries).unwrap_or_default();
    let is_wanted = |name: &str| wanted.at_path(&["spec", name]).is_some() || defaults.contains(&name);
    includes(&["spec"])
        && includes(&["metadata", "labels"])
        && includes(&["metadata", "annotations"])
        && spec.iter().all(|entry| is_wanted(entry.key.as_str().unwrap_or_default()))
}

fn object<W: World>(run: &Run<'_, W>, spec: &HelmRelease, key: &Key, source: Kind) -> Node {
    let text = |text: &str| Node::string(text);
    let template = spec.chart.clone().unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    let chart = template.spec;
    let mut labels = metadata.labels;
    labels.insert(OWNER_NAME.to_owned(), run.key.name.to_string());
    labels.insert(OWNER_NAMESPACE.to_owned(), run.key.namespace.to_string());
    let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
        mapping(pairs.iter().map(|(name, value)| (name.as_str(), text(value))).collect())
    };
    let mut head =
        vec![("name", text(&key.name)), ("namespace", text(&key.namespace)), ("labels", pairs(&labels))];
    if !metadata.annotations.is_empty() {
        head.push(("annotations", pairs(&metadata.annotations)));
    }
    let interval = chart.interval.or(spec.interval).unwrap_or_default();
    let mut fields = vec![
        ("chart", text(&chart.chart)),
        ("interval", text(&interval.to_string())),
        ("sourceRef", mapping(vec![("kind", text(source.name())), ("name", text(&chart.source_ref.name))])),
    ];
    if let Some(version) = chart.version.as_deref().filter(|version| !version.is_empty()) {
        fields.push(("version", text(version)));
    }
    if let Some(strategy) = chart.reconcile_strategy.as_deref().filter(|strategy| !strategy.is_empty()) {
        fields.push(("reconcileStrategy", text(strategy)));
    }
    if !chart.values_files.is_empty() {
        let files = chart.values_files.iter().map(|file| text(file)).collect();
        fields.push(("valuesFiles", Node::sequence(files)));
    }
    if chart.ignore_missing_values_files {
        fields.push(("ignoreMissingValuesFiles", Node::bool(true)));
    }
    if let Some(verify) = &chart.verify {
        let mut of = vec![("provider", text(&verify.provider))];
        if let Some(secret) = &verify.secret_ref {
            of.push(("secretRef", mapping(vec![("name", text(&secret.name))])));
        }
        fields.push(("verify", mapping(of)));
    }
    let gvk = Kind::HelmChart.gvk();
    mapping(vec![
        ("apiVersion", text(&format!("{}/{}", gvk.group, gvk.version))),
        ("kind", text(&gvk.kind)),
        ("metadata", mapping(head)),
        ("spec", mapping(fields)),
    ])
}

/// Deletes the HelmChart that was made for a release, where there is one.
pub(super) async fn remove_chart<W: World>(run: &mut Run<'_, W>) -> Result<(), Failure> {
    let Some((namespace, name)) = run
        .status
        .text(&["helmChart"])
        .and_then(|text| text.split_once('/'))
        .map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
    else {
        return Ok(());
    };
    let key = Key::new(Kind::HelmChart, namespace, name);
    allowed(run, &key)?;
    // One that somebody else made under this name is not ours to delete.
    let known: Option<Arc<Node>> = run.context.cache.get(&key);
    let label = |name: &str| known.as_ref()?.at_path(&["metadata", "labels", name]).and_then(Node::as_str);
    let is_own =
        label(OWNER_NAME) == Some(&*run.key.name) && label(OWNER_NAMESPACE) == Some(&*run.key.namespace);
    if is_own {
        let cluster = run.context.world.cluster();
        match cluster.delete(&key.address(None), &DeleteOptions::default()).await {
            Err(error) if error.fault != ClusterFault::NotFound => {
                let message = format!("failed to delete HelmChart '{}/{}': {error}", key.namespace, key.name);
                return Err(Failure::passing("ArtifactFailed", message));
            }
            _ => {}
        }
    }
    run.status.unset("helmChart");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_carry_the_digest_of_their_artifact() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let of = |version: &str, revision: &str| tracked_version(version, revision);
        assert_eq!(of("1.2.3", &format!("1.2.3@{digest}")).as_deref(), Ok("1.2.3+0123456789ab"));
        assert_eq!(of("1.2.3+a", &format!("1.2.3_a@{digest}")).as_deref(), Ok("1.2.3+0123456789ab"));
        assert_eq!(of("1.2.3", &format!("latest@{digest}")).as_deref(), Ok("1.2.3+0123456789ab"));
        assert_eq!(of("1.2.3-rc.1", &digest).as_deref(), Ok("1.2.3-rc.1+0123456789ab"));
        assert_eq!(
            of("1.2.3", &format!("1.2.4@{digest}")).unwrap_err(),
            "artifact revision 1.2.4 does not match chart version 1.2.3"
        );
        assert!(of("1.2.3", "latest@sha256:1").is_err() && of("one", &digest).is_err());
    }
}
