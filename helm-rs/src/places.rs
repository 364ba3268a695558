//! Finds where a value stands in the file that gave it, for errors about what it says.

use gitops_yaml::Node;

use crate::chart::Chart;
use crate::decode;
use crate::values::{Table, UserValues, Value, kubernetes_documents, load_values};
use crate::{Error, Site};

/// Returns where the value at a path of keys and indices stands in a YAML file; of several documents, in the last that holds it.
pub(crate) fn site_of(file: &str, text: &[u8], path: &[impl AsRef<str>]) -> Option<Site> {
    let (documents, _) = kubernetes_documents(text);
    documents.into_iter().rev().find_map(|(first_line, document)| {
        let root = decode::parse_from_line(document, first_line).ok()?;
        let node = path.iter().try_fold(&root, |node, key| below(node, key.as_ref()))?;
        node.place.is_known().then(|| decode::site(file, node.place, text))
    })
}

fn below<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match node.items() {
        Some(items) => items.get(key.parse::<usize>().ok()?),
        None => node.get(key),
    }
}

/// Adds the places of values at these paths of a chart's values: in the file of a user's that said each last, or in the
/// `values.yaml` of the charts. `values` are the user's.
pub(crate) fn at_values(
    error: Error,
    chart: &Chart,
    values: &Table,
    given: Option<&UserValues>,
    paths: &[Vec<String>],
) -> Error {
    let files: Option<Vec<Given<'_>>> =
        given.map(|given| given.files.iter().rev().filter_map(Given::read).collect());
    paths.iter().fold(error, |error, path| at_value(error, chart, values, files.as_deref(), path))
}

/// A file of a user's values.
struct Given<'g> {
    name: &'g str,
    text: &'g [u8],
    table: Table,
}

impl<'g> Given<'g> {
    fn read((name, text): &'g (String, Vec<u8>)) -> Option<Self> {
        Some(Self { name, text, table: load_values(text, name).ok()? })
    }
}

/// Adds the place of one value; of the files, the last that was given comes first.
fn at_value(
    error: Error,
    chart: &Chart,
    values: &Table,
    files: Option<&[Given<'_>]>,
    path: &[String],
) -> Error {
    let Some(set) = in_table(values, path) else {
        return match in_charts(chart, "", path) {
            Some(site) => error.also_at(site),
            None => error,
        };
    };
    let Some(files) = files else { return error };
    let last = files.iter().find_map(|file| Some((file, in_table(&file.table, path)?)));
    if let Some((file, _)) = last.filter(|(_, found)| *found == set) {
        return match site_of(file.name, file.text, path) {
            Some(site) => error.also_at(without_value(site)),
            None => error,
        };
    }
    error.note(format!("`{}` is set by an argument of the command", path.join(".")))
}

/// Keeps a user's value, which may be a secret, out of the line that is shown.
fn without_value(mut site: Site) -> Site {
    if let Some(line) = &mut site.source_line {
        *line = line.chars().take(site.column.saturating_sub(1) as usize).chain(['…']).collect();
    }
    site
}

fn in_table<'a>(table: &'a Table, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(first.as_str())?, |value, key| match value {
        Value::List(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// Looks through the `values.yaml` of a chart and of those beneath that the path leads into.
fn in_charts(chart: &Chart, folder: &str, path: &[String]) -> Option<Site> {
    let own = chart.raw().iter().find(|file| file.name == "values.yaml");
    own.and_then(|file| site_of(&format!("{folder}values.yaml"), file.data(), path)).or_else(|| {
        let (first, rest) = path.split_first()?;
        let beneath = chart.dependencies().iter().find(|chart| chart.name() == first)?;
        in_charts(beneath, &format!("{folder}charts/{first}/"), rest)
    })
}
