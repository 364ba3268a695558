//! Notifications and web hooks beside what Flux sends and takes.

use std::collections::BTreeMap;

use gitops_conformance::{Suite, folder, rows};
use gitops_controllers::notification::{
    Endpoint, Exchange, Facts, Hook, Involved, Notice, ProviderKind, ReceiverKind, rate_key, webhook_path,
};
use gitops_core::ports::{Request, Secret};
use serde_json::{Value, json};

/// The Providers as they stood when the requests were recorded.
fn endpoint(provider: &str, path: &str) -> Endpoint {
    let (channel, username) = match provider {
        "slack" | "rocket" => ("general", "flux"),
        "slack-bot" => ("general", ""),
        "discord" => ("", "flux"),
        "webex" => ("room", ""),
        "matrix" => ("!room:matrix.org", ""),
        "telegram" => ("@chan", ""),
        "pagerduty" => ("routing-key", ""),
        "zulip" => ("stream/topic", "u"),
        "alertmanager" => ("", "u"),
        _ => ("", ""),
    };
    let token = match provider {
        "slack-bot" => "xoxb-token",
        "generic-hmac" => "secret",
        "slack" | "zulip" => "",
        _ => "tok",
    };
    let path = match provider {
        "discord" => path.trim_end_matches("/slack"),
        "matrix" | "zulip" | "pagerduty" => "",
        "zoom" => path.split('?').next().unwrap(),
        _ => path,
    };
    let headers = match provider {
        "generic" => BTreeMap::from([("X-Custom".to_owned(), Secret::new("v"))]),
        _ => BTreeMap::new(),
    };
    Endpoint {
        address: Secret::new(format!("https://host.example{path}")),
        channel: channel.into(),
        username: username.into(),
        password: Secret::new("p"),
        token: Secret::new(token),
        headers,
        ..Endpoint::default()
    }
}

/// Flux ranges over maps: what has no order is put in one, and an alias that holds an unknown uid is left out.
fn canonical(provider: &str, value: Value) -> Value {
    const UNORDERED: [&str; 9] =
        ["slack", "slack-bot", "discord", "rocket", "grafana", "googlechat", "zoom", "matrix", "lark"];
    let unordered = UNORDERED.contains(&provider) || matches!(provider, "webex" | "telegram");
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| canonical(provider, item)).collect();
            if unordered {
                items.sort_by_key(Value::to_string);
            }
            Value::Array(items)
        }
        Value::Object(fields) => {
            let alias = |key: &str| provider == "opsgenie" && key == "alias";
            let fields = fields.into_iter().map(|(key, value)| match alias(&key) {
                true => (key, json!(value.as_str().unwrap().len())),
                false => (key, canonical(provider, value)),
            });
            Value::Object(fields.collect())
        }
        Value::String(text) if unordered && text.contains('\n') => {
            let mut lines: Vec<&str> = text.split('\n').collect();
            lines[2..].sort_unstable();
            Value::String(lines.join("\n"))
        }
        value => value,
    }
}

/// A request in the form of the records.
fn recorded(request: &Request) -> Value {
    let path = request.url.split("://").nth(1).unwrap();
    let path = &path[path.find('/').unwrap()..];
    let headers: BTreeMap<&str, &str> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut one = json!({"method": request.method, "path": path, "headers": headers});
    match serde_json::from_slice::<Value>(&request.body) {
        Ok(body) => one["json"] = body,
        Err(_) => one["body"] = String::from_utf8_lossy(&request.body).into(),
    }
    one
}

#[test]
fn payloads_are_as_flux_sends_them() {
    let Some(file) = folder("flux/notification_payload.jsonl") else { return };
    let mut suite = Suite::new("notification_payload");
    for row in rows(&file) {
        let provider = row["provider"].as_str().unwrap();
        suite.check(row["id"].as_str().unwrap(), || {
            let notice: Notice = serde_json::from_value(row["event"].clone()).unwrap();
            let wanted = row["requests"].as_array().cloned().unwrap_or_default();
            let path = wanted.first().map_or("/", |first| first["path"].as_str().unwrap());
            let kind = ProviderKind::named(provider.trim_end_matches("-bot"))?;
            let requests = match kind.exchange(&endpoint(provider, path), &notice)? {
                Exchange::Messages { requests, .. } => requests,
                Exchange::Status(_) => return Err("a commit's status".into()),
            };
            let got: Vec<Value> = requests.iter().map(recorded).collect();
            let (wanted, got) =
                (canonical(provider, Value::Array(wanted)), canonical(provider, Value::Array(got)));
            if wanted == got { Ok(()) } else { Err(format!("\n    wanted {wanted}\n    got    {got}")) }
        });
    }
    suite.finish(99.0);
}

#[test]
fn web_hooks_are_checked_as_flux_checks_them() {
    let Some(file) = folder("flux/webhook.jsonl") else { return };
    let mut suite = Suite::new("webhook");
    for row in rows(&file) {
        let text = |field: &str| row[field].as_str().unwrap();
        suite.check(text("id"), || {
            let token = text("token");
            if text("kind") == "path" {
                let path = webhook_path(token.as_bytes(), text("name"), text("namespace"));
                return gitops_conformance::same_text(text("path"), &path);
            }
            for (kind, headers) in row.as_object().unwrap() {
                let Some(headers) = headers.as_object() else { continue };
                let receiver = ReceiverKind::named(kind)?;
                for (name, values) in headers {
                    let values = values.as_array().cloned().unwrap_or_else(|| vec![values.clone()]);
                    for value in values {
                        let hook = |body: &str| Hook {
                            path: String::new(),
                            headers: vec![
                                ("content-type".into(), "application/json".into()),
                                (name.to_lowercase(), value.as_str().unwrap().into()),
                            ],
                            body: body.into(),
                        };
                        let check =
                            |body: &str, token: &str| receiver.check(&hook(body), token.as_bytes(), &[]);
                        match check(text("body"), token) {
                            // Flux reads Nexus' body after the signature, and there is none.
                            Err(why) if kind == "nexus" && text("body").is_empty() => {
                                gitops_conformance::same_text("cannot decode Nexus webhook payload", &why)?;
                            }
                            Err(why) => return Err(format!("{kind} {name}: {why}")),
                            Ok(()) => {}
                        }
                        if check(text("body"), "another").is_ok() {
                            return Err(format!("{kind} {name}: another token is taken"));
                        }
                        let is_signed = !matches!(kind.as_str(), "gitlab" | "harbor");
                        if is_signed && check("{\"changed\":1}", token).is_ok() {
                            return Err(format!("{kind} {name}: another body is taken"));
                        }
                    }
                }
            }
            Ok(())
        });
    }
    suite.finish(99.0);
}

#[test]
fn events_are_the_same_where_flux_finds_them_so() {
    let Some(file) = folder("flux/event_rate_key.jsonl") else { return };
    let mut suite = Suite::new("event_rate_key");
    for row in rows(&file) {
        suite.check(row["id"].as_str().unwrap(), || {
            let object: Involved = serde_json::from_value(row["involvedObject"].clone()).unwrap();
            let group = object.api_version.split('/').next().unwrap();
            let metadata = row["metadata"].as_object().unwrap();
            let facts =
                Facts::of(group, metadata.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap())));
            let kept: BTreeMap<_, _> = facts.annotations.iter().chain(&facts.controller).collect();
            if json!(kept) != row["metadata_after_filter"] {
                return Err(format!("kept {kept:?}"));
            }
            let key: String = rate_key(&object, row["message"].as_str().unwrap(), &facts)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            gitops_conformance::same_text(row["key"].as_str().unwrap(), &key)
        });
    }
    suite.finish(99.0);
}
