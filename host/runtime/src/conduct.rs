//! What a worker may say: numbers that the journal can hold and that were not used before, checks that begin once and end once,
//! calls only within a check that is open. The script that it runs is untrusted, so a worker that a script has taken over is
//! expected; whatever it says, its run ends with a packet.

use std::collections::{BTreeMap, BTreeSet};

use fabric_model::door::FromWorker;
use fabric_model::protection::Protection;

use crate::call::OWN_CALLS;

/// The most calls and waits that one run may make: ten times what the longest suite makes.
pub(crate) const CALL_LIMIT: usize = 10_000;

/// The most checks that one run may begin. A sound worker stops its script at half of that.
const CHECK_LIMIT: usize = 10_000;

/// What a worker has said so far, as far as it bounds what it may say next. The limits bound its size.
#[derive(Default)]
pub(crate) struct Conduct {
    /// Branches send as they come, so numbers are unique and in no order.
    calls: BTreeSet<u64>,
    checks: BTreeSet<u64>,
    /// The open checks, each with its calls that are under way.
    open: BTreeMap<u64, BTreeSet<u64>>,
}

/// Why the worker is ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misconduct {
    /// More calls than a run may make. A script can do that through a sound worker.
    #[error("a run makes at most {CALL_LIMIT} calls")]
    TooManyCalls,
    /// What no sound worker says.
    #[error("the script's process broke the protocol: {0}")]
    Protocol(String),
}

impl Misconduct {
    /// What it would have to get past.
    pub(crate) fn protection(&self) -> Protection {
        match self {
            Self::TooManyCalls => Protection::CallLimit,
            Self::Protocol(_) => Protection::Conduct,
        }
    }
}

impl Conduct {
    /// Takes notice of a frame.
    ///
    /// # Errors
    /// When the worker may not say it. Then nothing of the frame may be used.
    pub(crate) fn allow(&mut self, frame: &FromWorker) -> Result<(), Misconduct> {
        match frame {
            FromWorker::Call { call_id, check, .. } => {
                if let Some(check) = check {
                    self.is_open(*check, "a call")?;
                }
                self.new_call(*call_id)?;
                if let Some(calls) = check.and_then(|check| self.open.get_mut(&check)) {
                    calls.insert(*call_id);
                }
                Ok(())
            }
            FromWorker::Wait { call_id, .. } | FromWorker::Document { call_id, .. } => {
                self.new_call(*call_id)
            }
            FromWorker::CheckBegin { check, .. } => self.new_check(*check),
            FromWorker::CheckEnd { check, .. } => {
                self.is_open(*check, "the end")?;
                let under_way = self.open.get(check).is_some_and(|calls| !calls.is_empty());
                if under_way {
                    // Its fault would come too late to count.
                    return Err(broken(format!("check {check} ends before one of its calls")));
                }
                self.open.remove(check);
                Ok(())
            }
            FromWorker::ScopeBegin { call_id, .. } | FromWorker::ScopeEnd { call_id, .. } => {
                self.new_call(*call_id)
            }
            FromWorker::Confined { .. } => Err(broken("it says twice how it is confined".to_owned())),
            FromWorker::Human { .. } | FromWorker::Print { .. } | FromWorker::End { .. } => Ok(()),
        }
    }

    /// A call of a check is over, and what came of it is in the ledger.
    pub(crate) fn call_is_over(&mut self, check: Option<u64>, call: u64) {
        if let Some(calls) = check.and_then(|check| self.open.get_mut(&check)) {
            calls.remove(&call);
        }
    }

    fn new_call(&mut self, call: u64) -> Result<(), Misconduct> {
        within_bounds("call", call)?;
        if self.calls.len() >= CALL_LIMIT {
            return Err(Misconduct::TooManyCalls);
        }
        if self.calls.insert(call) { Ok(()) } else { Err(broken(format!("call {call} is made twice"))) }
    }

    fn new_check(&mut self, check: u64) -> Result<(), Misconduct> {
        within_bounds("check", check)?;
        if self.checks.len() >= CHECK_LIMIT {
            return Err(broken(format!("more than {CHECK_LIMIT} checks")));
        }
        if !self.checks.insert(check) {
            return Err(broken(format!("check {check} begins twice")));
        }
        self.open.insert(check, BTreeSet::new());
        Ok(())
    }

    fn is_open(&self, check: u64, what: &str) -> Result<(), Misconduct> {
        match self.open.contains_key(&check) {
            true => Ok(()),
            false => Err(broken(format!("{what} of check {check}, which is not open"))),
        }
    }
}

fn within_bounds(what: &str, number: u64) -> Result<(), Misconduct> {
    if number < OWN_CALLS { Ok(()) } else { Err(broken(format!("{what} {number} is out of bounds"))) }
}

fn broken(what: String) -> Misconduct {
    Misconduct::Protocol(what)
}
