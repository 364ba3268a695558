//! Microsoft Teams: an adaptive card, or the older connector's card where the address is one of those.

use serde_json::{Value, json};

use super::{Endpoint, Exchange, Notice, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("MS Teams webhook URL")?;
    let host = url.split("://").nth(1).unwrap_or_default();
    let host = host.split(['/', ':', '?']).next().unwrap_or_default();
    let payload = match host.ends_with(".webhook.office.com") {
        true => connector_card(notice),
        false => adaptive_card(notice),
    };
    Ok(messages(vec![post(url, &payload)]))
}

fn connector_card(notice: &Notice) -> Value {
    let facts: Vec<Value> =
        notice.metadata.iter().map(|(key, value)| json!({"name": key, "value": value})).collect();
    json!({
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": if notice.is_error() { "FF0000" } else { "0076D7" },
        "summary": notice.subject(),
        "sections": [{
            "activityTitle": notice.message,
            "activitySubtitle": notice.subject(),
            "facts": facts,
        }],
    })
}

fn adaptive_card(notice: &Notice) -> Value {
    let mut message = json!({"type": "TextBlock"});
    // Empty texts are left out.
    if !notice.message.is_empty() {
        message["text"] = notice.message.as_str().into();
    }
    if notice.is_error() {
        message["color"] = "attention".into();
    }
    message["wrap"] = true.into();
    let summary = notice.metadata.get_key_value("summary");
    let others = notice.metadata.iter().filter(|(key, _)| *key != "summary");
    let facts: Vec<Value> =
        summary.into_iter().chain(others).map(|(key, value)| json!({"title": key, "value": value})).collect();
    let mut set = json!({"type": "FactSet"});
    if !facts.is_empty() {
        set["facts"] = facts.into();
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [{
                    "type": "Container",
                    "items": [
                        {
                            "type": "TextBlock",
                            "text": notice.subject(),
                            "size": "large",
                            "weight": "bolder",
                            "wrap": true,
                        },
                        message,
                        set,
                    ],
                }],
                "msteams": {"width": "Full"},
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::ports::Secret;

    #[test]
    fn old_connectors_get_their_own_card() {
        let body = |address: &str| {
            let endpoint = Endpoint { address: Secret::new(address), ..Endpoint::default() };
            match word(&endpoint, &Notice::default()).unwrap() {
                Exchange::Messages { requests, .. } => {
                    String::from_utf8_lossy(&requests[0].body).into_owned()
                }
                Exchange::Status(_) => unreachable!(),
            }
        };
        assert!(body("https://org.webhook.office.com:443/x").contains("MessageCard"));
        assert!(body("https://prod.logic.azure.com/workflows").contains("AdaptiveCard"));
    }
}
