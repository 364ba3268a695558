//! Parses all templates of a chart into one set and renders them in Helm's order.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use gitops_template::{Functions, Hermetic, Limits, MissingKey, Options, Templates, World};

use super::ReleaseFacts;
use super::context::{Renderable, renderables};
use super::failure::execution_error;
use super::functions::{self, Lookup, NoCluster};
use super::kept::ParsedTemplates;
use super::output::{Rendered, RenderedFile};
use crate::chart::Chart;
use crate::go::base_name;
use crate::values::Table;
use crate::{Capabilities, Error};

/// How a chart is rendered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A missing value prints nothing.
    #[default]
    Lenient,
    /// A missing value is an error.
    Strict,
    /// `required` and `fail` let everything pass.
    Lint,
}

/// Whether a render remembers which template line printed which line of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trace {
    /// It does not.
    #[default]
    Off,
    /// It does, for [`RenderedFile::origin`].
    On,
}

/// What a render needs besides the chart and its values.
#[derive(Clone)]
#[non_exhaustive]
pub struct RenderOptions<'w> {
    /// What `.Release` says.
    pub release: ReleaseFacts,
    /// What `.Capabilities` says.
    pub capabilities: Arc<Capabilities>,
    /// What becomes of missing values.
    pub mode: Mode,
    /// Whether lines are traced to their templates.
    pub trace: Trace,
    /// Where time, chance and names come from; refused by default.
    pub world: &'w dyn World,
    /// What `lookup` finds.
    pub cluster: Arc<dyn Lookup>,
    /// The functions that templates may call besides those that Helm ties to a render.
    pub functions: Functions,
    /// What a render may cost.
    pub limits: Limits,
    /// Templates that are parsed already; each render starts anew by default.
    pub parsed: Option<Arc<ParsedTemplates>>,
}

impl fmt::Debug for RenderOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderOptions")
            .field("release", &self.release)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl<'w> RenderOptions<'w> {
    /// Renders for this release as `helm template` does: no cluster, no clock, no chance.
    #[must_use]
    pub fn new(release: ReleaseFacts) -> Self {
        Self {
            release,
            capabilities: Arc::new(Capabilities::default()),
            mode: Mode::default(),
            trace: Trace::default(),
            world: &Hermetic,
            cluster: Arc::new(NoCluster),
            functions: default_functions(),
            limits: Limits::default(),
            parsed: None,
        }
    }

    /// Sets what `.Capabilities` says.
    #[must_use]
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = Arc::new(capabilities);
        self
    }

    /// Sets where time, chance and names come from.
    #[must_use]
    pub fn world(mut self, world: &'w dyn World) -> Self {
        self.world = world;
        self
    }

    /// Sets what `lookup` finds.
    #[must_use]
    pub fn cluster(mut self, cluster: Arc<dyn Lookup>) -> Self {
        self.cluster = cluster;
        self
    }

    /// Sets what becomes of missing values.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Keeps parsed templates from one render to the next.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use helm_rs::chart::{Chart, File};
    /// use helm_rs::render::{ParsedTemplates, ReleaseFacts, RenderOptions, render};
    /// use helm_rs::values::Table;
    /// let files = [
    ///     File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.2.3\n"),
    ///     File::new("templates/name.yaml", b"name: {{ .Release.Name }}\n"),
    /// ];
    /// let chart = Chart::load(&files, &mut Vec::new())?;
    /// let parsed = Arc::new(ParsedTemplates::new());
    /// for release in ["blue", "green"] {
    ///     let options = RenderOptions::new(ReleaseFacts::install(release, "default")).keep(Arc::clone(&parsed));
    ///     let rendered = render(&chart, &Table::new(), &options)?;
    ///     assert_eq!(rendered.files["web/templates/name.yaml"].text(), format!("name: {release}\n"));
    /// }
    /// # Ok::<(), helm_rs::Error>(())
    /// ```
    #[must_use]
    pub fn keep(mut self, parsed: Arc<ParsedTemplates>) -> Self {
        self.parsed = Some(parsed);
        self
    }

    /// Says whether lines are traced to their templates.
    #[must_use]
    pub fn trace(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }
}

/// Renders all templates of a chart and of those beneath, over values that were
/// [coalesced](crate::values::coalesce).
///
/// All templates share one set of names. Deeper paths are parsed and rendered first, and among equally deep ones the
/// last name, so that a parent's definitions win over its subcharts'; changes that one template makes to `.Values` are
/// seen by those rendered after it.
///
/// # Errors
/// The first template that can't be parsed or executed, in Helm's words.
///
/// ```
/// use helm_rs::chart::{Chart, File};
/// use helm_rs::render::{ReleaseFacts, RenderOptions, render};
/// use helm_rs::values::Table;
/// let files = [
///     File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.2.3\n"),
///     File::new("templates/name.yaml", b"name: {{ .Release.Name }}-{{ .Chart.Name }}\n"),
/// ];
/// let chart = Chart::load(&files, &mut Vec::new())?;
/// let options = RenderOptions::new(ReleaseFacts::install("prod", "default"));
/// let rendered = render(&chart, &Table::new(), &options)?;
/// assert_eq!(rendered.files["web/templates/name.yaml"].text(), "name: prod-web\n");
/// # Ok::<(), helm_rs::Error>(())
/// ```
pub fn render(chart: &Chart, values: &Table, options: &RenderOptions<'_>) -> Result<Rendered, Error> {
    let reads = Arc::new(AtomicUsize::new(0));
    let mut all = renderables(chart, values, &options.release, &options.capabilities, &reads);
    sort(&mut all);
    // Of equal paths, which only broken charts have, the last one counts.
    all.dedup_by(|after, before| after.path == before.path);
    let mut functions = options.functions.clone();
    functions::add(&mut functions, options.mode, Arc::clone(&options.cluster));
    let missing_key = if options.mode == Mode::Strict { MissingKey::Error } else { MissingKey::Zero };
    let mut templates =
        Templates::new(functions).named("gotpl").missing_key(missing_key).limits(options.limits);
    let parsed = options.parsed.clone().unwrap_or_default();
    parsed.expect(all.len());
    for renderable in &all {
        parsed.add(&mut templates, &renderable.path, &renderable.file)?;
    }
    drop(parsed);
    let trace = match options.trace {
        Trace::Off => gitops_template::Trace::Off,
        Trace::On => gitops_template::Trace::On,
    };
    let run = Options::default().world(options.world).trace(trace).watched(&reads);
    let mut renderer = templates.renderer(&run);
    let mut rendered = Rendered::default();
    for renderable in &all {
        if base_name(&renderable.path).starts_with('_') {
            continue;
        }
        renderable.begin();
        let output = renderer
            .render(&renderable.path, &renderable.data)
            .map_err(|error| execution_error(&error, &templates))?;
        rendered.files.insert(renderable.path.clone(), RenderedFile::new(output));
    }
    Ok(rendered)
}

/// Renders the template of `--name-template`: a release's name.
///
/// # Errors
/// When the template can't be parsed or executed, in Go's words.
pub fn render_name(template: &str, world: &dyn World) -> Result<String, Error> {
    const NAME: &str = "name-template";
    let mut templates = Templates::new(default_functions()).named(NAME);
    let failed = |message: String| Error::new(crate::ErrorKind::Render, message);
    templates.parse(NAME, template).map_err(|error| failed(error.to_string()))?;
    let options = Options::default().world(world);
    let output = templates.render(NAME, &gitops_template::Value::Nil, &options);
    output.map(|output| output.text).map_err(|error| failed(error.to_string()))
}

/// Returns the functions of Go, sprig and Helm that need no render.
fn default_functions() -> Functions {
    gitops_template::sprig()
}

/// Puts deeper paths first, and among equally deep ones the last name.
fn sort(all: &mut [Renderable]) {
    all.sort_by_cached_key(|renderable| {
        let depth = renderable.path.bytes().filter(|b| *b == b'/').count();
        std::cmp::Reverse((depth, renderable.path.clone()))
    });
}
