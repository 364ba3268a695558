//! `gitops create helmrelease`.

use super::kustomization::dependencies;
use super::manifest::{Fields, object};
use super::source_chart::CHART_SOURCES;
use super::upsert::{Wording, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say};
use crate::flags::{Reference, duration};
use gitops_core::api::GoDuration;
use gitops_yaml::{FileId, ReadOptions, read_document, to_json};
use serde_json::Value;
use std::path::PathBuf;

/// Create or update a `HelmRelease`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create hr podinfo --interval=10m --source=HelmRepository/podinfo --chart=podinfo --chart-version='>4.0.0'
  gitops create hr podinfo --chart-ref=OCIRepository/podinfo.flux-system --values=./values.yaml --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The name of the release.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    release_name: String,
    /// The chart's source: KIND/NAME[.NAMESPACE], of HelmRepository, GitRepository or Bucket.
    #[arg(long, value_name = "SOURCE", value_parser = source)]
    source: Option<Reference>,
    /// The chart's name or path.
    #[arg(long, default_value = "", hide_default_value = true)]
    chart: String,
    /// The chart's version or range.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "RANGE")]
    chart_version: String,
    /// A chart that is an object: OCIRepository/NAME[.NAMESPACE] or HelmChart/NAME[.NAMESPACE].
    #[arg(long, default_value = "", hide_default_value = true, value_name = "CHART")]
    chart_ref: String,
    /// How often new versions of the chart are looked for.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    chart_interval: Option<GoDuration>,
    /// A HelmRelease that must be ready first: [NAMESPACE/]NAME (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    depends_on: Vec<String>,
    /// The release's namespace.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    target_namespace: String,
    /// The namespace of the release's records, the target namespace by default.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    storage_namespace: String,
    /// Create the target namespace.
    #[arg(long)]
    create_target_namespace: bool,
    /// The service account to impersonate.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    service_account: String,
    /// When a chart is made anew: ChartVersion or Revision.
    #[arg(long, default_value = "ChartVersion", value_name = "STRATEGY")]
    reconcile_strategy: String,
    /// Files of values, later ones win (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Objects with values: Secret/NAME or ConfigMap/NAME (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "OBJECT")]
    values_from: Vec<String>,
    /// What an upgrade does with definitions: Skip, Create or CreateReplace.
    #[arg(long, value_parser = crds, value_name = "POLICY")]
    crds: Option<String>,
    /// The Secret with the kubeconfig of another cluster.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    kubeconfig_secret_ref: String,
}

fn source(text: &str) -> Result<Reference, String> {
    if text.trim().is_empty() {
        return Err("no helm chart source given, please specify source that contains the chart in the format '<kind>/<name>.<namespace>', where kind must be one of: (HelmRepository, GitRepository, Bucket)".to_owned());
    }
    let made = Reference::with_namespace(text);
    if made.kind.is_empty() || made.name.is_empty() {
        return Err(format!("invalid helm chart source '{text}', must be in format <kind>/<name>"));
    }
    made.of_kind(&CHART_SOURCES)
}

fn crds(text: &str) -> Result<String, String> {
    const KNOWN: [&str; 3] = ["Skip", "Create", "CreateReplace"];
    if text.trim().is_empty() {
        return Err(format!("no upgrade CRDs policy given, must be one of: {}", KNOWN.join(", ")));
    }
    if KNOWN.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("unsupported upgrade CRDs policy '{text}', must be one of: {}", KNOWN.join(", ")))
    }
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    let storage =
        if args.storage_namespace.is_empty() { &args.target_namespace } else { &args.storage_namespace };
    if args.chart.is_empty() && args.chart_ref.is_empty() {
        return Err("chart or chart-ref is required".into());
    }
    if !args.chart.is_empty() && !args.chart_ref.is_empty() {
        return Err("cannot use --chart in combination with --chart-ref".into());
    }
    creation.labels()?;
    if !creation.common.export {
        say::generate("generating HelmRelease");
    }
    if !["Revision", "ChartVersion"].contains(&args.reconcile_strategy.as_str()) {
        return Err(format!(
            "'{}' is an invalid reconcile strategy(valid: Revision, ChartVersion)",
            args.reconcile_strategy
        )
        .into());
    }
    let mut spec = Fields::new()
        .text("releaseName", &args.release_name)
        .put("interval", creation.interval().to_string())
        .text("targetNamespace", &args.target_namespace)
        .text("storageNamespace", storage)
        .list("dependsOn", dependencies(&args.depends_on));
    spec = if args.chart.is_empty() {
        spec.put("chartRef", chart_ref(&args.chart_ref)?)
    } else {
        spec.put("chart", Fields::new().put("spec", chart(args)))
    };
    let install = Fields::new()
        .flag("createNamespace", args.create_target_namespace)
        .text("crds", args.crds.as_ref().map_or("", |_| "Create"));
    spec = spec
        .fields("kubeConfig", Fields::new().named("secretRef", &args.kubeconfig_secret_ref))
        .text("serviceAccountName", &args.service_account)
        .fields("install", install)
        .fields("upgrade", Fields::new().text("crds", args.crds.as_deref().unwrap_or_default()));
    if !args.values.is_empty() {
        spec = spec.put("values", values(&args.values)?);
    }
    let references = args.values_from.iter().map(|text| values_from(text)).collect::<Result<Vec<_>, _>>()?;
    spec = spec.list("valuesFrom", references);
    let kind = Target::HelmRelease.info();
    let wording = Wording::is_ready("HelmRelease", creation.name);
    if let Some(ready) = finish(creation, kind, &object(kind, creation, spec)?, &wording).await? {
        say::success(format_args!("applied revision {}", crate::get::release_revision(&ready)));
    }
    Ok(())
}

fn chart(args: &Args) -> Fields {
    let none = Reference::default();
    let source = args.source.as_ref().unwrap_or(&none);
    let reference = Fields::new()
        .text("kind", &source.kind)
        .put("name", &*source.name)
        .text("namespace", &source.namespace);
    Fields::new()
        .put("chart", &*args.chart)
        .text("version", &args.chart_version)
        .put("sourceRef", reference)
        .text("reconcileStrategy", &args.reconcile_strategy)
        .time("interval", args.chart_interval)
}

fn chart_ref(text: &str) -> Result<Fields, Failure> {
    let Reference { kind, name, namespace } = Reference::with_namespace(text);
    if !["HelmChart", "OCIRepository"].contains(&kind.as_str()) {
        return Err(format!(
            "chart reference kind '{kind}' is not supported, must be one of: OCIRepository, HelmChart"
        )
        .into());
    }
    Ok(Fields::new().put("kind", kind).put("name", name).text("namespace", namespace))
}

fn values_from(text: &str) -> Result<Fields, Failure> {
    let Reference { kind, name, .. } = Reference::kind_and_name(text);
    if kind.is_empty() {
        return Err(
            format!("invalid Kubernetes object reference '{text}', must be in format <kind>/<name>").into()
        );
    }
    let Some(known) = ["Secret", "ConfigMap"].into_iter().find(|known| known.eq_ignore_ascii_case(&kind))
    else {
        return Err(
            format!("reference kind '{kind}' is not supported, must be one of: Secret, ConfigMap").into()
        );
    };
    Ok(Fields::new().put("kind", known).put("name", name))
}

/// Merges files of values; mappings are merged, all else is replaced.
fn values(files: &[PathBuf]) -> Result<Value, Failure> {
    let mut merged = Value::Object(serde_json::Map::new());
    for file in files {
        let shown = file.display();
        let bytes = std::fs::read(file).map_err(|why| {
            let why = crate::create::secret::go_io_error(file, &why);
            format!("reading values from {shown} failed: {why}")
        })?;
        let document = read_document(&bytes, FileId::NONE, &ReadOptions::yaml11())
            .map_err(|why| format!("converting values to JSON from {shown} failed: {why}"))?;
        let Some(document) = document else { continue };
        let json = to_json(&document.root, gitops_yaml::Dialect::Yaml11)
            .map_err(|why| format!("converting values to JSON from {shown} failed: {why}"))?;
        let value: Value = serde_json::from_str(&json)?;
        match value {
            Value::Null => {}
            Value::Object(_) => merge(&mut merged, value),
            _ => {
                return Err(
                    format!("unmarshaling values from {shown} failed: the file holds no mapping").into()
                );
            }
        }
    }
    Ok(merged)
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(known) if known.is_object() && value.is_object() => merge(known, value),
                    _ => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (into, from) => *into = from,
    }
}
