//! What `gitops render` says of a repository is what the controllers apply from it.

use gitops_controllers::fleet::{Cache, Fleet};
use gitops_core::object::same_value;
use gitops_fs::Folder;
use gitops_yaml::Node;

use crate::Flow;

/// Returns the path of the first field that is wanted and not there.
fn lacking(wanted: &Node, live: &Node) -> Option<String> {
    if let (Some(entries), true) = (wanted.entries(), live.is_mapping()) {
        return entries.iter().find_map(|entry| {
            let key = entry.key.as_str()?;
            match live.get(key) {
                Some(live) => lacking(&entry.value, live).map(|path| format!(".{key}{path}")),
                // What is empty is not kept.
                None if entry.value.entries().is_some_and(<[_]>::is_empty) || entry.value.is_null() => None,
                None => Some(format!(".{key}")),
            }
        });
    }
    if let (Some(items), Some(live)) = (wanted.items(), live.items())
        && items.len() == live.len()
    {
        let mut pairs = items.iter().zip(live).enumerate();
        return pairs.find_map(|(index, (wanted, live))| {
            lacking(wanted, live).map(|path| format!("[{index}]{path}"))
        });
    }
    (!same_value(wanted, live)).then(String::new)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rendered_is_what_is_applied() {
    let flow = Flow::start().await;
    flow.until("the overlay is applied", async |flow| flow.settings().await.is_some()).await;
    let folder = Folder::new(flow.folder.path()).unwrap();
    let rendered = Fleet::new(&folder).render(&mut Cache::default());
    let gaps: Vec<String> = rendered.all_gaps().map(|(_, gap)| gap.to_string()).collect();
    let objects: Vec<_> = rendered.apps.iter().flat_map(|app| &app.objects).collect();
    let kinds: Vec<&str> = objects.iter().map(|object| object.id.kind.as_str()).collect();
    for kind in ["Deployment", "ConfigMap", "HelmRelease", "Kustomization", "Namespace"] {
        assert!(kinds.contains(&kind), "{kinds:?} {gaps:?}");
    }
    for object in objects {
        let wanted = object.read().unwrap();
        let id = &object.id;
        let live = flow.get(&object.api_version, &id.kind, &id.namespace, &id.name).await;
        let live = live.unwrap_or_else(|| panic!("{id} is rendered and not applied"));
        assert_eq!(lacking(&wanted, &live), None, "{id} differs");
    }
    flow.end().await;
}
