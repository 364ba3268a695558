//! `gitops validate`: what is wrong with a repository, before any cluster sees it.

use crate::Failure;
use crate::fleet::{FolderArgs, TextOrJson, coloured};
use gitops_controllers::fleet::Severity;
use gitops_controllers::fleet::validate::Finding;
use std::process::ExitCode;

/// Check a fleet without a cluster: fields, references, dependencies, versions, owners, files that nothing reads.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops validate
  gitops validate --path clusters/production --strict
  gitops validate --ignore clear-secret,image-without-tag -o json")]
pub(crate) struct Args {
    /// Fail on warnings too.
    #[arg(long)]
    strict: bool,
    /// Leave out notes.
    #[arg(short, long)]
    quiet: bool,
    /// Rules to leave out, named in brackets behind each finding (repeatable, comma-separated).
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: TextOrJson,
    #[command(flatten)]
    folder: FolderArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut validation = args.folder.with_fleet(|fleet| fleet.validate())?;
    validation.findings.retain(|finding| {
        let is_shown = !args.quiet || finding.gap.severity > Severity::Unresolved;
        is_shown && !args.ignore.iter().any(|rule| rule == finding.rule)
    });
    let findings = &validation.findings;
    let count = |severity| findings.iter().filter(|finding| finding.gap.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    match args.output {
        TextOrJson::Text => {
            for finding in findings {
                let shown = coloured(&finding.gap);
                let (first, rest) = shown.split_once('\n').map_or((shown.as_str(), ""), |(a, b)| (a, b));
                let rest = if rest.is_empty() { String::new() } else { format!("\n{rest}") };
                anstream::println!("{first} [{}]{rest}", finding.rule);
            }
            println!(
                "{} objects: {errors} errors, {warnings} warnings, {} notes",
                validation.objects,
                count(Severity::Note) + count(Severity::Unresolved)
            );
            if validation.unknown_kinds > 0 {
                println!("{} objects are of kinds whose fields are not known here", validation.unknown_kinds);
            }
        }
        TextOrJson::Json => println!("{:#}", serde_json::Value::Array(findings.iter().map(json).collect())),
    }
    let failed = errors > 0 || (args.strict && warnings > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn json(finding: &Finding) -> serde_json::Value {
    serde_json::json!({
        "rule": finding.rule, "severity": finding.gap.severity.as_str(), "place": finding.gap.place,
        "message": finding.gap.message, "help": finding.gap.help,
        "app": finding.app.as_ref().map(ToString::to_string),
    })
}
