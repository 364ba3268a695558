//! Words a commit with Go's templates, over data with the names, methods and orders of Flux's.
//!
//! Today's `.Changed` and the `.Updated` of Flux before 2.7 are both there, so that a template of either era works.

use super::{MessageError, Subject};
use crate::setter::PolicyName;
use crate::{Change, Changes, ChosenImage, ObjectId};
use gitops_template::{
    Element, Function, Functions, List, Map, Object, Options, Signature, Templates, Type, Value,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What Helm adds to sprig's functions, and what sprig itself holds back where a result must not depend on when and
/// where a template runs.
const NOT_IN_FLUX: [&str; 28] = [
    "toYaml",
    "mustToYaml",
    "toYamlPretty",
    "fromYaml",
    "fromYamlArray",
    "fromJsonArray",
    "toToml",
    "mustToToml",
    "fromToml",
    "date",
    "date_in_zone",
    "dateInZone",
    "date_modify",
    "dateModify",
    "now",
    "htmlDate",
    "htmlDateInZone",
    "randAlphaNum",
    "randAlpha",
    "randAscii",
    "randNumeric",
    "randBytes",
    "uuidv4",
    "env",
    "expandenv",
    "getHostByName",
    "randInt",
    "lookup",
];

const TEMPLATE: &str = "commit message";

pub(super) fn render(
    template: &str,
    subject: &Subject,
    changes: &Changes,
    values: &BTreeMap<String, String>,
) -> Result<String, MessageError> {
    let mut templates = Templates::new(functions());
    templates.parse(TEMPLATE, template).map_err(|error| MessageError::Template(error.to_string()))?;
    templates
        .render(TEMPLATE, &data(subject, changes, values), &Options::default())
        .map(|output| output.text)
        .map_err(|error| MessageError::Run(error.to_string()))
}

fn functions() -> Functions {
    let mut functions = gitops_template::sprig();
    NOT_IN_FLUX.iter().for_each(|name| functions.remove(name));
    functions
}

/// A value and what Go prints for it.
type Shown = (Value, String);

fn data(subject: &Subject, changes: &Changes, values: &BTreeMap<String, String>) -> Value {
    let given = Map::typed(Element::String);
    for (key, value) in values {
        given.insert(key, Value::string(value));
    }
    let updated = updated(changes);
    let (changed, text) = changed(changes, updated.clone());
    let pairs: Vec<String> = values.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    Struct::new("source.TemplateData", format!("{{{subject} {text} map[{}]}}", pairs.join(" ")))
        .field("AutomationObject", namespaced_name(&subject.namespace, &subject.name))
        .field("Changed", changed)
        .field("Values", Value::Map(given))
        .field("Updated", updated)
        .value()
}

/// `.Changed`
fn changed(changes: &Changes, updated: Value) -> Shown {
    let (files, mut shown) = (Map::new(), Vec::new());
    for (file, all) in changes.files() {
        let all = all.iter().map(|(id, all)| (id, change_list(all)));
        let (objects, text) = object_map("update.ObjectChanges", all);
        files.insert(file, objects);
        shown.push(format!("{file}:{text}"));
    }
    let objects = changes.objects().into_iter().map(|(id, all)| (id, change_list(all)));
    let text = format!("{{map[{}]}}", shown.join(" "));
    let value = Struct::new("update.Result", text.clone())
        .field("FileChanges", Value::Map(files))
        .field("ImageResult", updated)
        .method("Objects", object_map("update.ObjectChanges", objects).0)
        .method("Changes", change_list(changes.changes()).0)
        .value();
    (value, text)
}

/// `.Updated`
fn updated(changes: &Changes) -> Value {
    const OBJECTS: &str = "map[update.ObjectIdentifier][]update.ImageRef";
    let images = |all: &mut dyn Iterator<Item = &Change>| {
        list(all.filter_map(|change| changes.image(&change.setter)).map(image))
    };
    let (files, mut shown) = (Map::new(), Vec::new());
    for (file, all) in changes.files() {
        let (objects, text) = object_map(OBJECTS, all.iter().map(|(id, all)| (id, images(&mut all.iter()))));
        shown.push(format!("{file}:{{{text}}}"));
        files.insert(
            file,
            Struct::new("update.FileResult", format!("{{{text}}}")).field("Objects", objects).value(),
        );
    }
    let objects = changes.objects();
    let objects = objects.iter().map(|(id, all)| (*id, images(&mut all.iter().copied())));
    Struct::new("update.Result", format!("{{map[{}]}}", shown.join(" ")))
        .field("Files", Value::Map(files))
        .method("Objects", object_map(OBJECTS, objects).0)
        .method("Images", list(changes.images().into_iter().map(image)).0)
        .value()
}

fn list(items: impl Iterator<Item = Shown>) -> Shown {
    let (values, texts): (Vec<Value>, Vec<String>) = items.unzip();
    (Value::List(List::new(values)), format!("[{}]", texts.join(" ")))
}

fn change_list<'c>(changes: impl IntoIterator<Item = &'c Change>) -> Shown {
    list(changes.into_iter().map(|change| {
        let text = format!("{{{} {} {}}}", change.old_value, change.new_value, change.setter);
        let value = Struct::new("update.Change", text.clone())
            .field("OldValue", Value::string(&change.old_value))
            .field("NewValue", Value::string(&change.new_value))
            .field("Setter", Value::string(&change.setter))
            .value();
        (value, text)
    }))
}

/// A map whose keys are objects, which Go sorts by their fields as [`ObjectId`] is sorted.
fn object_map<'o>(type_name: &'static str, entries: impl Iterator<Item = (&'o ObjectId, Shown)>) -> Shown {
    let (plain, mut shown, mut pairs) = (Map::new(), Vec::new(), Vec::new());
    for (id, (value, text)) in entries {
        let (key, key_text) = object(id);
        shown.push(format!("{key_text}:{text}"));
        plain.insert(key_text, value.clone());
        pairs.push((key, value));
    }
    let text = format!("map[{}]", shown.join(" "));
    let mut map = Struct::new(type_name, text.clone());
    map.entries = Some(pairs);
    map.plain = Some(Value::Map(plain));
    (map.value(), text)
}

fn object(id: &ObjectId) -> Shown {
    let text = format!("{{{{{{{} {}}} {{{} {}}}}}}}", id.api_version, id.kind, id.name, id.namespace);
    let value = Struct::new("update.ObjectIdentifier", text.clone())
        .field("APIVersion", Value::string(&id.api_version))
        .field("Kind", Value::string(&id.kind))
        .field("Name", Value::string(&id.name))
        .field("Namespace", Value::string(&id.namespace))
        .value();
    (value, text)
}

fn image(chosen: &ChosenImage) -> Shown {
    let PolicyName { namespace, name } = &chosen.policy;
    let image = &chosen.image;
    let value = Struct::new("update.imageRef", image.to_string())
        .method("String", Value::string(image.to_string()))
        .method("Identifier", Value::string(image.identifier()))
        .method("Repository", Value::string(image.repository()))
        .method("Registry", Value::string(image.registry()))
        .method("Name", Value::string(image.canonical_name()))
        .method("Policy", namespaced_name(namespace, name))
        .value();
    (value, image.to_string())
}

fn namespaced_name(namespace: &str, name: &str) -> Value {
    let text = format!("{namespace}/{name}");
    Struct::new("types.NamespacedName", text.clone())
        .method("String", Value::string(text))
        .field("Namespace", Value::string(namespace))
        .field("Name", Value::string(name))
        .value()
}

/// A Go struct, or a map with other keys than strings, whose fields and results of methods are known.
#[derive(Debug)]
struct Struct {
    type_name: &'static str,
    fields: Vec<(&'static str, Value)>,
    methods: Vec<(&'static str, Arc<Function>)>,
    entries: Option<Vec<(Value, Value)>>,
    plain: Option<Value>,
    /// What Go prints.
    text: String,
}

impl Struct {
    fn new(type_name: &'static str, text: String) -> Self {
        Self { type_name, fields: Vec::new(), methods: Vec::new(), entries: None, plain: None, text }
    }

    fn field(mut self, name: &'static str, value: Value) -> Self {
        self.fields.push((name, value));
        self
    }

    /// A method without parameters.
    fn method(mut self, name: &'static str, result: Value) -> Self {
        let function = Function::new(Signature::new(&[], Type::Reflect), move |_, _| Ok(result.clone()));
        self.methods.push((name, Arc::new(function)));
        self
    }

    fn value(self) -> Value {
        Value::Object(Arc::new(self))
    }
}

impl Object for Struct {
    fn type_name(&self) -> Cow<'static, str> {
        self.type_name.into()
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    fn method(&self, name: &str) -> Option<Arc<Function>> {
        self.methods.iter().find(|(known, _)| *known == name).map(|(_, method)| Arc::clone(method))
    }

    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        self.entries.clone()
    }

    fn plain(&self) -> Option<Value> {
        self.plain.clone()
    }

    fn text(&self) -> Option<String> {
        Some(self.text.clone())
    }

    fn truth(&self) -> bool {
        self.entries.as_ref().is_none_or(|entries| !entries.is_empty())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Result<String, String> {
        let mut changes = Changes::default();
        let web = ObjectId {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: "web".into(),
            namespace: "prod".into(),
        };
        let setter = "ns:web:tag".to_owned();
        let change = Change { old_value: "1".into(), new_value: "2".into(), setter, line: 3 };
        changes.add("apps/web.yaml", web, change);
        changes.set_image("ns:web:tag", "ns:web=web:2".parse().unwrap());
        render(template, &Subject::new("ns", "auto"), &changes, &BTreeMap::new()).map_err(|e| e.to_string())
    }

    #[test]
    fn templates_of_both_eras_see_their_data() {
        let template = "{{ range $o, $c := .Changed.Objects }}{{ $o.Kind }} {{ len $c }}{{ end }} \
            {{ range $f, $r := .Updated.Files }}{{ $f }}{{ range $o, $i := $r.Objects }} {{ $o.Name }}{{ end }}{{ end }}";
        assert_eq!(rendered(template).unwrap(), "Deployment 1 apps/web.yaml web");
    }

    #[test]
    fn data_prints_as_go_prints_it() {
        let printed = "{map[apps/web.yaml:map[{{{apps/v1 Deployment} {web prod}}}:[{1 2 ns:web:tag}]]]}";
        assert_eq!(rendered("{{ .Changed }}").unwrap(), printed);
        assert_eq!(rendered("{{ .AutomationObject }}|{{ len .Changed.Objects }}").unwrap(), "ns/auto|1");
    }

    #[test]
    fn functions_that_flux_lacks_are_not_there() {
        for name in ["now", "env", "toYaml", "uuidv4", "include"] {
            let error = rendered(&format!("{{{{ {name} }}}}")).unwrap_err();
            let wanted = format!(
                "unable to create commit message template from spec: template: commit message:1: function \"{name}\" \
                 not defined"
            );
            assert_eq!(error, wanted);
        }
    }
}
