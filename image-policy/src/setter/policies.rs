//! The policies that an update may use, each with the image that it chose.

use super::marker::{Field, Marker};
use crate::near::distance;
use crate::{Reference, ReferenceError};
use std::collections::BTreeMap;
use std::fmt;

/// A policy's namespace and name; prints as `namespace/name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl PolicyName {
    /// Makes a name.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Returns the name as setters write it: `namespace:name`.
    #[must_use]
    pub fn setter(&self) -> String {
        format!("{}:{}", self.namespace, self.name)
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The image that a policy chose. Read from the form of command lines, `namespace:name=image:tag[@digest]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenImage {
    /// The policy.
    pub policy: PolicyName,
    /// What it chose.
    pub image: Reference,
}

impl std::str::FromStr for ChosenImage {
    type Err = ChosenImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || ChosenImageError::Form(text.to_owned());
        let (policy, image) = text.split_once('=').ok_or_else(form)?;
        let (namespace, name) = policy.split_once(':').ok_or_else(form)?;
        if namespace.is_empty() || name.is_empty() || name.contains(':') {
            return Err(form());
        }
        let image = Reference::parse(image).map_err(ChosenImageError::Reference)?;
        if image.tag().is_none() && image.digest().is_none() {
            return Err(ChosenImageError::NoIdentifier(text.to_owned()));
        }
        Ok(Self { policy: PolicyName::new(namespace, name), image })
    }
}

/// Why a text is no `namespace:name=image:tag[@digest]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChosenImageError {
    /// It has another form.
    Form(String),
    /// The image has neither tag nor digest.
    NoIdentifier(String),
    /// The image's reference is invalid.
    Reference(ReferenceError),
}

impl fmt::Display for ChosenImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => write!(f, "'{text}' must have the form namespace:name=image:tag[@digest]"),
            Self::NoIdentifier(text) => write!(f, "'{text}' has neither tag nor digest"),
            Self::Reference(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChosenImageError {}

/// The policies that an update may use.
///
/// ```
/// use image_policy::{PolicyName, Policies};
/// let mut policies = Policies::default();
/// policies.choose("flux-system:app=ghcr.io/org/app:1.2.3".parse()?)?;
/// policies.insert(PolicyName::new("flux-system", "new"), None)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// `None` where a policy exists but has chosen nothing yet.
    images: BTreeMap<PolicyName, Option<Reference>>,
}

impl Policies {
    /// Adds a policy; `None` says that it exists but has no image yet.
    ///
    /// # Errors
    /// When the policy is there already with another image.
    pub fn insert(&mut self, policy: PolicyName, image: Option<Reference>) -> Result<(), DuplicatePolicy> {
        match self.images.get(&policy) {
            Some(known) if *known != image => Err(DuplicatePolicy {
                policy,
                images: [known, &image].map(|image| image.as_ref().map(ToString::to_string)),
            }),
            _ => {
                self.images.insert(policy, image);
                Ok(())
            }
        }
    }

    /// Adds a policy that has chosen an image.
    ///
    /// # Errors
    /// When the policy is there already with another image.
    pub fn choose(&mut self, chosen: ChosenImage) -> Result<(), DuplicatePolicy> {
        self.insert(chosen.policy, Some(chosen.image))
    }

    /// Returns whether there is no policy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Looks up what a marker asks for: the value to write and the image behind it.
    pub(super) fn value(&self, marker: &Marker) -> Result<(String, ChosenImage), NoValue> {
        let Some(image) = self.images.get(&marker.policy) else {
            return Err(NoValue::UnknownPolicy { near: self.near(&marker.policy) });
        };
        let Some(image) = image else { return Err(NoValue::NotReady) };
        let value = match marker.field {
            Field::Image => image.to_string(),
            Field::Name => image.name().to_owned(),
            Field::Tag => image.tag().unwrap_or_default().to_owned(),
            Field::Digest => image.digest().unwrap_or_default().to_owned(),
        };
        Ok((value, ChosenImage { policy: marker.policy.clone(), image: image.clone() }))
    }

    /// A slip of the keyboard, or the same name in another namespace.
    fn near(&self, wanted: &PolicyName) -> Vec<String> {
        let mut near: Vec<(usize, String)> = self
            .images
            .keys()
            .filter_map(|known| {
                let name = distance(&wanted.name, &known.name)?;
                let namespace = match distance(&wanted.namespace, &known.namespace) {
                    Some(distance) => distance,
                    None if name == 0 => 1,
                    None => return None,
                };
                Some((name + namespace, known.setter()))
            })
            .collect();
        near.sort();
        near.into_iter().take(3).map(|(_, setter)| setter).collect()
    }
}

/// Why there is no value for a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoValue {
    UnknownPolicy { near: Vec<String> },
    NotReady,
}

/// One policy was given twice with different images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicatePolicy {
    policy: PolicyName,
    images: [Option<String>; 2],
}

impl fmt::Display for DuplicatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.images.each_ref().map(|image| image.as_deref().unwrap_or("no image"));
        write!(f, "policy '{}' is given twice, with '{first}' and with '{second}'", self.policy.setter())
    }
}

impl std::error::Error for DuplicatePolicy {}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(chosen: &[&str]) -> Result<Policies, DuplicatePolicy> {
        let mut policies = Policies::default();
        for text in chosen {
            policies.choose(text.parse().unwrap())?;
        }
        Ok(policies)
    }

    #[test]
    fn the_form_of_command_lines_is_read() {
        let policies = policies(&["ns:app=localhost:5000/o/app:1.0"]).unwrap();
        let marker = |field| Marker { policy: PolicyName::new("ns", "app"), field };
        let value = |field| policies.value(&marker(field)).unwrap().0;
        assert_eq!(value(Field::Image), "localhost:5000/o/app:1.0");
        assert_eq!(value(Field::Name), "localhost:5000/o/app");
        assert_eq!(value(Field::Tag), "1.0");
        assert_eq!(value(Field::Digest), "");
        for wrong in ["ns=app:1", "app", ":a=b:1", "ns:a:tag=b:1"] {
            let error = wrong.parse::<ChosenImage>().unwrap_err().to_string();
            assert_eq!(error, format!("'{wrong}' must have the form namespace:name=image:tag[@digest]"));
        }
        let error = "ns:app=nginx".parse::<ChosenImage>().unwrap_err().to_string();
        assert_eq!(error, "'ns:app=nginx' has neither tag nor digest");
    }

    #[test]
    fn one_policy_with_two_images_is_refused() {
        assert!(policies(&["ns:app=a:1", "ns:app=a:1"]).is_ok());
        let error = policies(&["ns:app=a:1", "ns:app=a:2"]).unwrap_err().to_string();
        assert_eq!(error, "policy 'ns:app' is given twice, with 'a:1' and with 'a:2'");
    }

    #[test]
    fn near_misses_know_namespaces_and_slips() {
        let policies = policies(&["flux-system:app=a:1", "prod:app=a:1", "flux-system:api=a:1"]).unwrap();
        assert_eq!(policies.near(&PolicyName::new("default", "app")), ["flux-system:app", "prod:app"]);
        assert_eq!(
            policies.near(&PolicyName::new("flux-system", "apu")),
            ["flux-system:api", "flux-system:app"]
        );
    }
}
