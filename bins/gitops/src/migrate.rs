//! `gitops migrate`: files of Flux's older versions become today's, and keep their comments and their form.

mod automation;
mod edits;
mod patches;
mod text;
mod versions;

use crate::Failure;
use crate::cluster::{ClusterFlags, Target, list, node, run as run_async, say, within, worded, writing};
use crate::confirm::confirm;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ClusterFault, ObjectRef, Part, Patch, WriteOptions};
use gitops_kube::KubeCluster;
use gitops_yaml::Node;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bring files, or the objects of a cluster, to the newest versions of Flux's API.
///
/// In files the version is rewritten, and so are fields that were removed or renamed since; every other byte stays. What can
/// not be rewritten in place is named with its line. In templates of charts versions alone are rewritten. Without --path the objects of a cluster are stored anew.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # See what would change
  gitops migrate -f . --dry-run

  # Change the files of a repository
  gitops migrate -f ./clusters --yes

  # Templates of charts as well, for a cluster with Flux 2.6
  gitops migrate -f . --extensions=.yml,.yaml,.tpl --version=2.6

  # Store the objects of a cluster in their newest version, before older versions are removed
  gitops migrate --context staging

Exit codes: 0 done, 1 failed, or something is left that must be changed by hand

What older versions had, and what becomes of it:
  Kustomization          validation                              removed: the server always validates
                         serviceAccount.name                     serviceAccountName
                         patchesStrategicMerge, patchesJson6902  items of patches
  GitRepository          gitImplementation, accessFrom           removed
  HelmChart, HelmRelease valuesFile                              valuesFiles
  HelmRelease            install.skipCRDs, upgrade.skipCRDs      crds: Skip
  ImageUpdateAutomation  checkout, commit, push (v1alpha1)       sourceRef and git
                         .Updated in a message template          .Changed; a template that reads more of it is named")]
pub(crate) struct Args {
    /// The file or folder.
    #[arg(long, short = 'f', value_name = "PATH")]
    path: Option<PathBuf>,
    /// The endings of the files that are read.
    #[arg(long, short, value_delimiter = ',', default_value = ".yaml,.yml", value_name = "ENDING")]
    extensions: Vec<String>,
    /// The minor version of Flux that the files are for: 2.6 to 2.9, by default the newest; with --path alone.
    #[arg(long, short, default_value = "", hide_default_value = true, value_name = "VERSION")]
    version: String,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    cluster: ClusterFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.path {
        Some(path) => migrate_files(args, path),
        None => run_async(within(args.cluster.timeout.0, async {
            let cluster = args.cluster.connect().await?;
            migrate_cluster(&cluster, args.dry_run).await?;
            Ok(ExitCode::SUCCESS)
        })),
    }
}

fn migrate_files(args: &Args, path: &Path) -> Result<ExitCode, Failure> {
    let wanted = versions::Wanted::parse(&args.version)?;
    say::action("starting migration of custom resources");
    let mut files = Vec::new();
    collect(path, &args.extensions, true, &mut files)?;
    files.sort();
    let mut changed = Vec::new();
    let mut left = 0;
    for file in files {
        let shown = file.display();
        let Ok(text) = std::fs::read_to_string(&file) else {
            say::warning(format_args!("skipping {shown}: it is no text"));
            continue;
        };
        let migration = text::migrate(&text, wanted);
        if migration.is_unread && text.contains(".toolkit.fluxcd.io/") {
            say::warning(format_args!(
                "{shown} is no YAML: versions alone are looked at, and fields left as they are"
            ));
        }
        for change in &migration.changes {
            say::generate(format_args!("{shown}:{}: {}", change.line, change.what));
        }
        for gap in &migration.left {
            say::warning(format_args!("{shown}:{}: {}", gap.line, gap.what));
        }
        left += migration.left.len();
        if !migration.changes.is_empty() {
            changed.push((file, text, migration.text));
        }
    }
    let code = if left > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if changed.is_empty() {
        say::success("no custom resources found that require migration");
        return Ok(code);
    }
    if args.dry_run {
        for (file, before, after) in &changed {
            print!("{}", unified(&file.display().to_string(), before, after));
        }
        say::success("dry-run mode enabled, no changes will be made");
        return Ok(code);
    }
    if !args.yes && !confirm("Are you sure you want to proceed with the above upgrades")? {
        return Err("aborting".into());
    }
    for (file, _, text) in changed {
        std::fs::write(&file, text).map_err(|why| format!("{}: {why}", file.display()))?;
        say::success(format_args!("file {} migrated successfully", file.display()));
    }
    say::success("custom resources migrated successfully");
    Ok(code)
}

/// Shows what would change in a file.
fn unified(name: &str, before: &str, after: &str) -> String {
    let name = name.trim_start_matches(['.', '/']);
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}

/// Gathers the files of a folder that end as wanted; links are not followed.
fn collect(path: &Path, endings: &[String], is_named: bool, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |why| format!("failed to stat path {}: {why}", path.display());
    let kind = std::fs::symlink_metadata(path).map_err(failed)?.file_type();
    let matches = endings.iter().any(|ending| path.to_string_lossy().ends_with(ending.as_str()));
    if kind.is_dir() {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?.path();
            if !entry.ends_with(".git") {
                collect(&entry, endings, false, files)?;
            }
        }
    } else if matches && kind.is_file() {
        files.push(path.to_owned());
    } else if matches {
        say::warning(format_args!("skipping irregular file {}", path.display()));
    } else if is_named {
        return Err(format!(
            "file {} does not match the specified extensions: {}",
            path.display(),
            endings.join(", ")
        )
        .into());
    }
    Ok(())
}

/// Returns the version in which a kind's objects are stored.
fn storage_version(definition: &Node) -> Option<&str> {
    let versions = definition.at_path(&["spec", "versions"])?.items()?;
    let is_stored = |version: &&Node| version.get("storage").and_then(Node::as_str) == Some("true");
    versions.iter().find(is_stored)?.get("name")?.as_str()
}

/// Writes every object once, unchanged, so that the server stores it in the version that its definition stores; then only that
/// one is noted. What is stored in that version alone is left as it is.
async fn migrate_cluster(cluster: &KubeCluster, is_tried: bool) -> Result<(), Failure> {
    for target in Target::ALL {
        let kind = target.info();
        let name = format!("{}.{}", kind.plural, kind.gvk().group);
        let gvk = Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        let at = ObjectRef { gvk, name: name.as_str().into(), ..ObjectRef::default() };
        let Some(definition) = cluster.get(&at).await.map_err(worded)? else { continue };
        let Some(version) = storage_version(&definition) else {
            return Err(format!("{name} names no version that it stores").into());
        };
        let stored =
            definition.at_path(&["status", "storedVersions"]).and_then(Node::items).unwrap_or_default();
        if let [only] = stored
            && only.as_str() == Some(version)
        {
            say::success(format_args!("{name} is stored as {version} alone"));
            continue;
        }
        let objects = match list(cluster, kind, None, "").await {
            Ok(objects) => objects,
            Err(why) if why.fault == ClusterFault::UnknownKind => continue,
            Err(why) => return Err(worded(why)),
        };
        for object in &objects {
            let at = ObjectRef::of(object);
            if !is_tried {
                cluster.patch(&at, &Patch::Merge(node(&json!({}))?), &writing()).await.map_err(worded)?;
            }
            say::success(format_args!("{at} migrated to version {version}"));
        }
        if !is_tried {
            let options = WriteOptions { part: Part::Status, ..writing() };
            let stored = json!({"status": {"storedVersions": [version]}});
            cluster.patch(&at, &Patch::Merge(node(&stored)?), &options).await.map_err(worded)?;
        }
        say::success(format_args!("{name} migrated to storage version {version}"));
    }
    Ok(())
}
