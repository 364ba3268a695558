//! GitHub: an event that starts workflows (`on: repository_dispatch`).

use serde_json::json;

use super::commit_status::owner_and_name;
use super::github::{api, known, token};
use super::{Endpoint, Exchange, Notice, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let (host, repository) = owner_and_name(endpoint)?;
    let token = token(endpoint)?;
    let object = &notice.involved_object;
    let payload = json!({
        "event_type": format!("{}/{}.{}", object.kind, object.name, object.namespace),
        "client_payload": notice,
    });
    let request = post(format!("{}/repos/{repository}/dispatches", api(&host)), &payload);
    Ok(messages(vec![known(request, token)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;
    use serde_json::Value;

    #[test]
    fn workflows_get_the_whole_event() {
        let endpoint = Endpoint {
            address: Secret::new("https://github.com/org/repo"),
            token: Secret::new("t0ken"),
            ..Endpoint::default()
        };
        let notice = super::super::samples::notice("info", "ReconciliationSucceeded");
        let Exchange::Messages { requests, .. } = word(&endpoint, &notice).unwrap() else { panic!() };
        assert_eq!(requests[0].url, "https://api.github.com/repos/org/repo/dispatches");
        assert!(requests[0].headers.contains(&("Authorization".into(), "Bearer t0ken".into())));
        let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
        assert_eq!(body["event_type"], "Kustomization/apps.flux-system");
        assert_eq!(body["client_payload"], serde_json::to_value(&notice).unwrap());
        assert!(word(&Endpoint { token: Secret::default(), ..endpoint }, &notice).is_err());
    }
}
