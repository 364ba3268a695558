//! What the fields of a kustomization file hold, and the form in which an edit leaves them: fields under their proper
//! names, empty ones left out, as upstream's editor writes them.

use gitops_yaml::{Data, Dialect, Entry, Kind, Node, Str, Style, resolve};

/// What a field holds.
pub(super) enum Shape {
    Text,
    Flag,
    Number,
    /// Text by name.
    Pairs,
    List(&'static Shape),
    Struct(&'static [Field]),
    /// Whatever a chart takes.
    Anything,
}

/// A field of a struct.
pub(super) struct Field {
    pub(super) name: &'static str,
    shape: Shape,
    keep: Keep,
}

/// When a field is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// When it holds something.
    Filled,
    /// When it is there, even if it is empty.
    Present,
    /// Always.
    Always,
    /// Always, as null where it is not there.
    OrNull,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, keep: Keep::Filled }
}
const fn present(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, keep: Keep::Present }
}
const fn always(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, keep: Keep::Always }
}

use Shape::{Anything, Flag, Number, Pairs, Text};
const TEXTS: Shape = Shape::List(&Text);

/// The fields of the file, in the order in which upstream adds them.
pub(super) static KUSTOMIZATION: Shape = Shape::Struct(&[
    field("apiVersion", Text),
    field("kind", Text),
    present(
        "metadata",
        Shape::Struct(&[
            field("name", Text),
            field("namespace", Text),
            field("labels", Pairs),
            field("annotations", Pairs),
        ]),
    ),
    present(
        "sortOptions",
        Shape::Struct(&[
            field("order", Text),
            present(
                "legacySortOptions",
                Shape::Struct(&[always("orderFirst", TEXTS), always("orderLast", TEXTS)]),
            ),
        ]),
    ),
    field("resources", TEXTS),
    field("bases", TEXTS),
    field("namePrefix", Text),
    field("nameSuffix", Text),
    field("namespace", Text),
    field("crds", TEXTS),
    field("commonLabels", Pairs),
    field("labels", Shape::List(&LABEL)),
    field("commonAnnotations", Pairs),
    field("patchesStrategicMerge", TEXTS),
    field("patchesJson6902", Shape::List(&PATCH)),
    field("patches", Shape::List(&PATCH)),
    field("configMapGenerator", Shape::List(&GENERATOR)),
    field("secretGenerator", Shape::List(&GENERATOR)),
    field("helmCharts", Shape::List(&HELM_CHART)),
    field("helmChartInflationGenerator", Shape::List(&OLD_HELM_CHART)),
    present("helmGlobals", Shape::Struct(&[field("chartHome", Text), field("configHome", Text)])),
    present("generatorOptions", GENERATOR_OPTIONS),
    field("vars", Shape::List(&VAR)),
    field("images", Shape::List(&IMAGE)),
    field("imageTags", Shape::List(&IMAGE)),
    field("replacements", Shape::List(&REPLACEMENT)),
    field("replicas", Shape::List(&REPLICA)),
    field("configurations", TEXTS),
    field("generators", TEXTS),
    field("transformers", TEXTS),
    field("validators", TEXTS),
    field("components", TEXTS),
    field("openapi", Pairs),
    field("buildMetadata", TEXTS),
]);

static LABEL: Shape = Shape::Struct(&[
    field("pairs", Pairs),
    field("includeSelectors", Flag),
    field("includeTemplates", Flag),
    field("includeVolumeClaimTemplates", Flag),
    field("fields", Shape::List(&FIELD_SPEC)),
]);

static FIELD_SPEC: Shape = Shape::Struct(&[
    field("group", Text),
    field("version", Text),
    field("kind", Text),
    field("path", Text),
    field("create", Flag),
]);

static PATCH: Shape = Shape::Struct(&[
    field("path", Text),
    field("patch", Text),
    present("target", SELECTOR),
    present("options", Shape::Struct(&[field("allowNameChange", Flag), field("allowKindChange", Flag)])),
]);

const SELECTOR: Shape = Shape::Struct(&[
    field("group", Text),
    field("version", Text),
    field("kind", Text),
    field("name", Text),
    field("namespace", Text),
    field("annotationSelector", Text),
    field("labelSelector", Text),
]);
static SELECTORS: Shape = SELECTOR;

static GENERATOR: Shape = Shape::Struct(&[
    field("namespace", Text),
    field("name", Text),
    field("behavior", Text),
    field("literals", TEXTS),
    field("files", TEXTS),
    field("envs", TEXTS),
    field("env", Text),
    present("options", GENERATOR_OPTIONS),
    field("type", Text),
]);

const GENERATOR_OPTIONS: Shape = Shape::Struct(&[
    field("labels", Pairs),
    field("annotations", Pairs),
    field("disableNameSuffixHash", Flag),
    field("immutable", Flag),
]);

static HELM_CHART: Shape = Shape::Struct(&[
    field("name", Text),
    field("version", Text),
    field("repo", Text),
    field("releaseName", Text),
    field("namespace", Text),
    field("additionalValuesFiles", TEXTS),
    field("valuesFile", Text),
    field("valuesInline", Anything),
    field("valuesMerge", Text),
    field("includeCRDs", Flag),
    field("skipHooks", Flag),
    field("apiVersions", TEXTS),
    field("kubeVersion", Text),
    field("nameTemplate", Text),
    field("skipTests", Flag),
    field("debug", Flag),
    field("devel", Flag),
]);

static OLD_HELM_CHART: Shape = Shape::Struct(&[
    field("chartName", Text),
    field("chartVersion", Text),
    field("chartRepoUrl", Text),
    field("chartHome", Text),
    field("chartRepoName", Text),
    field("helmBin", Text),
    field("helmHome", Text),
    field("values", Text),
    field("valuesLocal", Anything),
    field("valuesMerge", Text),
    field("releaseName", Text),
    field("releaseNamespace", Text),
    field("extraArgs", TEXTS),
]);

static VAR: Shape = Shape::Struct(&[
    always("name", Text),
    always(
        "objref",
        Shape::Struct(&[
            field("apiVersion", Text),
            field("group", Text),
            field("version", Text),
            field("kind", Text),
            always("name", Text),
            field("namespace", Text),
        ]),
    ),
    always("fieldref", Shape::Struct(&[field("fieldPath", Text)])),
]);

static IMAGE: Shape = Shape::Struct(&[
    field("name", Text),
    field("newName", Text),
    field("tagSuffix", Text),
    field("newTag", Text),
    field("digest", Text),
]);

static REPLICA: Shape = Shape::Struct(&[field("name", Text), always("count", Number)]);

static REPLACEMENT: Shape = Shape::Struct(&[
    present(
        "source",
        Shape::Struct(&[
            field("group", Text),
            field("version", Text),
            field("kind", Text),
            field("name", Text),
            field("namespace", Text),
            field("fieldPath", Text),
            present("options", FIELD_OPTIONS),
        ]),
    ),
    field("targets", Shape::List(&REPLACEMENT_TARGET)),
    present("sourceValue", Text),
    field("path", Text),
]);

static REPLACEMENT_TARGET: Shape = Shape::Struct(&[
    Field { name: "select", shape: SELECTOR, keep: Keep::OrNull },
    field("reject", Shape::List(&SELECTORS)),
    field("fieldPaths", TEXTS),
    present("options", FIELD_OPTIONS),
]);

const FIELD_OPTIONS: Shape = Shape::Struct(&[
    field("delimiter", Text),
    field("index", Number),
    field("encoding", Text),
    field("create", Flag),
]);

impl Shape {
    /// Returns the value in upstream's form; `None` stands for a field that is not there.
    ///
    /// What can't be read as the shape is left as it is: the file was checked before.
    pub(super) fn canonical(&self, value: Option<&Node>) -> Node {
        let value = value.filter(|value| value.kind(Dialect::Yaml11) != Kind::Null);
        match self {
            Text => value.and_then(Node::scalar).map_or_else(|| text(""), |value| text(value.clone())),
            Flag => Node::bool(value.is_some_and(|value| value.kind(Dialect::Yaml11) == Kind::Bool(true))),
            Number => value.map_or_else(|| Node::int(0), plain),
            Pairs => match value.and_then(Node::entries) {
                Some(entries) => Node::mapping(
                    entries
                        .iter()
                        .map(|Entry { key, value }| Entry {
                            key: text(key.scalar().cloned().unwrap_or_default()),
                            value: Text.canonical(Some(value)),
                        })
                        .collect(),
                ),
                None => Node::null(),
            },
            Anything => value.map_or_else(Node::null, plain),
            Shape::List(shape) => match value {
                Some(value) => Node::sequence(
                    value
                        .items()
                        .unwrap_or_default()
                        .iter()
                        .map(|item| shape.canonical(Some(item)))
                        .collect(),
                ),
                None => Node::null(),
            },
            Shape::Struct(fields) => {
                let entries = fields.iter().filter_map(|field| {
                    let value = find(value, field.name);
                    let is_there = value.is_some_and(|value| value.kind(Dialect::Yaml11) != Kind::Null);
                    if field.keep == Keep::OrNull && !is_there {
                        return Some(Entry { key: text(field.name), value: Node::null() });
                    }
                    let made = field.shape.canonical(value);
                    let is_kept = match field.keep {
                        Keep::Always | Keep::OrNull => true,
                        Keep::Present => is_there,
                        Keep::Filled => !is_zero(&made),
                    };
                    is_kept.then(|| Entry { key: text(field.name), value: made })
                });
                Node::mapping(entries.collect())
            }
        }
    }

    /// Returns the place of a field in upstream's order.
    pub(super) fn order_of(&self, name: &str) -> usize {
        match self {
            Shape::Struct(fields) => fields.iter().position(|field| field.name == name).unwrap_or(usize::MAX),
            _ => usize::MAX,
        }
    }
}

/// A string, on several lines where it has several, and in quotes where YAML 1.1 has another meaning for it.
pub(super) fn text(value: impl Into<Str>) -> Node {
    let value = value.into();
    let style = if value.contains('\n') {
        Style::Literal
    } else if !value.is_empty() && resolve(&value, Dialect::Yaml11) != Kind::Str {
        Style::DoubleQuoted
    } else {
        Style::Default
    };
    Node::string(value).styled(style)
}

/// Finds a field whatever the case of its letters; the exact name wins.
fn find<'n>(node: Option<&'n Node>, name: &str) -> Option<&'n Node> {
    let entries = node?.entries()?;
    let by =
        |same: &dyn Fn(&str) -> bool| entries.iter().rev().find(|entry| entry.key.as_str().is_some_and(same));
    by(&|key| key == name).or_else(|| by(&|key| key.eq_ignore_ascii_case(name))).map(|entry| &entry.value)
}

/// Returns whether a field that holds this counts as empty.
pub(super) fn is_zero(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(text) => match node.kind(Dialect::Yaml11) {
            Kind::Null | Kind::Bool(false) | Kind::Int(0) => true,
            _ => text.is_empty(),
        },
        Data::Sequence(items) => items.is_empty(),
        Data::Mapping(entries) => entries.is_empty(),
        Data::Alias(_) => false,
    }
}

/// Copies data without what only its source needed: comments, anchors, places.
pub(super) fn plain(node: &Node) -> Node {
    match &node.data {
        Data::Sequence(items) => Node::sequence(items.iter().map(plain).collect()),
        Data::Mapping(entries) => Node::mapping(
            entries
                .iter()
                .map(|entry| Entry { key: plain(&entry.key), value: plain(&entry.value) })
                .collect(),
        ),
        Data::Scalar(value) => match node.kind(Dialect::Yaml11) {
            Kind::Str | Kind::Timestamp | Kind::Merge | Kind::Binary => text(value.clone()),
            Kind::Bool(value) => Node::bool(value),
            Kind::Int(value) => Node::int(value),
            Kind::Null => Node::null(),
            _ => Node::plain(value.clone()),
        },
        Data::Alias(_) => node.clone(),
    }
}

/// Returns whether two nodes hold the same data, whatever their form.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    match (&a.data, &b.data) {
        (Data::Sequence(a), Data::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Data::Mapping(a), Data::Mapping(b)) => {
            a.len() == b.len()
                && a.iter().all(|entry| {
                    let key = entry.key.as_str().unwrap_or_default();
                    let other = b.iter().find(|other| other.key.as_str() == Some(key));
                    other.is_some_and(|other| same(&entry.value, &other.value))
                })
        }
        (Data::Scalar(left), Data::Scalar(right)) => {
            match (a.kind(Dialect::Yaml11), b.kind(Dialect::Yaml11)) {
                (
                    Kind::Str | Kind::Timestamp | Kind::Merge | Kind::Binary,
                    Kind::Str | Kind::Timestamp | Kind::Merge | Kind::Binary,
                ) => left == right,
                (a, b) => a == b,
            }
        }
        _ => false,
    }
}
