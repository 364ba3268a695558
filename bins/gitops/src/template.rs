//! `gitops template`: renders a chart as `helm template` does.

use crate::Failure;
use crate::helm::flags::ValueFlags;
use crate::helm::world::{ThisMachine, unix_seconds};
use crate::helm::{namespace, print_warnings, source};
use crate::remote::chart::ChartFlags;
use helm_rs::chart::{Chart, Crd};
use helm_rs::render::{Mode, Operation, ReleaseFacts, RenderOptions, Trace};
use helm_rs::{
    Capabilities, KubeVersion, PostRender, PostRenderStrategy, PostRenderer, Schemas, TemplateOptions,
    Templated, Warnings,
};
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// Render a chart's templates, as helm template does.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops template web ./charts/web -f prod.yaml
  gitops template web ./charts/web --set image.tag=1.2 --show-only templates/deployment.yaml
  gitops template web oci://ghcr.io/stefanprodan/charts/podinfo --version '6.x'")]
pub(crate) struct Args {
    /// The release's name and the chart; the chart alone renders `release-name`.
    #[arg(value_name = "[NAME] CHART", required = true, num_args = 1..=2)]
    name_and_chart: Vec<String>,
    #[command(flatten)]
    values: ValueFlags,
    /// The namespace of the release.
    #[arg(short = 'n', long)]
    namespace: Option<String>,
    /// Only show manifests of these templates, named from the chart's folder (repeatable).
    #[arg(short = 's', long, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// Write the manifests to files beneath this folder.
    #[arg(long, value_name = "FOLDER")]
    output_dir: Option<String>,
    /// Put the release's name into the path below the output folder.
    #[arg(long)]
    release_name: bool,
    /// Print the definitions of `crds/` too.
    #[arg(long)]
    include_crds: bool,
    /// Accepted as helm has it; definitions are only printed with --include-crds.
    #[arg(long)]
    skip_crds: bool,
    /// Leave out hooks.
    #[arg(long)]
    no_hooks: bool,
    /// Leave out hooks that test the release.
    #[arg(long)]
    skip_tests: bool,
    /// Render for an upgrade: `.Release.IsUpgrade`.
    #[arg(long)]
    is_upgrade: bool,
    /// The Kubernetes version that templates see.
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// Further API versions that templates see (repeatable, comma-separated).
    #[arg(short = 'a', long, value_name = "VERSION", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Don't check values against the charts' schemas.
    #[arg(long)]
    skip_schema_validation: bool,
    /// Make up a name for the release.
    #[arg(short = 'g', long)]
    generate_name: bool,
    /// A template for the release's name.
    #[arg(long, value_name = "TEMPLATE")]
    name_template: Option<String>,
    /// Where charts/ lacks dependencies, bring it and Chart.lock up to date first.
    #[arg(long)]
    dependency_update: bool,
    /// Fail where a template uses a value that is not set.
    #[arg(long)]
    strict: bool,
    /// Pipe the manifests through this program before they are sorted.
    #[arg(long, value_name = "PROGRAM")]
    post_renderer: Option<String>,
    /// An argument of the post-renderer (repeatable).
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    post_renderer_args: Vec<String>,
    /// How hooks are passed to the post-renderer.
    #[arg(long, value_name = "STRATEGY", default_value = "combined", value_parser = ["combined", "separate", "nohooks"])]
    post_renderer_strategy: String,
    /// Refused: rendering asks no cluster.
    #[arg(long, hide = true)]
    validate: bool,
    /// `client` is what this always does; `server` is refused.
    #[arg(long, value_name = "WHERE", num_args = 0..=1, default_missing_value = "client", require_equals = true)]
    dry_run: Option<String>,
    /// On failure, print what was rendered; where lines came from is printed in any case.
    #[arg(long)]
    debug: bool,
    #[command(flatten)]
    remote: ChartFlags,
    #[command(flatten)]
    ignored: IgnoredFlags,
}

/// Flags of helm that change nothing when a chart is only rendered.
#[derive(clap::Args, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "flags are booleans")]
struct IgnoredFlags {
    #[arg(long, hide = true)]
    create_namespace: bool,
    #[arg(long, hide = true)]
    replace: bool,
    #[arg(long, hide = true)]
    disable_openapi_validation: bool,
    #[arg(long, hide = true)]
    hide_notes: bool,
    #[arg(long, hide = true)]
    render_subchart_notes: bool,
    #[arg(long, hide = true)]
    enable_dns: bool,
    #[arg(long, hide = true)]
    take_ownership: bool,
    #[arg(long, hide = true)]
    wait_for_jobs: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    wait: Option<Option<String>>,
    #[arg(long, hide = true)]
    description: Option<String>,
    #[arg(short = 'l', long, hide = true)]
    labels: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if args.validate || args.dry_run.as_deref() == Some("server") {
        return Err("rendering asks no cluster: --validate and --dry-run=server are refused".into());
    }
    if let Some(other) = args.dry_run.as_deref().filter(|where_| !matches!(*where_, "client" | "true")) {
        return Err(format!("invalid dry-run value (\"{other}\"). Must be \"server\" or \"client\"").into());
    }
    let mut capabilities = Capabilities::default();
    if let Some(version) = &args.kube_version {
        capabilities.kube_version = KubeVersion::parse(version)
            .map_err(|error| format!("invalid kube version '{version}': {error}"))?;
    }
    capabilities.api_versions.extend(args.api_versions.iter().map(Into::into));
    let (name, chart) = name_and_chart(args)?;
    let (values, given) = args.values.merge()?;
    let mut warnings = Warnings::new();
    let chart = load(chart, args, &mut warnings)?;
    helm_rs::release::check_name(&name)
        .map_err(|error| format!("release name check failed: release name \"{name}\": {error}"))?;

    let facts = ReleaseFacts::install(name.as_str(), namespace(args.namespace.as_deref()))
        .operation(if args.is_upgrade { Operation::Upgrade } else { Operation::Install });
    let render = RenderOptions::new(facts)
        .capabilities(capabilities)
        .world(&ThisMachine)
        .trace(Trace::On)
        .mode(if args.strict { Mode::Strict } else { Mode::Lenient });
    let mut options = TemplateOptions::new(render).schemas(if args.skip_schema_validation {
        Schemas::Skipped
    } else {
        Schemas::Checked
    });
    options = options.given(&given);
    let program =
        args.post_renderer.as_ref().map(|program| Program { program, args: &args.post_renderer_args });
    if let Some(renderer) = &program {
        let strategy = match args.post_renderer_strategy.as_str() {
            "separate" => PostRenderStrategy::Separate,
            "nohooks" => PostRenderStrategy::NoHooks,
            _ => PostRenderStrategy::Combined,
        };
        options = options.post_render(PostRender { renderer, strategy });
    }
    let templated = helm_rs::template(chart, &values, &options, &mut warnings);
    print_warnings(&warnings);
    match templated {
        Ok(templated) => {
            let printed = print(args, &name, &templated);
            // The process ends: taking a large release apart would be for nothing.
            std::mem::forget(templated);
            printed
        }
        Err(failed) => {
            if args.debug
                && let Some(rendered) = &failed.rendered
            {
                println!("{}", helm_rs::print_rendered(rendered).trim());
            }
            Err(failed.error.report().into())
        }
    }
}

/// Sorts out the release's name and the chart as Helm does.
fn name_and_chart(args: &Args) -> Result<(String, &str), Failure> {
    if let [name, chart] = args.name_and_chart.as_slice() {
        if args.generate_name {
            return Err("cannot set --generate-name and also specify a name".into());
        }
        if args.name_template.is_some() {
            return Err("cannot set --name-template and also specify a name".into());
        }
        return Ok((name.clone(), chart));
    }
    let chart = args.name_and_chart.first().ok_or("\"template\" requires at least 1 argument")?;
    if let Some(template) = &args.name_template {
        return Ok((helm_rs::render::render_name(template, &ThisMachine)?, chart));
    }
    if args.generate_name {
        let base = Path::new(chart).file_name().map_or("chart".into(), |name| name.to_string_lossy());
        let base = base.split('.').next().unwrap_or(&base).to_owned();
        return Ok((format!("{base}-{}", unix_seconds()), chart));
    }
    Ok(("release-name".to_owned(), chart))
}

/// Loads the chart, and where wanted the dependencies that it lacks.
fn load(name: &str, args: &Args, warnings: &mut Warnings) -> Result<Chart, Failure> {
    let (path, mut chart) = source::find(name, &args.remote, warnings)?;
    match chart.metadata().chart_type.as_str() {
        "" | "application" => {}
        other => return Err(format!("{other} charts are not installable").into()),
    }
    if !matches!(chart.metadata().api_version.as_str(), "v1" | "v2") {
        return Err("invalid chart apiVersion".into());
    }
    if chart.metadata().deprecated {
        anstream::eprintln!("level=WARN msg=\"this chart is deprecated\"");
    }
    // What was fetched has no folder to bring up to date.
    if args.dependency_update && !args.remote.is_remote(name) && !chart.missing_dependencies().is_empty() {
        args.remote.update_dependencies(&path)?;
        chart = source::load(&path, warnings)?;
    }
    const CHECKING: &str = "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies";
    chart.check_dependencies().map_err(|error| error.within(CHECKING))?;
    Ok(chart)
}

fn print(args: &Args, name: &str, templated: &Templated) -> Result<ExitCode, Failure> {
    let crds: &[Crd] = if args.include_crds { &templated.crds } else { &[] };
    let hooks = match (args.no_hooks, args.skip_tests) {
        (true, _) => Vec::new(),
        (false, true) => templated.hooks_without_tests(),
        (false, false) => templated.hooks.iter().collect(),
    };
    let mut out = std::io::stdout().lock();
    let Some(folder) = &args.output_dir else {
        if args.show_only.is_empty() {
            let mut out = std::io::BufWriter::with_capacity(64 << 10, out);
            templated.pieces_with(crds, &hooks, |piece| out.write_all(piece.as_bytes()))?;
            out.flush()?;
        } else {
            let text = templated.print_with(crds, &hooks);
            out.write_all(helm_rs::show_only(&text, &args.show_only)?.as_bytes())?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let mut written = HashSet::new();
    for part in templated.parts(crds, &hooks) {
        // Helm puts the definitions of crds/ beside the release's folder.
        let is_crd = crds.iter().any(|crd| crd.path == part.path);
        let folder = if args.release_name && !is_crd { format!("{folder}/{name}") } else { folder.clone() };
        let path = format!("{folder}/{}", part.path);
        if let Some(parent) = Path::new(&path).parent() {
            std::fs::create_dir_all(parent)?;
        }
        let is_first = written.insert(path.clone());
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(is_first)
            .append(!is_first)
            .open(&path)?;
        file.write_all(part.text.as_bytes())?;
        writeln!(out, "wrote {path}")?;
    }
    writeln!(out)?;
    Ok(ExitCode::SUCCESS)
}

/// A program that reads manifests on its standard input and prints them changed. The user named it on this command line;
/// it is started without a shell.
struct Program<'a> {
    program: &'a str,
    args: &'a [String],
}

impl PostRenderer for Program<'_> {
    fn run(&self, manifests: &str) -> Result<String, String> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => format!(
                "error while running command {}: there is no such program: a post-renderer is a program here, by its name in PATH or its path, and not a plugin of Helm",
                self.program
            ),
            _ => format!("error while running command {}: {error}", self.program),
        };
        let mut child = Command::new(self.program)
            .args(self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || {
                if let Some(mut stdin) = stdin {
                    // A program that stops reading is not wrong; its exit code says whether it is.
                    let _ = stdin.write_all(manifests.as_bytes());
                }
            });
            child.wait_with_output()
        })
        .map_err(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "error while running command {}. error output:\n{said}: {}",
                self.program, output.status
            ));
        }
        if output.stdout.trim_ascii().is_empty() {
            return Err(format!("post-renderer {} produced empty output", self.program));
        }
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    }
}
