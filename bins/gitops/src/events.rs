//! `gitops events`: what has happened to objects of Flux's kinds, oldest first.

use crate::Failure;
use crate::cluster::{
    ClusterFlags, KindInfo, address, fetch, run as run_async, say, table, text, within, worded,
};
use crate::flags::Reference;
use gitops_controllers::time::parse_rfc3339;
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ListOptions, Watch, WatchEvent};
use gitops_kube::KubeCluster;
use gitops_yaml::Node;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Show the events of sources, Kustomizations, releases and the like.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops events -n flux-system
  gitops events --for Kustomization/podinfo
  gitops events -A --types Warning --watch")]
pub(crate) struct Args {
    /// Of all namespaces.
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    /// Of one object and its source: KIND/NAME, or of a kind.
    #[arg(long = "for", value_name = "KIND[/NAME]")]
    of: Option<String>,
    /// Normal or Warning (repeatable).
    #[arg(long, value_delimiter = ',', value_name = "TYPE")]
    types: Vec<String>,
    /// Go on showing new ones.
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    cluster: ClusterFlags,
}

/// A namespace, a kind and a name; empty where any will do.
struct Wanted {
    namespace: String,
    kind: String,
    name: String,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    run_async(within(args.cluster.timeout.0, events(args)))
}

async fn events(args: &Args) -> Result<ExitCode, Failure> {
    for kind in &args.types {
        if !["normal", "warning"].contains(&kind.to_lowercase().as_str()) {
            return Err(format!("type '{kind}' not supported. Supported types are Normal, Warning").into());
        }
    }
    let own = args.cluster.namespace();
    let scope = if args.all_namespaces { String::new() } else { own.clone() };
    let cluster = args.cluster.connect().await?;
    let wanted = wanted(&cluster, args, &scope, &own).await?;
    let shows_namespace = wanted.iter().any(|one| one.namespace != own);
    let mut header = if shows_namespace { vec!["Namespace"] } else { Vec::new() };
    header.extend(["Last seen", "Type", "Reason", "Object", "Message"]);
    let gvk = Gvk::new("v1", "Event");
    // What an object's source says may stand in another namespace.
    let everywhere = wanted.iter().any(|one| one.namespace != scope);
    let options = ListOptions {
        namespace: (!everywhere && !scope.is_empty()).then(|| scope.as_str().into()),
        ..ListOptions::default()
    };
    let known = cluster.list(&gvk, &options).await.map_err(worded)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut found: Vec<&Node> = known.items.iter().filter(|event| takes(args, &wanted, event)).collect();
    found.sort_by_key(|event| time(event));
    let rows: Vec<Vec<String>> = found.iter().map(|event| row(event, now, shows_namespace)).collect();
    if rows.is_empty() && !args.watch {
        say::failure(match scope.as_str() {
            "" => "No events found.".to_owned(),
            scope => format!("No events found in {scope} namespace."),
        });
        return Ok(ExitCode::SUCCESS);
    }
    anstream::print!("{}", table::print(&header, &rows));
    if args.watch {
        let mut watch = cluster.watch(&gvk, &options, &known.resource_version).await.map_err(worded)?;
        while let Some(event) = watch.next().await {
            if let WatchEvent::Added(event) | WatchEvent::Modified(event) = event.map_err(worded)?
                && takes(args, &wanted, &event)
            {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                anstream::print!("{}", table::print(&[], &[row(&event, now, shows_namespace)]));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whose events: everybody's, a kind's, or one object's and its source's.
async fn wanted(cluster: &KubeCluster, args: &Args, scope: &str, own: &str) -> Result<Vec<Wanted>, Failure> {
    let any = |kind: &str, name: &str| Wanted {
        namespace: scope.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
    };
    let Some(of) = &args.of else { return Ok(vec![any("", "")]) };
    let mut reference = Reference::kind_and_name(of);
    if reference.kind.is_empty() {
        std::mem::swap(&mut reference.kind, &mut reference.name);
    }
    if reference.kind.is_empty() {
        return Err("--for selector must be of format <kind>[/<name>]".into());
    }
    let kind = KindInfo::of(&reference.kind)
        .ok_or_else(|| format!("'{}' is not a recognized Flux kind", reference.kind))?;
    let mut wanted = vec![any(kind.kind, &reference.name)];
    if reference.name.is_empty() {
        return Ok(wanted);
    }
    let (path, fixed): (&[&str], Option<&str>) = match kind.kind {
        "Kustomization" | "HelmChart" => (&["spec", "sourceRef"], None),
        "HelmRelease" => (&["spec", "chart", "spec", "sourceRef"], None),
        "Alert" => (&["spec", "providerRef"], Some("Provider")),
        "ImagePolicy" => (&["spec", "imageRepositoryRef"], Some("ImageRepository")),
        _ => return Ok(wanted),
    };
    let object = fetch(cluster, &address(kind, own, &reference.name)).await?;
    if let Some(source) = object.at_path(path) {
        let namespace = match text(source, &["namespace"]) {
            "" => own,
            namespace => namespace,
        };
        let one = |kind: &str, name: &str| Wanted {
            namespace: namespace.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        };
        wanted.push(one(fixed.unwrap_or_else(|| text(source, &["kind"])), text(source, &["name"])));
        if kind.kind == "HelmRelease" {
            wanted.push(one("HelmChart", &format!("{own}-{}", reference.name)));
        }
    }
    Ok(wanted)
}

fn takes(args: &Args, wanted: &[Wanted], event: &Node) -> bool {
    let about = |field| text(event, &["involvedObject", field]);
    let is = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
    let is_type = args.types.is_empty()
        || args.types.iter().any(|kind| kind.eq_ignore_ascii_case(text(event, &["type"])));
    is_type
        && KindInfo::of(about("kind")).is_some()
        && wanted.iter().any(|one| {
            is(&one.namespace, text(event, &["metadata", "namespace"]))
                && is(&one.kind, about("kind"))
                && is(&one.name, about("name"))
        })
}

/// When an event was seen last.
fn time(event: &Node) -> Option<Duration> {
    [&["series", "lastObservedTime"][..], &["lastTimestamp"], &["eventTime"]]
        .iter()
        .find_map(|path| parse_rfc3339(text(event, path)))
}

fn row(event: &Node, now: Duration, shows_namespace: bool) -> Vec<String> {
    let since = |path: &[&str]| {
        parse_rfc3339(text(event, path))
            .map_or_else(|| "<unknown>".to_owned(), |time| ago(now.saturating_sub(time)))
    };
    // Servers write `eventTime: null` where an event has the older fields.
    let first = match event.get("eventTime").filter(|time| !time.is_null()) {
        Some(_) => since(&["eventTime"]),
        None => since(&["firstTimestamp"]),
    };
    let count = |path: &[&str]| {
        event.at_path(path).and_then(Node::scalar).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
    };
    let seen = if event.get("series").is_some_and(Node::is_mapping) {
        let times = count(&["series", "count"]);
        format!("{} (x{times} over {first})", since(&["series", "lastObservedTime"]))
    } else if count(&["count"]) > 1 {
        format!("{} (x{} over {first})", since(&["lastTimestamp"]), count(&["count"]))
    } else {
        first
    };
    let about = |field| text(event, &["involvedObject", field]);
    let mut cells = Vec::new();
    if shows_namespace {
        cells.push(text(event, &["metadata", "namespace"]).to_owned());
    }
    cells.extend([
        seen,
        text(event, &["type"]).to_owned(),
        text(event, &["reason"]).to_owned(),
        format!("{}/{}", about("kind"), about("name")),
        text(event, &["message"]).to_owned(),
    ]);
    cells
}

/// A length of time as kubectl shows ages: `45s`, `5m`, `3h12m`, `2d4h`.
fn ago(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let with = |large: u64, unit: char, small: u64, small_unit: char| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{small_unit}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => with(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => with(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => with(days, 'd', hours % 24, 'h'),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2920 => with(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_event_without_its_newer_time_has_its_older_one() {
        let event = r#"{"type":"Normal","reason":"R","message":"m","eventTime":null,"firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:00:00Z","involvedObject":{"kind":"Kustomization","name":"apps"}}"#;
        let event = gitops_yaml::from_json(event, gitops_yaml::FileId::NONE).unwrap();
        let now = super::time(&event).unwrap() + std::time::Duration::from_secs(45);
        assert_eq!(super::row(&event, now, false), ["45s", "Normal", "R", "Kustomization/apps", "m"]);
    }

    #[test]
    fn ages_are_kubectls() {
        for (seconds, shown) in
            [(45, "45s"), (119, "119s"), (130, "2m10s"), (900, "15m"), (11_520, "3h12m"), (187_200, "2d4h")]
        {
            assert_eq!(super::ago(std::time::Duration::from_secs(seconds)), shown);
        }
    }
}
