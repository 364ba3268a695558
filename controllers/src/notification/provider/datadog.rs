//! Datadog: an event with tags.

use serde_json::json;

use super::{Endpoint, Exchange, Notice, header, messages, post};
use crate::time::parse_rfc3339;

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let token = endpoint.token.reveal();
    if token.is_empty() {
        return Err("token cannot be empty".into());
    }
    let url = endpoint.url("DataDog address")?;
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let object = &notice.involved_object;
    let mut payload = json!({
        "alert_type": if notice.is_error() { "error" } else { "info" },
        "source_type_name": "fluxcd",
        "tags": tags(notice),
        "text": notice.message,
        // Namespace after name, as Datadog's own events of Kubernetes have it.
        "title": format!("Events from the {} {}/{}", object.kind, object.name, object.namespace),
    });
    if let Some(time) = parse_rfc3339(&notice.timestamp) {
        payload["date_happened"] = time.as_secs().into();
    }
    let request = post(format!("{}/api/v1/events", &url[..end]), &payload);
    Ok(messages(vec![header(request, "DD-API-KEY", token)]))
}

/// Datadog writes tags in lower case.
fn tags(notice: &Notice) -> Vec<String> {
    let object = &notice.involved_object;
    let known = [
        ("flux_reporting_controller", &notice.reporting_controller),
        ("flux_reason", &notice.reason),
        ("kube_kind", &object.kind),
        ("kube_name", &object.name),
        ("kube_namespace", &object.namespace),
    ];
    let more = notice.metadata.iter().map(|(name, value)| (name.as_str(), value));
    known.into_iter().chain(more).map(|(name, value)| format!("{name}:{value}").to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;
    use serde_json::Value;

    #[test]
    fn an_event_has_tags() {
        let endpoint = Endpoint {
            address: Secret::new("https://api.datadoghq.com/ignored"),
            token: Secret::new("k3y"),
            ..Endpoint::default()
        };
        let notice = super::super::samples::notice("error", "BuildFailed");
        let Exchange::Messages { requests, .. } = word(&endpoint, &notice).unwrap() else { panic!() };
        assert_eq!(requests[0].url, "https://api.datadoghq.com/api/v1/events");
        assert!(requests[0].headers.contains(&("DD-API-KEY".into(), "k3y".into())));
        let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
        assert_eq!(
            body,
            json!({
                "alert_type": "error",
                "date_happened": 1_714_564_800,
                "source_type_name": "fluxcd",
                "tags": [
                    "flux_reporting_controller:kustomize-controller",
                    "flux_reason:buildfailed",
                    "kube_kind:kustomization",
                    "kube_name:apps",
                    "kube_namespace:flux-system",
                    "revision:main@sha1:731f7eaddfb6af01cb2173e18f0f75b0ba780ef1",
                ],
                "text": "it broke",
                "title": "Events from the Kustomization apps/flux-system",
            })
        );
        assert!(word(&Endpoint { token: Secret::default(), ..endpoint }, &notice).is_err());
    }
}
