//! Health told by expressions, for kinds that kstatus does not know.

use super::state::{Health, State, lagging};
use crate::object::Gvk;
use gitops_yaml::Node;
use std::fmt;

/// An expression over an object, compiled by whoever knows its language (CEL, in Flux).
pub trait Expression: Send + Sync {
    /// Tells whether the expression holds for an object.
    ///
    /// # Errors
    /// Where it names what the object does not have, or gives no boolean.
    fn holds(&self, object: &Node) -> Result<bool, ExpressionError>;
}

/// An expression that can't be read or does not fit an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError(pub String);

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExpressionError {}

/// How the health of a kind is told: `spec.healthCheckExprs` of a Kustomization or HelmRelease.
pub struct CustomHealth {
    /// The API version that it is for; its version part does not count.
    pub api_version: String,
    /// The kind; every kind of the group where it is empty.
    pub kind: String,
    /// When work goes on.
    pub in_progress: Option<Box<dyn Expression>>,
    /// When it has failed.
    pub failed: Option<Box<dyn Expression>>,
    /// When it is as wanted.
    pub current: Box<dyn Expression>,
}

impl fmt::Debug for CustomHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomHealth")
            .field("api_version", &self.api_version)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl CustomHealth {
    /// Returns whether it is for objects of this kind.
    #[must_use]
    pub fn is_for(&self, gvk: &Gvk) -> bool {
        let group = Gvk::new(&self.api_version, "").group;
        group == gvk.group && (self.kind.is_empty() || self.kind == gvk.kind.as_str())
    }

    /// Tells how ready an object is: in progress where its status lags behind or `in_progress` holds, failed where
    /// `failed` holds, current where `current` holds, else in progress.
    ///
    /// # Errors
    /// As [`Expression::holds`].
    pub fn status(&self, object: &Node) -> Result<Health, ExpressionError> {
        let gvk = Gvk::of(object);
        if let Some(health) = lagging(object, &gvk) {
            return Ok(health);
        }
        let expressions = [
            (self.in_progress.as_deref(), State::InProgress),
            (self.failed.as_deref(), State::Failed),
            (Some(&*self.current), State::Current),
        ];
        for (expression, state) in expressions {
            if let Some(expression) = expression
                && expression.holds(object)?
            {
                return Ok(Health::new(state, ""));
            }
        }
        Ok(Health::new(State::InProgress, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Has(&'static str);

    impl Expression for Has {
        fn holds(&self, object: &Node) -> Result<bool, ExpressionError> {
            let status = object.get("status").ok_or_else(|| ExpressionError("no such key: status".into()))?;
            Ok(status.get(self.0).is_some())
        }
    }

    fn object(fields: &[&str]) -> Node {
        let mut status = Node::mapping(Vec::new());
        for field in fields {
            status.set(*field, Node::int(1));
        }
        let mut object = Node::mapping(Vec::new());
        object.set("status", status);
        object
    }

    #[test]
    fn expressions_are_asked_in_flux_order() {
        let health = CustomHealth {
            api_version: "example.com/v1".into(),
            kind: String::new(),
            in_progress: Some(Box::new(Has("busy"))),
            failed: Some(Box::new(Has("broken"))),
            current: Box::new(Has("done")),
        };
        let state = |fields: &[&str]| health.status(&object(fields)).unwrap().state;
        assert_eq!(state(&["busy", "broken", "done"]), State::InProgress);
        assert_eq!(state(&["broken", "done"]), State::Failed);
        assert_eq!(state(&["done"]), State::Current);
        assert_eq!(state(&[]), State::InProgress);
        assert!(health.status(&Node::mapping(Vec::new())).is_err());
        assert!(health.is_for(&Gvk::new("example.com/v2", "Any")));
        assert!(!health.is_for(&Gvk::new("example.org/v1", "Any")));
    }
}
