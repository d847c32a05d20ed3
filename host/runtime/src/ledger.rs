//! The checks that are open, and what the host knows of their calls that the script may pass over.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use fabric_model::check::{Status, Verdict};
use fabric_model::{Digest, Fault};

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
}

impl Ledger {
    pub(crate) fn begin(&mut self, check: u64, title: String, now: SystemTime) {
        self.open.insert(check, Open { title, began: now, unmended: BTreeMap::new() });
    }

    /// A call of a check ended, well or with a fault.
    pub(crate) fn note(&mut self, check: u64, call: Digest, fault: Option<&Fault>) {
        let Some(open) = self.open.get_mut(&check) else { return };
        match fault {
            Some(fault) => open.unmended.insert(call, fault.clone()),
            None => open.unmended.remove(&call),
        };
    }

    /// A check ended. One that says `pass` although one of its calls ended in a fault, and was never made again with success, could
    /// not find out: it is an error, whatever the script made of the fault. None when no such check is open.
    pub(crate) fn end(&mut self, check: u64, verdict: Verdict, now: SystemTime) -> Option<EndedCheck> {
        let open = self.open.remove(&check)?;
        let verdict = match (verdict, open.unmended.into_values().next()) {
            (Verdict::Pass, Some(fault)) => Verdict::Error {
                message: format!("the script passed over a call that failed: {fault}"),
                fault: Some(fault),
            },
            (verdict, _) => verdict,
        };
        *self.ended.entry(status(&verdict)).or_default() += 1;
        let took = now.duration_since(open.began).unwrap_or(Duration::ZERO);
        Some(EndedCheck { title: open.title, verdict, took })
    }

    /// The checks that are still open.
    pub(crate) fn still_open(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// Whether any check ended this way.
    pub(crate) fn any(&self, status: Status) -> bool {
        self.ended.contains_key(&status)
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
    use fabric_model::{Code, Stage};

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
    fn a_failed_expectation_stays_a_failure() {
        let mut ledger = ledger_with_a_failed_call();
        let failed = Verdict::Skip { reason: "not here".into() };
        assert_eq!(ledger.end(1, failed.clone(), SystemTime::UNIX_EPOCH).map(|c| c.verdict), Some(failed));
    }
}
