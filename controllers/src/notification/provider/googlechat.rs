//! Google Chat: a card.

use serde_json::{Value, json};

use super::{Endpoint, Exchange, Notice, messages, post};

pub(super) fn word(endpoint: &Endpoint, notice: &Notice) -> Result<Exchange, String> {
    let url = endpoint.url("Google Chat hook URL")?;
    let text = match notice.is_error() {
        true => format!("<font color=\"#ff0000\">{}</font>", notice.message),
        false => notice.message.clone(),
    };
    let paragraph = json!({"textParagraph": {"text": text}, "keyValue": null});
    let mut sections = vec![json!({"header": "", "widgets": [paragraph]})];
    if !notice.metadata.is_empty() {
        let widgets: Vec<Value> = notice
            .metadata
            .iter()
            .map(|(key, value)| {
                json!({
                    "textParagraph": null,
                    "keyValue": {
                        "topLabel": key,
                        "content": value,
                        "contentMultiline": false,
                        "bottomLabel": null,
                        "icon": null,
                    },
                })
            })
            .collect();
        sections.push(json!({"header": "", "widgets": widgets}));
    }
    let payload = json!({
        "cards": [{
            "header": {
                "title": notice.subject(),
                "subtitle": notice.reporting_controller,
                "imageUrl": null,
                "imageStyle": null,
            },
            "sections": sections,
        }],
    });
    Ok(messages(vec![post(url, &payload)]))
}
