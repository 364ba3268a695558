//! Sets of fields in the form that `managedFields` holds: `{"f:spec":{"f:replicas":{}}}`.

use super::set::FieldSet;
use super::step::Step;
use crate::value::{Map, Value};
use gitops_yaml::Str;

impl FieldSet {
    /// Returns the set as `fieldsV1`.
    pub(crate) fn to_v1(&self) -> Value {
        let mut out: Vec<(Str, Value)> = Vec::with_capacity(self.members.len() + self.children.len());
        for step in &self.members {
            if self.child(step).is_none() {
                out.push((key(step), Value::map()));
            }
        }
        for (step, set) in &self.children {
            let mut fields = set.to_v1();
            if self.has_member(step) {
                fields.set(".", Value::map());
            }
            out.push((key(step), fields));
        }
        Value::Map(out.into_iter().collect::<Map>())
    }

    /// Reads `fieldsV1`; `None` where a key is not one of its forms.
    pub(crate) fn from_v1(value: &Value) -> Option<Self> {
        let mut out = Self::default();
        for (name, below) in value.as_map()?.iter() {
            if name == "." {
                continue;
            }
            let step = step(name)?;
            let fields = below.as_map()?;
            if fields.is_empty() || fields.contains(".") {
                out.members.push(step.clone());
            }
            let set = Self::from_v1(below)?;
            if !set.is_empty() {
                out.children.push((step, set));
            }
        }
        out.members.sort();
        out.children.sort_by(|a, b| a.0.cmp(&b.0));
        Some(out)
    }
}

fn key(step: &Step) -> Str {
    match step {
        Step::Field(name) => format!("f:{name}").into(),
        Step::Key(fields) => {
            let map: Map = fields.iter().cloned().collect();
            format!("k:{}", Value::Map(map).to_json()).into()
        }
        Step::Value(value) => format!("v:{}", value.to_json()).into(),
        Step::Index(index) => format!("i:{index}").into(),
    }
}

fn step(key: &str) -> Option<Step> {
    let (form, rest) = key.split_once(':')?;
    Some(match form {
        "f" => Step::Field(rest.into()),
        "k" => match Value::from_json(rest.as_bytes()).ok()? {
            Value::Map(map) => Step::Key(map.into_iter().collect()),
            _ => return None,
        },
        "v" => Step::Value(Value::from_json(rest.as_bytes()).ok()?),
        "i" => Step::Index(rest.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_back() {
        let json = r#"{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}},"f:x":{"v:\"a\"":{}}}}"#;
        let set = FieldSet::from_v1(&Value::from_json(json.as_bytes()).unwrap()).unwrap();
        assert_eq!(set.to_v1().to_json(), json);
        let mut paths = Vec::new();
        set.each_path(&mut |path| paths.push(path.to_owned()));
        assert_eq!(paths[1], ".metadata.labels.a");
        assert_eq!(paths[2], r#".spec.ports[port=80,protocol="TCP"]"#);
    }
}
