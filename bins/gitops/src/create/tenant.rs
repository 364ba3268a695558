//! `gitops create tenant`.

use super::manifest::{Fields, check_label_name, print};
use super::{Creation, Name};
use crate::Failure;
use crate::cluster::{node, say, within, worded, writing};
use gitops_core::ports::{Cluster, DeleteOptions, ObjectRef};
use gitops_yaml::Node;

/// Create or update a tenant: namespaces, a service account in each, and its rights there.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  gitops create tenant dev-team --with-namespace=frontend,backend --label=environment=dev --export")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) name: Name,
    /// The tenant's namespaces (repeatable, comma-separated).
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    with_namespace: Vec<String>,
    /// The cluster role that the tenant is bound to in its namespaces.
    #[arg(long, default_value = "cluster-admin", value_name = "NAME")]
    cluster_role: String,
    /// The service account's name; the tenant's by default.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    with_service_account: String,
    /// Make no namespaces; they are there.
    #[arg(long)]
    skip_namespace: bool,
}

pub(super) async fn run(args: &Args, creation: &Creation<'_>) -> Result<(), Failure> {
    let tenant = creation.name;
    check_label_name(tenant).map_err(|why| format!("invalid tenant name '{tenant}': [{why}]"))?;
    if args.cluster_role.is_empty() {
        return Err("cluster-role is required".into());
    }
    if args.with_namespace.is_empty() {
        return Err("with-namespace is required".into());
    }
    let account =
        if args.with_service_account.is_empty() { tenant } else { args.with_service_account.as_str() };
    let mut sets = Vec::new();
    for namespace in &args.with_namespace {
        check_label_name(namespace).map_err(|why| format!("invalid namespace '{namespace}': [{why}]"))?;
        let labels = creation.labels()?;
        check_label_name(account)
            .map_err(|why| format!("invalid service-account name '{account}': [{why}]"))?;
        let labels = labels
            .into_iter()
            .fold(Fields::new(), |all, (key, value)| all.put(&key, value))
            .put("toolkit.fluxcd.io/tenant", tenant);
        sets.push(objects(namespace, tenant, account, &args.cluster_role, &labels)?);
    }
    let skipped = usize::from(args.skip_namespace);
    if creation.common.export {
        return sets.iter().flat_map(|set| &set[skipped..]).try_for_each(print);
    }
    let cluster = creation.cluster.connect().await?;
    within(creation.cluster.timeout.0, async {
        for object in sets.iter().flat_map(|set| &set[skipped..]) {
            put(&cluster, object).await?;
        }
        Ok(())
    })
    .await?;
    say::success("tenant setup completed");
    Ok(())
}

fn objects(
    namespace: &str,
    tenant: &str,
    account: &str,
    role: &str,
    labels: &Fields,
) -> Result<[Node; 3], Failure> {
    const RBAC: &str = "rbac.authorization.k8s.io";
    let metadata = |name: &str| Fields::new().put("name", name).put("labels", labels.clone());
    let whole = |version: &str, kind: &str, metadata: Fields| {
        Fields::new().put("apiVersion", version).put("kind", kind).put("metadata", metadata)
    };
    let user = Fields::new()
        .put("apiGroup", RBAC)
        .put("kind", "User")
        .put("name", format!("gotk:{namespace}:reconciler"));
    let service_account =
        Fields::new().put("kind", "ServiceAccount").put("name", account).put("namespace", namespace);
    let binding = whole(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        metadata(&format!("{tenant}-reconciler")).put("namespace", namespace),
    )
    .put("roleRef", Fields::new().put("apiGroup", RBAC).put("kind", "ClusterRole").put("name", role))
    .list("subjects", [user, service_account]);
    Ok([
        node(&whole("v1", "Namespace", metadata(namespace)).into())?,
        node(&whole("v1", "ServiceAccount", metadata(account).put("namespace", namespace)).into())?,
        node(&binding.into())?,
    ])
}

/// Creates an object or gives it the labels; a binding that differs is made anew, since its role never changes.
async fn put<C: Cluster>(cluster: &C, object: &Node) -> Result<(), Failure> {
    let target = ObjectRef::of(object);
    let what = match &*target.gvk.kind {
        "Namespace" => "namespace",
        "ServiceAccount" => "service account",
        _ => "role binding",
    };
    say::action(format_args!("applying {what} {}", target.name));
    let Some(mut stored) = cluster.get(&target).await.map_err(worded)? else {
        cluster.create(object, &writing()).await.map_err(worded)?;
        return Ok(());
    };
    let same = |path: &[&str]| {
        let json = |node: &Node| {
            node.at_path(path).and_then(|part| gitops_yaml::to_json(part, gitops_yaml::Dialect::V3).ok())
        };
        json(object) == json(&stored)
    };
    if what == "role binding" {
        if !same(&["subjects"]) || !same(&["roleRef"]) || !same(&["metadata", "labels"]) {
            cluster.delete(&target, &DeleteOptions::default()).await.map_err(worded)?;
            cluster.create(object, &writing()).await.map_err(worded)?;
        }
        return Ok(());
    }
    let wanted = object.at_path(&["metadata", "labels"]).and_then(Node::entries).unwrap_or_default();
    let mut changed = false;
    if let Some(metadata) = stored.get_mut("metadata") {
        if metadata.get("labels").is_none() {
            metadata.set("labels", Node::mapping(Vec::new()));
        }
        for entry in wanted {
            let (Some(key), Some(labels)) = (entry.key.scalar(), metadata.get_mut("labels")) else {
                continue;
            };
            if labels.get(key).and_then(Node::as_str) != entry.value.as_str() {
                labels.set(key.clone(), entry.value.clone());
                changed = true;
            }
        }
    }
    if changed {
        cluster.replace(&stored, &writing()).await.map_err(worded)?;
    }
    Ok(())
}
