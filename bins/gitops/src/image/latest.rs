//! `gitops image latest`: which tag of a list would a policy choose, and why not the others.

use super::{Output, print, print_json};
use crate::Failure;
use image_policy::{Exclusions, Policy, TagFilter, Verdict};
use std::io::Read;
use std::process::ExitCode;

/// Pick one of the tags on stdin, one a line, as an ImagePolicy would
///
/// Exit codes: 0 a tag was chosen, 1 none was (the reason is on stderr), 2 the flags were wrong.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  # The highest version of a range
  crane ls ghcr.io/org/app | gitops image latest --policy 'semver:>=1.0 <2.0'

  # The newest build of main, by the time in its tag
  gitops image latest --policy numerical:asc \\
    --filter-tags '^main-[a-f0-9]+-(?P<ts>[0-9]+)' --extract '$ts' < tags

  # Why was 2.0.0-rc.1 not chosen?
  gitops image latest --policy 'semver:>=1.0' --explain < tags")]
pub(super) struct Args {
    /// semver:RANGE, alphabetical[:asc|desc] or numerical[:asc|desc]
    #[arg(long, value_parser = Policy::parse)]
    policy: Policy,
    /// Look only at tags that match this Go regular expression
    #[arg(long, value_name = "PATTERN")]
    filter_tags: Option<String>,
    /// Compare this part of a tag, as $1 or ${name} of the pattern
    #[arg(
        long,
        value_name = "TEMPLATE",
        requires = "filter_tags",
        default_value = "",
        hide_default_value = true
    )]
    extract: String,
    /// Drop tags that match this Go regular expression; may be repeated
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Say of every tag why it was or was not chosen
    #[arg(long)]
    explain: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

const CHOSEN: anstyle::Style = anstyle::AnsiColor::Green.on_default().bold();
const DIM: anstyle::Style = anstyle::Style::new().dimmed();

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut policy = args.policy.clone();
    if let Some(pattern) = &args.filter_tags {
        policy = policy.filtered(TagFilter::new(pattern, &args.extract)?);
    }
    policy = policy.excluding(Exclusions::new(&args.exclude)?);
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    let tags: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if !args.explain {
        let tag = policy.latest(&tags)?;
        match args.output {
            Output::Text => print(&format!("{tag}\n"))?,
            Output::Json => print_json(&serde_json::json!({ "tag": tag }))?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let explained = policy.explain(&tags);
    match args.output {
        Output::Text => {
            let line = |(tag, verdict): &(&str, Verdict)| {
                let style = if matches!(verdict, Verdict::Chosen { .. }) { CHOSEN } else { DIM };
                format!("{tag}: {style}{verdict}{style:#}\n")
            };
            print(&explained.verdicts().iter().map(line).collect::<String>())?;
        }
        Output::Json => {
            let tags = explained.verdicts().iter().map(|(tag, verdict)| {
                serde_json::json!({ "tag": tag, "verdict": verdict.code(), "reason": verdict.to_string() })
            });
            print_json(&serde_json::json!({
                "tag": explained.chosen().ok(),
                "error": explained.chosen().err().map(ToString::to_string),
                "tags": tags.collect::<Vec<_>>(),
            }))?;
        }
    }
    explained.chosen().map_err(Clone::clone)?;
    Ok(ExitCode::SUCCESS)
}
