//! Words a commit with Handlebars, over the same data as Go's templates.
//!
//! ```text
//! AutomationObject   { Namespace, Name, String }
//! Values             { key: text }
//! Changed
//!   FileChanges      { file: [ { APIVersion, Kind, Name, Namespace, Changes: [ { OldValue, NewValue, Setter } ] } ] }
//!   Objects          [ { APIVersion, Kind, Name, Namespace, Changes } ]
//!   Changes          [ { OldValue, NewValue, Setter } ]
//! Updated
//!   Files            { file: { Objects: [ { APIVersion, Kind, Name, Namespace, Images } ] } }
//!   Objects          [ { APIVersion, Kind, Name, Namespace, Images } ]
//!   Images           [ { String, Identifier, Repository, Registry, Name, Policy } ]
//! ```
//!
//! A map can't have objects as keys here, so objects stand in lists, in the order in which Go ranges over them.
//! Nothing is escaped, and a field that does not exist is an error.

use super::{MessageError, Subject};
use crate::{Change, Changes, ChosenImage, ObjectId};
use handlebars::Handlebars;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) fn render(
    template: &str,
    subject: &Subject,
    changes: &Changes,
    values: &BTreeMap<String, String>,
) -> Result<String, MessageError> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(handlebars::no_escape);
    engine
        .register_template_string("commit message", template)
        .map_err(|error| MessageError::Template(error.to_string()))?;
    engine
        .render("commit message", &data(subject, changes, values))
        .map_err(|error| MessageError::Run(error.to_string()))
}

fn data(subject: &Subject, changes: &Changes, values: &BTreeMap<String, String>) -> Value {
    let objects = changes.objects();
    let file_changes: Map<String, Value> = changes
        .files()
        .map(|(file, objects)| {
            let all = objects.iter().map(|(id, all)| object(id, "Changes", all.iter().map(change).collect()));
            (file.to_owned(), all.collect())
        })
        .collect();
    let file_images: Map<String, Value> = changes
        .files()
        .map(|(file, objects)| {
            let all = objects.iter().map(|(id, all)| object(id, "Images", images(changes, all)));
            (file.to_owned(), json!({ "Objects": all.collect::<Vec<_>>() }))
        })
        .collect();
    json!({
        "AutomationObject": policy_name(&subject.namespace, &subject.name),
        "Values": values,
        "Changed": {
            "FileChanges": file_changes,
            "Objects": objects
                .iter()
                .map(|(id, all)| object(id, "Changes", all.iter().map(|&one| change(one)).collect()))
                .collect::<Vec<_>>(),
            "Changes": changes.changes().into_iter().map(change).collect::<Vec<_>>(),
        },
        "Updated": {
            "Files": file_images,
            "Objects": objects
                .iter()
                .map(|(id, all)| object(id, "Images", images(changes, all.iter().copied())))
                .collect::<Vec<_>>(),
            "Images": changes.images().into_iter().map(image).collect::<Vec<_>>(),
        },
    })
}

fn object(id: &ObjectId, list: &str, of: Vec<Value>) -> Value {
    let mut object = json!({
        "APIVersion": id.api_version, "Kind": id.kind, "Name": id.name, "Namespace": id.namespace,
    });
    object[list] = Value::Array(of);
    object
}

fn change(change: &Change) -> Value {
    json!({ "OldValue": change.old_value, "NewValue": change.new_value, "Setter": change.setter })
}

fn images<'c>(changes: &Changes, of: impl IntoIterator<Item = &'c Change>) -> Vec<Value> {
    of.into_iter().filter_map(|change| changes.image(&change.setter)).map(image).collect()
}

fn image(chosen: &ChosenImage) -> Value {
    json!({
        "String": chosen.image.to_string(),
        "Identifier": chosen.image.identifier(),
        "Repository": chosen.image.repository(),
        "Registry": chosen.image.registry(),
        "Name": chosen.image.canonical_name(),
        "Policy": policy_name(&chosen.policy.namespace, &chosen.policy.name),
    })
}

fn policy_name(namespace: &str, name: &str) -> Value {
    json!({ "Namespace": namespace, "Name": name, "String": format!("{namespace}/{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Result<String, String> {
        let mut changes = Changes::default();
        let web = ObjectId { kind: "Deployment".into(), name: "web".into(), ..ObjectId::default() };
        let setter = "ns:web".to_owned();
        let change = Change { old_value: "a:<1>".into(), new_value: "a:2".into(), setter, line: 3 };
        changes.add("apps/web.yaml", web, change);
        changes.set_image("ns:web", "ns:web=a:2".parse().unwrap());
        let values = BTreeMap::from([("cluster".to_owned(), "prod".to_owned())]);
        render(template, &Subject::new("ns", "auto"), &changes, &values).map_err(|e| e.to_string())
    }

    #[test]
    fn the_data_is_that_of_go_templates() {
        let template = "{{AutomationObject.String}} on {{Values.cluster}}\n\
            {{#each Changed.FileChanges}}- {{@key}}\n{{#each this}}  {{Kind}} {{Name}}: \
            {{#each Changes}}{{OldValue}} -> {{NewValue}}{{/each}}\n{{/each}}{{/each}}\
            {{#each Updated.Images}}{{Name}} of {{Policy.String}}{{/each}}";
        assert_eq!(
            rendered(template).unwrap(),
            "ns/auto on prod\n- apps/web.yaml\n  Deployment web: a:<1> -> a:2\nindex.docker.io/library/a:2 of ns/web"
        );
    }

    #[test]
    fn what_does_not_exist_is_an_error() {
        assert!(rendered("{{Values.nope}}").unwrap_err().contains("Values.nope"));
        assert!(
            rendered("{{#each Changed").unwrap_err().starts_with("unable to create commit message template")
        );
        assert!(rendered("{{range .Changed.Changes}}").is_err());
    }
}
