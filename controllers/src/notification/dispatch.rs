//! From an event to the alerts that ask for it, and from there to people: tried again, and never in a reconciler's way.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gitops_core::api::{Alert, Object, Provider};
use gitops_core::ports::{Clock, Notify, PortError, Request, Response};
use gitops_yaml::Node;

use super::address::commit_status;
use super::alert::{metadata, wants};
use super::notice::{Involved, Notice};
use super::provider::{Exchange, ProviderKind};
use super::rate::{EVENT_GROUP, Facts, rate_key};
use crate::context::{Context, CrossNamespace};
use crate::event::{Event, Severity};
use crate::kind::{Key, Kind};
use crate::status::mapping;
use crate::time::rfc3339;
use crate::world::World;

/// How often a message is tried.
const TRIES: u32 = 5;
/// The first wait between tries; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// One notice on its way to one Provider.
#[derive(Clone, Debug)]
pub struct Delivery {
    alert: Key,
    provider: Key,
    notice: Notice,
}

impl Delivery {
    /// Returns the Alert that asked for it.
    #[must_use]
    pub fn alert(&self) -> &Key {
        &self.alert
    }

    fn about(&self) -> String {
        let object = &self.notice.involved_object;
        format!("{}/{}/{}", object.kind, object.namespace, object.name)
    }
}

/// Why a message did not arrive.
struct Undelivered {
    message: String,
    /// The wait that the server asked for, where another try can help.
    again: Option<Duration>,
}

impl Undelivered {
    fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: None }
    }
}

impl From<PortError> for Undelivered {
    fn from(error: PortError) -> Self {
        let again = match error.outlook() {
            gitops_core::ports::Outlook::Retry { after } => Some(after.unwrap_or_default()),
            _ => None,
        };
        Self { message: error.to_string(), again }
    }
}

impl<W: World> Context<W> {
    /// Returns what an event becomes: one delivery for each alert that asks for it. Nothing is read from outside.
    ///
    /// What was told within the interval of [`Settings::rate_limit`](crate::Settings) is not told again.
    pub fn route(&self, event: &Event) -> Vec<Delivery> {
        if matches!(event.key.kind, Kind::Alert | Kind::Provider | Kind::Receiver) {
            return Vec::new();
        }
        let object = self.cache.get(&event.key);
        let annotations = object.as_ref().and_then(|object| object.at_path(&["metadata", "annotations"]));
        let annotations = annotations.and_then(Node::entries).unwrap_or_default();
        let noted = annotations.iter().filter_map(|entry| {
            let (key, value) = entry.key.as_str().zip(entry.value.as_str())?;
            key.starts_with(EVENT_GROUP).then_some((key, value))
        });
        let told = event.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let facts = Facts::of(event.key.kind.group(), noted.chain(told));
        let notice = notice(event);
        {
            let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
            let key = rate_key(&notice.involved_object, &notice.message, &facts);
            if !limiter.allows(key, self.world.clock().now()) {
                return Vec::new();
            }
        }
        let mut deliveries = Vec::new();
        for alert in self.cache.list(Kind::Alert) {
            let Some(key) = Key::of(&alert) else { continue };
            // What can't be read stands in the Alert's condition.
            let Ok(Object { spec, .. }) = Object::<Alert>::read(&alert) else { continue };
            if !wants(&spec, &key.namespace, event, object.as_deref()) {
                continue;
            }
            let provider = Key::new(Kind::Provider, key.namespace.clone(), spec.provider_ref.name.as_str());
            let notice = Notice { metadata: metadata(&spec, &facts), ..notice.clone() };
            let delivery = Delivery { alert: key, provider, notice };
            match self.concerns(&delivery) {
                Ok(true) => deliveries.push(delivery),
                Ok(false) => {}
                Err(why) => self.undelivered(&delivery, "failed to dispatch notification for", &why),
            }
        }
        deliveries
    }

    /// Whether a Provider wants a notice.
    fn concerns(&self, delivery: &Delivery) -> Result<bool, String> {
        let Delivery { alert, provider, notice } = delivery;
        if self.settings.cross_namespace == CrossNamespace::Blocked
            && notice.involved_object.namespace != *alert.namespace
        {
            return Err(format!(
                "discarding event, access denied to cross-namespace sources: alert '{}/{}' can't process event from '{}', \
                 cross-namespace references have been blocked",
                alert.namespace,
                alert.name,
                delivery.about()
            ));
        }
        let object = self.cache.get(provider).ok_or_else(|| {
            format!("failed to read provider: Provider '{}/{}' not found", provider.namespace, provider.name)
        })?;
        let spec = Object::<Provider>::read(&object).map_err(|error| error.message)?.spec;
        let kind = ProviderKind::named(&spec.provider_type)?;
        let is_update = notice.metadata.get("commit_status").map(String::as_str) == Some("update");
        let wanted = match (kind.is_commit_status(), kind.is_generic()) {
            (true, _) => is_update || notice.is_error() || notice.metadata.contains_key("commit"),
            (false, true) => true,
            (false, false) => !is_update,
        };
        Ok(wanted && !spec.suspend)
    }

    /// Sends a notice, and tries again where that can help. A failure becomes an event of the Alert.
    pub async fn send(&self, delivery: Delivery) {
        let mut wait = FIRST_WAIT;
        for left in (0..TRIES).rev() {
            let Err(why) = self.attempt(&delivery).await else { return };
            match why.again {
                Some(asked) if left > 0 && !self.stopping.load(Ordering::Relaxed) => {
                    self.world.clock().sleep(self.spread(wait.max(asked.min(FIRST_WAIT * 16)))).await;
                    wait *= 2;
                }
                _ => return self.undelivered(&delivery, "failed to send notification for", &why.message),
            }
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<(), Undelivered> {
        // A Provider that is gone meanwhile, or suspended, wants nothing.
        let Some(object) = self.cache.get(&delivery.provider) else { return Ok(()) };
        let spec =
            Object::<Provider>::read(&object).map_err(|error| Undelivered::lasting(error.message))?.spec;
        if spec.suspend {
            return Ok(());
        }
        let kind = ProviderKind::named(&spec.provider_type).map_err(Undelivered::lasting)?;
        let alert = self.cache.get(&delivery.alert);
        let nothing = mapping(Vec::new());
        let alert = alert.as_deref().unwrap_or(&nothing);
        let status =
            commit_status(kind, &spec, &object, alert, &delivery.notice).map_err(Undelivered::lasting)?;
        let (endpoint, access) = self.endpoint(&delivery.provider, &spec, kind, status, &object).await?;
        let sender = self.world.notifier(&access)?;
        let masked = |why: Undelivered| Undelivered { message: endpoint.mask(&why.message), ..why };
        match kind.exchange(&endpoint, &delivery.notice).map_err(Undelivered::lasting)? {
            Exchange::Messages { requests, verdict } => {
                for request in &requests {
                    post(&sender, request, verdict).await.map_err(masked)?;
                }
            }
            Exchange::Status(status) => {
                let known = sender.send(&status.list).await.map_err(Undelivered::from).map_err(masked)?;
                if (200..300).contains(&known.status) && status.stands(&known.body) {
                    return Ok(());
                }
                post(&sender, &status.create, any_success).await.map_err(masked)?;
            }
        }
        Ok(())
    }

    /// Tells that a notice did not arrive: where the Alert is, for who looks for it.
    fn undelivered(&self, delivery: &Delivery, what: &str, why: &str) {
        let message = format!("{what} {}: {why}", delivery.about());
        self.about_alert(&delivery.alert, "NotificationDispatchFailed", &message);
    }

    /// Tells that there were more notices than could be sent, and that this one is lost.
    pub fn dropped(&self, delivery: &Delivery) {
        let message = format!("too many notifications wait: the one about {} is not sent", delivery.about());
        self.about_alert(&delivery.alert, "NotificationDropped", &message);
    }

    fn about_alert(&self, alert: &Key, reason: &str, message: &str) {
        let object = self.cache.get(alert);
        let nothing = mapping(Vec::new());
        let object = object.as_deref().unwrap_or(&nothing);
        let mut event = Event::of(alert, object, Severity::Error, reason, message);
        event.time = self.world.clock().now();
        self.outbox.push(event);
    }
}

async fn post(
    sender: &impl Notify,
    request: &Request,
    verdict: fn(&Response) -> Result<(), String>,
) -> Result<(), Undelivered> {
    let response = sender.send(request).await?;
    let busy = matches!(response.status, 408 | 429 | 500..=599);
    verdict(&response).map_err(|message| Undelivered { message, again: busy.then_some(Duration::ZERO) })
}

fn any_success(response: &Response) -> Result<(), String> {
    match response.status {
        200..=299 => Ok(()),
        status => Err(format!("could not create commit status: request failed with status code {status}")),
    }
}

/// An event in the form of Flux's own; the facts come later, since each alert adds its own.
fn notice(event: &Event) -> Notice {
    Notice {
        involved_object: Involved {
            kind: event.key.kind.name().to_owned(),
            namespace: event.key.namespace.to_string(),
            name: event.key.name.to_string(),
            uid: event.identity.0.to_string(),
            api_version: event.api_version.to_string(),
            resource_version: event.identity.1.to_string(),
        },
        severity: event.severity.word().to_owned(),
        timestamp: rfc3339(event.time),
        message: event.message.clone(),
        reason: event.reason.clone(),
        reporting_controller: controller(event.key.kind).to_owned(),
        ..Notice::default()
    }
}

/// The controller that tells the events of a kind in Flux, which dashboards and filters know by name.
fn controller(kind: Kind) -> &'static str {
    match kind {
        Kind::Kustomization => "kustomize-controller",
        Kind::HelmRelease => "helm-controller",
        Kind::ImageRepository | Kind::ImagePolicy => "image-reflector-controller",
        Kind::ImageUpdateAutomation => "image-automation-controller",
        Kind::Alert | Kind::Provider | Kind::Receiver => "notification-controller",
        _ => "source-controller",
    }
}
