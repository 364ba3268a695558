//! Notices what others have changed of a release's objects, and undoes it where that is wanted.

use gitops_core::api::DriftMode;
use gitops_core::apply::{
    Action, Applier, ApplyOptions, ApplySet, DriftWatch, IgnoreRules, Inventory, NoCheckpoint, Owner,
    Planned, SetOptions, show_errors,
};
use gitops_core::ports::Cluster;
use gitops_yaml::{Files, Node, Str};
use helm_rs::release::Release;

use super::act::{Work, manifest_objects};
use crate::context::Failure;
use crate::event::Severity;
use crate::health::readiness;
use crate::status::Truth;
use crate::world::World;

/// The label or annotation that leaves an object to others.
const OPT_OUT: &str = "helm.toolkit.fluxcd.io/driftDetection";

impl<W: World, C: Cluster> Work<'_, '_, W, C> {
    /// Compares the objects of a release with the cluster, and sets them right.
    pub(super) async fn correct_drift(&mut self, release: &Release) -> Result<(), Failure> {
        let detection = self.spec().drift_detection.clone().unwrap_or_default();
        if detection.mode == DriftMode::Disabled {
            self.run.status.drop_condition("Drifted");
            return Ok(());
        }
        let failed = |message: String| Failure::passing("DriftDetectionFailed", message);
        let objects = manifest_objects(&release.manifest, &release.namespace);
        let objects: Vec<Node> = objects.into_iter().filter(|object| !is_left(object)).collect();
        let owner = Owner {
            manager: Str::literal("helm"),
            group: Str::literal("helm.toolkit.fluxcd.io"),
            namespace: self.run.key.namespace.clone(),
            name: self.run.key.name.clone(),
        };
        let set = ApplySet::prepare(objects, &owner, &SetOptions::default())
            .map_err(|errors| failed(show_errors(&errors, &Files::default())))?;
        let rules: Vec<_> =
            detection.ignore.iter().map(crate::kustomization::reconcile::ignore_rule).collect();
        let ignore = IgnoreRules::new(&rules).map_err(|error| {
            Failure::lasting("InvalidSpec", format!("spec.driftDetection.ignore: {error}"))
        })?;
        let mut options = ApplyOptions::default();
        options.prune = false;
        options.ignore = ignore;
        let ready = |object: &Node| readiness(object);
        let clock = self.run.context.world.clock();
        let applier = Applier::new(self.cluster, clock, &owner, &ready).with_options(options);
        let (plan, errors, _) = applier.plan(set.clone(), &Inventory::default()).await;
        if !errors.is_empty() {
            return Err(failed(show_errors(&errors, &Files::default())));
        }
        let changed: Vec<String> =
            plan.objects.iter().filter(|planned| planned.change.action.changes()).map(shown).collect();
        let about = format!("{}/{}.v{}", release.namespace, release.name, release.revision);
        if changed.is_empty() {
            let message = format!("No drift detected for release {about}");
            self.run.status.condition("Drifted", Truth::False, "NoDriftDetected", &message);
            return Ok(());
        }
        let message = format!(
            "Cluster state of release {about} has drifted from the desired state:\n{}",
            changed.join("\n")
        );
        let was_told = self.run.status.words("Drifted").is_some_and(|(_, known)| known == message);
        self.run.status.condition("Drifted", Truth::True, "DriftDetected", &message);
        if !was_told {
            self.tell(Severity::Info, "DriftDetected", message);
        }
        if detection.mode == DriftMode::Warn {
            return Ok(());
        }
        let mut watch = DriftWatch::default();
        let outcome = applier.apply(set, &Inventory::default(), &NoCheckpoint, &mut watch).await;
        if !outcome.is_success() {
            return Err(failed(show_errors(&outcome.errors, &Files::default())));
        }
        let message = format!("Cluster state of release {about} has been corrected:\n{}", changed.join("\n"));
        self.run.status.condition("Drifted", Truth::False, "DriftCorrected", &message);
        self.tell(Severity::Info, "DriftCorrected", message);
        Ok(())
    }
}

fn is_left(object: &Node) -> bool {
    ["labels", "annotations"]
        .iter()
        .any(|field| object.at_path(&["metadata", field, OPT_OUT]).and_then(Node::as_str) == Some("disabled"))
}

fn shown(planned: &Planned) -> String {
    match planned.change.action {
        Action::Created => format!("{} removed", planned.change.id),
        _ => format!("{} changed ({})", planned.change.id, planned.change.reason),
    }
}
