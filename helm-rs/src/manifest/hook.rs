//! Hooks: objects that are applied at a moment of a release's life instead of belonging to it.

use gitops_yaml::Str;

use crate::Time;

/// An object with the annotation `helm.sh/hook`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Hook {
    /// The object's name.
    pub name: Str,
    /// The object's kind.
    pub kind: Str,
    /// The template that made it.
    pub path: Str,
    /// The object's text.
    pub manifest: Str,
    /// When it is applied.
    pub events: Vec<HookEvent>,
    /// Lighter ones go first; 0 unless `helm.sh/hook-weight` holds an integer.
    pub weight: i64,
    /// When it is deleted, from `helm.sh/hook-delete-policy`: `before-hook-creation`, `hook-succeeded`, `hook-failed`.
    pub delete_policies: Vec<Str>,
    /// When its logs are printed, from `helm.sh/hook-output-log-policy`.
    pub output_log_policies: Vec<Str>,
    /// How its last run went.
    pub last_run: HookRun,
}

/// How a hook's run went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookRun {
    /// When it was started; [`Time::ZERO`] before.
    pub started_at: Time,
    /// When it ended; [`Time::ZERO`] before.
    pub completed_at: Time,
    /// `Unknown`, `Running`, `Succeeded` or `Failed`; empty before the first run.
    pub phase: Str,
}

impl Default for HookRun {
    fn default() -> Self {
        Self { started_at: Time::ZERO, completed_at: Time::ZERO, phase: Str::EMPTY }
    }
}

/// A moment of a release's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HookEvent {
    /// Before the first objects are applied.
    PreInstall,
    /// After all objects are applied, and ready where that is waited for.
    PostInstall,
    /// Before objects are deleted.
    PreDelete,
    /// After all objects are deleted.
    PostDelete,
    /// Before an upgrade applies objects.
    PreUpgrade,
    /// After an upgrade.
    PostUpgrade,
    /// Before a rollback applies objects.
    PreRollback,
    /// After a rollback.
    PostRollback,
    /// When the release is tested.
    Test,
}

impl HookEvent {
    /// Reads an event; `test-success` of Helm 2 is [`HookEvent::Test`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }

    /// Returns the event as annotations name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::Test => "test",
        }
    }
}

impl Hook {
    /// Returns whether the hook runs at this moment.
    #[must_use]
    pub fn runs_at(&self, event: HookEvent) -> bool {
        self.events.contains(&event)
    }
}

/// Returns the indices of the hooks of an event in the order in which they run: by weight, then by name. A hook that names
/// the event twice runs twice.
#[must_use]
pub fn in_execution_order(hooks: &[Hook], event: HookEvent) -> Vec<usize> {
    let times = |hook: &Hook| hook.events.iter().filter(|named| **named == event).count();
    let mut found: Vec<usize> =
        hooks.iter().enumerate().flat_map(|(index, hook)| std::iter::repeat_n(index, times(hook))).collect();
    found.sort_by(|a, b| {
        let (a, b) = (&hooks[*a], &hooks[*b]);
        a.weight.cmp(&b.weight).then_with(|| a.name.cmp(&b.name))
    });
    found
}
