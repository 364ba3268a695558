//! How ready an object is: kstatus, and expressions where a custom kind has its own words.

use gitops_core::api::HealthCheckExpression;
use gitops_core::apply::Readiness;
use gitops_core::cel::Program;
use gitops_core::health::{CustomHealth, Expression, status};
use gitops_core::object::Gvk;
use gitops_yaml::Node;

use crate::kind::{Key, Kind};

/// Returns an object's readiness by kstatus, with Flux's rule for jobs.
///
/// An object of Flux's API that nobody has looked at yet is in progress, also where its definition's defaults do not say so.
#[must_use]
pub fn readiness(object: &Node) -> Readiness {
    let text = |path: &[&str]| object.at_path(path).and_then(Node::as_str);
    if Key::of(object).is_some_and(|key| gets_conditions(key.kind))
        && text(&["spec", "suspend"]) != Some("true")
        && object.at_path(&["status", "conditions"]).is_none()
    {
        return Readiness::new("InProgress", "nobody has looked at it yet");
    }
    let health = status(object);
    Readiness::new(health.state.to_string(), health.message)
}

/// Whether every object of a kind comes to have conditions.
fn gets_conditions(kind: Kind) -> bool {
    !matches!(
        kind,
        // A repository of OCI's has nothing to be looked at; what others write, and what only holds settings, has no status.
        Kind::HelmRepository | Kind::Bucket | Kind::ExternalArtifact | Kind::Alert | Kind::Provider
    )
}

/// `healthCheckExprs`: the words of kinds that kstatus does not know.
pub(crate) struct Expressions(Vec<CustomHealth>);

impl Expressions {
    /// Reads expressions; the first of a kind wins.
    ///
    /// # Errors
    /// Where one can't be read, with its place: `spec.healthCheckExprs[0].current: …`.
    pub(crate) fn compile(expressions: &[HealthCheckExpression]) -> Result<Self, String> {
        let read = |index: usize, field: &str, text: &str| -> Result<Box<dyn Expression>, String> {
            let program = Program::parse(text);
            let program = program.map_err(|why| format!("spec.healthCheckExprs[{index}].{field}: {why}"))?;
            Ok(Box::new(program))
        };
        let mut compiled = Vec::with_capacity(expressions.len());
        for (index, one) in expressions.iter().enumerate() {
            let optional = |field, text: &Option<String>| {
                let text = text.as_deref().filter(|text| !text.is_empty());
                text.map(|text| read(index, field, text)).transpose()
            };
            compiled.push(CustomHealth {
                api_version: one.api_version.clone(),
                kind: one.kind.clone().unwrap_or_default(),
                in_progress: optional("inProgress", &one.in_progress)?,
                failed: optional("failed", &one.failed)?,
                current: read(index, "current", &one.current)?,
            });
        }
        Ok(Self(compiled))
    }

    /// Returns an object's readiness by the expressions of its kind, if there are any. An expression that does not fit the
    /// object leaves it unknown, with why.
    pub(crate) fn readiness(&self, object: &Node) -> Option<Readiness> {
        let gvk = Gvk::of(object);
        let health = self.0.iter().find(|health| health.is_for(&gvk))?;
        Some(match health.status(object) {
            Ok(health) => Readiness::new(health.state.to_string(), health.message),
            Err(why) => Readiness::new("", why.0),
        })
    }
}

/// What `readyExpr` says of a dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is ready.
    Ready,
    /// It is not.
    NotReady,
    /// The expression fits the two objects not or not yet, such as one that asks for a status that is still to be written.
    Unknown(String),
}

/// Asks whether a dependency is ready by `readyExpr`: `self` is the dependant, `dep` the dependency.
///
/// # Errors
/// Where the expression can't be read, which no change of the dependency mends.
pub(crate) fn is_ready_by(expression: &str, own: &Node, dependency: &Node) -> Result<Answer, String> {
    let program = Program::parse(expression).map_err(|why| format!("readyExpr: {why}"))?;
    Ok(match program.holds(&[("self", own), ("dep", dependency)]) {
        Ok(true) => Answer::Ready,
        Ok(false) => Answer::NotReady,
        Err(why) => Answer::Unknown(why.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node;

    fn check(expression: &HealthCheckExpression, object: &str) -> Option<(String, String)> {
        let expressions = Expressions::compile(std::slice::from_ref(expression)).unwrap();
        expressions.readiness(&node(object)).map(|it| (it.status.to_string(), it.message))
    }

    #[test]
    fn custom_kinds_have_their_own_words() {
        let expression = HealthCheckExpression {
            api_version: "db.example.com/v1".into(),
            kind: Some("Database".into()),
            in_progress: Some("status.phase == 'Creating'".into()),
            failed: Some("status.phase == 'Broken'".into()),
            current: "status.phase == 'Up'".into(),
        };
        let state = |status: &str| {
            let object = format!("apiVersion: db.example.com/v1\nkind: Database\nstatus: {status}");
            check(&expression, &object).unwrap()
        };
        assert_eq!(state("{phase: Creating}").0, "InProgress");
        assert_eq!(state("{phase: Broken}").0, "Failed");
        assert_eq!(state("{phase: Up}").0, "Current");
        assert_eq!(state("{phase: Odd}").0, "InProgress");
        let (status, message) = state("{}");
        assert!(status.is_empty() && message.contains("phase"), "{message}");
        assert_eq!(check(&expression, "apiVersion: db.example.com/v1\nkind: Backup"), None);
    }

    #[test]
    fn expressions_that_can_not_be_read_are_named() {
        let expression = HealthCheckExpression {
            api_version: "db.example.com/v1".into(),
            current: "status.phase ==".into(),
            ..HealthCheckExpression::default()
        };
        let error = Expressions::compile(&[expression]).err().unwrap();
        assert!(error.starts_with("spec.healthCheckExprs[0].current: "), "{error}");
    }

    #[test]
    fn ready_expressions_see_both_objects() {
        let own = node("metadata: {labels: {version: v2}}");
        let old = node("metadata: {labels: {version: v1}}");
        let expression = "self.metadata.labels.version == dep.metadata.labels.version";
        assert_eq!(is_ready_by(expression, &own, &own), Ok(Answer::Ready));
        assert_eq!(is_ready_by(expression, &own, &old), Ok(Answer::NotReady));
        assert!(matches!(is_ready_by("dep.status.ready", &own, &old), Ok(Answer::Unknown(_))));
        assert!(is_ready_by("dep.status.", &own, &old).unwrap_err().starts_with("readyExpr: "));
    }

    #[test]
    fn what_nobody_has_looked_at_is_not_ready() {
        let check = |text: &str, wanted: &str| {
            assert_eq!(readiness(&node(text)).status.as_str(), wanted, "{text}");
        };
        let release =
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: n}\n";
        check(release, "InProgress");
        check(&format!("{release}spec: {{suspend: true}}\n"), "Current");
        check(&format!("{release}status: {{conditions: [{{type: Ready, status: 'True'}}]}}\n"), "Current");
        check(&release.replace("helm.toolkit.fluxcd.io/v2", "example.org/v1"), "Current");
    }
}
