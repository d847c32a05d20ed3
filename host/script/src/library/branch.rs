//! The state of a run, and of one of its branches.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use fabric_model::check::Place;
use fabric_model::door::{FromWorker, Limits, Start};
use fabric_model::protection::{Protection, stands};
use fabric_model::{PrimitiveName, Value};
use nix::time::{ClockId, clock_gettime};

use super::Language;
use super::raised::Raised;
use crate::link::{Link, Unsent, held};

/// Checks of one run. The largest suite of the site has some 200.
const CHECKS_LIMIT: u64 = 5_000;

/// Branches of one run; the site has some 20 hosts and 50 records.
const BRANCHES_LIMIT: u64 = 20_000;
/// Bytes of all frames that are not answered: titles and verdicts beside the output, which has its own limit.
const FRAME_BYTES_LIMIT: u64 = 64 << 20;

/// Seconds of processor time of one thread: all of a Luau script, and one branch of a Rhai script. Every operation that a script may
/// have takes about two. A function of the language over long texts or lists counts as one operation, whatever it takes.
const COMPUTING_SECONDS: i64 = 10;
/// After how many operations that is looked at: each look costs a call of the system.
const BETWEEN_LOOKS: u64 = 64;

/// What all branches of a run share.
pub(crate) struct Run {
    pub(crate) path: String,
    pub(crate) params: BTreeMap<String, Value>,
    pub(crate) site: Value,
    pub(crate) primitives: Vec<PrimitiveName>,
    pub(crate) limits: Limits,
    pub(crate) link: Arc<Link>,
    /// Branches that may still be started beside those that run. The main branch needs none.
    pub(crate) free_slots: Mutex<u32>,
    operations: AtomicU64,
    output: AtomicU64,
    checks: AtomicU64,
    branches: AtomicU64,
    frame_bytes: AtomicU64,
    stopped: AtomicBool,
    /// The first limit that was reached, in words.
    limit: Mutex<Option<String>>,
    /// Why the script gave up by its own rules.
    aborted: Mutex<Option<String>>,
}

impl Run {
    /// The run that a host starts.
    pub(crate) fn new(start: Start, link: Arc<Link>) -> Self {
        let Start { path, params, site, primitives, limits, .. } = start;
        Self {
            path,
            params,
            site,
            primitives,
            limits,
            link,
            free_slots: Mutex::new(limits.branches.saturating_sub(1)),
            operations: AtomicU64::new(0),
            output: AtomicU64::new(0),
            checks: AtomicU64::new(0),
            branches: AtomicU64::new(0),
            frame_bytes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            limit: Mutex::new(None),
            aborted: Mutex::new(None),
        }
    }

    /// Counts one operation of any branch. Returns whether the script has to stop.
    pub(crate) fn tick(&self) -> bool {
        let operations = self.operations.fetch_add(1, Ordering::Relaxed);
        if operations >= self.limits.operations && stands(Protection::OperationLimit) {
            self.stop(&format!("more than {} operations in all branches together", self.limits.operations));
        } else if operations.is_multiple_of(BETWEEN_LOOKS) && computed_seconds() >= COMPUTING_SECONDS {
            self.stop(&format!("more than {COMPUTING_SECONDS} seconds of computing"));
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// Ends the script at the next operation of every branch; the first reason is the one that is reported.
    pub(crate) fn stop(&self, limit: &str) {
        held(&self.limit).get_or_insert_with(|| limit.to_owned());
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Ends the script by its own rules, at the next operation of every branch: nothing that swallows errors keeps it going.
    pub(crate) fn abort(&self, reason: &str) {
        held(&self.aborted).get_or_insert_with(|| reason.to_owned());
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Why the script gave up by its own rules, unless a limit ended it.
    pub(crate) fn aborted(&self) -> Option<String> {
        match self.limit() {
            None => held(&self.aborted).clone(),
            Some(_) => None,
        }
    }

    /// Ends the script without a limit having been reached: the host is gone.
    pub(crate) fn abandon(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Counts the branches of one `par`.
    pub(crate) fn begin_branches(&self, more: usize) -> Result<(), Raised> {
        let more = if stands(Protection::BranchLimit) { more } else { 0 };
        self.count(&self.branches, more as u64, BRANCHES_LIMIT, "branches of `par`")
    }

    fn count(&self, counter: &AtomicU64, more: u64, limit: u64, what: &str) -> Result<(), Raised> {
        if counter.fetch_add(more, Ordering::Relaxed) + more > limit {
            self.stop(&format!("more than {limit} {what}"));
            return Err(Raised::Stop);
        }
        Ok(())
    }

    /// The limit that ended the script.
    pub(crate) fn limit(&self) -> Option<String> {
        held(&self.limit).clone()
    }
}

/// The processor time that this thread has taken; none where the kernel does not say.
fn computed_seconds() -> i64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(0, |computed| computed.tv_sec())
}

/// One branch: the main one, or one of a `par`.
pub(crate) struct Branch<L: Language> {
    pub(crate) run: Arc<Run>,
    /// How many `par` it is in.
    pub(crate) depth: u32,
    prefix: Vec<u32>,
    step: AtomicU32,
    open: Mutex<Open>,
    /// The scopes of changes that are open, outermost first, each with what would abort it. Only the main branch has any.
    scopes: Mutex<Vec<Vec<AbortCondition<L>>>>,
    /// What the language keeps for it.
    pub(crate) state: L::State,
}

/// What stands open around the current statement.
#[derive(Clone, Default)]
pub(crate) struct Open {
    /// The check.
    pub(crate) check: Option<u64>,
    /// Titles of the steps, outermost first.
    pub(crate) steps: Vec<String>,
    /// The steady state, the checks of which count for it.
    pub(crate) steady: Option<Arc<Steady>>,
    /// Whether something around takes it for an answer that nobody knows yet: a check, a poll, a condition.
    pub(crate) takes_deferral: bool,
    /// Whether a condition of `abort_when` is being looked at.
    pub(crate) in_condition: bool,
}

/// What the checks of a steady state came to so far, on all branches.
#[derive(Default)]
pub(crate) struct Steady {
    checks: AtomicU64,
    /// The first check that did not pass, and how it ended.
    disturbed: Mutex<Option<String>>,
}

impl Steady {
    pub(crate) fn passed(&self) {
        self.checks.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn disturbed_by(&self, check: String) {
        self.checks.fetch_add(1, Ordering::Relaxed);
        held(&self.disturbed).get_or_insert(check);
    }

    pub(crate) fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    pub(crate) fn disturbed(&self) -> Option<String> {
        held(&self.disturbed).clone()
    }
}

/// What would abort a scope of changes.
pub(crate) struct AbortCondition<L: Language> {
    pub(crate) title: String,
    pub(crate) holds: L::Kept,
}

impl<L: Language> Clone for AbortCondition<L> {
    fn clone(&self) -> Self {
        Self { title: self.title.clone(), holds: self.holds.clone() }
    }
}

impl<L: Language> Branch<L> {
    pub(crate) fn main(run: Arc<Run>, state: L::State) -> Self {
        Self {
            run,
            depth: 0,
            prefix: Vec::new(),
            step: AtomicU32::new(0),
            open: Mutex::default(),
            scopes: Mutex::default(),
            state,
        }
    }

    /// The branch for one item of the `par` that stands at `place`.
    pub(crate) fn child(&self, place: &Place, index: u32, state: L::State) -> Self {
        let mut prefix = place.0.clone();
        prefix.push(index);
        Self {
            run: Arc::clone(&self.run),
            depth: self.depth + 1,
            prefix,
            step: AtomicU32::new(0),
            open: Mutex::new(self.open()),
            scopes: Mutex::default(),
            state,
        }
    }

    /// The place of the next thing that this branch does.
    pub(crate) fn next_place(&self) -> Place {
        let mut place = self.prefix.clone();
        place.push(self.step.fetch_add(1, Ordering::Relaxed));
        Place(place)
    }

    pub(crate) fn open(&self) -> Open {
        held(&self.open).clone()
    }

    fn set_open(&self, open: Open) {
        *held(&self.open) = open;
    }

    /// Runs something with other things open around it.
    pub(crate) async fn within<T>(&self, open: Open, body: impl Future<Output = T>) -> T {
        let around = self.open();
        self.set_open(open);
        let result = body.await;
        self.set_open(around);
        result
    }

    /// How many scopes of changes are open.
    pub(crate) fn scopes(&self) -> usize {
        held(&self.scopes).len()
    }

    pub(crate) fn open_scope(&self) {
        held(&self.scopes).push(Vec::new());
    }

    pub(crate) fn close_scope(&self) {
        held(&self.scopes).pop();
    }

    /// Adds a condition to the innermost scope. Returns whether there is one.
    pub(crate) fn add_condition(&self, condition: AbortCondition<L>) -> bool {
        held(&self.scopes).last_mut().map(|scope| scope.push(condition)).is_some()
    }

    /// The conditions of every open scope, the outermost first.
    pub(crate) fn conditions(&self) -> Vec<AbortCondition<L>> {
        held(&self.scopes).iter().flatten().cloned().collect()
    }

    /// The number of a new check.
    pub(crate) fn begin_check(&self) -> Result<u64, Raised> {
        self.run.count(&self.run.checks, 1, CHECKS_LIMIT, "checks")?;
        Ok(self.run.link.number())
    }

    /// Sends a frame that is not answered.
    pub(crate) fn send(&self, frame: &FromWorker) -> Result<(), Raised> {
        let bytes = self.run.link.send(frame).map_err(|unsent| self.unsent(&unsent))?;
        self.run.count(&self.run.frame_bytes, bytes, FRAME_BYTES_LIMIT, "bytes of titles and verdicts")
    }

    /// The error of a frame that did not get through: the script ends.
    pub(crate) fn unsent(&self, unsent: &Unsent) -> Raised {
        match unsent {
            Unsent::Gone => self.run.abandon(),
            Unsent::TooLong(_) => self.run.stop(&unsent.to_string()),
        }
        Raised::Stop
    }

    /// `print`, `debug` and `note`.
    ///
    /// # Errors
    /// When the output is over its limit, or the host is gone.
    pub(crate) fn print(&self, text: &str) -> Result<(), Raised> {
        if self.run.is_stopped() {
            return Err(Raised::Stop);
        }
        // Each line costs a frame, so an empty one is not free.
        let bytes = if stands(Protection::OutputLimit) { text.len() as u64 + 1 } else { 0 };
        self.run.count(&self.run.output, bytes, self.run.limits.output_bytes, "bytes of output")?;
        self.send(&FromWorker::Print { place: self.next_place(), text: text.to_owned() })
    }
}
