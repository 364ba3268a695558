//! What a release needs next, told from what was seen of it and from how often its actions have failed.

use gitops_core::api::{HelmRelease, Remediation, StrategySpec};
use helm_rs::release::Status;

/// How the last revision of a release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// What its record says.
    pub(super) status: Status,
    /// Whether it is the one that this controller made last.
    pub(super) is_own: bool,
    /// Whether its chart, values and changes are those that are wanted.
    pub(super) is_current: bool,
    /// How its tests went; `None` before they ran.
    pub(super) tests: Option<Tests>,
    /// Whether its revision before can be gone back to.
    pub(super) has_previous: bool,
}

/// How tests went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tests {
    Passed,
    Failed,
}

/// How often actions have failed since what is wanted has changed, and which was the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Failures {
    pub(super) install: i64,
    pub(super) upgrade: i64,
    /// Whether the last action was an install.
    pub(super) last_was_install: bool,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: all is as wanted.
    Rest,
    Install,
    Upgrade,
    Test,
    /// A revision that an interrupted controller left in the middle of its action is said to have failed.
    Unlock,
    /// A failed upgrade is undone.
    Rollback,
    /// A failed release goes, so that the next begins anew.
    Uninstall,
    /// The action has failed too often; until something changes nothing is done.
    GiveUp {
        action: &'static str,
        attempts: i64,
    },
}

/// Returns what is done next. `forced` asks for one more action whatever has failed before.
pub(super) fn next(last: Option<Standing>, failures: Failures, spec: &HelmRelease, forced: bool) -> Step {
    let install = Repair::of_install(spec);
    let upgrade = Repair::of_upgrade(spec);
    let may_install = forced || !install.is_exhausted(failures.install);
    let may_upgrade = forced || !upgrade.is_exhausted(failures.upgrade);
    let give_up = |action, attempts| Step::GiveUp { action, attempts };
    let try_upgrade = if may_upgrade { Step::Upgrade } else { give_up("upgrade", failures.upgrade) };
    let Some(last) = last.filter(|last| last.status != Status::Uninstalled) else {
        return if may_install { Step::Install } else { give_up("install", failures.install) };
    };
    if last.status.is_pending() {
        return Step::Unlock;
    }
    if forced || !last.is_own {
        return try_upgrade;
    }
    let test = spec.test.clone().unwrap_or_default();
    let (repair, count, action) = match failures.last_was_install {
        true => (install, failures.install, "install"),
        false => (upgrade, failures.upgrade, "upgrade"),
    };
    let ignores = test.ignore_failures || repair.ignores_tests;
    let has_failed = match last.status {
        Status::Failed => true,
        Status::Deployed if !last.is_current => return try_upgrade,
        Status::Deployed if test.enable => match last.tests {
            None => return Step::Test,
            Some(Tests::Failed) => !ignores,
            Some(Tests::Passed) => false,
        },
        Status::Deployed => false,
        // Uninstalling, superseded, unknown: only an upgrade brings it back.
        _ => return try_upgrade,
    };
    if !has_failed {
        return Step::Rest;
    }
    if repair.retries_in_place || count <= 0 {
        return Step::Upgrade;
    }
    if repair.is_exhausted(count) && !repair.repairs_last {
        return give_up(action, count);
    }
    match (failures.last_was_install, repair.by_uninstall, last.has_previous) {
        (true, ..) | (false, true, _) => Step::Uninstall,
        (false, false, true) => Step::Rollback,
        // Nothing to go back to: what failed is tried again.
        (false, false, false) => try_upgrade,
    }
}

/// How an action's failures are repaired.
#[derive(Clone, Copy, Debug)]
struct Repair {
    retries: i64,
    repairs_last: bool,
    by_uninstall: bool,
    ignores_tests: bool,
    /// It is tried again without a repair.
    retries_in_place: bool,
}

impl Repair {
    fn of_install(spec: &HelmRelease) -> Self {
        let how = spec.install.clone().unwrap_or_default();
        Self::of(how.remediation.as_ref(), how.strategy.as_ref(), |_| false)
    }

    fn of_upgrade(spec: &HelmRelease) -> Self {
        let how = spec.upgrade.clone().unwrap_or_default();
        Self::of(how.remediation.as_ref(), how.strategy.as_ref(), |retries| retries > 0)
    }

    fn of(
        remediation: Option<&Remediation>,
        strategy: Option<&StrategySpec>,
        repairs_last: impl Fn(i64) -> bool,
    ) -> Self {
        let remediation = remediation.cloned().unwrap_or_default();
        let retries = remediation.retries.unwrap_or(0);
        Self {
            retries,
            repairs_last: remediation.remediate_last_failure.unwrap_or_else(|| repairs_last(retries)),
            by_uninstall: remediation.strategy.as_deref() == Some("uninstall"),
            ignores_tests: remediation.ignore_test_failures.unwrap_or(false),
            retries_in_place: strategy.is_some_and(|strategy| strategy.name == "RetryOnFailure"),
        }
    }

    fn is_exhausted(self, failures: i64) -> bool {
        !self.retries_in_place && self.retries >= 0 && failures > self.retries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::api::{InstallSpec, TestSpec, UpgradeSpec};

    const GOOD: Standing = Standing {
        status: Status::Deployed,
        is_own: true,
        is_current: true,
        tests: None,
        has_previous: true,
    };
    const BAD: Standing = Standing { status: Status::Failed, ..GOOD };

    fn retried(retries: i64) -> Option<Remediation> {
        Some(Remediation { retries: Some(retries), ..Remediation::default() })
    }

    fn with(install: Option<Remediation>, upgrade: Option<Remediation>) -> HelmRelease {
        HelmRelease {
            install: Some(InstallSpec { remediation: install, ..InstallSpec::default() }),
            upgrade: Some(UpgradeSpec { remediation: upgrade, ..UpgradeSpec::default() }),
            ..HelmRelease::default()
        }
    }

    fn failed(install: i64, upgrade: i64) -> Failures {
        Failures { install, upgrade, last_was_install: install > 0 }
    }

    #[test]
    fn what_is_there_decides() {
        let spec = HelmRelease::default();
        let none = Failures::default();
        let check =
            |last: Option<Standing>, wanted| assert_eq!(next(last, none, &spec, false), wanted, "{last:?}");
        check(None, Step::Install);
        check(Some(Standing { status: Status::Uninstalled, ..GOOD }), Step::Install);
        check(Some(GOOD), Step::Rest);
        check(Some(Standing { is_current: false, ..GOOD }), Step::Upgrade);
        check(Some(Standing { is_own: false, ..GOOD }), Step::Upgrade);
        check(Some(Standing { status: Status::PendingUpgrade, ..GOOD }), Step::Unlock);
        // What made it fail has changed since.
        check(Some(BAD), Step::Upgrade);
        assert_eq!(next(Some(GOOD), none, &spec, true), Step::Upgrade);
    }

    #[test]
    fn failures_are_counted() {
        let give_up = |action, attempts| Step::GiveUp { action, attempts };
        let plain = HelmRelease::default();
        assert_eq!(next(None, failed(1, 0), &plain, false), give_up("install", 1));
        assert_eq!(next(Some(BAD), failed(1, 0), &plain, false), give_up("install", 1));
        assert_eq!(next(Some(BAD), failed(0, 1), &plain, false), give_up("upgrade", 1));
        let twice = with(retried(1), retried(1));
        assert_eq!(next(Some(BAD), failed(1, 0), &twice, false), Step::Uninstall);
        assert_eq!(next(None, failed(1, 0), &twice, false), Step::Install);
        assert_eq!(next(Some(BAD), failed(2, 0), &twice, false), give_up("install", 2));
        assert_eq!(next(Some(BAD), failed(0, 1), &twice, false), Step::Rollback);
        let back = Standing { is_current: false, ..GOOD };
        assert_eq!(next(Some(back), failed(0, 1), &twice, false), Step::Upgrade);
        // The last failure of an upgrade with retries is undone too, and then nothing more is tried.
        assert_eq!(next(Some(BAD), failed(0, 2), &twice, false), Step::Rollback);
        assert_eq!(next(Some(back), failed(0, 2), &twice, false), give_up("upgrade", 2));
        assert_eq!(next(Some(back), failed(0, 2), &twice, true), Step::Upgrade);
        let for_ever = with(retried(-1), retried(-1));
        assert_eq!(next(None, failed(1000, 0), &for_ever, false), Step::Install);
    }

    #[test]
    fn tests_run_once_and_their_failure_counts() {
        let mut spec = with(None, retried(2));
        spec.test = Some(TestSpec { enable: true, ..TestSpec::default() });
        let none = Failures::default();
        let tested = |tests| Some(Standing { tests, ..GOOD });
        assert_eq!(next(tested(None), none, &spec, false), Step::Test);
        assert_eq!(next(tested(Some(Tests::Passed)), none, &spec, false), Step::Rest);
        assert_eq!(next(tested(Some(Tests::Failed)), failed(0, 1), &spec, false), Step::Rollback);
        spec.test = Some(TestSpec { enable: true, ignore_failures: true, ..TestSpec::default() });
        assert_eq!(next(tested(Some(Tests::Failed)), failed(0, 1), &spec, false), Step::Rest);
    }

    #[test]
    fn a_strategy_may_repair_nothing_or_begin_anew() {
        let mut spec =
            with(None, Some(Remediation { strategy: Some("uninstall".into()), ..retried(2).unwrap() }));
        assert_eq!(next(Some(BAD), failed(0, 1), &spec, false), Step::Uninstall);
        let retry = StrategySpec { name: "RetryOnFailure".into(), ..StrategySpec::default() };
        spec.upgrade = Some(UpgradeSpec { strategy: Some(retry), ..UpgradeSpec::default() });
        assert_eq!(next(Some(BAD), failed(0, 9), &spec, false), Step::Upgrade);
    }
}
