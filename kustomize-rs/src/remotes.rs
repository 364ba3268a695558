//! Finds what a kustomization and those that it includes take from elsewhere.

use crate::accumulate::Target;
use crate::error::{Error, ErrorKind};
use crate::kustomization::{GeneratorArgs, Kustomization, Text};
use crate::load::Loader;
use crate::remote::{Remote, is_web_url};

/// Follows what a kustomization includes, and notes the URLs that are not there.
pub(crate) fn find_remotes(loader: &Loader<'_, '_>, missing: &mut Vec<String>) -> Result<(), Error> {
    let target = Target::load(loader)?;
    let kustomization = target.kustomization();
    let remotes = &loader.session().options.remotes;
    let note = |url: &str, missing: &mut Vec<String>| {
        if !remotes.contains_key(url) && !missing.iter().any(|known| *known == url) {
            missing.push(url.to_owned());
        }
    };
    for path in files(kustomization).filter(|path| is_web_url(path)) {
        note(path, missing);
    }
    for path in directories(kustomization) {
        if path.contains('\n') || loader.is_file(path) {
            continue;
        }
        let remote = Remote::parse(path).filter(|_| !loader.is_directory(path));
        match remote {
            Some(_) if !remotes.contains_key(&**path) => note(path, missing),
            Some(_) if loader.is_mounted_file(path) => {}
            None if !loader.is_directory(path) => {}
            _ => match loader.include(path).and_then(|below| find_remotes(&below, missing)) {
                // What is missing in a base is asked for together with what is missing elsewhere.
                Err(error) if error.kind() == ErrorKind::Remote => {
                    note(error.needed_remote().unwrap_or_default(), missing);
                }
                result => result?,
            },
        }
    }
    Ok(())
}

/// The entries that may be directories or repositories.
fn directories(kustomization: &Kustomization) -> impl Iterator<Item = &Text> {
    let plugins = [&kustomization.generators, &kustomization.transformers, &kustomization.validators];
    let resources = kustomization.resources.iter().chain(&kustomization.components);
    resources.chain(plugins.into_iter().flatten())
}

/// The entries that can only be files.
fn files(kustomization: &Kustomization) -> impl Iterator<Item = &str> {
    let patches = kustomization.patches.iter().chain(kustomization.patches_json6902.iter().flatten());
    let generators = kustomization.config_map_generator.iter().chain(&kustomization.secret_generator);
    let plain = kustomization.crds.iter().chain(&kustomization.configurations);
    let charts = kustomization.helm_charts.iter();
    patches
        .map(|patch| &*patch.path)
        .chain(kustomization.patches_strategic_merge.iter().flatten().map(|patch| &**patch))
        .chain(kustomization.replacements.iter().map(|replacement| &*replacement.path))
        .chain(plain.map(|path| &**path))
        .chain(generators.flat_map(files_of_generator))
        .chain(charts.flat_map(|chart| {
            chart.additional_values_files.iter().chain([&chart.values_file]).map(|path| &**path)
        }))
        .filter(|path| !path.contains('\n'))
}

/// The files that a generator reads: `path` or `key=path`.
fn files_of_generator(args: &GeneratorArgs) -> impl Iterator<Item = &str> {
    let files = args.files.iter().map(|file| file.split_once('=').map_or(&**file, |(_, path)| path));
    files.chain(args.envs.iter().map(|path| &**path))
}
