//! The checks that are open, and what the host knows of their calls that the script may pass over.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use fabric_model::check::{Status, Verdict};
use fabric_model::protection::{Protection, stands};
use fabric_model::{Code, Digest, Fault};

/// A check that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedCheck {
    /// Its title, untrusted text.
    pub title: String,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// A check that has begun and not ended.
struct Open {
    title: String,
    began: SystemTime,
    /// Faults by the digest of their call, as long as no later success of the same call has mended them.
    unmended: BTreeMap<Digest, Fault>,
}

/// The open checks of a run, and how often checks ended how.
#[derive(Default)]
pub(crate) struct Ledger {
    open: BTreeMap<u64, Open>,
    ended: BTreeMap<Status, u64>,
    deferred: Vec<String>,
    /// Whether the run is a dry run, in which something may have to wait for the planned changes.
    planning: bool,
}

impl Ledger {
    /// The ledger of a run, which is a dry run or not.
    pub(crate) fn of_run(planning: bool) -> Self {
        Self { planning, ..Self::default() }
    }

    pub(crate) fn begin(&mut self, check: u64, title: String, now: SystemTime) {
        self.open.insert(check, Open { title, began: now, unmended: BTreeMap::new() });
    }

    /// A call of a check ended, well or with a fault.
    pub(crate) fn note(&mut self, check: u64, call: Digest, fault: Option<&Fault>) {
        let Some(open) = self.open.get_mut(&check) else { return };
        match fault {
            Some(fault) if stands(Protection::FailedCalls) => open.unmended.insert(call, fault.clone()),
            _ => open.unmended.remove(&call),
        };
    }

    /// A check ended. One that says `pass` although one of its calls ended in a fault, and was never made again with success, could
    /// not find out: it is an error, whatever the script made of the fault. None when no such check is open.
    pub(crate) fn end(&mut self, check: u64, verdict: Verdict, now: SystemTime) -> Option<EndedCheck> {
        let open = self.open.remove(&check)?;
        let verdict = judged(verdict, open.unmended, self.planning);
        if let Verdict::Deferred { .. } = &verdict {
            self.deferred.push(open.title.clone());
        }
        *self.ended.entry(status(&verdict)).or_default() += 1;
        let took = now.duration_since(open.began).unwrap_or(Duration::ZERO);
        Some(EndedCheck { title: open.title, verdict, took })
    }

    /// The titles of the checks that could not be looked at before planned changes are made.
    pub(crate) fn deferred(&self) -> &[String] {
        &self.deferred
    }

    /// The checks that are still open.
    pub(crate) fn still_open(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// Whether every check passed or was put off.
    pub(crate) fn nothing_failed(&self) -> bool {
        ![Status::Fail, Status::Error, Status::Skip].into_iter().any(|status| self.any(status))
    }

    /// Whether any check ended this way.
    pub(crate) fn any(&self, status: Status) -> bool {
        self.ended.contains_key(&status)
    }
}

/// The verdict that counts. What the script says of itself is only as good as its calls.
fn judged(verdict: Verdict, unmended: BTreeMap<Digest, Fault>, planning: bool) -> Verdict {
    let deferred = unmended.values().find(|fault| fault.code == Code::PlanDeferred).cloned();
    let failed = unmended.into_values().find(|fault| fault.code != Code::PlanDeferred);
    match (verdict, failed, deferred) {
        (Verdict::Pass | Verdict::Deferred { .. }, Some(fault), _) => Verdict::Error {
            message: format!("the script passed over a call that failed: {fault}"),
            fault: Some(fault),
        },
        (Verdict::Pass | Verdict::Deferred { .. }, None, Some(fault)) => {
            Verdict::Deferred { reason: fault.message }
        }
        // It may wait for what a scope will report, which is no call of its own. In a run that changes things nothing has to wait.
        (Verdict::Deferred { .. }, None, None) if !planning => Verdict::Error {
            message: "the script puts off a check, and nothing is only planned".to_owned(),
            fault: None,
        },
        (verdict, ..) => verdict,
    }
}

/// The status that a verdict comes to.
pub fn status(verdict: &Verdict) -> Status {
    match verdict {
        Verdict::Pass => Status::Pass,
        Verdict::Fail { .. } => Status::Fail,
        Verdict::Error { .. } => Status::Error,
        Verdict::Skip { .. } => Status::Skip,
        Verdict::Deferred { .. } => Status::Deferred,
    }
}

#[cfg(test)]
mod tests {
    use fabric_model::Stage;

    use super::*;

    fn timeout() -> Fault {
        Fault::new(Code::PortTimeout, Stage::Observe, "ask: no answer")
    }

    fn ledger_with_a_failed_call() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.begin(1, "isolated".into(), SystemTime::UNIX_EPOCH);
        ledger.note(1, Digest::of(b"a"), Some(&timeout()));
        ledger
    }

    #[test]
    fn a_pass_over_a_failed_call_is_an_error() {
        let mut ledger = ledger_with_a_failed_call();
        let ended = ledger.end(1, Verdict::Pass, SystemTime::UNIX_EPOCH).expect("open");
        assert!(matches!(ended.verdict, Verdict::Error { fault: Some(fault), .. } if fault == timeout()));
        assert!(ledger.any(Status::Error) && !ledger.any(Status::Pass));
    }

    #[test]
    fn the_same_call_made_again_with_success_mends_it() {
        let mut ledger = ledger_with_a_failed_call();
        ledger.note(1, Digest::of(b"b"), None);
        ledger.note(1, Digest::of(b"a"), None);
        assert_eq!(
            ledger.end(1, Verdict::Pass, SystemTime::UNIX_EPOCH).map(|c| c.verdict),
            Some(Verdict::Pass)
        );
    }

    #[test]
    fn only_an_answer_that_depends_on_the_plan_puts_a_check_off() {
        let end = |ledger: &mut Ledger, verdict| {
            ledger.end(1, verdict, SystemTime::UNIX_EPOCH).map(|ended| status(&ended.verdict))
        };
        let planned = Fault::new(Code::PlanDeferred, Stage::Plan, "it depends");
        let later = Verdict::Deferred { reason: "later".into() };
        for verdict in [Verdict::Pass, later.clone()] {
            let mut ledger = Ledger::default();
            ledger.begin(1, "held by the peer".into(), SystemTime::UNIX_EPOCH);
            ledger.note(1, Digest::of(b"a"), Some(&planned));
            assert_eq!(end(&mut ledger, verdict), Some(Status::Deferred));
            assert_eq!(ledger.deferred(), ["held by the peer"]);
        }
        assert_eq!(end(&mut ledger_with_a_failed_call(), later.clone()), Some(Status::Error));
        for (planning, status) in [(false, Status::Error), (true, Status::Deferred)] {
            let mut ledger = Ledger::of_run(planning);
            ledger.begin(1, "isolated".into(), SystemTime::UNIX_EPOCH);
            assert_eq!(end(&mut ledger, later.clone()), Some(status), "{planning}");
        }
    }

    #[test]
    fn a_failed_expectation_stays_a_failure() {
        let mut ledger = ledger_with_a_failed_call();
        let failed = Verdict::Skip { reason: "not here".into() };
        assert_eq!(ledger.end(1, failed.clone(), SystemTime::UNIX_EPOCH).map(|c| c.verdict), Some(failed));
    }
}
