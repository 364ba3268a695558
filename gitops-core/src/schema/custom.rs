//! Reads kinds from CustomResourceDefinitions.

use gitops_yaml::{Node, Str};

use super::definition::{Definition, Reference, ValueKind};
use super::kubernetes::OBJECT_META;
use super::{Schema, Scope};

impl Schema {
    /// Adds the kinds that a CustomResourceDefinition defines, one a version, and returns how many.
    ///
    /// Objects that don't keep unknown fields are closed, as the server drops such fields.
    pub fn add_custom_kinds(&mut self, definition: &Node) -> usize {
        let text =
            |path: &[&str]| definition.at_path(path).and_then(Node::scalar).cloned().unwrap_or_default();
        let group = text(&["spec", "group"]);
        let kind = text(&["spec", "names", "kind"]);
        let scope = match text(&["spec", "scope"]).as_str() {
            "Cluster" => Scope::Cluster,
            _ => Scope::Namespaced,
        };
        let versions = definition.at_path(&["spec", "versions"]).and_then(Node::items).unwrap_or_default();
        let mut count = 0;
        for version in versions {
            let Some(name) = version.get("name").and_then(Node::as_str) else { continue };
            let api_version = Str::from(format!("{group}/{name}"));
            let key = (api_version.clone(), kind.clone());
            self.scopes.insert(key.clone(), scope);
            if let Some(schema) = version.at_path(&["schema", "openAPIV3Schema"]) {
                let mut root = Definition::read(schema);
                root.is_embedded = true;
                root.close(self.index_of(OBJECT_META));
                let index = self.add_type(format!("{api_version}/{kind}").into(), root);
                self.kinds.insert(key, index);
            }
            count += 1;
        }
        count
    }
}

impl Definition {
    /// Closes every object that does not keep what it doesn't name, and marks the lists that server-side apply merges.
    fn close(&mut self, metadata: Option<usize>) {
        if self.is_embedded {
            self.add_object_fields(metadata);
        }
        self.is_closed = self.kind == ValueKind::Object && !self.is_open && self.values.is_none();
        if self.is_list_merged {
            self.strategy = Str::literal("merge");
        }
        let below = [&mut self.values, &mut self.element].into_iter().flatten().map(|below| &mut **below);
        for one in self.fields.iter_mut().map(|(_, field)| field).chain(below) {
            one.close(metadata);
        }
    }

    /// Adds what every object has: `apiVersion`, `kind`, `metadata`.
    fn add_object_fields(&mut self, metadata: Option<usize>) {
        let string = || Definition { kind: ValueKind::String, ..Definition::default() };
        let metadata = metadata.map(Reference::Type).unwrap_or_default();
        let added = [
            ("apiVersion", string()),
            ("kind", string()),
            ("metadata", Definition { reference: metadata, ..Definition::default() }),
        ];
        for (name, definition) in added {
            self.fields.retain(|(field, _)| field != name);
            self.fields.push((Str::literal(name), definition));
        }
        self.fields.sort_by(|a, b| a.0.cmp(&b.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_yaml::{FileId, ReadOptions, read_document};

    fn read(text: &str) -> Node {
        read_document(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().unwrap().root
    }

    #[test]
    fn fields_that_a_definition_does_not_name_are_found() {
        let mut schema = Schema::kubernetes();
        let definition = read(
            "spec:\n  group: example.com\n  scope: Cluster\n  names: {kind: Thing}\n  versions:\n  - name: v1\n    schema:\n      \
             openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            type: object\n            \
             required: [size]\n            properties:\n              size: {type: integer}\n              port: {x-kubernetes-int-or-string: true}\n              \
             free: {type: object, x-kubernetes-preserve-unknown-fields: true}\n",
        );
        assert_eq!(schema.add_custom_kinds(&definition), 1);
        assert_eq!(schema.scope("example.com/v1", "Thing"), Some(Scope::Cluster));
        let object = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a, label: {}}\n";
        let check = |spec: &str| -> Vec<String> {
            schema.check(&read(&format!("{object}spec: {spec}\n"))).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            check("{siez: 1, free: {any: 1}, port: http}"),
            [
                ".metadata.label: field not declared in schema",
                ".spec.siez: field not declared in schema",
                ".spec.size: required value"
            ]
        );
        assert_eq!(
            check("{size: 1, port: {}}").last().unwrap(),
            ".spec.port: expected integer or string, got object"
        );
    }
}
