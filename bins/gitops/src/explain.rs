//! `gitops explain`: why a field is so.

use crate::Failure;
use crate::fleet::{FleetFlags, TextOrJson};
use anstyle::{AnsiColor, Style};
use gitops_controllers::fleet::Selector;
use gitops_controllers::fleet::explain::{Explanation, Role};
use gitops_yaml::FieldPath;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show which file, line and layer set a field of an object, and which ones it overrode.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops explain Deployment/echo spec.replicas
  gitops explain Deployment/echo/echo 'spec.template.spec.containers[name=echo].image'
  gitops explain hr/ingress-nginx spec.values.controller.replicaCount")]
pub(crate) struct Args {
    /// The object: KIND/[NAMESPACE/]NAME.
    #[arg(value_name = "KIND/NAME")]
    object: Selector,
    /// The field, with dots: spec.replicas, spec.containers[name=web].image.
    #[arg(value_name = "FIELD")]
    field: String,
    /// A folder of the repository.
    #[arg(short = 'C', long = "directory", value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: TextOrJson,
    #[command(flatten)]
    fleet: FleetFlags,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let path = FieldPath::parse(&args.field)?;
    let found = args.fleet.of_folder(&args.folder, |fleet| fleet.explain(&args.object, &path))??;
    match args.output {
        TextOrJson::Text => found.iter().for_each(print_text),
        TextOrJson::Json => println!("{:#}", serde_json::Value::Array(found.iter().map(json).collect())),
    }
    Ok(ExitCode::SUCCESS)
}

fn print_text(one: &Explanation) {
    let bold = Style::new().bold();
    let dim = Style::new().dimmed();
    let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let value = one.value.as_deref().unwrap_or("(not there)");
    anstream::println!("{bold}{}{bold:#} {} = {green}{value}{green:#}", one.object, one.path);
    anstream::println!("{dim}  applied by {}{dim:#}", one.app);
    for layer in &one.layers {
        let sign = match layer.role {
            Role::Sets => "set by    ",
            Role::Input => "  from    ",
            _ => "overrides ",
        };
        let value = layer.value.as_deref().unwrap_or("(removed)");
        let place = if layer.place.is_empty() { String::new() } else { format!("{}: ", layer.place) };
        anstream::println!("  {sign}{place}{value}  {dim}{}{dim:#}", layer.what);
    }
}

fn json(one: &Explanation) -> serde_json::Value {
    let layers = one.layers.iter().map(|layer| {
        let role = match layer.role {
            Role::Sets => "sets",
            Role::Input => "input",
            _ => "overridden",
        };
        serde_json::json!({"what": layer.what, "place": layer.place, "value": layer.value, "role": role})
    });
    serde_json::json!({
        "app": one.app.to_string(), "object": one.object.to_string(), "path": one.path.to_string(),
        "value": one.value, "layers": layers.collect::<Vec<_>>(),
    })
}
