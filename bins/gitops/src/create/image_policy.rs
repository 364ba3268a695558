//! `gitops create image policy`.

use super::manifest::{Fields, object};
use super::upsert::{Wording, finish};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{Target, say};

/// Create or update an `ImagePolicy`: which tag of an image is taken.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create image policy podinfo --image-ref=podinfo --select-semver='>=1.0.0'
  gitops create image policy app --image-ref=app --select-numeric=asc --filter-regex='^main-.*-(?P<ts>[0-9]+)' --filter-extract='$ts' --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The ImageRepository.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    image_ref: String,
    /// The newest version of a range.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "RANGE")]
    select_semver: String,
    /// The last (asc) or first (desc) of the alphabet.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ORDER")]
    select_alpha: String,
    /// The greatest (asc) or least (desc) number.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ORDER")]
    select_numeric: String,
    /// The pattern of the tags that count.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "REGEX")]
    filter_regex: String,
    /// What of a tag is compared, with the pattern's groups.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEMPLATE")]
    filter_extract: String,
    /// Whether the tag's digest is kept: Never, IfNotPresent or Always.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "POLICY")]
    reflect_digest: String,
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    if args.image_ref.is_empty() {
        return Err("the name of an ImageRepository in the namespace is required (--image-ref)".into());
    }
    creation.labels()?;
    let mut spec = Fields::new()
        .named("imageRepositoryRef", &args.image_ref)
        .put("policy", policy(&args.select_semver, &args.select_alpha, &args.select_numeric)?);
    if !args.filter_regex.is_empty() {
        let regex = gitops_regex::GoRegex::new(&args.filter_regex)
            .map_err(|_| "--filter-regex is an invalid regex pattern")?;
        let groups: Vec<String> = regex.names().map(str::to_owned).collect();
        check_extract(&args.filter_extract, &groups)?;
        let filter = Fields::new().put("pattern", &*args.filter_regex).text("extract", &args.filter_extract);
        spec = spec.put("filterTags", filter);
    } else if !args.filter_extract.is_empty() {
        return Err("cannot specify --filter-extract without specifying --filter-regex".into());
    }
    if !["", "Never", "IfNotPresent", "Always"].contains(&args.reflect_digest.as_str()) {
        return Err(
            "invalid value for --reflect-digest, must be one of 'Never', 'IfNotPresent', 'Always'".into()
        );
    }
    spec = spec.text("digestReflectionPolicy", &args.reflect_digest);
    if let Some(interval) = creation.common.interval.filter(|time| !time.0.is_zero()) {
        if args.reflect_digest != "Always" {
            return Err("the --interval flag can only be used with the 'Always' digest reflection policy, use --reflect-digest=Always".into());
        }
        spec = spec.put("interval", interval.to_string());
    }
    let kind = Target::ImagePolicy.info();
    let made = object(kind, creation, spec)?;
    if !creation.common.export {
        say::generate("generating ImagePolicy");
    }
    finish(creation, kind, &made, &Wording::of("ImagePolicy")).await.map(drop)
}

/// Makes `spec.policy`. Flux's own test for two choices lets some pairs through with no policy at all; so does this.
fn policy(semver: &str, alpha: &str, numeric: &str) -> Result<Fields, Failure> {
    let order = |name: &str, value: &str, flag: &str| {
        if ["asc", "desc"].contains(&value) {
            Ok(Fields::new().put(name, Fields::new().put("order", value)))
        } else {
            Err(format!("{flag} must be one of [\"asc\", \"desc\"]").into())
        }
    };
    match (semver.is_empty(), alpha.is_empty(), numeric.is_empty()) {
        (false, false, _) | (false, _, false) => Ok(Fields::new()),
        (true, false, false) => {
            Err("only one of --select-semver, --select-alpha or --select-numeric can be specified".into())
        }
        (false, true, true) => Ok(Fields::new().put("semver", Fields::new().put("range", semver))),
        (true, false, true) => order("alphabetical", alpha, "--select-alpha"),
        (true, true, false) => order("numerical", numeric, "--select-numeric"),
        (true, true, true) => {
            Err("a policy must be provided with either --select-semver or --select-alpha".into())
        }
    }
}

/// Checks that a template names groups that the pattern has.
fn check_extract(template: &str, groups: &[String]) -> Result<(), Failure> {
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{');
        let name_on = braced.unwrap_or(rest);
        let end = name_on.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name_on.len());
        let (name, after) = name_on.split_at(end);
        rest = match braced {
            _ if name.is_empty() => return Err("--filter-extract is malformed".into()),
            Some(_) => after.strip_prefix('}').ok_or("--filter-extract is malformed")?,
            None => after,
        };
        let is_number =
            name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
        if !is_number && !groups.iter().any(|group| group == name) {
            return Err(format!(
                "capture group ${name} used in --filter-extract not found in --filter-regex"
            )
            .into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_name_groups_of_the_pattern() {
        let groups = ["ts".to_owned()];
        for (template, ok) in [
            ("$ts", true),
            ("${ts}-$1", true),
            ("$$x", true),
            ("$x", false),
            ("${ts", false),
            ("$-", false),
            ("$01", false),
        ] {
            assert_eq!(check_extract(template, &groups).is_ok(), ok, "{template}");
        }
    }
}
