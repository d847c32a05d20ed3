//! What a run tells whoever watches it, as it happens.

use fabric_evidence::event::RunHead;
use fabric_model::Fault;

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

    /// Something that does not end the run but that an operator should know.
    fn warned(&self, _message: &str) {}
}

/// Nobody watches.
pub struct Unwatched;

impl Watch for Unwatched {}
