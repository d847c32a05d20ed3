//! Scopes of changes: what is changed in one is undone when it ends, however it ends.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use fabric_evidence::chart::MarkKind;
use fabric_evidence::{Event, FaultRecord};
use fabric_model::change::Undone;
use fabric_model::check::Place;
use fabric_model::door::{ScopeEnded, ScopeReport, Watched};
use fabric_model::{Code, Fault, Slug, Stage, Value};
use fabric_wire::Writing;

use super::store::UndoStore;
use super::undo::{self, Ground, Known};
use super::{Changes, Executing, HEAL_AFTER_S};
use crate::call::Desk;
use crate::wall;
use crate::watching::{Done, Watching};

/// The shortest and the longest time after which a target may heal itself, in seconds.
const HEAL_AFTER_LIMITS: std::ops::RangeInclusive<u32> = 20..=3_600;

/// From one look at window and freezes to the next, while something that was changed stands.
const GUARDS_EVERY: Duration = Duration::from_secs(1);

/// Scopes within scopes.
const DEPTH_LIMIT: usize = 4;

/// A scope as the script asks for it.
pub(crate) struct Asked {
    pub(crate) scope: u64,
    pub(crate) place: Place,
    pub(crate) title: String,
    pub(crate) watch: Watched,
}

impl Changes {
    /// Begins a scope, and what watches it.
    ///
    /// # Errors
    /// Outside when the journal cannot be written, inside when it cannot begin.
    pub(crate) async fn begin_scope(
        &self,
        desk: &std::sync::Arc<Desk>,
        asked: Asked,
    ) -> Result<Result<Value, Fault>, Fault> {
        let Asked { scope, place, title, watch } = asked;
        let seconds = watch.heal_after_s.unwrap_or(HEAL_AFTER_S);
        if !HEAL_AFTER_LIMITS.contains(&seconds) {
            return Ok(Err(refused(format!(
                "a target heals itself after {} to {} seconds, not {seconds}",
                HEAL_AFTER_LIMITS.start(),
                HEAL_AFTER_LIMITS.end()
            ))));
        }
        let depth = self.depth().await;
        if depth >= DEPTH_LIMIT {
            return Ok(Err(refused(format!("scopes nest deeper than {DEPTH_LIMIT}"))));
        }
        let begun = Event::ScopeBegun { scope, place, title: title.clone() };
        match self {
            Self::Observe => {
                Ok(Err(refused("the script only observes, so there is nothing to undo".to_owned())))
            }
            Self::Plan(draft) => {
                desk.recorder.record(&begun)?;
                // One sample shows that the probe is granted and answers; a dry run watches nothing.
                if let Err(fault) = Watching::try_once(desk, &watch).await {
                    return Ok(Err(fault));
                }
                draft.lock().await.begin_scope(scope, title, seconds);
                Ok(Ok(Value::Null))
            }
            Self::Execute(executing) => {
                desk.recorder.record(&begun)?;
                desk.watch.scope_begun(&title);
                let watching = match Watching::begin(desk, scope, &watch).await {
                    Ok(watching) => watching,
                    Err(fault) => return Ok(Err(fault)),
                };
                executing.lock().await.open(scope, title, seconds, watching);
                Ok(Ok(Value::Null))
            }
        }
    }

    /// How many scopes are open.
    pub(crate) async fn depth(&self) -> usize {
        match self {
            Self::Observe => 0,
            Self::Plan(draft) => draft.lock().await.depth(),
            Self::Execute(executing) => executing.lock().await.scopes.len(),
        }
    }

    /// Ends the innermost scope: everything that was changed in it is undone.
    ///
    /// # Errors
    /// Outside when the journal cannot be written, inside when something is not restored.
    pub(crate) async fn end_scope(
        &self,
        desk: &Desk,
        scope: u64,
        ended: &ScopeEnded,
    ) -> Result<Result<Value, Fault>, Fault> {
        match self {
            Self::Observe => Ok(Err(not_open(scope))),
            Self::Plan(draft) => {
                let mut draft = draft.lock().await;
                if draft.innermost() != Some(scope) {
                    return Ok(Err(not_open(scope)));
                }
                desk.recorder.record(&ending(scope, ended))?;
                draft.end_scope(scope);
                desk.recorder.record(&Event::ScopeEnded { scope, restored: true })?;
                Ok(encoded(&ScopeReport { planned: true, ..ScopeReport::default() }))
            }
            Self::Execute(executing) => {
                let mut executing = executing.lock().await;
                if executing.scopes.last().map(|open| open.scope) != Some(scope) {
                    return Ok(Err(not_open(scope)));
                }
                executing.close(desk, &ending(scope, ended)).await
            }
        }
    }

    /// Waits until the guards take back their leave while something that was changed stands.
    pub(crate) async fn revoked(&self) -> Fault {
        let Self::Execute(executing) = self else { return std::future::pending().await };
        let Some(admission) = executing.lock().await.admission.clone() else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(GUARDS_EVERY).await;
            if let Err(fault) = admission.lasts(wall::now())
                && executing.lock().await.left()
            {
                return fault;
            }
        }
    }

    /// The guards have taken back their leave: nothing more is changed.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(crate) async fn revoke(&self, desk: &Desk, fault: &Fault) -> Result<(), Fault> {
        match self {
            Self::Execute(executing) => executing.lock().await.refuse(desk, fault),
            Self::Observe | Self::Plan(_) => Ok(()),
        }
    }

    /// The end of the run: what is still open is undone, whatever the script's process has come to. `succeeded` is whether an
    /// operation may keep what it has changed.
    ///
    /// # Errors
    /// When the journal cannot be written. What could be undone is undone all the same.
    pub(crate) async fn unwind(&self, desk: &Desk, succeeded: bool) -> Result<(), Fault> {
        let Self::Execute(executing) = self else { return Ok(()) };
        let mut executing = executing.lock().await;
        let mut recorded = Ok(());
        while let Some(scope) = executing.scopes.last().map(|open| open.scope) {
            let cut = Event::ScopeEnding { scope, how: "cut".to_owned(), message: None };
            recorded = recorded.and(executing.close(desk, &cut).await.map(drop));
        }
        if succeeded {
            recorded = recorded.and(executing.end(desk));
        }
        let kept = executing.finish(desk, succeeded, recorded.is_ok()).await;
        if let Some(heart) = executing.heart.take() {
            heart.stop().await;
        }
        recorded.and(kept)
    }
}

/// A scope that is open.
pub(super) struct Open {
    pub(super) scope: u64,
    pub(super) title: String,
    pub(super) heal_after_s: u32,
    watching: Watching,
    /// What was done so far.
    pub(super) done: Vec<Done>,
}

impl Executing {
    fn open(&mut self, scope: u64, title: String, heal_after_s: u32, watching: Watching) {
        self.scopes.push(Open { scope, title, heal_after_s, watching, done: Vec::new() });
    }

    /// Undoes what was changed in the innermost scope, and only then stops watching. Undoing goes on even where the journal cannot
    /// be written any more.
    async fn close(&mut self, desk: &Desk, ending: &Event) -> Result<Result<Value, Fault>, Fault> {
        let mut recorded = desk.recorder.record(ending);
        let Some(scope) = self.scopes.last().map(|open| open.scope) else {
            return recorded.map(|()| Ok(Value::Null));
        };
        let restored = self.undo(desk, Some(scope)).await;
        let Some(open) = self.scopes.pop() else { return recorded.map(|()| Ok(Value::Null)) };
        let report = open.watching.end(desk, &open.title, &open.done).await;
        let ended = Event::ScopeEnded { scope: open.scope, restored };
        recorded = recorded.and(desk.recorder.record(&ended));
        desk.watch.scope_ended(&open.title, restored);
        recorded?;
        let report = report?;
        if restored {
            return Ok(encoded(&report));
        }
        Ok(Err(Fault::new(
            Code::ChangeNotRestored,
            Stage::Undo,
            format!("restore what `{}` changed", open.title),
        )
        .hint("Look at the packet for what is left; `fabric recover` tries again.")))
    }

    /// Undoes every change of a scope, or of the whole run, last first. Whether all of them are as before.
    async fn undo(&mut self, desk: &Desk, scope: Option<u64>) -> bool {
        let Self { made, scopes, pending, writing, store, run_id, .. } = self;
        let ground = ground(writing, store, run_id, desk);
        // A target on which one undo failed is left alone: an earlier state would be laid over an unknown one.
        let mut lost: BTreeSet<IpAddr> = BTreeSet::new();
        let mut restored = true;
        for change in made.iter_mut().rev() {
            let within = scope.is_none() || change.authentic.intent().scope == scope;
            if !within || change.undone.is_some_and(Undone::is_restored) {
                continue;
            }
            let known = Known { waited: change.undone.is_some(), unanswered: change.unanswered };
            let undone = undo::undo(&ground, &change.authentic, known, &mut lost).await;
            change.undone = Some(undone);
            restored &= undone.is_restored();
            if undone.is_restored() {
                // Only a note for `recover`, which would look again.
                let _noted = pending.restored(change.authentic.intent().change);
            }
            if let Some(open) = scopes.last_mut() {
                let kind = if undone == Undone::ByTimer { MarkKind::Timer } else { MarkKind::Undo };
                let text = format!("{}: {}", change.authentic.intent().summary, undone.as_str());
                open.done.push(Done { at: desk.recorder.now(), kind, text });
            }
        }
        restored
    }

    /// The end of everything: an operation that succeeded keeps its changes, whatever else is not as before is undone.
    /// Where that was not `told` because the journal takes no more, the marker stands: `recover` looks again and says it.
    async fn finish(&mut self, desk: &Desk, succeeded: bool, told: bool) -> Result<(), Fault> {
        let keep = succeeded && !self.gameday && self.stopped().is_none();
        let (restored, recorded) = if keep && !self.made.is_empty() {
            self.commit(desk).await
        } else {
            (self.undo(desk, None).await, Ok(()))
        };
        if restored && recorded.is_ok() {
            match self.locks.drop_all(&desk.world.seams, &self.writing).await {
                Ok(()) if told => self.pending.done()?,
                Ok(()) => {}
                Err(fault) => self.keep_locks(desk, fault)?,
            }
        }
        recorded
    }

    /// A lock that cannot be given back keeps everybody else from its target, so the run says so. The marker stands for `recover`.
    fn keep_locks(&mut self, desk: &Desk, fault: Fault) -> Result<(), Fault> {
        self.locked = true;
        let message = format!("give back the locks: {}", fault.message);
        let fault = Fault { code: Code::GuardLocked, stage: Stage::Undo, message, ..fault };
        desk.recorder.record(&Event::GuardRefused { fault: FaultRecord::from(&fault) })?;
        let fault = desk.world.redactor.redact_fault(fault);
        desk.watch.warned(&format!("{fault}; `fabric recover {}` gives them back", self.run_id));
        Ok(())
    }

    /// The changes stay: from here on nothing takes them back, neither the host nor a timer.
    async fn commit(&mut self, desk: &Desk) -> (bool, Result<(), Fault>) {
        let changes = u32::try_from(self.made.len()).unwrap_or(u32::MAX);
        if let Err(fault) = desk.recorder.record_synced(&Event::Committed { changes }) {
            // Unwritten, it did not happen.
            return (self.undo(desk, None).await, Err(fault));
        }
        self.committed = true;
        desk.watch.committed(changes);
        let ground = ground(&self.writing, &self.store, &self.run_id, desk);
        for made in &self.made {
            undo::keep(&ground, &made.authentic).await;
        }
        (true, Ok(()))
    }

    /// Whether a lock is left, or anything that was changed is not as it was before and was not committed.
    pub(crate) fn left(&self) -> bool {
        let changed = || self.made.iter().any(|made| !made.undone.is_some_and(Undone::is_restored));
        self.locked || (!self.committed && changed())
    }
}

pub(super) fn ground<'a>(
    writing: &'a Writing,
    store: &'a UndoStore,
    run_id: &'a Slug,
    desk: &'a Desk,
) -> Ground<'a> {
    let (world, recorder, watch) = (&desk.world, &desk.recorder, &*desk.watch);
    Ground { world, writing, recorder, store, run_id, watch }
}

fn ending(scope: u64, ended: &ScopeEnded) -> Event {
    let (how, message) = match ended {
        ScopeEnded::Finished => ("finished", None),
        ScopeEnded::Threw { message } => ("threw", Some(message.clone())),
        ScopeEnded::Aborted { reason } => ("aborted", Some(reason.clone())),
    };
    Event::ScopeEnding { scope, how: how.to_owned(), message }
}

fn encoded(report: &ScopeReport) -> Result<Value, Fault> {
    Value::encode(report).map_err(|misfit| Fault::new(Code::BugInternal, Stage::Record, misfit.to_string()))
}

fn refused(message: String) -> Fault {
    Fault::new(Code::ScriptArgument, Stage::Decode, format!("begin a scope: {message}"))
}

fn not_open(scope: u64) -> Fault {
    Fault::new(
        Code::ScriptArgument,
        Stage::Decode,
        format!("end scope {scope}: it is not the innermost open one"),
    )
}
