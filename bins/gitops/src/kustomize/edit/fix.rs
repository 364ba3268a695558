//! `edit fix`.

use std::path::Path;

use gitops_fs::write_below;
use kustomize_rs::{Build, Error, Options};

use super::super::Here;
use crate::Failure;

/// Move deprecated fields to those that took their place, and say whether the build still gives the same.
#[derive(clap::Args)]
pub(super) struct FixArgs {
    /// Turn vars into replacements as well, which changes the files that use them: do it where git can undo it.
    #[arg(long)]
    vars: bool,
}
pub(super) use FixArgs as Args;

const WITH_VARS: &str = "
Fixed fields:
  patchesJson6902 -> patches
  patchesStrategicMerge -> patches
  commonLabels -> labels
  vars -> replacements
";

const WITHOUT_VARS: &str = "
Fixed fields:
  patchesJson6902 -> patches
  patchesStrategicMerge -> patches
  commonLabels -> labels

To convert vars -> replacements, run the command `kustomize edit fix --vars`

WARNING: Converting vars to replacements will potentially overwrite many resource files 
and the resulting files may not produce the same output when `kustomize build` is run. 
We recommend doing this in a clean git repository where the change is easy to undo.
";

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let here = Here::new()?;
    let before = build(&here).unwrap_or_default();
    let (name, mut file) = here.read()?;
    file.fix(&here.disk, &here.path)?;
    if args.vars {
        for (path, content) in file.vars_to_replacements(&here.disk, &here.path)? {
            let path = Path::new(&here.path).join(path);
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { continue };
            write_below(folder, Path::new(name), content.as_bytes())?;
        }
    }
    anstream::print!("{}", if args.vars { WITH_VARS } else { WITHOUT_VARS });
    here.write(name, &file.finish())?;
    match build(&here) {
        Err(error) => {
            anstream::println!(
                "Warning: 'Fixed' kustomization now produces the error when running `kustomize build`: {error}"
            );
        }
        Ok(after) if after != before => {
            anstream::println!(
                "Warning: 'Fixed' kustomization now produces different output when running `kustomize build`:\n...{after}..."
            );
        }
        Ok(_) => {}
    }
    Ok(())
}

fn build(here: &Here) -> Result<String, Error> {
    let mut options = Options::default();
    options.working_directory = "/".to_owned();
    let output = Build::new(&here.disk).options(options).run(&here.path)?;
    for warning in output.warnings() {
        anstream::eprintln!("{warning}");
    }
    output.to_yaml()
}
