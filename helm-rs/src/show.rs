//! Prints what is in a chart, as `helm show` does.

use gitops_yaml::{Dialect, print_sigs};

use crate::chart::Chart;

/// What of a chart is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Everything.
    All,
    /// `Chart.yaml`, written anew.
    Chart,
    /// `values.yaml` as it is.
    Values,
    /// The readme.
    Readme,
    /// The files of `crds/`.
    Crds,
}

/// Prints a part of a chart, byte for byte as Helm does.
#[must_use]
pub fn show(chart: &Chart, part: Show) -> Vec<u8> {
    let mut out = Vec::new();
    let wants = |wanted: Show| part == wanted || part == Show::All;
    let separate = |out: &mut Vec<u8>| {
        if part == Show::All {
            out.extend(b"---\n");
        }
    };
    if wants(Show::Chart) {
        out.extend(print_sigs(&chart.metadata().to_node(), Dialect::Yaml11).unwrap_or_default().bytes());
        out.push(b'\n');
    }
    if wants(Show::Values) && chart.values().is_some() {
        separate(&mut out);
        for file in chart.raw().iter().filter(|file| file.name == "values.yaml") {
            out.extend(&**file.data());
            out.push(b'\n');
        }
    }
    if wants(Show::Readme) {
        const NAMES: [&str; 3] = ["readme.md", "readme.txt", "readme"];
        let is_readme = |name: &str| NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
        if let Some(file) = chart.files().iter().find(|file| is_readme(&file.name)) {
            separate(&mut out);
            out.extend(&**file.data());
            out.push(b'\n');
        }
    }
    if wants(Show::Crds) {
        for crd in chart.crds() {
            if !crd.file.data().starts_with(b"---") {
                out.extend(b"---\n");
            }
            out.extend(&**crd.file.data());
            out.push(b'\n');
        }
    }
    out
}
