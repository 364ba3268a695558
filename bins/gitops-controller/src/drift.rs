//! Watches over applied objects, so that a change by others is set right at once and quiet objects cost nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use gitops_controllers::drift::Drift;
use gitops_controllers::{Context, Key, World};
use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ListOptions, Watch, WatchEvent};
use gitops_yaml::Node;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Watches every kind that Kustomizations have applied, and sends the Kustomizations whose objects were changed, each with
/// how long to wait before it is reconciled.
pub(crate) async fn watch_applied<W: World>(
    context: Arc<Context<W>>,
    changed: mpsc::Sender<(Key, Duration)>,
) {
    let mut watched: HashSet<Gvk> = HashSet::new();
    let mut watches = JoinSet::new();
    context.drift.set_watched(true);
    loop {
        for gvk in context.drift.kinds() {
            if watched.insert(gvk.clone()) {
                watches.spawn(watch_kind(Arc::clone(&context), gvk, changed.clone()));
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
}

async fn watch_kind<W: World>(context: Arc<Context<W>>, gvk: Gvk, changed: mpsc::Sender<(Key, Duration)>) {
    let options =
        ListOptions { labels: Drift::SELECTOR.to_owned(), metadata_only: true, ..ListOptions::default() };
    let cluster = context.world.cluster();
    loop {
        if let Ok(list) = cluster.list(&gvk, &options).await {
            for woken in context.drift.relisted(&gvk, &list.items) {
                drop(changed.send(woken).await);
            }
            let mut version = list.resource_version;
            while let Ok(mut watch) = cluster.watch(&gvk, &options, &version).await {
                let mut broken = false;
                while let Some(event) = watch.next().await {
                    let Ok(event) = event else {
                        broken = true;
                        break;
                    };
                    match &event {
                        WatchEvent::Bookmark(seen) => version = seen.clone(),
                        WatchEvent::Added(object)
                        | WatchEvent::Modified(object)
                        | WatchEvent::Deleted(object) => {
                            let seen =
                                object.at_path(&["metadata", "resourceVersion"]).and_then(Node::scalar);
                            version = seen.cloned().unwrap_or(version);
                        }
                    }
                    if let Some(woken) = context.drift.note(event) {
                        drop(changed.send(woken).await);
                    }
                }
                if broken {
                    break;
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}
