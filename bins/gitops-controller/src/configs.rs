//! Watches over ConfigMaps and Secrets that ask for it by label, so that who reads them is reconciled when they change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gitops_controllers::trigger::users_of_config;
use gitops_controllers::{Context, Key, World};
use gitops_core::apply::{Follower, Seen};
use gitops_core::object::Gvk;
use gitops_core::ports::{ListOptions, ObjectRef, WatchEvent};
use gitops_yaml::{Node, Str};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Watches one of the two kinds by metadata, and sends the objects that name what has changed.
pub(crate) async fn watch_configs<W: World>(
    context: Arc<Context<W>>,
    kind: &'static str,
    options: ListOptions,
    changed: mpsc::Sender<(Key, Duration)>,
) {
    let options = ListOptions { metadata_only: true, ..options };
    let mut follower = Follower::new(context.world.cluster(), Gvk::new("v1", kind), options);
    let mut known: HashMap<ObjectRef, Str> = HashMap::new();
    let mut wait = Duration::from_millis(500);
    let mut is_first = true;
    loop {
        let objects = match follower.next().await {
            Ok(Seen::All(objects)) => objects,
            Ok(Seen::Event(WatchEvent::Bookmark(_))) => continue,
            Ok(Seen::Event(
                WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object),
            )) => vec![object],
            Ok(Seen::Quiet) => {
                sleep(Duration::from_millis(50)).await;
                continue;
            }
            Err(_) => {
                sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(30));
                continue;
            }
        };
        wait = Duration::from_millis(500);
        for object in objects {
            let version = object.at_path(&["metadata", "resourceVersion"]).and_then(Node::scalar);
            let version = version.cloned().unwrap_or_default();
            let address = ObjectRef::of(&object);
            let (namespace, name) = (address.namespace.clone(), address.name.clone());
            // What stands at the start was read by everybody at the start.
            if known.insert(address, version.clone()).as_ref() == Some(&version) || is_first {
                continue;
            }
            for key in users_of_config(&context.cache, kind, &namespace, &name) {
                drop(changed.send((key, Duration::ZERO)).await);
            }
        }
        is_first = false;
    }
}
