//! Many paths as one tree, walked at once to tell which of them lead to a field of an object at all.

use gitops_yaml::{Node, Str};

use crate::field_spec::{is_null, split_path};

/// Paths with their common beginnings in one.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldTree {
    /// The paths that end here, by their numbers.
    ends: Vec<usize>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    name: Str,
    /// The step is written `name[]`.
    is_list: bool,
    below: FieldTree,
}

impl FieldTree {
    /// Makes the tree of paths as [`FieldSpec::path`](crate::FieldSpec::path) has them; they are numbered as they come.
    pub(crate) fn new<'p>(paths: impl Iterator<Item = &'p str>) -> Self {
        let mut tree = Self::default();
        for (number, path) in paths.enumerate() {
            let mut at = &mut tree;
            for step in split_path(path) {
                let (name, is_list) = match step.strip_suffix("[]") {
                    Some(name) => (Str::from(name), true),
                    None => (step, false),
                };
                let known = at.steps.iter().position(|other| other.name == name && other.is_list == is_list);
                let known = known.unwrap_or_else(|| {
                    at.steps.push(Step { name, is_list, below: Self::default() });
                    at.steps.len() - 1
                });
                at = &mut at.steps[known].below;
            }
            at.ends.push(number);
        }
        tree
    }

    /// Notes which paths lead to a field, or to something that a visit would refuse; the others lead nowhere.
    pub(crate) fn note_reached(&self, node: &Node, reached: &mut [bool]) {
        for number in &self.ends {
            reached[*number] = true;
        }
        if self.steps.is_empty() {
            return;
        }
        self.note_steps(node, reached);
    }

    fn note_steps(&self, node: &Node, reached: &mut [bool]) {
        if let Some(items) = node.items() {
            return items.iter().for_each(|item| self.note_steps(item, reached));
        }
        if !node.is_mapping() {
            if !is_null(node) {
                self.steps.iter().for_each(|step| step.below.note_all(reached));
            }
            return;
        }
        for step in &self.steps {
            if step.name.is_empty() {
                step.below.note_all(reached);
                continue;
            }
            match node.get(&step.name) {
                Some(field) if step.is_list && is_null(field) => step.below.note_all(reached),
                Some(field) => step.below.note_reached(field, reached),
                None => {}
            }
        }
    }

    fn note_all(&self, reached: &mut [bool]) {
        for number in &self.ends {
            reached[*number] = true;
        }
        self.steps.iter().for_each(|step| step.below.note_all(reached));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::field_spec::{FieldSpec, NewField};
    use gitops_yaml::{FileId, ReadOptions, read_stream};

    /// What the tree says is what a visit of every single path finds.
    #[test]
    fn a_path_is_reached_where_a_visit_does_something() {
        let paths =
            ["a/b", "/a/c", "l/m/n", "l[]/m", "s/t/u", "z", "z/y", "n[]/x", "n/x", "e\\/f", "", "a", "l/k[]"];
        let text =
            "a: {b: 1}\nl: [{m: {n: 2}}, {m: [{n: 3}]}, [{k: null}]]\ns: text\nz: null\nn:\n\"e/f\": 1\n";
        let node = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::v3()).unwrap().remove(0).root;
        let mut reached = vec![false; paths.len()];
        FieldTree::new(paths.into_iter()).note_reached(&node, &mut reached);
        for (path, reached) in paths.iter().zip(reached) {
            let mut copy = node.clone();
            let mut stop = |_: &mut Node| Err(Error::new(ErrorKind::Transform, "reached"));
            let visited = FieldSpec::everywhere(*path, false).visit(&mut copy, NewField::None, &mut stop);
            let does_something = visited.is_err() || format!("{copy:?}") != format!("{node:?}");
            assert!(reached || !does_something, "{path}");
            assert!(does_something || !reached || path.contains("[]"), "{path}");
        }
    }
}
