//! Watches over applied objects, so that a change by others is set right at once and quiet objects cost nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use gitops_controllers::drift::Drift;
use gitops_controllers::{Context, Key, World};
use gitops_core::apply::{Follower, Seen};
use gitops_core::object::Gvk;
use gitops_core::ports::ListOptions;
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

const SHORTEST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

async fn watch_kind<W: World>(context: Arc<Context<W>>, gvk: Gvk, changed: mpsc::Sender<(Key, Duration)>) {
    let options =
        ListOptions { labels: Drift::SELECTOR.to_owned(), metadata_only: true, ..ListOptions::default() };
    let mut follower = Follower::new(context.world.cluster(), gvk.clone(), options);
    let mut wait = SHORTEST_WAIT;
    loop {
        let woken = match follower.next().await {
            Ok(Seen::All(objects)) => context.drift.relisted(&gvk, &objects),
            Ok(Seen::Event(event)) => context.drift.note(event),
            Ok(Seen::Quiet) => {
                sleep(Duration::from_millis(50)).await;
                continue;
            }
            Err(_) => {
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
                continue;
            }
        };
        wait = SHORTEST_WAIT;
        for woken in woken {
            drop(changed.send(woken).await);
        }
    }
}
