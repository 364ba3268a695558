//! `images` and `replicas`.

use gitops_yaml::Node;

use super::shape::text;
use super::{KustomizationFile, put, refuse};
use crate::error::Error;
use crate::transform::images::split;

/// What an argument that keeps the present value says.
const KEEP: &str = "*";

const IMAGE_FORMS: &str = "invalid format of image, use one of the following options:
- <image>=<newimage>:<newtag>
- <image>=<newimage>@<digest>
- <image>=<newimage>:<newtag>@<digest>
- <image>=<newimage>
- <image>:<newtag>
- <image>:<newtag>@<digest>
- <image>@<digest>";

impl KustomizationFile {
    /// Sets images by arguments such as `nginx=registry.example.org/nginx:1.2`; `*` keeps a new name, tag or digest. The
    /// list ends sorted by name.
    ///
    /// # Errors
    /// When an argument is malformed.
    pub fn set_images(&mut self, arguments: &[String]) -> Result<(), Error> {
        if arguments.is_empty() {
            return Err(refuse("no image specified"));
        }
        let mut wanted: Vec<Node> = Vec::new();
        for argument in arguments {
            replace_or_push(&mut wanted, parse_image(argument)?);
        }
        // Of entries of one name the last counts.
        let mut all: Vec<Node> = Vec::new();
        for image in self.items("images") {
            let known = wanted.iter_mut().find(|other| name_of(other) == name_of(&image));
            match known {
                Some(other) => keep_values(other, Some(&image)),
                None => replace_or_push(&mut all, image),
            }
        }
        for mut image in wanted {
            keep_values(&mut image, None);
            all.push(image);
        }
        all.sort_by(|a, b| name_of(a).cmp(name_of(b)));
        self.put_items("images", all);
        Ok(())
    }

    /// Sets numbers of replicas by arguments such as `web=3`. The list ends sorted by name.
    ///
    /// # Errors
    /// When an argument is malformed.
    pub fn set_replicas(&mut self, arguments: &[String]) -> Result<(), Error> {
        if arguments.is_empty() {
            return Err(refuse("no replicas specified"));
        }
        let mut all: Vec<Node> = Vec::new();
        for replica in self.items("replicas") {
            replace_or_push(&mut all, replica);
        }
        for argument in arguments {
            let count = |count: &str| count.parse::<i64>().ok();
            let parsed = argument.split_once('=').and_then(|(name, number)| Some((name, count(number)?)));
            let Some((name, count)) = parsed else {
                let message = "invalid format of replica, use the following format: <name>=<count>";
                return Err(refuse(message));
            };
            let mut replica = Node::mapping(Vec::new());
            put(&mut replica, "name", text(name));
            replica.set("count", Node::int(count));
            replace_or_push(&mut all, replica);
        }
        all.sort_by(|a, b| name_of(a).cmp(name_of(b)));
        self.put_items("replicas", all);
        Ok(())
    }
}

fn name_of(entry: &Node) -> &str {
    entry.get("name").and_then(Node::as_str).unwrap_or_default()
}

fn replace_or_push(all: &mut Vec<Node>, entry: Node) {
    match all.iter_mut().find(|other| name_of(other) == name_of(&entry)) {
        Some(other) => *other = entry,
        None => all.push(entry),
    }
}

/// Puts the present values where the argument keeps them.
fn keep_values(image: &mut Node, present: Option<&Node>) {
    for field in ["newName", "newTag", "digest"] {
        if image.get(field).and_then(Node::as_str) == Some(KEEP) {
            let value = present.and_then(|present| present.get(field)).cloned().unwrap_or_else(Node::null);
            put(image, field, value);
        }
    }
}

fn parse_image(argument: &str) -> Result<Node, Error> {
    let (name, value) =
        argument.split_once('=').map_or((None, argument), |(name, value)| (Some(name), value));
    let (new_name, tag, digest) = split(value);
    if new_name == argument {
        return Err(refuse(IMAGE_FORMS));
    }
    let mut image = Node::mapping(Vec::new());
    match name.filter(|name| !name.is_empty()) {
        Some(name) => {
            put(&mut image, "name", text(name));
            put(&mut image, "newName", text(new_name));
        }
        None => put(&mut image, "name", text(new_name)),
    }
    put(&mut image, "newTag", text(tag));
    put(&mut image, "digest", text(digest));
    Ok(image)
}
