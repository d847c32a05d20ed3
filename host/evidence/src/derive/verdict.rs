//! What a run that changes things came to: three answers that do not stand for each other, and the exits that follow.

use fabric_model::change::{Heals, Standing, Undone};
use fabric_model::exit::Exit;

use super::changes::Changes;
use crate::event::{Act, RunHead, WorkerEnd};
use crate::record::{ChangeRecord, Counts, Hypothesis, Injection, Restoration, UndoneRecord, Verdicts};

/// The three verdicts; none for a run that only observes.
pub(super) fn verdicts(
    head: &RunHead,
    changes: &Changes<'_>,
    counts: Counts,
    worker: Option<&WorkerEnd>,
) -> Option<Verdicts> {
    (head.act != Act::Observe).then(|| Verdicts {
        hypothesis: hypothesis(head, changes, counts, worker),
        injection: injection(&changes.changes),
        restoration: restoration(changes),
    })
}

fn hypothesis(
    head: &RunHead,
    changes: &Changes<'_>,
    counts: Counts,
    worker: Option<&WorkerEnd>,
) -> Hypothesis {
    if head.act == Act::Recover {
        return Hypothesis::None;
    }
    if counts.fail > 0 || matches!(worker, Some(WorkerEnd::Aborted { .. })) {
        return Hypothesis::Fail;
    }
    let cut_short = !matches!(worker, Some(WorkerEnd::Finished));
    let healed_too_early = changes.changes.iter().any(fired_unplanned);
    if counts.error + counts.skip > 0 || cut_short || healed_too_early || !changes.refusals.is_empty() {
        return Hypothesis::Error;
    }
    if counts.deferred > 0 || counts.pass == 0 { Hypothesis::None } else { Hypothesis::Pass }
}

/// The timer of a change that leaves the way to the target open is there for a host that dies, not for one that looks on.
fn fired_unplanned(change: &ChangeRecord) -> bool {
    let fired =
        change.timer.as_ref().is_some_and(|timer| timer.fired) || change.end() == Some(Undone::ByTimer);
    fired && !change.cuts_control
}

fn injection(changes: &[ChangeRecord]) -> Injection {
    if changes.is_empty() {
        return Injection::None;
    }
    if changes.iter().all(ChangeRecord::is_made) {
        return Injection::Confirmed;
    }
    let failed = |change: &ChangeRecord| {
        matches!(change.standing, Some(Standing::Before | Standing::Foreign)) || change.is_without_effect()
    };
    if changes.iter().any(failed) { Injection::Failed } else { Injection::Unknown }
}

fn restoration(changes: &Changes<'_>) -> Restoration {
    let undone = changes.undone.iter();
    let own = changes.changes.iter().filter_map(|change| change.undone.as_ref());
    let ends: Vec<Option<Undone>> = undone.chain(own).map(|undone: &UndoneRecord| undone.undone).collect();
    if ends.iter().flatten().any(|end| *end == Undone::Conflict || *end == Undone::Failed) {
        return Restoration::Incomplete;
    }
    if ends.contains(&None) || !changes.changes.iter().all(ChangeRecord::is_settled) {
        return Restoration::Unknown;
    }
    if changes.committed {
        return Restoration::Committed;
    }
    if ends.contains(&Some(Undone::ByTimer)) {
        return Restoration::ByTimer;
    }
    let undoable = changes.changes.iter().any(|change| change.heals != Heals::Nothing);
    if undoable || !changes.undone.is_empty() { Restoration::Restored } else { Restoration::Nothing }
}

/// The exits that follow from what was changed, and from what was refused.
pub(super) fn exits(head: &RunHead, changes: &Changes<'_>, verdicts: Verdicts) -> Vec<Exit> {
    let mut exits: Vec<Exit> =
        changes.refusals.iter().filter_map(|refusal| refused(&refusal.fault.code)).collect();
    if verdicts.restoration.is_open() {
        exits.push(Exit::Incomplete);
        return exits;
    }
    let every_one_is_made = changes.changes.iter().all(ChangeRecord::is_made);
    // Only an operation means its changes to stay: where they do not, it failed.
    let kept_back = head.script.kind != "gameday" && !changes.changes.is_empty() && !changes.committed;
    let nothing_to_keep = changes.changes.iter().all(|change| change.scope.is_some());
    if !every_one_is_made || (kept_back && !nothing_to_keep) {
        let no_effect = changes.changes.iter().all(ChangeRecord::is_without_effect);
        exits.push(if no_effect { Exit::NoEffect } else { Exit::Undone });
    }
    exits
}

/// The exit that follows from the code of a fault with which a guard, or the plan that a run is bound to, refuses.
pub fn refused(code: &str) -> Option<Exit> {
    match code {
        "guard.frozen" | "guard.locked" | "guard.unrecovered" => Some(Exit::Unrecovered),
        "plan.altered" | "plan.stale" => Some(Exit::PlanStale),
        code if code.starts_with("guard.approval") => Some(Exit::Approval),
        code if code.starts_with("guard.") => Some(Exit::Denied),
        _ => None,
    }
}
