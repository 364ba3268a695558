//! `gitops create kustomization`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say, text};
use crate::flags::{Reference, duration};
use gitops_core::api::GoDuration;

/// Create or update a `Kustomization`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create kustomization podinfo --source=GitRepository/podinfo --path=./deploy --prune=true --interval=10m
  gitops create kustomization podinfo --source=podinfo --path=./deploy --depends-on=infra --wait --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The source: [KIND/]NAME[.NAMESPACE], of OCIRepository, GitRepository (default) or Bucket.
    #[arg(long, value_name = "SOURCE", value_parser = source)]
    source: Option<Reference>,
    /// The folder of the source.
    #[arg(long, default_value = "./", value_name = "FOLDER")]
    path: String,
    /// Delete what is no longer in the source.
    #[arg(long)]
    prune: bool,
    /// Wait for all applied objects to be ready.
    #[arg(long)]
    wait: bool,
    /// A workload that must be ready: KIND/NAME.NAMESPACE (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "WORKLOAD")]
    health_check: Vec<String>,
    /// How long health checks may take.
    #[arg(long, default_value = "2m0s", value_name = "TIME", value_parser = duration)]
    health_check_timeout: GoDuration,
    /// Flux's old flag, which does nothing.
    #[arg(long, hide = true)]
    validation: Option<String>,
    /// A Kustomization that must be ready first: [NAMESPACE/]NAME (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    depends_on: Vec<String>,
    /// The service account to impersonate.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    service_account: String,
    /// Who decrypts: sops.
    #[arg(long, value_parser = decryption, value_name = "PROVIDER")]
    decryption_provider: Option<String>,
    /// The Secret with the keys.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    decryption_secret: String,
    /// The namespace of all objects.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    target_namespace: String,
    /// The Secret with the kubeconfig of another cluster.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    kubeconfig_secret_ref: String,
    /// How soon a failure is tried again.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    retry_interval: Option<GoDuration>,
}

const SOURCES: [&str; 3] = ["OCIRepository", "GitRepository", "Bucket"];

fn source(text: &str) -> Result<Reference, String> {
    if text.trim().is_empty() {
        return Err("no Kustomization source given, please specify source that contains the Kubernetes manifests in the format '[<kind>/]<name>.<namespace>', where kind must be one of: (OCIRepository, GitRepository, Bucket), if kind is not specified it defaults to GitRepository".to_owned());
    }
    let mut made = Reference::with_namespace(text);
    if made.name.is_empty() {
        return Err(format!("no name given for source of kind '{}'", made.kind));
    }
    if made.kind.is_empty() {
        if SOURCES.contains(&made.name.as_str()) {
            return Err(format!("no kind specified for source '{}'", made.name));
        }
        "GitRepository".clone_into(&mut made.kind);
    }
    made.of_kind(&SOURCES)
}

fn decryption(text: &str) -> Result<String, String> {
    match text {
        "sops" => Ok(text.to_owned()),
        _ if text.trim().is_empty() => Err("no decryption provider given, must be one of: sops".to_owned()),
        _ => Err(format!("unsupported decryption provider '{text}', must be one of: sops")),
    }
}

/// Reads `[NAMESPACE/]NAME[@EXPRESSION]`.
pub(super) fn dependencies(texts: &[String]) -> Vec<Fields> {
    let one = |text: &String| {
        let text = text.split('@').next().unwrap_or_default();
        let (namespace, name) = text.split_once('/').unwrap_or(("", text));
        Fields::new().put("name", name).text("namespace", namespace)
    };
    texts.iter().map(one).collect()
}

/// Puts a path into the form that Flux stores: below the source's root, beginning with `./`.
fn safe_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.trim().split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("./{}", parts.join("/"))
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    let source = args.source.as_ref().ok_or("source is required")?;
    if args.validation.is_some() {
        anstream::eprintln!(
            "Flag --validation has been deprecated, this arg is no longer used, all resources are validated using server-side apply dry-run"
        );
    }
    if !creation.common.export {
        say::generate("generating Kustomization");
    }
    creation.labels()?;
    let mut spec = Fields::new()
        .put("interval", creation.interval().to_string())
        .put("path", safe_path(&args.path))
        .put("prune", args.prune)
        .put(
            "sourceRef",
            Fields::new()
                .put("kind", &*source.kind)
                .put("name", &*source.name)
                .text("namespace", &source.namespace),
        )
        .text("targetNamespace", &args.target_namespace)
        .list("dependsOn", dependencies(&args.depends_on))
        .fields("kubeConfig", Fields::new().named("secretRef", &args.kubeconfig_secret_ref));
    if !args.wait && !args.health_check.is_empty() {
        let checks =
            args.health_check.iter().map(|text| health_check(text)).collect::<Result<Vec<_>, _>>()?;
        spec = spec.list("healthChecks", checks).put("timeout", args.health_check_timeout.to_string());
    }
    if args.wait {
        spec = spec.put("wait", true).put("timeout", args.health_check_timeout.to_string());
    }
    spec = spec.text("serviceAccountName", &args.service_account).time("retryInterval", args.retry_interval);
    if let Some(provider) = &args.decryption_provider {
        let decryption =
            Fields::new().put("provider", &**provider).named("secretRef", &args.decryption_secret);
        spec = spec.put("decryption", decryption);
    }
    let kind = Target::Kustomization.info();
    let wording = Wording::is_ready("Kustomization", creation.name);
    if let Some(ready) = finish(creation, kind, &object(kind, creation, spec)?, &wording).await? {
        say::success(format_args!("applied revision {}", text(&ready, &["status", "lastAppliedRevision"])));
    }
    Ok(())
}

fn health_check(text: &str) -> Result<Fields, Failure> {
    let parts: Vec<&str> = text.split('/').collect();
    let [kind, rest] = parts[..] else {
        return Err(format!(
            "invalid health check '{text}' must be in the format 'kind/name.namespace' [{}]",
            parts.join(" ")
        )
        .into());
    };
    if !["Deployment", "DaemonSet", "StatefulSet", "HelmRelease"].contains(&kind) {
        return Err(format!(
            "invalid health check kind '{kind}' can be HelmRelease, Deployment, DaemonSet or StatefulSet"
        )
        .into());
    }
    let names: Vec<&str> = rest.split('.').collect();
    let [name, namespace] = names[..] else {
        return Err(
            format!("invalid health check '{text}' must be in the format 'kind/name.namespace'").into()
        );
    };
    let check = Fields::new().put("kind", kind).put("name", name).put("namespace", namespace);
    Ok(if kind == "HelmRelease" {
        check.put("apiVersion", Target::HelmRelease.info().api_version)
    } else {
        check
    })
}

#[cfg(test)]
mod tests {
    use super::safe_path;

    #[test]
    fn a_path_stays_below_the_source() {
        for (path, stored) in
            [("./", "./"), ("deploy", "./deploy"), ("../../etc", "./etc"), ("a/../b/", "./b"), ("/a", "./a")]
        {
            assert_eq!(safe_path(path), stored);
        }
    }
}
