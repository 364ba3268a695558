//! An object's status while it is being worked on: conditions and fields, and at the end only what changed.

use gitops_yaml::{Dialect, Entry, Node, Str};

/// A condition's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// `True`
    True,
    /// `False`
    False,
    /// `Unknown`
    Unknown,
}

impl Truth {
    fn text(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The status of an object of Flux's API: read once, changed in memory, written as a patch of what differs.
///
/// Conditions follow Flux's rules: a transition's time changes only with the condition's value, `Reconciling` stands only
/// while work goes on, `Stalled` only where trying again is useless.
#[derive(Clone, Debug)]
pub struct Status {
    before: Node,
    after: Node,
    generation: i64,
    now: String,
}

impl Status {
    /// Reads an object's status; `now` is RFC 3339.
    #[must_use]
    pub fn of(object: &Node, now: String) -> Self {
        let before = object.get("status").filter(|status| status.is_mapping()).cloned();
        let before = before.unwrap_or_else(|| Node::mapping(Vec::new()));
        Self { after: before.clone(), before, generation: generation(object), now }
    }

    /// Returns a field by its path.
    #[must_use]
    pub fn field(&self, path: &[&str]) -> Option<&Node> {
        self.after.at_path(path)
    }

    /// Returns a field's text.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.field(path)?.as_str()
    }

    /// Sets a field.
    pub fn set(&mut self, name: &str, value: Node) {
        self.after.set(name, value);
    }

    /// Sets a field to a text.
    pub fn set_text(&mut self, name: &str, text: impl Into<Str>) {
        self.set(name, Node::string(text));
    }

    /// Removes a field.
    pub fn unset(&mut self, name: &str) {
        self.after.remove(name);
    }

    /// Sets a condition.
    pub fn condition(&mut self, kind: &str, truth: Truth, reason: &str, message: &str) {
        let known = self.find(kind).cloned();
        let same = |field: &str, value: &str| {
            known.as_ref().and_then(|known| known.get(field)).and_then(Node::as_str) == Some(value)
        };
        let since = if same("status", truth.text()) {
            known.as_ref().and_then(|known| known.get("lastTransitionTime")).and_then(Node::as_str)
        } else {
            None
        };
        let since = since.unwrap_or(&self.now).to_owned();
        let condition = mapping(vec![
            ("lastTransitionTime", Node::string(since)),
            ("message", Node::string(message)),
            ("observedGeneration", Node::int(self.generation)),
            ("reason", Node::string(reason)),
            ("status", Node::string(truth.text())),
            ("type", Node::string(kind)),
        ]);
        if self.after.get("conditions").is_none_or(|list| !list.is_sequence()) {
            self.after.set("conditions", Node::sequence(Vec::new()));
        }
        let Some(list) = self.after.get_mut("conditions").and_then(Node::items_mut) else { return };
        match list.iter_mut().find(|known| is(known, kind)) {
            Some(place) => *place = condition,
            // Ready is read first by people.
            None if kind == "Ready" => list.insert(0, condition),
            None => list.push(condition),
        }
    }

    /// Removes a condition.
    pub fn drop_condition(&mut self, kind: &str) {
        if let Some(list) = self.after.get_mut("conditions").and_then(Node::items_mut) {
            list.retain(|known| !is(known, kind));
        }
    }

    fn find(&self, kind: &str) -> Option<&Node> {
        self.after.get("conditions")?.items()?.iter().find(|known| is(known, kind))
    }

    /// Returns a condition's value; `None` where it does not stand.
    #[must_use]
    pub fn truth(&self, kind: &str) -> Option<Truth> {
        truth(self.find(kind)?)
    }

    /// Returns a condition's reason and message.
    #[must_use]
    pub fn words(&self, kind: &str) -> Option<(&str, &str)> {
        let condition = self.find(kind)?;
        let text = |field| condition.get(field).and_then(Node::as_str).unwrap_or_default();
        Some((text("reason"), text("message")))
    }

    /// Says that work has begun: `Reconciling` is true and `Ready` unknown.
    pub fn progressing(&mut self, message: &str) {
        self.condition("Reconciling", Truth::True, "Progressing", message);
        self.condition("Ready", Truth::Unknown, "Progressing", message);
        self.drop_condition("Stalled");
    }

    /// Says that all is done.
    pub fn ready(&mut self, reason: &str, message: &str) {
        self.condition("Ready", Truth::True, reason, message);
        self.drop_condition("Reconciling");
        self.drop_condition("Stalled");
        self.observed();
    }

    /// Says that work failed and will be tried again.
    pub fn failed(&mut self, reason: &str, message: &str) {
        self.condition("Ready", Truth::False, reason, message);
        self.condition("Reconciling", Truth::True, "ProgressingWithRetry", message);
        self.drop_condition("Stalled");
    }

    /// Says that work failed and that trying again is useless until something changes.
    pub fn stalled(&mut self, reason: &str, message: &str) {
        self.condition("Ready", Truth::False, reason, message);
        self.condition("Stalled", Truth::True, reason, message);
        self.drop_condition("Reconciling");
        self.observed();
    }

    /// Notes that the object's present generation was seen to its end.
    pub fn observed(&mut self) {
        self.set("observedGeneration", Node::int(self.generation));
    }

    /// Notes which request for a reconciliation was answered.
    pub fn handled(&mut self, requested_at: Option<&str>) {
        if let Some(requested_at) = requested_at {
            self.set_text("lastHandledReconcileAt", requested_at);
        }
    }

    /// Returns whether anything differs from what was read.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.patch().is_some()
    }

    /// Returns the merge patch that brings an object from what was read to what was set; `None` where nothing differs.
    #[must_use]
    pub fn patch(&self) -> Option<Node> {
        let mut changed = Vec::new();
        for entry in self.after.entries().unwrap_or_default() {
            let name = entry.key.as_str().unwrap_or_default();
            if self.before.get(name).is_none_or(|before| !same(before, &entry.value)) {
                changed.push(entry.clone());
            }
        }
        for entry in self.before.entries().unwrap_or_default() {
            if self.after.get(entry.key.as_str().unwrap_or_default()).is_none() {
                changed.push(Entry { key: entry.key.clone(), value: Node::null() });
            }
        }
        (!changed.is_empty()).then(|| mapping(vec![("status", Node::mapping(changed))]))
    }

    /// Takes what was written as what is known, after a patch went through.
    pub fn written(&mut self) {
        self.before = self.after.clone();
    }
}

/// Returns an object's `metadata.generation`; 0 where it has none.
#[must_use]
pub fn generation(object: &Node) -> i64 {
    let text = object.at_path(&["metadata", "generation"]).and_then(Node::scalar);
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Returns whether an object's `Ready` condition is true for its present generation.
#[must_use]
pub fn is_ready(object: &Node) -> bool {
    let observed = object.at_path(&["status", "observedGeneration"]).and_then(Node::scalar);
    let observed = observed.and_then(|text| text.parse::<i64>().ok());
    observed.is_none_or(|observed| observed == generation(object))
        && condition_of(object, "Ready").and_then(truth) == Some(Truth::True)
}

/// Returns a condition of an object.
#[must_use]
pub fn condition_of<'a>(object: &'a Node, kind: &str) -> Option<&'a Node> {
    object.at_path(&["status", "conditions"])?.items()?.iter().find(|known| is(known, kind))
}

fn is(condition: &Node, kind: &str) -> bool {
    condition.get("type").and_then(Node::as_str) == Some(kind)
}

fn truth(condition: &Node) -> Option<Truth> {
    match condition.get("status")?.as_str()? {
        "True" => Some(Truth::True),
        "False" => Some(Truth::False),
        "Unknown" => Some(Truth::Unknown),
        _ => None,
    }
}

/// Returns whether two nodes mean the same, whatever their style, place and order of keys.
#[must_use]
pub fn same(a: &Node, b: &Node) -> bool {
    match (a.entries(), b.entries(), a.items(), b.items()) {
        (Some(a), Some(b), _, _) => {
            a.len() == b.len()
                && a.iter().all(|entry| {
                    let name = entry.key.as_str().unwrap_or_default();
                    b.iter()
                        .find(|other| other.key.as_str() == Some(name))
                        .is_some_and(|other| same(&entry.value, &other.value))
                })
        }
        (None, None, Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (None, None, None, None) => {
            a.kind(Dialect::Yaml11) == b.kind(Dialect::Yaml11) && a.scalar() == b.scalar()
        }
        _ => false,
    }
}

/// Makes a mapping of names and values.
#[must_use]
pub fn mapping(entries: Vec<(&str, Node)>) -> Node {
    Node::mapping(entries.into_iter().map(|(name, value)| Entry { key: Node::string(name), value }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Node {
        crate::testing::node(text)
    }

    #[test]
    fn only_what_differs_is_patched() {
        let old = object(
            "metadata: {generation: 2}\nstatus: {a: x, b: [1], conditions: [{type: Ready, status: 'True', reason: R, message: m, observedGeneration: 2, lastTransitionTime: '2000-01-01T00:00:00Z'}], observedGeneration: 2}",
        );
        let mut status = Status::of(&old, "2026-01-01T00:00:00Z".into());
        status.ready("R", "m");
        assert!(!status.has_changed());
        status.ready("R", "another");
        status.unset("a");
        let text = gitops_yaml::to_json(&status.patch().unwrap(), Dialect::Yaml11).unwrap();
        assert!(text.contains(r#""lastTransitionTime":"2000-01-01T00:00:00Z""#), "{text}");
        assert!(text.contains(r#""a":null"#) && !text.contains("\"b\""), "{text}");
    }

    #[test]
    fn readiness_is_of_the_present_generation() {
        let text = |seen| {
            format!(
                "metadata: {{generation: 2}}\nstatus: {{observedGeneration: {seen}, conditions: [{{type: Ready, status: 'True'}}]}}"
            )
        };
        assert!(is_ready(&object(&text(2))));
        assert!(!is_ready(&object(&text(1))));
    }
}
