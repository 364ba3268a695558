//! Runs a transformer on resources written in YAML.

use gitops_core::schema::Schema;
use gitops_yaml::{Dialect, FileId, Files, ReadOptions, print_sigs, read_stream};

use super::{Context, Transformer};
use crate::error::Error;
use crate::resource::Resource;
use crate::resource_map::ResourceMap;
use crate::scope::Scopes;

pub(crate) fn resources(yaml: &str) -> Vec<Resource> {
    let documents = read_stream(yaml.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap();
    documents.into_iter().map(|document| Resource::new(document.root)).collect()
}

pub(crate) fn map(yaml: &str) -> ResourceMap {
    let mut map = ResourceMap::new(Scopes::default());
    map.replace_all(resources(yaml)).unwrap();
    map
}

pub(crate) fn show(map: &ResourceMap) -> String {
    let printed = map.iter().map(|resource| print_sigs(&resource.node, Dialect::V3).unwrap());
    printed.collect::<Vec<_>>().join("---\n")
}

pub(crate) fn run(transformer: &dyn Transformer, map: &mut ResourceMap) -> Result<(), Error> {
    let (files, schema) = (Files::default(), Schema::builtin());
    transformer.transform(map, &Context::new(&files, &schema))
}

/// Transforms resources and compares what is printed, or the error, whose first line is enough.
#[track_caller]
pub(crate) fn check(transformer: &dyn Transformer, before: &str, after: &str) {
    let mut map = map(before);
    let got = match run(transformer, &mut map) {
        Ok(()) => show(&map),
        Err(error) => error.to_string(),
    };
    assert_eq!(got.trim_end(), after.trim_end(), "\n{got}");
}
