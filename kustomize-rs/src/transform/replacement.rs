//! Copies values from one field to others, whole or in parts, also into the YAML or JSON that a text holds.

use gitops_yaml::{
    Dialect, Document, FileId, HtmlEscape, Node, PrintOptions, ReadOptions, Str, print_documents,
    read_document, to_json,
};

use super::field_path::{Age, Create, Visitor, lookup, set_text, split, visit};
use super::links::Links;
use super::select::ResourceSelector;
use super::{Context, Transformer};
use crate::error::{Error, ErrorKind};
use crate::id::{Gvk, ResourceId};
use crate::kustomization::{FieldOptions, Replacement, ReplacementSource, ReplacementTarget};
use crate::resource::{Resource, is_null_or_empty};
use crate::resource_map::ResourceMap;

/// Replacements, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplacementTransformer {
    pub(crate) replacements: Vec<Replacement>,
}

const DEFAULT_PATH: &str = "metadata.name";

impl Transformer for ReplacementTransformer {
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        self.replacements.iter().try_for_each(|replacement| {
            replace(replacement, resources, context).map_err(|error| error.at(replacement.place))
        })
    }
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Transform, message)
}

fn replace(
    replacement: &Replacement,
    resources: &mut ResourceMap,
    context: &Context<'_>,
) -> Result<(), Error> {
    let mut value = match (&replacement.source, &replacement.source_value) {
        _ if replacement.targets.is_empty() => {
            return Err(failed("replacements must specify a source and at least one target"));
        }
        (None, None) => return Err(failed("replacements must specify a source and at least one target")),
        (Some(_), Some(_)) => return Err(failed("value and resource selectors are mutually exclusive")),
        (None, Some(text)) => Value { node: Node::plain(text.clone()), live: None },
        (Some(source), None) => read_source(source, resources).map_err(|error| error.at(source.place))?,
    };
    replacement.targets.iter().try_for_each(|target| {
        write_target(target, &mut value, resources, context).map_err(|error| error.at(target.place))
    })
}

/// The value of a replacement.
struct Value {
    node: Node,
    /// The source, by its position and path, of which upstream holds the very node: where the source is a target as well, what
    /// is written there is what all later targets get.
    live: Option<(usize, Vec<Str>)>,
}

fn read_source(source: &ReplacementSource, resources: &mut ResourceMap) -> Result<Value, Error> {
    let position = find_source(source, resources)?;
    let Some(resource) = resources.get(position) else { return Err(failed("nothing selected")) };
    let path = if source.field_path.is_empty() { DEFAULT_PATH } else { &source.field_path };
    let steps = split(path);
    let found = lookup(&resource.node, &steps)
        .map_err(|error| error.at(resource.place()).within("error looking up replacement source"))?;
    let found = found.filter(|node| !is_null_or_empty(node)).ok_or_else(|| {
        let message = format!("fieldPath `{path}` is missing for replacement source {}", id_of(source));
        failed(message).at(resource.place())
    })?;
    let Some(options) = source.options.as_ref().filter(|options| !options.delimiter.is_empty()) else {
        return Ok(Value { node: found.clone(), live: Some((position, steps)) });
    };
    let Some(text) = found.as_str() else {
        return Err(failed("delimiter option can only be used with scalar nodes").at(found.place));
    };
    let part = usize::try_from(options.index)
        .ok()
        .and_then(|index| text.split(options.delimiter.as_str()).nth(index));
    let part = part.ok_or_else(|| {
        failed(format!("options.index {} is out of bounds for value {text}", options.index)).at(found.place)
    })?;
    let mut value = found.clone();
    set_text(&mut value, part.into(), Age::Old);
    Ok(Value { node: value, live: None })
}

fn id_of(source: &ReplacementSource) -> ResourceId {
    ResourceId {
        gvk: Gvk::new(source.group.clone(), source.version.clone(), source.kind.clone()),
        name: source.name.clone(),
        namespace: source.namespace.clone(),
        cluster_scoped: false,
    }
}

/// Prints a source as upstream does in errors.
fn shown(source: &ReplacementSource) -> String {
    let mut text = id_of(source).to_string();
    if !source.field_path.is_empty() {
        text.push_str(&format!(":{}", source.field_path));
    }
    if let Some(options) =
        source.options.as_ref().filter(|options| !options.delimiter.is_empty() || options.create)
    {
        text.push_str(&format!(":{}({}), create={}", options.delimiter, options.index, options.create));
    }
    text
}

fn find_source(source: &ReplacementSource, resources: &mut ResourceMap) -> Result<usize, Error> {
    let wanted = id_of(source);
    let selects = |id: &ResourceId| {
        (wanted.name.is_empty() || wanted.name == id.name)
            && (wanted.namespace.is_empty() || wanted.same_namespace(id))
            && id.gvk.is_selected_by(&wanted.gvk)
    };
    let mut found = None;
    let candidates = if wanted.name.is_empty() {
        (0..resources.len()).collect()
    } else {
        resources.with_any_name(&wanted.name)
    };
    for position in candidates {
        let Some(resource) = resources.get(position) else { continue };
        if ids(resources, resource).any(|id| selects(&id)) && found.replace(position).is_some() {
            return Err(failed(format!("multiple matches for selector {}", shown(source))));
        }
    }
    found.ok_or_else(|| {
        let mut message = format!("nothing selected by {}", shown(source));
        let names: Vec<Str> = resources.iter().map(Resource::name).collect();
        if let Some(near) = gitops_core::did_you_mean(&wanted.name, names.iter().map(Str::as_str)) {
            message.push_str(&format!(" (did you mean {near}?)"));
        }
        failed(message)
    })
}

/// Returns the present id and those before; whether a kind belongs to the cluster does not count here.
fn ids<'a>(resources: &'a ResourceMap, resource: &'a Resource) -> impl Iterator<Item = ResourceId> + 'a {
    let current = ResourceId { cluster_scoped: false, ..resources.current_id(resource) };
    std::iter::once(current).chain(resources.previous_ids(resource))
}

fn write_target(
    target: &ReplacementTarget,
    value: &mut Value,
    resources: &mut ResourceMap,
    context: &Context<'_>,
) -> Result<(), Error> {
    let Some(select) = &target.select else {
        return Err(failed("target must specify resources to select"));
    };
    let create = |error: Error| error.within("error creating target selector");
    let selector = ResourceSelector::new(select).map_err(create)?;
    let rejected: Vec<ResourceSelector> =
        target.reject.iter().map(ResourceSelector::new).collect::<Result<_, _>>().map_err(create)?;
    if let Some(any) = resources.get(0) {
        // A malformed selector is refused whomever it is asked about.
        selector.matches_text(any)?;
    }
    for position in selector.candidates(resources) {
        let Some(resource) = resources.get(position) else { continue };
        if !is_target(resources, resource, &selector, &rejected)? {
            continue;
        }
        let Some(resource) = resources.get_mut(position) else { continue };
        let id = super::set::shown_id(resource);
        let default = [Str::literal(DEFAULT_PATH)];
        let paths = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths };
        for path in paths {
            let links = Links::of(resource);
            let options = target.options.as_ref();
            write_path(&mut resource.node, path, &value.node, options, context).map_err(|error| {
                let message = format!("{} (in {id})", error.message());
                Error::new(error.kind(), message).at(resource.node.place)
            })?;
            links.follow(resource);
            if let Some((_, steps)) = value.live.as_ref().filter(|(source, _)| *source == position)
                && let Ok(Some(now)) = lookup(&resource.node, steps)
            {
                context.take(now.weight())?;
                value.node = now.clone();
            }
        }
    }
    Ok(())
}

fn is_target(
    resources: &ResourceMap,
    resource: &Resource,
    selector: &ResourceSelector,
    rejected: &[ResourceSelector],
) -> Result<bool, Error> {
    // Most resources have another name, which is told without making an id.
    if !selector.may_be_named(resource) {
        return Ok(false);
    }
    if !selector.matches_text(resource)? {
        return Ok(false);
    }
    for reject in rejected.iter().filter(|reject| reject.selects_by_text()) {
        if reject.matches_text(resource)? {
            return Ok(false);
        }
    }
    let ids: Vec<ResourceId> = ids(resources, resource).collect();
    let is_rejected =
        |reject: &ResourceSelector| !reject.is_empty_of_id() && ids.iter().any(|id| reject.matches_id(id));
    Ok(!rejected.iter().any(is_rejected) && ids.iter().any(|id| selector.matches_id(id)))
}

fn write_path(
    object: &mut Node,
    path: &Str,
    value: &Node,
    options: Option<&FieldOptions>,
    context: &Context<'_>,
) -> Result<(), Error> {
    let create =
        if options.is_some_and(|options| options.create) { Create::like(value) } else { Create::Nothing };
    let steps = split(path);
    let mut over = None;
    let mut set = |node: &mut Node, age: Age| {
        let before = node.scalar().map_or(0, |text| text.len());
        context.take(before + value.weight()).inspect_err(|error| over = Some(error.clone()))?;
        set_value(node, value, options, age)
    };
    if write_within_text(object, &steps, create, &mut set) {
        return Ok(());
    }
    let missing = if create == Create::Nothing {
        format!("unable to find field {path:?} in replacement target")
    } else {
        format!("unable to find or create field {path:?} in replacement target")
    };
    let mut refused = None;
    let found = visit(object, &steps, create, &mut |node, age| {
        set(node, age).inspect_err(|error| refused = Some(error.clone()))
    });
    match (found, over.or(refused)) {
        (_, Some(error)) => Err(error),
        (Err(error), None) => Err(failed(format!("{missing}: {}", error.message())).at(object.place)),
        (Ok(0), None) => Err(failed(missing)),
        (Ok(_), None) => Ok(()),
    }
}

fn set_value(node: &mut Node, value: &Node, options: Option<&FieldOptions>, age: Age) -> Result<(), Error> {
    let mut text = value.scalar().cloned().unwrap_or_default();
    if let Some(options) = options.filter(|options| !options.delimiter.is_empty()) {
        let Some(old) = node.as_str() else {
            return Err(failed("delimiter option can only be used with scalar nodes"));
        };
        let mut parts: Vec<&str> = old.split(options.delimiter.as_str()).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &text),
            Ok(index) => match parts.get_mut(index) {
                Some(part) => *part = &text,
                None => parts.push(&text),
            },
        }
        text = parts.join(&options.delimiter).into();
    }
    if node.is_scalar() {
        set_text(node, text, age);
    } else {
        *node = value.clone();
        if value.is_scalar() {
            set_text(node, text, Age::Old);
        }
    }
    Ok(())
}

/// Sets fields of the YAML or JSON that a text on the path holds; returns whether there were any.
fn write_within_text(object: &mut Node, steps: &[Str], create: Create, set: &mut Visitor<'_>) -> bool {
    for depth in 1..steps.len() {
        let (outer, inner) = steps.split_at(depth);
        let Ok(Some(field)) = lookup(object, outer) else { continue };
        let Some(text) = field.as_str() else { continue };
        let Ok(document) = read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3()) else { continue };
        let Some(mut document) = document else { return false };
        if !matches!(visit(&mut document.root, inner, create, set), Ok(1..)) {
            return false;
        }
        let Some(printed) = print_again(&document, text) else { return false };
        // The path was found above, so that it is found once more to be changed.
        let mut changed = false;
        let _ = change_at(object, outer, &mut |node| {
            set_text(node, printed.clone().into(), Age::Old);
            changed = true;
        });
        return changed;
    }
    false
}

/// Prints a document in the form that its text had: JSON on one line or many, or YAML.
fn print_again(document: &Document, before: &str) -> Option<String> {
    let trimmed = before.trim();
    if !trimmed.starts_with(['{', '[']) {
        let printed = print_documents([document], &PrintOptions::kyaml()).ok()?;
        return Some(printed.trim().to_owned());
    }
    if before.contains('\n') && before.contains("  ") {
        return pretty_json(&document.root);
    }
    to_json(&document.root, Dialect::V3).ok()
}

fn pretty_json(node: &Node) -> Option<String> {
    let compact = to_json(node, Dialect::V3).ok()?;
    let node = gitops_yaml::from_json(&compact, FileId::NONE).ok()?;
    let mut printer = gitops_yaml::JsonPrinter::pretty(HtmlEscape::Yes, "  ");
    print_json(&node, &mut printer);
    printer.finish().ok()
}

fn print_json(node: &Node, printer: &mut gitops_yaml::JsonPrinter) {
    use gitops_yaml::Kind;
    match node.kind(Dialect::V3) {
        Kind::Mapping => {
            printer.begin_map();
            for entry in node.entries().unwrap_or_default() {
                printer.key(entry.key.as_str().unwrap_or_default());
                print_json(&entry.value, printer);
            }
            printer.end();
        }
        Kind::Sequence => {
            printer.begin_seq();
            node.items().unwrap_or_default().iter().for_each(|item| print_json(item, printer));
            printer.end();
        }
        Kind::Null => printer.null(),
        Kind::Bool(value) => printer.bool(value),
        Kind::Int(value) => printer.int(value),
        Kind::Uint(value) => printer.uint(value),
        Kind::Float(value) => printer.float(value),
        _ => printer.str(node.as_str().unwrap_or_default()),
    }
}

/// Calls a function with the node that [`lookup`] finds.
fn change_at(node: &mut Node, path: &[Str], change: &mut dyn FnMut(&mut Node)) -> Option<()> {
    let mut steps = path.iter().map(|step| step.trim()).filter(|step| !step.is_empty());
    let mut node = node;
    for step in steps.by_ref() {
        let position = position_of(node, step)?;
        node = match &mut node.data {
            gitops_yaml::Data::Mapping(entries) => &mut entries.get_mut(position)?.value,
            gitops_yaml::Data::Sequence(items) => items.get_mut(position)?,
            _ => return None,
        };
    }
    change(node);
    Some(())
}

fn position_of(node: &Node, step: &str) -> Option<usize> {
    let found: *const Node = lookup(node, &[Str::from(step)]).ok()??;
    match (node.entries(), node.items()) {
        (Some(entries), _) => entries.iter().position(|entry| std::ptr::eq(&raw const entry.value, found)),
        (_, Some(items)) => items.iter().position(|item| std::ptr::eq(item, found)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::check;

    use crate::kustomization::Selector;

    fn transformer(
        source: ReplacementSource,
        paths: &[&str],
        options: FieldOptions,
    ) -> ReplacementTransformer {
        let target = ReplacementTarget {
            select: Some(Selector { kind: "Deployment".into(), ..Selector::default() }),
            field_paths: paths.iter().map(|path| Str::from(*path)).collect(),
            options: Some(options),
            ..ReplacementTarget::default()
        };
        let replacement =
            Replacement { source: Some(source), targets: vec![target], ..Replacement::default() };
        ReplacementTransformer { replacements: vec![replacement] }
    }

    fn source(path: &str) -> ReplacementSource {
        ReplacementSource {
            kind: "ConfigMap".into(),
            field_path: path.into(),
            ..ReplacementSource::default()
        }
    }

    const MAP: &str =
        "apiVersion: v1\ndata:\n  port: \"80\"\n  url: a/b/c\nkind: ConfigMap\nmetadata:\n  name: m\n---\n";

    #[track_caller]
    fn check_spec(transformer: &ReplacementTransformer, before: &str, after: &str) {
        let web = |spec: &str| {
            format!("{MAP}apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n{spec}")
        };
        let wanted = if after.starts_with(' ') { web(after) } else { after.to_owned() };
        check(transformer, &web(before), &wanted);
    }

    #[test]
    fn a_text_in_a_field_of_another_type_keeps_the_type() {
        let replace = transformer(source("data.port"), &["spec.port", "spec.text"], FieldOptions::default());
        check_spec(&replace, "  port: 1\n  text: x\n", "  port: 80\n  text: \"80\"\n");
    }

    #[test]
    fn parts_are_put_in_at_their_index() {
        let options = FieldOptions { delimiter: ":".into(), index: 1, ..FieldOptions::default() };
        let part = ReplacementSource {
            options: Some(FieldOptions { delimiter: "/".into(), index: 2, ..FieldOptions::default() }),
            ..source("data.url")
        };
        check_spec(&transformer(part, &["spec.image"], options), "  image: a:1\n", "  image: a:c\n");
    }

    #[test]
    fn missing_fields_are_made_if_asked() {
        let options = FieldOptions { create: true, ..FieldOptions::default() };
        let replace = transformer(source("data.url"), &["spec.list.[name=x].value"], options);
        check_spec(&replace, "  a: b\n", "  a: b\n  list:\n  - name: x\n    value: a/b/c\n");
        let replace = transformer(source("data.url"), &["spec.gone"], FieldOptions::default());
        check_spec(
            &replace,
            "  a: b\n",
            "unable to find field \"spec.gone\" in replacement target (in Deployment.v1.apps/web.[noNs])",
        );
    }

    #[test]
    fn paths_go_on_into_the_yaml_or_json_of_a_text() {
        let replace = transformer(source("data.url"), &["spec.file.a.b"], FieldOptions::default());
        check_spec(
            &replace,
            "  file: |-\n    # kept\n    a: {b: x}\n    c: 1\n",
            "  file: |-\n    # kept\n    a: {b: a/b/c}\n    c: 1\n",
        );
        check_spec(
            &replace,
            "  file: '{\"c\":1,\"a\":{\"b\":\"x\"}}'\n",
            "  file: '{\"a\":{\"b\":\"a/b/c\"},\"c\":1}'\n",
        );
    }

    #[test]
    fn a_source_must_be_one() {
        let gone = ReplacementSource { name: "mm".into(), ..source("data.port") };
        check_spec(
            &transformer(gone, &["spec.a"], FieldOptions::default()),
            "  a: b\n",
            "nothing selected by ConfigMap.[noVer].[noGrp]/mm.[noNs]:data.port (did you mean m?)",
        );
        let missing = transformer(source("data.gone"), &["spec.a"], FieldOptions::default());
        check_spec(
            &missing,
            "  a: b\n",
            "fieldPath `data.gone` is missing for replacement source ConfigMap.[noVer].[noGrp]/[noName].[noNs]",
        );
    }
}
