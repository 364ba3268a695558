//! Real charts: every recorded render, in process, byte for byte.

use std::path::Path;

use gitops_conformance::{Suite, entries, folder, same_text};
use gitops_template::Seeded;
use helm_rs::chart::{Chart, EntryType, File, IgnoreRules};
use helm_rs::render::{ReleaseFacts, RenderOptions};
use helm_rs::values::load_values;
use helm_rs::{TemplateOptions, template};

#[test]
fn real_charts_are_rendered_as_by_helm() {
    let Some(folder) = folder("helm/charts") else { return };
    let mut suite = Suite::new("helm-charts");
    for chart in entries(&folder) {
        let meta: serde_json::Value =
            serde_json::from_str(&gitops_conformance::read(&chart.join("meta.json"))).unwrap();
        let files = read_chart(&chart.join("chart"));
        let name = chart.file_name().unwrap().to_string_lossy().into_owned();
        for (variant, paths) in meta["variants"].as_object().unwrap() {
            suite.check(&format!("{name}/{variant}"), || {
                let values = std::fs::read(chart.join(paths["values"].as_str().unwrap())).unwrap();
                let wanted = gitops_conformance::read(&chart.join(paths["expected"].as_str().unwrap()));
                let loaded = Chart::load(&files, &mut Vec::new()).map_err(|error| error.report())?;
                let values = load_values(&values, "values.yaml").map_err(|error| error.report())?;
                let world = Seeded::new(1, 1_600_000_000_000_000_000);
                let render = RenderOptions::new(ReleaseFacts::install("rel", "ns")).world(&world);
                let templated = template(loaded, &values, &TemplateOptions::new(render), &mut Vec::new())
                    .map_err(|failed| failed.error.report())?;
                same_text(&wanted, &templated.print())
            });
        }
    }
    suite.finish(99.0);
}

pub(crate) fn read_chart(root: &Path) -> Vec<File> {
    let rules = std::fs::read_to_string(root.join(".helmignore"))
        .map_or_else(|_| IgnoreRules::default(), |text| IgnoreRules::parse(&text).unwrap());
    let mut files = Vec::new();
    walk(root, "", &rules, &mut files);
    files
}

fn walk(folder: &Path, prefix: &str, rules: &IgnoreRules, files: &mut Vec<File>) {
    for path in entries(folder) {
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        let kind = if path.is_dir() { EntryType::Directory } else { EntryType::File };
        if rules.ignores(&name, kind) {
            continue;
        }
        if path.is_dir() {
            walk(&path, &format!("{name}/"), rules, files);
        } else {
            files.push(File::new(name, &std::fs::read(&path).unwrap()));
        }
    }
}
