//! Values from and to YAML nodes.

use super::{Map, Value};
use gitops_yaml::{Dialect, Entry, Error, Node, Str, ValueSink, visit_values};

impl Value {
    /// Reads a node as the API's clients do: by YAML 1.1, with aliases followed.
    ///
    /// # Errors
    /// Where JSON can't hold the node.
    pub fn from_node(node: &Node) -> Result<Self, Error> {
        let mut sink = Collect { open: Vec::new(), done: Self::Null };
        visit_values(node, Dialect::Yaml11, &mut sink)?;
        Ok(sink.done)
    }

    /// Returns the value as a node, `apiVersion`, `kind` and `metadata` first as everybody writes them.
    #[must_use]
    pub fn to_node(&self) -> Node {
        match self {
            Self::Null => Node::null(),
            Self::Bool(value) => Node::bool(*value),
            Self::Int(number) => Node::int(*number),
            Self::Float(number) => Node::plain(gitops_yaml::go_float(*number)),
            Self::Text(text) => Node::string(text.clone()),
            Self::List(items) => Node::sequence(items.iter().map(Self::to_node).collect()),
            Self::Map(map) => Node::mapping(
                map.iter()
                    .map(|(key, value)| Entry { key: Node::string(key.clone()), value: value.to_node() })
                    .collect(),
            ),
        }
    }
}

enum Open {
    List(Vec<Value>),
    Map(Vec<(Str, Value)>, Str),
}

struct Collect {
    open: Vec<Open>,
    done: Value,
}

impl Collect {
    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            None => self.done = value,
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(fields, key)) => fields.push((std::mem::take(key), value)),
        }
    }
}

impl ValueSink for Collect {
    fn begin_map(&mut self) {
        self.open.push(Open::Map(Vec::new(), Str::EMPTY));
    }
    fn key(&mut self, name: &str) {
        if let Some(Open::Map(_, key)) = self.open.last_mut() {
            *key = Str::from(name);
        }
    }
    fn begin_seq(&mut self) {
        self.open.push(Open::List(Vec::new()));
    }
    fn end(&mut self) {
        match self.open.pop() {
            Some(Open::List(mut items)) => {
                items.shrink_to_fit();
                self.put(Value::List(items));
            }
            Some(Open::Map(fields, _)) => self.put(Value::Map(fields.into_iter().collect::<Map>())),
            None => {}
        }
    }
    fn str(&mut self, value: &str) {
        self.put(Value::text(value));
    }
    fn int(&mut self, value: i64) {
        self.put(Value::Int(value));
    }
    #[allow(clippy::cast_precision_loss, reason = "JSON numbers beyond 64 bits are floats to the API")]
    fn uint(&mut self, value: u64) {
        self.put(Value::Float(value as f64));
    }
    fn float(&mut self, value: f64) {
        self.put(Value::Float(value));
    }
    fn bool(&mut self, value: bool) {
        self.put(Value::Bool(value));
    }
    fn null(&mut self) {
        self.put(Value::Null);
    }
}
