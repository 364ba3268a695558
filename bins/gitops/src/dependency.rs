//! `gitops dependency`: lists, updates and rebuilds the charts that a chart depends on, as `helm dependency` does.

use crate::Failure;
use crate::helm::world::now;
use crate::helm::{print_warnings, source};
use crate::remote::chart::{ChartFlags, fetch};
use crate::remote::login::LoginFlags;
use gitops_yaml::{Dialect, print_sigs};
use helm_rs::chart::{Chart, Dependency, Lock};
use helm_rs::{PackageOptions, Warnings, is_in_range, package};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// List, update or rebuild the charts in charts/.
#[derive(clap::Args)]
#[command(
    visible_alias = "dep",
    after_help = "Examples:
  gitops dependency list ./charts/web
  gitops dependency update ./charts/web
  gitops dependency build ./charts/web --plain-http"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the dependencies of a chart and whether charts/ holds them.
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Choose versions as Chart.yaml wants them, write them to charts/ and Chart.lock.
    #[command(visible_alias = "up")]
    Update(ChangeArgs),
    /// Write to charts/ what Chart.lock names.
    Build(ChangeArgs),
}

#[derive(clap::Args)]
#[command(after_help = "Example:
  gitops dependency list ./charts/web")]
struct ListArgs {
    /// The chart's folder.
    #[arg(default_value = ".")]
    chart: String,
    /// The widest that a column is printed.
    #[arg(long, default_value_t = 80)]
    max_col_width: usize,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  gitops dependency update ./charts/web
  gitops dependency build ./charts/web --plain-http")]
struct ChangeArgs {
    /// The chart's folder.
    #[arg(default_value = ".")]
    chart: String,
    /// Accepted as helm has it; indexes are fetched anew in any case.
    #[arg(long, hide = true)]
    skip_refresh: bool,
    #[command(flatten)]
    login: LoginFlags,
    /// Speak to registries without TLS.
    #[arg(long)]
    plain_http: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::List(args) => list(args)?,
        Command::Update(args) => Job::of(args)?.update()?,
        Command::Build(args) => Job::of(args)?.build()?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings charts/ and Chart.lock of a chart up to date before something else is done with it; what is done goes to stderr.
pub(crate) fn update_first(folder: &Path, login: &LoginFlags, plain_http: bool) -> Result<(), Failure> {
    Job::open(folder, login, plain_http, Progress::Stderr)?.update()
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let folder = Path::new(&args.chart);
    let mut warnings = Warnings::new();
    let chart = source::load(folder, &mut warnings)?;
    print_warnings(&warnings);
    let wanted: Vec<&Dependency> = chart.metadata().dependencies.iter().flatten().collect();
    if wanted.is_empty() {
        println!("WARNING: no dependencies at {}", folder.join("charts").display());
        return Ok(());
    }
    let mut rows = vec![["NAME", "VERSION", "REPOSITORY", "STATUS"].map(str::to_owned)];
    rows.extend(wanted.iter().map(|wanted| {
        let status = status(folder, &chart, wanted).to_owned();
        [wanted.name.to_string(), wanted.version.to_string(), wanted.repository.to_string(), status]
    }));
    for row in &mut rows {
        for cell in row {
            shorten(cell, args.max_col_width);
        }
    }
    let widths: Vec<usize> =
        (0..4).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        println!("{}", cells.join("\t"));
    }
    println!();
    for found in entries(&folder.join("charts"))? {
        let name = found.file_name().unwrap_or_default().to_string_lossy();
        if !found.is_dir() && !name.ends_with(".tgz") {
            continue;
        }
        let Ok(stray) = source::load(&found, &mut Warnings::new()) else { continue };
        if !wanted.iter().any(|wanted| wanted.name == stray.name()) {
            println!("WARNING: \"{}\" is not in Chart.yaml.", found.display());
        }
    }
    Ok(())
}

fn shorten(cell: &mut String, width: usize) {
    if cell.chars().count() > width {
        let kept: String = cell.chars().take(width.saturating_sub(3)).collect();
        *cell = format!("{kept}...");
    }
}

/// Says how a dependency stands in charts/, in Helm's words.
fn status(folder: &Path, chart: &Chart, wanted: &Dependency) -> &'static str {
    let prefix = format!("{}-", wanted.name);
    let mut archives: Vec<PathBuf> = entries(&folder.join("charts")).unwrap_or_default();
    archives.retain(|path| version_in(path, &prefix).is_some());
    if archives.len() > 1 {
        archives.retain(|path| {
            version_in(path, &prefix).is_some_and(|text| gitops_semver::Version::parse_strict(text).is_ok())
        });
        if archives.len() > 1 {
            return "too many matches";
        }
    }
    if let Some(archive) = archives.first() {
        let Ok(found) = source::load(archive, &mut Warnings::new()) else { return "corrupt" };
        if found.name() != wanted.name.as_str() {
            return "misnamed";
        }
        return fits(wanted, &found).unwrap_or("ok");
    }
    match chart.dependencies().iter().rfind(|found| found.name() == wanted.name.as_str()) {
        None => "missing",
        Some(found) => fits(wanted, found).unwrap_or("unpacked"),
    }
}

/// Returns the part of an archive's name that may be a version.
fn version_in<'a>(path: &'a Path, prefix: &str) -> Option<&'a str> {
    path.file_name()?.to_str()?.strip_prefix(prefix)?.strip_suffix(".tgz")
}

/// Says what is wrong with the version of a chart, if anything is.
fn fits(wanted: &Dependency, found: &Chart) -> Option<&'static str> {
    let version = &found.metadata().version;
    if *version == wanted.version {
        return None;
    }
    let is_valid = gitops_semver::Constraint::parse(&wanted.version).is_ok()
        && gitops_semver::Version::parse(version).is_ok();
    match (is_valid, is_in_range(&wanted.version, version)) {
        (false, _) => Some("invalid version"),
        (true, false) => Some("wrong version"),
        (true, true) => None,
    }
}

/// Lists a folder in the order of names; one that is missing is empty.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut paths: Vec<PathBuf> = found.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// A chart whose dependencies are brought into charts/.
struct Job<'a> {
    folder: PathBuf,
    chart: Chart,
    login: &'a LoginFlags,
    plain_http: bool,
    progress: Progress,
}

/// Where it is told what is done.
#[derive(Clone, Copy)]
enum Progress {
    Stdout,
    Stderr,
}

/// An archive that goes into charts/.
struct Archive {
    file_name: String,
    bytes: Vec<u8>,
}

impl<'a> Job<'a> {
    fn of(args: &'a ChangeArgs) -> Result<Self, Failure> {
        Self::open(Path::new(&args.chart), &args.login, args.plain_http, Progress::Stdout)
    }

    fn open(
        folder: &Path,
        login: &'a LoginFlags,
        plain_http: bool,
        progress: Progress,
    ) -> Result<Self, Failure> {
        let folder = source::absolute(folder);
        let found =
            fs::metadata(&folder).map_err(|error| format!("could not find {}: {error}", folder.display()))?;
        if !found.is_dir() {
            return Err("only unpacked charts can be updated".into());
        }
        let mut warnings = Warnings::new();
        let chart = source::load(&folder, &mut warnings)?;
        print_warnings(&warnings);
        Ok(Self { folder, chart, login, plain_http, progress })
    }

    fn say(&self, text: &str) {
        match self.progress {
            Progress::Stdout => println!("{text}"),
            Progress::Stderr => eprintln!("{text}"),
        }
    }

    fn wanted(&self) -> Vec<Dependency> {
        self.chart.metadata().dependencies.iter().flatten().cloned().collect()
    }

    fn update(&self) -> Result<(), Failure> {
        let wanted = self.wanted();
        if wanted.is_empty() {
            return Ok(());
        }
        let (chosen, archives) = self.bring(&wanted)?;
        let mut lock = Lock::default();
        lock.generated = now();
        lock.digest = Lock::digest_of(Some(&wanted), Some(&chosen)).into();
        lock.dependencies = chosen.into_iter().map(Some).collect();
        self.write(&wanted, &archives)?;
        if self.chart.lock().is_some_and(|old| old.digest == lock.digest) {
            return Ok(());
        }
        let text = print_sigs(&lock.to_node(), Dialect::Yaml11)?;
        let path = self.folder.join(self.lock_name());
        // A link would make this write elsewhere.
        if let Ok(target) = fs::read_link(&path) {
            let name = self.lock_name();
            return Err(format!("the {name} file is a symlink to \"{}\"", target.display()).into());
        }
        Ok(fs::write(path, text)?)
    }

    fn build(&self) -> Result<(), Failure> {
        let Some(lock) = self.chart.lock() else { return self.update() };
        let wanted = self.wanted();
        if wanted.is_empty() {
            return Ok(());
        }
        if !lock.fits(&wanted) {
            let name = self.lock_name();
            let wishes = if name == "Chart.lock" { "Chart.yaml" } else { "requirements.yaml" };
            return Err(format!(
                "the lock file ({name}) is out of sync with the dependencies file ({wishes}). Please update the dependencies"
            )
            .into());
        }
        let locked: Vec<Dependency> = lock.dependencies.iter().flatten().cloned().collect();
        let (_, archives) = self.bring(&locked)?;
        self.write(&locked, &archives)
    }

    fn lock_name(&self) -> &'static str {
        if self.chart.metadata().api_version == "v1" { "requirements.lock" } else { "Chart.lock" }
    }

    /// Finds all dependencies; says which versions were chosen, and what is to be written.
    fn bring(&self, wanted: &[Dependency]) -> Result<(Vec<Dependency>, Vec<Archive>), Failure> {
        self.say(&format!("Saving {} charts", wanted.len()));
        let (mut chosen, mut archives) = (Vec::new(), Vec::new());
        for wanted in wanted {
            let version = match wanted.repository.as_str() {
                "" => {
                    self.say(&format!("Dependency {} did not declare a repository. Assuming it exists in the charts directory",
                        wanted.name));
                    self.beside(wanted)?;
                    wanted.version.to_string()
                }
                repository => {
                    let (version, archive) = match repository.strip_prefix("file://") {
                        Some(local) => self.local(wanted, local)?,
                        None => self.remote(wanted, repository)?,
                    };
                    archives.push(archive);
                    version
                }
            };
            let mut choice = Dependency::default();
            choice.name.clone_from(&wanted.name);
            choice.repository.clone_from(&wanted.repository);
            choice.version = version.into();
            chosen.push(choice);
        }
        Ok((chosen, archives))
    }

    /// Checks a dependency that lies in charts/ already.
    fn beside(&self, wanted: &Dependency) -> Result<(), Failure> {
        let path = self.folder.join("charts").join(wanted.name.as_str());
        let found = source::load(&path, &mut Warnings::new())
            .map_err(|error| format!("unable to load chart '{}': {error}", path.display()))?;
        if is_in_range(&wanted.version, &found.metadata().version) {
            return Ok(());
        }
        Err(format!(
            "dependency {} at version {} does not satisfy the constraint {}",
            wanted.name,
            found.metadata().version,
            wanted.version
        )
        .into())
    }

    fn local(&self, wanted: &Dependency, local: &str) -> Result<(String, Archive), Failure> {
        let path = source::absolute(&self.folder.join(local));
        if !path.exists() {
            return Err(format!("directory {} not found", path.display()).into());
        }
        let mut warnings = Warnings::new();
        let found = source::load_with(&path, source::Times::Read, &mut warnings)?;
        print_warnings(&warnings);
        let version = found.metadata().version.to_string();
        if !is_in_range(&wanted.version, &version) {
            return Err(format!(
                "can't get a valid version for dependency {}: {local} holds {version}, wanted is {}",
                wanted.name, wanted.version
            )
            .into());
        }
        let packed = package(&found, &PackageOptions::new(now()))?;
        Ok((version, Archive { file_name: packed.file_name, bytes: packed.archive }))
    }

    fn remote(&self, wanted: &Dependency, repository: &str) -> Result<(String, Archive), Failure> {
        if repository.starts_with('@') || repository.starts_with("alias:") {
            return Err(format!("no repository definition for {repository}: name its address").into());
        }
        self.say(&format!("Downloading {} from repo {repository}", wanted.name));
        let flags =
            ChartFlags::of_dependency(repository, &wanted.version, self.login.clone(), self.plain_http);
        let fetched = fetch(&wanted.name, &flags)?;
        let found = Chart::load_archive(&fetched.archive, &mut Warnings::new())?;
        if found.name() != wanted.name.as_str() {
            return Err(format!("{repository} sent {} for {}", found.name(), wanted.name).into());
        }
        // The name is made of what was checked, never of the address.
        let version = found.metadata().version.to_string();
        let file_name = format!("{}-{version}.tgz", wanted.name);
        Ok((version, Archive { file_name, bytes: fetched.archive.to_vec() }))
    }

    /// Writes archives to charts/ and deletes those that no longer belong there.
    fn write(&self, wanted: &[Dependency], archives: &[Archive]) -> Result<(), Failure> {
        let charts = self.folder.join("charts");
        if fs::symlink_metadata(&charts).is_ok_and(|found| !found.is_dir()) {
            return Err(format!("{} is not a directory", charts.display()).into());
        }
        fs::create_dir_all(&charts)?;
        for archive in archives {
            let path = charts.join(&archive.file_name);
            // A link is replaced, never written through.
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
                fs::remove_file(&path)?;
            }
            fs::write(path, &archive.bytes)?;
        }
        self.say("Deleting outdated charts");
        for path in entries(&charts)? {
            let is_new = archives.iter().any(|archive| path.ends_with(&archive.file_name));
            if is_new || path.is_dir() {
                continue;
            }
            match source::load(&path, &mut Warnings::new()) {
                Err(error) => {
                    self.say(&format!(
                        "Could not verify {} for deletion: {error} (Skipping)",
                        path.display()
                    ));
                }
                Ok(old) => {
                    let is_kept =
                        wanted.iter().any(|wanted| wanted.repository.is_empty() && wanted.name == old.name());
                    if !is_kept {
                        fs::remove_file(&path)?;
                    }
                }
            }
        }
        Ok(())
    }
}
