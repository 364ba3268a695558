//! The build, from top to bottom: load the kustomization and all that it includes, generate, transform, hash names, fix
//! references, resolve variables, sort, print.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::schema::{Schema, Winner};
use gitops_core::tree::Source;
use gitops_yaml::{Dialect, FileId, Files, Node, Str, append_sigs};

use crate::accumulate::{Accumulator, Target};
use crate::error::{Error, ErrorKind};
use crate::field_spec::FieldSpec;
use crate::field_specs::FieldSpecs;
use crate::generate::ChartInflator;
use crate::hash::content_hash;
use crate::load::{LoadRestrictions, Loader};
use crate::name_reference::fix_references;
use crate::observe::{Observer, Step};
use crate::origin::{ORIGIN, Origin, TRANSFORMATIONS};
use crate::remotes::find_remotes;
use crate::resource::Resource;
use crate::resource_map::ResourceMap;
use crate::scope::Scopes;
use crate::sort::{sort, sort_legacy};
use crate::transform::labels::LabelTransformer;
use crate::transform::{Context, Transformer};

/// How to build; what a command line would have flags for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Which files a kustomization may read.
    pub load_restrictions: LoadRestrictions,
    /// The order of the output where the kustomization does not say.
    pub reorder: Option<Reorder>,
    /// Adds the label `app.kubernetes.io/managed-by`.
    pub managed_by: Option<ManagedBy>,
    /// Allows plugins that are programs to be named; they are refused all the same, with another text.
    pub alpha_plugins: bool,
    /// What charts are rendered with.
    pub helm: HelmOptions,
    /// Remote bases and files by their URL, and the path in the tree where the caller put what it fetched.
    pub remotes: BTreeMap<String, String>,
    /// What stands before paths of the tree in errors: the directory that the tree was read from, or nothing.
    pub working_directory: String,
    /// What a build may cost.
    pub limits: Limits,
}

/// What a build may cost; the files may come from strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many kustomizations may be included in all, each counted as often as it is included; 10,000 by default. It ends
    /// bases that include others twice, which include others twice, and so on.
    pub kustomizations: usize,
    /// Bytes, counted roughly, of what is read and of what patches, replacements, labels and the like put into resources,
    /// as often as they do; 1 GiB by default. It ends patches that copy their own copies, and large ones that are for many
    /// resources.
    pub made_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { kustomizations: 10_000, made_bytes: 1 << 30 }
    }
}

/// What a build may still make.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<usize>,
    most: usize,
}

impl Budget {
    fn new(most: usize) -> Self {
        Self { left: Cell::new(most), most }
    }

    /// Takes bytes that are made.
    ///
    /// # Errors
    /// When as many are not left.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Error> {
        let Some(left) = self.left.get().checked_sub(bytes) else {
            let message = format!("the build makes more than {} bytes, the limit", self.most);
            return Err(Error::new(ErrorKind::Limit, message));
        };
        self.left.set(left);
        Ok(())
    }

    /// Returns how many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.left.get()
    }
}

/// The order of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reorder {
    /// As the resources were loaded.
    None,
    /// By kind, as upstream's default.
    Legacy,
}

/// Who is said to manage the resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedBy(pub Str);

impl Default for ManagedBy {
    fn default() -> Self {
        Self(Str::literal("kustomize-v5.8.2"))
    }
}

/// What charts are rendered with, where their entries do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HelmOptions {
    /// The API versions that the cluster is taken to have.
    pub api_versions: Vec<String>,
    /// The version of Kubernetes that the cluster is taken to have.
    pub kube_version: String,
    /// Whether the renderer prints more.
    pub debug: bool,
}

/// A build of kustomizations in a tree of files.
///
/// ```
/// use gitops_core::tree::MemTree;
/// use kustomize_rs::Build;
/// let mut tree = MemTree::new();
/// tree.add_file("app/kustomization.yaml", "namePrefix: prod-\nresources: [map.yaml]\n")?;
/// tree.add_file("app/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n")?;
/// let output = Build::new(&tree).run("app")?;
/// assert_eq!(output.to_yaml()?, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: prod-settings\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Build<'a> {
    source: &'a dyn Source,
    options: Options,
    inflator: Option<&'a dyn ChartInflator>,
    observer: Option<&'a dyn Observer>,
}

impl std::fmt::Debug for Build<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Build").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<'a> Build<'a> {
    /// Builds from these files.
    #[must_use]
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, options: Options::default(), inflator: None, observer: None }
    }

    /// Sets the options.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Allows `helmCharts`, rendered by this.
    #[must_use]
    pub fn charts(mut self, inflator: &'a dyn ChartInflator) -> Self {
        self.inflator = Some(inflator);
        self
    }

    /// Lets this look at the resources after each step.
    #[must_use]
    pub fn observe(mut self, observer: &'a dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Returns the URLs of the remote bases and files that a build would need and that [`Options::remotes`] does not
    /// have. Fetch them, put them into the tree, say where, and ask again: what was fetched may include more.
    ///
    /// A repository is put somewhere as a whole, as [`Remote::parse`](crate::Remote::parse) says which; a file of a web server
    /// as a file. What only the configurations of plugins name is found by the build itself: [`Error::needed_remote`].
    ///
    /// # Errors
    /// When a kustomization can't be read.
    pub fn remotes(&self, path: &str) -> Result<Vec<String>, Error> {
        let session = Session::new(self.source, self.options.clone(), self.inflator);
        let mut missing = Vec::new();
        let found = Loader::start(&session, path).and_then(|loader| find_remotes(&loader, &mut missing));
        match found {
            Ok(()) => Ok(missing),
            Err(error) => match error.needed_remote() {
                Some(url) => {
                    let url = url.to_owned();
                    missing.retain(|known| *known != url);
                    missing.push(url);
                    Ok(missing)
                }
                None => Err(error.located(&session.files.borrow())),
            },
        }
    }

    /// Builds the kustomization in a directory of the tree.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn run(&self, path: &str) -> Result<Output, Error> {
        let mut session = Session::new(self.source, self.options.clone(), self.inflator);
        session.observer = self.observer;
        match session.build(path) {
            Ok(resources) => Ok(Output {
                resources: resources.into_resources(),
                warnings: session.warnings.into_inner(),
                notes: session.notes.into_inner(),
                files: session.files.into_inner(),
            }),
            Err(error) => Err(error.located(&session.files.borrow())),
        }
    }
}

/// What a build made.
#[derive(Clone, Debug)]
pub struct Output {
    resources: Vec<Resource>,
    warnings: Vec<String>,
    notes: Vec<String>,
    files: Files,
}

impl Output {
    /// Returns the resources in the order of the output.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Returns what a command line prints on stderr: deprecated fields and the like.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns what is no error and no warning upstream, and yet is probably a slip: a patch whose target selects nothing.
    /// Each names its `file:line:column` and what could be meant.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the names of the files that the resources' places refer to.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Prints the resources as `kustomize build` does.
    ///
    /// # Errors
    /// When a resource holds what the output can't, such as an infinite number.
    pub fn to_yaml(&self) -> Result<String, Error> {
        let mut text = String::new();
        for (i, resource) in self.resources.iter().enumerate() {
            if i > 0 {
                text.push_str("---\n");
            }
            self.append_yaml(resource, &mut text)?;
        }
        Ok(text)
    }

    /// Prints one resource at the end of a text.
    ///
    /// # Errors
    /// As [`Output::to_yaml`].
    pub fn append_yaml(&self, resource: &Resource, text: &mut String) -> Result<(), Error> {
        append_sigs(&resource.node, Dialect::V3, text).map_err(|error| {
            let place = if error.place().is_known() { error.place() } else { resource.place() };
            Error::new(ErrorKind::Resource, error.to_string())
                .at(place)
                .within(format!("{}/{}", resource.gvk(), resource.name()))
                .located(&self.files)
        })
    }
}

/// What all kustomizations of one build share.
pub(crate) struct Session<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) options: Options,
    pub(crate) inflator: Option<&'a dyn ChartInflator>,
    observer: Option<&'a dyn Observer>,
    /// Which fields transformers change, where no kustomization says more.
    pub(crate) builtin_specs: Arc<FieldSpecs>,
    files: RefCell<Files>,
    warnings: RefCell<Vec<String>>,
    notes: RefCell<Vec<String>>,
    schema: RefCell<Option<Arc<Schema>>>,
    kustomizations: Cell<usize>,
    pub(crate) budget: Budget,
    builtin: Arc<Schema>,
    /// The scopes by the built-in schema.
    scopes: Scopes,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        source: &'a dyn Source,
        options: Options,
        inflator: Option<&'a dyn ChartInflator>,
    ) -> Self {
        let builtin = Arc::new(Schema::builtin());
        Self {
            source,
            budget: Budget::new(options.limits.made_bytes),
            options,
            inflator,
            observer: None,
            builtin_specs: Arc::new(FieldSpecs::builtin()),
            files: RefCell::default(),
            warnings: RefCell::default(),
            notes: RefCell::default(),
            schema: RefCell::default(),
            kustomizations: Cell::default(),
            scopes: Scopes::new(Arc::clone(&builtin)),
            builtin,
        }
    }

    /// Shows the resources to the observer, if there is one.
    pub(crate) fn observe(&self, kustomization: &dyn Fn() -> String, name: &str, resources: &ResourceMap) {
        if let Some(observer) = self.observer {
            let step = Step { kustomization: &kustomization(), name };
            observer.after(&step, resources.iter().as_slice(), &self.files());
        }
    }

    /// Names a file that nodes are read from.
    pub(crate) fn add_file(&self, path: &str) -> FileId {
        let shown = self.shown(path);
        self.files.borrow_mut().add(shown)
    }

    pub(crate) fn files(&self) -> Ref<'_, Files> {
        self.files.borrow()
    }

    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.warnings.borrow_mut().push(message.into());
    }

    /// Warns, unless the same was said before.
    pub(crate) fn warn_once(&self, message: &str) {
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.iter().any(|known| known == message) {
            warnings.push(message.to_owned());
        }
    }

    /// Counts a kustomization against the limit.
    pub(crate) fn count_kustomization(&self) -> Result<(), Error> {
        let most = self.options.limits.kustomizations;
        self.kustomizations.set(self.kustomizations.get() + 1);
        if self.kustomizations.get() > most {
            let message = format!("more than {most} kustomizations are included");
            return Err(Error::new(ErrorKind::Cycle, message));
        }
        Ok(())
    }

    /// Returns what is known about kinds: the schema that a kustomization brought, or the built-in one.
    pub(crate) fn schema(&self) -> Arc<Schema> {
        self.schema.borrow().clone().unwrap_or_else(|| Arc::clone(&self.builtin))
    }

    /// Sets the schema for the whole build; the first one stays.
    ///
    /// It takes the place of the built-in one, unless a base was looked at before. Upstream has read the built-in one by
    /// then, or will when it next needs a schema, and keeps both.
    ///
    /// # Errors
    /// When it is no OpenAPI document.
    pub(crate) fn set_schema(&self, document: &Node) -> Result<(), Error> {
        let mut set = self.schema.borrow_mut();
        if set.is_some() {
            return Ok(());
        }
        let mut schema = Schema::default();
        let mut winner = Winner::Document;
        if self.builtin.was_used() {
            schema = Schema::builtin();
        } else if self.scopes.asked_unknown() {
            schema = Schema::builtin();
            winner = Winner::Known;
        }
        schema
            .extend_from_openapi(document, winner)
            .map_err(|error| Error::new(ErrorKind::Kustomization, error.to_string()).at(error.place))?;
        *set = Some(Arc::new(schema));
        Ok(())
    }

    pub(crate) fn resource_map(&self) -> ResourceMap {
        let own = self.schema.borrow().clone().map(Scopes::new);
        ResourceMap::new(own.unwrap_or_else(|| self.scopes.clone()))
    }

    /// Shows a path of the tree as the user knows it.
    pub(crate) fn shown(&self, path: &str) -> String {
        let directory = self.options.working_directory.trim_end_matches('/');
        match (path, self.options.working_directory.is_empty()) {
            (".", false) => {
                if directory.is_empty() {
                    "/".to_owned()
                } else {
                    directory.to_owned()
                }
            }
            (path, false) => format!("{directory}/{path}"),
            (path, true) => path.to_owned(),
        }
    }

    /// Shows a path of the tree without the directory that all have in common.
    pub(crate) fn shown_short(&self, path: &str) -> String {
        path.to_owned()
    }

    fn build(&self, path: &str) -> Result<ResourceMap, Error> {
        let loader = Loader::start(self, path)?;
        let target = Target::load(&loader)?;
        let kustomization = target.kustomization();
        let metadata = &kustomization.build_metadata;
        let wants = |option: &str| metadata.iter().any(|wanted| wanted == option);
        let tracks = wants("originAnnotations") || wants("transformerAnnotations");
        let origin = tracks.then(Origin::default);
        let sort_options = kustomization.sort_options.clone();
        let managed =
            self.options.managed_by.clone().or_else(|| wants("managedByLabel").then(ManagedBy::default));
        let (with_origins, with_transformations) =
            (wants("originAnnotations"), wants("transformerAnnotations"));

        let Accumulator { mut resources, specs, vars } = target.accumulate(origin.as_ref())?;
        add_hashes(&mut resources)?;
        self.observe(&String::new, "hash", &resources);
        fix_references(&mut resources, &specs.name_reference)?;
        self.observe(&String::new, "references", &resources);
        if let Some(warning) = vars.resolve(&mut resources, &specs.var_reference, &self.budget)? {
            self.warn(warning);
        }
        self.observe(&String::new, "vars", &resources);
        resources.retain(|resource| !is_local(resource));
        // Renaming may have made two of one; upstream ends with a panic here.
        resources.refuse_duplicates()?;
        self.sort(&mut resources, sort_options.as_ref())?;
        if let Some(ManagedBy(name)) = managed {
            let labels = BTreeMap::from([(Str::literal("app.kubernetes.io/managed-by"), name)]);
            let fields = vec![FieldSpec::everywhere("metadata/labels", true)];
            self.transform(&LabelTransformer { labels, fields }, &mut resources)?;
        }
        for resource in resources.iter_mut() {
            write_origin(resource, with_origins, with_transformations);
        }
        Ok(resources)
    }

    /// Runs a transformer, and takes note of what it may have written into annotations of the build.
    pub(crate) fn transform(
        &self,
        transformer: &dyn Transformer,
        resources: &mut ResourceMap,
    ) -> Result<(), Error> {
        let schema = self.schema();
        let files = self.files();
        transformer
            .transform(resources, &Context::new(&files, &schema).noting(&self.notes).within(&self.budget))
    }

    fn sort(
        &self,
        resources: &mut ResourceMap,
        options: Option<&crate::kustomization::SortOptions>,
    ) -> Result<(), Error> {
        match (options, self.options.reorder) {
            (Some(options), reorder) => {
                if reorder.is_some() {
                    self.warn(
                        "Warning: Sorting order is set both in 'kustomization.yaml' ('sortOptions') and in a CLI flag \
                         ('--reorder'). Using the kustomization file over the CLI flag.",
                    );
                }
                sort(resources, options).map_err(|error| error.within("SortOrderTransformer error"))
            }
            (None, Some(Reorder::None)) => Ok(()),
            (None, _) => sort_legacy(resources),
        }
    }
}

/// Appends the hash of their content to the names that want it.
fn add_hashes(resources: &mut ResourceMap) -> Result<(), Error> {
    for position in 0..resources.len() {
        let Some(resource) = resources.get(position).filter(|resource| resource.history.needs_hash) else {
            continue;
        };
        let hash = content_hash(resource).map_err(|error| error.at(resource.place()))?;
        let name = format!("{}-{hash}", resource.name());
        resources.store_previous_id(position);
        if let Some(resource) = resources.get_mut(position) {
            resource.set_name(name);
        }
    }
    Ok(())
}

/// Returns whether a resource is for tools alone and not for a cluster.
fn is_local(resource: &Resource) -> bool {
    resource.annotation("config.kubernetes.io/local-config").is_some_and(|value| value != "false")
}

/// Writes where a resource came from and what changed it, and rewrites its annotations for the output.
fn write_origin(resource: &mut Resource, with_origins: bool, with_transformations: bool) {
    if with_origins && let Some(origin) = resource.history.origin.take() {
        set_text(resource, ORIGIN, origin.to_yaml(""));
    }
    if with_transformations && !resource.history.transformations.is_empty() {
        let all = std::mem::take(&mut resource.history.transformations);
        let text: String = all.iter().map(|origin| format!("- {}", origin.to_yaml("  "))).collect();
        set_text(resource, TRANSFORMATIONS, text);
    }
    let mut dropped = Vec::new();
    if !with_origins {
        dropped.push(ORIGIN);
    }
    if !with_transformations {
        dropped.push(TRANSFORMATIONS);
    }
    resource.finish_annotations(&dropped);
}

fn set_text(resource: &mut Resource, key: &str, text: String) {
    let Some(metadata) = resource.node.get_mut("metadata") else { return };
    if metadata.get("annotations").is_none_or(|annotations| !annotations.is_mapping()) {
        metadata.set("annotations", Node::mapping(Vec::new()));
    }
    if let Some(annotations) = metadata.get_mut("annotations") {
        annotations.set(key, Node::string(text));
    }
}
