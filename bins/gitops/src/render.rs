//! `gitops render`: everything that a repository would apply.

use crate::Failure;
use crate::fleet::{FleetFlags, Repository, report, unknown};
use gitops_controllers::fleet::{App, KeepNodes, RenderedObject, Selector};
use gitops_fs::write_below;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Render a whole fleet: Kustomizations, HelmReleases and what they lead to, without a cluster.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  # Everything that the repository around this folder applies
  gitops render

  # One cluster of it
  gitops render --path clusters/production

  # One app, one release, one object
  gitops render . kustomization/apps
  gitops render . helmrelease/ingress-nginx/ingress-nginx --charts ~/charts
  gitops render . Deployment/echo/echo

  # As files, one folder an app; fail where anything can't be rendered
  gitops render -o dir --output-dir out --strict")]
pub(crate) struct Args {
    /// A folder of the repository; and what to print of it: KIND/[NAMESPACE/]NAME (repeatable).
    #[arg(value_name = "FOLDER|SELECTOR")]
    what: Vec<String>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
    /// The folder that `-o dir` writes.
    #[arg(long, value_name = "FOLDER", required_if_eq("output", "dir"))]
    output_dir: Option<PathBuf>,
    /// Fail on anything that is wrong or can't be resolved.
    #[arg(long)]
    strict: bool,
    /// Say above each object which app applies it and where it stands.
    #[arg(long)]
    sources: bool,
    #[command(flatten)]
    fleet: FleetFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Yaml,
    Json,
    Dir,
}

/// Parts the folder from the selectors: a folder is one that exists.
pub(crate) fn folder_and_selectors(what: &[String]) -> Result<(PathBuf, Vec<Selector>), Failure> {
    let (folder, rest) = match what.split_first() {
        Some((first, rest)) if Path::new(first).is_dir() => (PathBuf::from(first), rest),
        _ => (PathBuf::from("."), what),
    };
    let selectors = rest.iter().map(|text| text.parse()).collect::<Result<_, String>>()?;
    Ok((folder, selectors))
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (folder, selectors) = folder_and_selectors(&args.what)?;
    let repository = Repository::find_to_render(&folder)?;
    let rendered = args.fleet.render(&repository, KeepNodes::No)?;
    let errors = report(&rendered);
    if args.strict
        && rendered.all_gaps().any(|(_, gap)| gap.severity > gitops_controllers::fleet::Severity::Note)
    {
        return Err("something can't be rendered, and --strict allows no gaps".into());
    }
    let chosen: Vec<(&App, &RenderedObject)> = if selectors.is_empty() {
        rendered.apps.iter().flat_map(|app| app.objects.iter().map(move |object| (app, object))).collect()
    } else {
        let mut chosen = Vec::new();
        for selector in &selectors {
            let found = selector.choose(&rendered.apps);
            if found.is_empty() && !rendered.apps.iter().any(|app| selector.selects_app(&app.id)) {
                return Err(unknown(&selector.to_string(), &rendered.apps));
            }
            chosen.extend(found);
        }
        chosen
    };
    match args.output {
        Format::Yaml => print_yaml(&chosen, args.sources)?,
        Format::Json => print_json(&chosen)?,
        Format::Dir => write_folder(&chosen, args.output_dir.as_deref().unwrap_or(Path::new("out")))?,
    }
    Ok(if errors > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print_yaml(chosen: &[(&App, &RenderedObject)], sources: bool) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut print = || -> std::io::Result<()> {
        for (index, (app, object)) in chosen.iter().enumerate() {
            if index > 0 || sources {
                out.write_all(b"---\n")?;
            }
            if sources {
                writeln!(out, "# {}: {}", app.id, object.place)?;
            }
            out.write_all(object.yaml.as_bytes())?;
        }
        out.flush()
    };
    match print() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn print_json(chosen: &[(&App, &RenderedObject)]) -> Result<(), Failure> {
    let mut items = Vec::new();
    for (_, object) in chosen {
        let json = gitops_yaml::to_json(&object.read()?, gitops_yaml::Dialect::V3)?;
        items.push(json.trim_end().to_owned());
    }
    let text = format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}}\n", items.join(","));
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

fn write_folder(chosen: &[(&App, &RenderedObject)], folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    for (app, object) in chosen {
        let id = &object.id;
        let parts = [&*id.kind, &*id.namespace, &*id.name].map(|part| part.to_lowercase().replace('/', "_"));
        let name =
            parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("_");
        let path = format!("{}/{name}.yaml", app.id);
        write_below(folder, Path::new(&path), object.yaml.as_bytes())?;
    }
    anstream::eprintln!("wrote {} objects to {}", chosen.len(), folder.display());
    Ok(())
}
