//! `gitops package`: packs a chart into an archive, as `helm package` does.

use crate::Failure;
use crate::helm::world::unix_seconds;
use crate::helm::{print_warnings, source};
use crate::remote::login::LoginFlags;
use helm_rs::{PackageOptions, Time, Warnings, package};
use std::path::Path;
use std::process::ExitCode;

/// Pack charts into archives. The same files give the same bytes where SOURCE_DATE_EPOCH is set.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops package ./charts/web
  gitops package ./charts/web --version 1.2.3 --app-version 4.5.6 -d dist
  SOURCE_DATE_EPOCH=0 gitops package ./charts/web --dependency-update")]
pub(crate) struct Args {
    /// The charts' folders.
    #[arg(required = true)]
    charts: Vec<String>,
    /// The folder to write the archives to.
    #[arg(short = 'd', long, default_value = ".", value_name = "FOLDER")]
    destination: String,
    /// Give the chart this version.
    #[arg(long)]
    version: Option<String>,
    /// Give the chart this appVersion.
    #[arg(long)]
    app_version: Option<String>,
    /// Bring charts/ and Chart.lock up to date first.
    #[arg(short = 'u', long)]
    dependency_update: bool,
    #[command(flatten)]
    login: LoginFlags,
    /// Speak to registries without TLS.
    #[arg(long)]
    plain_http: bool,
    /// Refused: archives are not signed here.
    #[arg(long, hide = true)]
    sign: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if args.sign {
        return Err("--sign is refused: archives are not signed here".into());
    }
    let stamp = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) if !text.is_empty() => {
            let seconds: i64 = text.parse().map_err(|_| format!("invalid SOURCE_DATE_EPOCH \"{text}\""))?;
            Some(Time::from_seconds(seconds))
        }
        _ => None,
    };
    for name in &args.charts {
        let path = source::absolute(Path::new(name));
        if !path.exists() {
            return Err(format!("stat {name}: no such file or directory").into());
        }
        let chart_file = path.join("Chart.yaml");
        if let Err(error) = std::fs::metadata(&chart_file) {
            let shown = chart_file.display().to_string();
            return Err(
                format!("unable to detect chart at {shown}: {}", source::open_error(&shown, &error)).into()
            );
        }
        let mut warnings = Warnings::new();
        if args.dependency_update {
            crate::dependency::update_first(&path, &args.login, args.plain_http)?;
        }
        let chart = source::load_with(&path, source::Times::Read, &mut warnings)?;
        print_warnings(&warnings);
        let mut options = PackageOptions::new(Time::from_seconds(unix_seconds()));
        // As with Helm, an empty text is none.
        let given = |flag: &Option<String>| flag.clone().filter(|text| !text.is_empty());
        options.version = given(&args.version);
        options.app_version = given(&args.app_version);
        options.stamp = stamp;
        let packed = package(&chart, &options)?;
        let folder = if args.destination == "." {
            std::env::current_dir()?
        } else {
            Path::new(&args.destination).to_path_buf()
        };
        if folder.exists() && !folder.is_dir() {
            return Err(format!("failed to save: is not a directory: {}", folder.display()).into());
        }
        std::fs::create_dir_all(&folder)?;
        let file = folder.join(&packed.file_name);
        // A link is replaced, never written through.
        if std::fs::symlink_metadata(&file).is_ok_and(|found| found.is_symlink()) {
            std::fs::remove_file(&file)?;
        }
        std::fs::write(&file, &packed.archive)?;
        println!("Successfully packaged chart and saved it to: {}", file.display());
    }
    Ok(ExitCode::SUCCESS)
}
