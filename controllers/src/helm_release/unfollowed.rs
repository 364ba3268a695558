//! What a HelmRelease asks for and does not get, said by name in its `Warnings` condition.

use gitops_core::api::HelmRelease;

use crate::context::Run;
use crate::status::Truth;
use crate::world::World;

/// Sets the condition, or removes it where all that is asked for is done.
pub(super) fn note<W: World>(run: &mut Run<'_, W>, spec: &HelmRelease) {
    let found = unfollowed(spec);
    if found.is_empty() {
        run.status.drop_condition("Warnings");
        return;
    }
    let place = run.context.origins.of(&run.key).map(|place| format!("{place}: ")).unwrap_or_default();
    let found: Vec<String> = found.iter().map(|why| format!("{place}{why}")).collect();
    run.status.condition("Warnings", Truth::True, "NotFollowed", &found.join("\n"));
}

fn unfollowed(spec: &HelmRelease) -> Vec<&'static str> {
    let (upgrade, rollback) = (spec.upgrade.as_ref(), spec.rollback.as_ref());
    let is_legacy = spec.wait_strategy.as_ref().is_some_and(|strategy| strategy.name == "legacy");
    let reinstalls =
        upgrade.and_then(|upgrade| upgrade.chart_name_change_strategy.as_deref()) == Some("Reinstall");
    [
        (
            upgrade.is_some_and(|upgrade| upgrade.force),
            "spec.upgrade.force replaces nothing: objects are merged by the server",
        ),
        (
            rollback.is_some_and(|rollback| rollback.force),
            "spec.rollback.force replaces nothing: objects are merged by the server",
        ),
        (
            reinstalls,
            "spec.upgrade.chartNameChangeStrategy Reinstall is not followed: a chart of another name upgrades the release in place",
        ),
        (is_legacy, "spec.waitStrategy legacy is not followed: objects are waited for as with poller"),
    ]
    .into_iter()
    .filter_map(|(is_asked, why)| is_asked.then_some(why))
    .collect()
}
