//! Events on their way out: into the cluster, and through alerts to people; and web hooks on their way in.
//!
//! [`ProviderKind`] words what is sent, [`rate_key`] tells which events are the same, [`ReceiverKind`] checks what comes in.
//! [`Context::route`] finds who is told of an event, [`Context::send`] tells them, [`Context::receive`] answers web hooks.

pub(crate) mod address;
pub(crate) mod alert;
mod dispatch;
mod endpoint;
mod hook;
mod notice;
mod provider;
mod rate;
pub(crate) mod receiver;

pub use dispatch::Delivery;
pub use endpoint::Endpoint;
pub use hook::{Hook, ReceiverKind, webhook_path};
pub use notice::{Involved, Notice};
pub use provider::{CommitStatus, Exchange, ProviderKind};
pub use rate::{Facts, Limiter, rate_key};
pub use receiver::HookAnswer;

use gitops_core::ports::{Cluster, WriteOptions};
use gitops_yaml::Node;

use crate::context::Context;
use crate::event::Event;
use crate::status::mapping;
use crate::time::rfc3339;
use crate::world::World;

impl<W: World> Context<W> {
    /// Writes an event as an Event of the cluster. What can not be written is lost; the object's status says the same.
    pub async fn deliver(&self, event: &Event) {
        let object = cluster_event(event, self.world.random());
        let options = WriteOptions { manager: "gitops-controller".into(), ..WriteOptions::default() };
        drop(self.world.cluster().create(&object, &options).await);
    }
}

/// Words an event as `v1` Event. `spread` makes its name unique.
fn cluster_event(event: &Event, spread: f64) -> Node {
    let text = |text: &str| Node::string(text);
    let time = rfc3339(event.time);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number from 0 to 2^48")]
    let unique = (spread * 281_474_976_710_656.0) as u64;
    let name = format!("{}.{:x}{unique:012x}", event.key.name, event.time.as_secs());
    let mut metadata = vec![("name", Node::string(name)), ("namespace", text(&event.key.namespace))];
    if !event.metadata.is_empty() {
        let facts = event.metadata.iter().map(|(key, value)| (key.as_str(), text(value))).collect();
        metadata.push(("annotations", mapping(facts)));
    }
    mapping(vec![
        ("apiVersion", text("v1")),
        ("kind", text("Event")),
        ("metadata", mapping(metadata)),
        (
            "involvedObject",
            mapping(vec![
                ("apiVersion", text(&event.api_version)),
                ("kind", text(event.key.kind.name())),
                ("namespace", text(&event.key.namespace)),
                ("name", text(&event.key.name)),
                ("uid", text(&event.identity.0)),
                ("resourceVersion", text(&event.identity.1)),
            ]),
        ),
        ("type", text(event.severity.event_type())),
        ("reason", text(&event.reason)),
        // The API's limit is 1,024 bytes.
        ("message", text(crop(&event.message, 1020))),
        ("count", Node::int(1)),
        ("firstTimestamp", text(&time)),
        ("lastTimestamp", text(&time)),
        ("source", mapping(vec![("component", text("gitops-controller"))])),
        ("reportingComponent", text("gitops-controller")),
        ("reportingInstance", text("gitops-controller")),
    ])
}

fn crop(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}
