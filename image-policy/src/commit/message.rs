//! Words the message of a commit, with the engine that the caller chooses.

use crate::Changes;
use std::collections::BTreeMap;
use std::fmt;

/// The message of commits whose automation has no template.
pub const DEFAULT_MESSAGE: &str = "Update from image update automation";

/// The object that commits, as templates see it: `.AutomationObject`. Prints as `namespace/name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `.AutomationObject.Namespace`
    pub namespace: String,
    /// `.AutomationObject.Name`
    pub name: String,
}

impl Subject {
    /// Makes a subject.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A commit message's template and the engine that reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageTemplate {
    engine: Engine,
    text: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Engine {
    #[default]
    Go,
    #[cfg(feature = "handlebars")]
    Handlebars,
}

impl MessageTemplate {
    /// Takes a Go template, as `ImageUpdateAutomation.spec.git.commit.messageTemplate` holds it; an empty one says
    /// [`DEFAULT_MESSAGE`].
    #[must_use]
    pub fn go(text: &str) -> Self {
        Self { engine: Engine::Go, text: text.to_owned() }
    }

    /// Takes a Handlebars template.
    #[cfg(feature = "handlebars")]
    #[must_use]
    pub fn handlebars(text: &str) -> Self {
        Self { engine: Engine::Handlebars, text: text.to_owned() }
    }

    /// Words the message of some changes.
    ///
    /// # Errors
    /// When the template can't be read or fails while it runs.
    pub fn render(
        &self,
        subject: &Subject,
        changes: &Changes,
        values: &BTreeMap<String, String>,
    ) -> Result<String, MessageError> {
        if self.text.is_empty() {
            return Ok(DEFAULT_MESSAGE.to_owned());
        }
        match self.engine {
            Engine::Go => super::go::render(&self.text, subject, changes, values),
            #[cfg(feature = "handlebars")]
            Engine::Handlebars => super::handlebars::render(&self.text, subject, changes, values),
        }
    }
}

/// Why a template gave no message. Prints in Flux's words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageError {
    /// The template can't be read.
    Template(String),
    /// The template failed while it ran.
    Run(String),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(why) => write!(f, "unable to create commit message template from spec: {why}"),
            Self::Run(why) => write!(f, "failed to run template from spec: {why}"),
        }
    }
}

impl std::error::Error for MessageError {}
