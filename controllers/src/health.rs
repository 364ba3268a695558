//! How ready an object is: kstatus, and expressions where a custom kind has its own words.

use gitops_core::api::HealthCheckExpression;
use gitops_core::apply::Readiness;
use gitops_core::health::status;
use gitops_yaml::Node;

/// Returns an object's readiness by kstatus, with Flux's rule for jobs.
#[must_use]
pub fn readiness(object: &Node) -> Readiness {
    let health = status(object);
    Readiness::new(health.state.to_string(), health.message)
}

/// Expressions by kind. None is supported yet: a Kustomization that has one is refused by name.
pub(crate) struct Expressions;

impl Expressions {
    pub(crate) fn compile(expressions: &[HealthCheckExpression]) -> Result<Self, String> {
        match expressions.first() {
            None => Ok(Self),
            Some(first) => Err(format!(
                "healthCheckExprs are not supported (for {}): use healthChecks",
                first.api_version
            )),
        }
    }

    #[allow(clippy::unused_self, reason = "expressions will be asked")]
    pub(crate) fn readiness(&self, _: &Node) -> Option<Readiness> {
        None
    }
}

pub(crate) fn is_ready_by(expression: &str, _: &Node, _: &Node) -> Result<bool, String> {
    Err(format!(
        "readyExpr is not supported: remove '{expression}', the dependency's conditions are asked then"
    ))
}
