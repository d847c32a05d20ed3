//! What a run tells whoever watches it, as it happens.

use fabric_evidence::event::RunHead;
use fabric_model::change::{Heals, Undone};
use fabric_model::{Fault, Slug};

use crate::ledger::EndedCheck;

/// Somebody who watches a run: a terminal, or nobody. Everything shown has been through the redactor.
pub trait Watch: Send + Sync {
    /// The run began, with everything that is known beforehand.
    fn started(&self, _head: &RunHead) {}

    /// A check began.
    fn check_begun(&self, _title: &str) {}

    /// A check ended.
    fn check_ended(&self, _check: &EndedCheck) {}

    /// The script printed.
    fn printed(&self, _text: &str) {}

    /// The gate refused a call.
    fn denied(&self, _fault: &Fault) {}

    /// A dry run planned a change.
    fn planned(&self, _summary: &str, _heals: Heals) {}

    /// The guards let the run change things, or there are none that could refuse.
    fn guarded(&self, _reason: Option<&str>) {}

    /// A change is about to be made: its intent is on the disk.
    fn intended(&self, _summary: &str, _heals: Heals) {}

    /// A change was made, and the target is seen to be as planned.
    fn confirmed(&self, _summary: &str) {}

    /// Taking a change back ended.
    fn undone(&self, _summary: &str, _undone: Undone) {}

    /// An operation came to its end, and so many changes stay.
    fn committed(&self, _changes: u32) {}

    /// A scope of changes began.
    fn scope_begun(&self, _title: &str) {}

    /// What was changed in a scope is undone, or is not.
    fn scope_ended(&self, _title: &str, _restored: bool) {}

    /// A continuous probe ended: how many samples it took, how many were lost, and the longest gap in milliseconds.
    fn probed(&self, _sent: u64, _lost: u64, _gap_ms: u64) {}

    /// The holders of a VIP are others than before: those that hold it, and the members that could not be asked.
    fn held(&self, _vip: &Slug, _hosts: &[Slug], _silent: &[Slug]) {}

    /// A person took a step.
    fn human(&self, _role: &str, _name: &str, _text: &str) {}

    /// Something that does not end the run but that an operator should know.
    fn warned(&self, _message: &str) {}
}

/// Nobody watches.
pub struct Unwatched;

impl Watch for Unwatched {}
