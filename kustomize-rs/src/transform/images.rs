//! Gives container images other names, tags and digests.

use gitops_yaml::{Data, Node};

use super::pattern::{Pattern, is_literal};
use super::set::{for_each_field, set_scalar, wrong_kind};
use super::{Context, Transformer};
use crate::error::Error;
use crate::field_spec::{FieldSpec, NewField};
use crate::kustomization::Image;
use crate::resource_map::ResourceMap;

/// Changes images, wherever containers are and where the specs say.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImageTagTransformer {
    /// The changes, one after the other.
    pub(crate) images: Vec<Image>,
    pub(crate) fields: Vec<FieldSpec>,
}

impl Transformer for ImageTagTransformer {
    fn transform(&self, resources: &mut ResourceMap, context: &Context<'_>) -> Result<(), Error> {
        let longest =
            self.images.iter().map(|image| image.new_name.len() + image.new_tag.len() + image.digest.len());
        context.take_for_each(resources, longest.max().unwrap_or_default())?;
        let updates: Vec<Update<'_>> =
            self.images.iter().map(|image| Update { image, name: Name::new(&image.name) }).collect();
        for resource in resources.iter_mut().filter(|resource| resource.kind() != "CustomResourceDefinition")
        {
            // Upstream goes through containers and then through the specs, for each image anew: what both reach is
            // changed twice by every image. One round does the same, once it is known which fields both reach.
            let mut by_spec: Vec<*const Node> = Vec::new();
            for_each_field(resource, &self.fields, NewField::None, &mut |node| {
                by_spec.push(&raw const *node);
                Ok(())
            })?;
            containers(&mut resource.node, &mut |node| {
                let before = by_spec.len();
                by_spec.retain(|other| !std::ptr::eq(*other, &raw const *node));
                let times = 1 + before - by_spec.len();
                updates.iter().try_for_each(|update| (0..times).try_for_each(|_| update.set(node)))
            })?;
            if !by_spec.is_empty() {
                for_each_field(resource, &self.fields, NewField::None, &mut |node| {
                    let times =
                        by_spec.iter().filter(|other| std::ptr::eq(**other, &raw const *node)).count();
                    if times == 0 {
                        return Ok(());
                    }
                    by_spec.retain(|other| !std::ptr::eq(*other, &raw const *node));
                    updates.iter().try_for_each(|update| (0..times).try_for_each(|_| update.set(node)))
                })?;
            }
        }
        Ok(())
    }
}

/// Calls a function with the image of every container: in all lists named `containers` or `initContainers`, at any
/// depth.
fn containers(node: &mut Node, set: &mut dyn FnMut(&mut Node) -> Result<(), Error>) -> Result<(), Error> {
    match &mut node.data {
        Data::Mapping(entries) => {
            for entry in entries {
                containers(&mut entry.value, set)?;
                if !matches!(entry.key.as_str(), Some("containers" | "initContainers")) {
                    continue;
                }
                for container in entry.value.items_mut().into_iter().flatten() {
                    if !container.is_mapping() && !container.is_null() {
                        return Err(wrong_kind("MappingNode", container));
                    }
                    if let Some(image) = container.get_mut("image") {
                        set(image)?;
                    }
                }
            }
            Ok(())
        }
        Data::Sequence(items) => items.iter_mut().try_for_each(|item| containers(item, set)),
        Data::Scalar(_) | Data::Alias(_) => Ok(()),
    }
}

struct Update<'a> {
    image: &'a Image,
    name: Name<'a>,
}

/// The name of an image, which upstream takes for a regular expression.
enum Name<'a> {
    Literal(&'a str),
    Regex(Pattern),
    /// What is no regular expression matches nothing.
    Nothing,
}

const TAG: &str = "(:[a-zA-Z0-9_.{}-]*)?(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*)?$";

impl<'a> Name<'a> {
    fn new(name: &'a str) -> Self {
        if is_literal(name) {
            return Self::Literal(name);
        }
        Pattern::anywhere(&format!("^{name}{TAG}")).map_or(Self::Nothing, Self::Regex)
    }

    fn matches(&self, image: &str) -> bool {
        match self {
            Self::Literal(name) => image.strip_prefix(name).is_some_and(is_tag_and_digest),
            Self::Regex(regex) => regex.matches(image),
            Self::Nothing => false,
        }
    }
}

/// Returns whether a text is a tag, a digest, both or nothing.
fn is_tag_and_digest(text: &str) -> bool {
    let is_tag = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'{' | b'}' | b'-'))
    };
    let (tag, digest) = match text.split_once('@') {
        Some((tag, digest)) => (tag, Some(digest)),
        None => (text, None),
    };
    let tag_fits = tag.is_empty() || tag.strip_prefix(':').is_some_and(is_tag);
    let digest_fits = digest.is_none_or(|digest| {
        digest.split_once(':').is_some_and(|(algorithm, hash)| {
            let mut parts = algorithm.split(['.', '+', '_', '-']);
            let is_word =
                |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            parts.all(is_word) && is_tag(hash)
        })
    });
    tag_fits && digest_fits
}

impl Update<'_> {
    fn set(&self, node: &mut Node) -> Result<(), Error> {
        let Some(text) = node.as_str() else { return Err(wrong_kind("ScalarNode", node)) };
        if !self.name.matches(text) {
            return Ok(());
        }
        let (name, tag, digest) = split(text);
        let image = self.image;
        let name = if image.new_name.is_empty() { name } else { &image.new_name };
        let with_suffix;
        let (tag, digest) = match (image.new_tag.as_str(), image.digest.as_str()) {
            ("", "") if image.tag_suffix.is_empty() => (tag, digest),
            ("", "") => {
                with_suffix = format!("{tag}{}", image.tag_suffix);
                (with_suffix.as_str(), "")
            }
            both => both,
        };
        let mut changed = name.to_owned();
        for (mark, part) in [(':', tag), ('@', digest)] {
            if !part.is_empty() {
                changed.push(mark);
                changed.push_str(part);
            }
        }
        set_scalar(node, changed)
    }
}

/// Splits an image into name, tag and digest; a colon before the first slash belongs to the registry's port.
pub(crate) fn split(image: &str) -> (&str, &str, &str) {
    let path = image.find('/').unwrap_or(0);
    let find = |mark: char| image.get(path..).and_then(|rest| rest.find(mark)).map(|at| at + path);
    match (find(':'), find('@')) {
        (None, None) => (image, "", ""),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
        (Some(colon), Some(at)) if colon < at => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (_, Some(at)) => (&image[..at], "", &image[at + 1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(image: &Image, before: &str, after: &str) {
        let update = Update { image, name: Name::new(&image.name) };
        let mut node = Node::plain(before);
        update.set(&mut node).unwrap();
        assert_eq!(node.as_str(), Some(after));
    }

    fn image(name: &str) -> Image {
        Image { name: name.into(), ..Image::default() }
    }

    #[test]
    fn a_tag_drops_the_digest_and_a_digest_the_tag() {
        let tag = Image { new_tag: "v2".into(), ..image("nginx") };
        check(&tag, "nginx", "nginx:v2");
        check(&tag, "nginx:v1@sha256:abc", "nginx:v2");
        check(&tag, "nginx-extra:v1", "nginx-extra:v1");
        let digest = Image { digest: "sha256:def".into(), ..image("nginx") };
        check(&digest, "nginx:v1", "nginx@sha256:def");
        let both = Image { new_tag: "v2".into(), ..digest };
        check(&both, "nginx@sha256:abc", "nginx:v2@sha256:def");
    }

    #[test]
    fn names_may_hold_a_port_and_be_patterns() {
        let named = Image { new_name: "other".into(), ..image("localhost:5000/app") };
        check(&named, "localhost:5000/app:v1", "other:v1");
        let pattern = Image { new_tag: "v2".into(), ..image("reg.*/app") };
        check(&pattern, "registry.example.com/app:v1", "registry.example.com/app:v2");
        let broken = Image { new_tag: "v2".into(), ..image("[") };
        check(&broken, "[", "[");
        let suffix = Image { tag_suffix: "-x".into(), ..image("app") };
        check(&suffix, "app:v1@sha256:abc", "app:v1-x");
    }
}
