//! HelmChart: one version of a chart as an artifact, as it was pulled or packed anew.

mod build;
mod dependencies;
mod resolve;

use gitops_core::api::{GoDuration, HelmChart, Object};
use gitops_core::digest::sha256;
use gitops_yaml::Node;

use self::resolve::Resolved;
pub(crate) use self::resolve::with_metadata;
use crate::context::{Failure, Outcome, Run};
use crate::event::{Event, Severity};
use crate::status::Truth;
use crate::world::World;

pub(crate) async fn reconcile<W: World>(mut run: Run<'_, W>) -> Outcome {
    if run.is_deleted() {
        return run.delete_source().await;
    }
    let spec = match Object::<HelmChart>::read(&run.object) {
        Ok(read) => read.spec,
        Err(error) => return run.fail(Failure::lasting("InvalidSpec", error.message)).await,
    };
    let interval = run.context.spread(spec.interval.unwrap_or(GoDuration(MINUTE)).0);
    match bring_about(&mut run, &spec).await {
        Ok(()) => run.end(Outcome::after(interval)).await,
        Err(failure) => {
            let is_build = matches!(
                failure.reason,
                "MetadataPatchError"
                    | "ValuesFilesError"
                    | "DependencyBuildError"
                    | "ChartPackageError"
                    | "ChartVerificationError"
            );
            let (stands, goes) =
                if is_build { ("BuildFailed", "FetchFailed") } else { ("FetchFailed", "BuildFailed") };
            run.status.drop_condition(goes);
            run.status.condition(stands, Truth::True, failure.reason, &failure.message);
            run.fail(failure).await
        }
    }
}

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

async fn bring_about<W: World>(run: &mut Run<'_, W>, spec: &HelmChart) -> Result<(), Failure> {
    if let Some(verify) = &spec.verify {
        let message = format!(
            "chart verification error: signatures by '{}' are not verified here: nothing is stored while spec.verify stands",
            verify.provider
        );
        run.status.condition("SourceVerified", Truth::False, "VerificationError", &message);
        return Err(Failure::lasting("ChartVerificationError", message));
    }
    run.status.drop_condition("SourceVerified");
    let resolved = resolve::resolve(run, spec).await?;
    let known = run.kept_artifact().await.filter(|known| {
        known.revision == resolved.version
            && run.status.text(&["observedChartName"]) == Some(&resolved.name)
            && !run.is_new_generation()
            && run.status.truth("ArtifactInStorage") == Some(Truth::True)
    });
    if let Some(known) = known {
        let recovered =
            run.status.truth("FetchFailed").is_some() || run.status.truth("BuildFailed").is_some();
        let observed = run.status.field(&["observedValuesFiles"]).and_then(Node::items).map(|files| {
            files.iter().filter_map(|file| file.as_str().map(str::to_owned)).collect::<Vec<_>>()
        });
        let files = observed.unwrap_or_else(|| spec.values_files.clone());
        let summary = summary(&resolved, resolved.is_packed(spec), &files);
        ready(run, resolved.is_packed(spec), &summary);
        if recovered {
            tell(run, resolved.is_packed(spec), &summary, &known.revision, &known.digest);
        }
        return Ok(());
    }
    run.status.progressing(&format!(
        "building artifact: new '{}' chart with version '{}'",
        resolved.name, resolved.version
    ));
    let built = build::build(run.context, &run.key, spec, &resolved).await?;
    let packed = resolved.is_packed(spec);
    let summary = summary(&resolved, packed, &built.values_files);
    let digest = sha256(&built.archive);
    let is_new = run.status.text(&["artifact", "digest"]) != Some(&digest);
    let file = format!("{}-{}.tgz", resolved.name, resolved.version);
    run.publish(&file, &resolved.version, (built.archive, digest.clone()), &[]).await?;
    run.status.set_text("observedChartName", resolved.name.as_str());
    if spec.ignore_missing_values_files {
        let files = built.values_files.iter().map(|file| Node::string(file.as_str())).collect();
        run.status.set("observedValuesFiles", Node::sequence(files));
    } else {
        run.status.unset("observedValuesFiles");
    }
    ready(run, packed, &summary);
    if is_new {
        tell(run, packed, &summary, &resolved.version, &digest);
    }
    Ok(())
}

/// How a chart came to be what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packed {
    /// It is the archive that somebody else packed.
    Pulled,
    /// It was packed here.
    Here,
}

impl Packed {
    fn reason(self) -> &'static str {
        match self {
            Self::Pulled => "ChartPullSucceeded",
            Self::Here => "ChartPackageSucceeded",
        }
    }
}

fn summary(resolved: &Resolved, packed: Packed, values_files: &[String]) -> String {
    let action = match packed {
        Packed::Pulled => "pulled",
        Packed::Here => "packaged",
    };
    let Resolved { name, version, .. } = resolved;
    let mut text = format!("{action} '{name}' chart with version '{version}'");
    if !values_files.is_empty() {
        text.push_str(&format!(" and merged values files [{}]", values_files.join(" ")));
    }
    text
}

fn ready<W: World>(run: &mut Run<'_, W>, packed: Packed, summary: &str) {
    run.status.drop_condition("FetchFailed");
    run.status.drop_condition("BuildFailed");
    run.status.condition("ArtifactInStorage", Truth::True, packed.reason(), summary);
    run.status.ready(packed.reason(), summary);
}

fn tell<W: World>(run: &Run<'_, W>, packed: Packed, summary: &str, revision: &str, digest: &str) {
    let event = Event::of(&run.key, &run.object, Severity::Info, packed.reason(), summary);
    run.send(event.with("revision", revision.to_owned()).with("digest", digest.to_owned()));
}
