//! Taking a change back, from its intent alone: it is right whether the change was not, partly or fully made.
//!
//! The target is looked at first. As before the change: done. As the change left it, or on the way there: the inverse is applied, and the
//! target looked at until it is as before. Anything else is somebody else's, and is not overwritten. After an answer that was lost nobody
//! knows what a command did, so the target is looked at again before anything else is tried. A change that was never answered may still
//! be on its way: that its target is as before counts only once it has been so for a while.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use fabric_evidence::{Event, FaultRecord};
use fabric_gate::Authentic;
use fabric_model::change::{Heals, Intent, Standing, Undone};
use fabric_model::{Code, Effect, Fault, PrimitiveName, Slug, Stage, Value};
use fabric_primitives::changing::{ChangeCall, Payload, Task};
use fabric_primitives::{Means, Prepared, Targets, Work, registry};
use fabric_wire::{Deadline, Writing};

use super::store::UndoStore;
use super::targets;
use super::timer::{self, Fired};
use crate::premises::Elsewhere;
use crate::recorder::Recorder;
use crate::watch::Watch;
use crate::world::World;

/// From one look at the target to the next.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a target that cannot be reached or looked at is waited for, where no timer takes the change back: a reboot of a guest.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a state that is neither the one nor the other may last before it counts as somebody else's: a unit that settles.
const FOREIGN_PATIENCE: Duration = Duration::from_secs(3);

/// How long a command or a request whose sender is gone may still be on its way: through buffers, a login and `sudo`, or as a task of
/// the cluster that has not begun.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

/// How long an inverse may take to show.
const SETTLE_TIME: Duration = Duration::from_secs(20);

/// How often an inverse is applied.
const APPLY_LIMIT: u32 = 3;

/// How long it is tried to clear away what is left on a target.
const CLEAR_PATIENCE: Duration = Duration::from_secs(20);

/// What undoing works with.
pub(crate) struct Ground<'a> {
    /// The world in which the change was made.
    pub(crate) world: &'a Arc<World>,
    /// The ways to write.
    pub(crate) writing: &'a Writing,
    /// The packet of the run that undoes.
    pub(crate) recorder: &'a Recorder,
    /// The undo store of the run that made the change.
    pub(crate) store: &'a UndoStore,
    /// The run that undoes.
    pub(crate) run_id: &'a Slug,
    /// Who watches.
    pub(crate) watch: &'a dyn Watch,
}

/// What is known of a change that is to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Whether its target was waited for before, and is no more: else it is until its timer must have fired, or a guest has booted.
    pub(crate) waited: bool,
    /// Whether nobody has heard that it was made or refused, so that it may still be on its way to the target.
    pub(crate) unanswered: bool,
}

/// Takes one change back and records it. What has an address in `lost` is left alone: an earlier state would be laid over an unknown one.
/// What is not restored joins them.
pub(crate) async fn undo(
    ground: &Ground<'_>,
    authentic: &Authentic,
    known: Known,
    lost: &mut BTreeSet<IpAddr>,
) -> Undone {
    let intent = authentic.intent();
    let (run_id, change) = (intent.run_id.clone(), intent.change);
    // Undoing goes on where the journal cannot be written any more; whoever holds it sees that with its next line.
    let _ = ground.recorder.record(&Event::UndoBegun { run_id: run_id.clone(), change });
    let own = targets::addresses(ground.world.site(), &intent.targets);
    let end = if !lost.is_disjoint(&own) {
        End::failed(Fault::new(
            Code::ChangeNotRestored,
            Stage::Undo,
            "a later change of the same target could not be taken back, so this one is left alone",
        ))
    } else {
        match Undoing::of(ground, authentic) {
            Ok(undoing) => undoing.undo(known).await,
            Err(fault) => End::failed(fault),
        }
    };
    record(ground, intent, &end);
    if end.undone.is_restored() {
        // What stays is encrypted, and goes with the folder of the run.
        let _ = ground.store.forget(change);
    } else {
        lost.extend(own);
    }
    end.undone
}

/// Lets a change stay for good: disarms what would take it back, and clears away what was brought for that. What cannot be cleared away
/// is told to whoever watches; a timer that stays armed takes the change back.
pub(crate) async fn keep(ground: &Ground<'_>, authentic: &Authentic) {
    let intent = authentic.intent();
    let cleared = match Undoing::of(ground, authentic) {
        Ok(undoing) => undoing.clear().await,
        Err(fault) => Err(fault),
    };
    match cleared {
        Ok(Fired(false)) => {
            // What stays is encrypted, and goes with the folder of the run.
            let _ = ground.store.forget(intent.change);
        }
        Ok(Fired(true)) => {
            ground.watch.warned(&format!(
                "`{}` was taken back by its dead-man timer before it could stay",
                intent.summary
            ));
        }
        Err(fault) => {
            let fault = ground.world.redactor.redact_fault(fault);
            ground
                .watch
                .warned(&format!("something of `{}` may be left on its target: {fault}", intent.summary));
        }
    }
}

/// Records that a change is not restored, without anything having been tried.
pub(crate) fn give_up(ground: &Ground<'_>, intent: &Intent, fault: Fault) {
    let (run_id, change) = (intent.run_id.clone(), intent.change);
    let _ = ground.recorder.record(&Event::UndoBegun { run_id, change });
    record(ground, intent, &End::failed(fault));
}

fn record(ground: &Ground<'_>, intent: &Intent, end: &End) {
    let fault = end.fault.clone().map(|fault| Fault { stage: Stage::Undo, ..fault });
    let event = Event::UndoEnded {
        run_id: intent.run_id.clone(),
        change: intent.change,
        undone: end.undone,
        seen: end.seen.clone(),
        fault: fault.as_ref().map(FaultRecord::from),
    };
    let _ = ground.recorder.record_synced(&event);
    ground.watch.undone(&intent.summary, end.undone);
}

/// How it ended.
#[derive(Clone, Debug)]
struct End {
    undone: Undone,
    /// What was seen last.
    seen: Option<Value>,
    fault: Option<Fault>,
}

impl End {
    fn failed(fault: Fault) -> Self {
        Self { undone: Undone::Failed, seen: None, fault: Some(fault) }
    }
}

/// One change that is being taken back.
struct Undoing<'a> {
    ground: &'a Ground<'a>,
    intent: &'a Intent,
    call: Box<dyn ChangeCall>,
    targets: Targets,
    means: Means,
    /// The total deadline of each step.
    step: Duration,
}

/// What looking at the target gave.
enum Look {
    Seen(Standing, Value),
    /// It cannot be looked at now.
    Unseen(Fault),
}

impl<'a> Undoing<'a> {
    fn of(ground: &'a Ground<'a>, authentic: &'a Authentic) -> Result<Self, Fault> {
        let intent = authentic.intent();
        let (call, step) = change_call(&intent.primitive, &intent.arguments)?;
        let targets = targets::reclaim(ground.world, authentic)?;
        let means = Means {
            seams: ground.world.seams.clone(),
            authorities: ground.world.clone(),
            local: Arc::new(Elsewhere),
        };
        Ok(Self { ground, intent, call, targets, means, step })
    }

    async fn undo(&self, known: Known) -> End {
        let mut end = self.restore(known).await;
        if end.undone == Undone::Failed {
            // Its timer may still take it back; nobody renews it any more.
            timer::let_run(self.ground, self.intent.change).await;
            return end;
        }
        match self.clear().await {
            Ok(Fired(true)) if end.undone.is_restored() => end.undone = Undone::ByTimer,
            Ok(_) => {}
            // What is left there would one day be laid over a state that is none of ours.
            Err(fault) => return End { undone: Undone::Failed, fault: end.fault.or(Some(fault)), ..end },
        }
        end
    }

    /// Leads the target back to the state before.
    async fn restore(&self, known: Known) -> End {
        let patience = if known.waited { Duration::ZERO } else { self.patience() };
        let mut on_its_way = if known.unanswered { ON_ITS_WAY } else { Duration::ZERO };
        if self.intent.cuts_control {
            timer::let_run(self.ground, self.intent.change).await;
        }
        let (mut waited, mut foreign, mut applied, mut settling) =
            (Duration::ZERO, Duration::ZERO, 0, Duration::ZERO);
        let mut last: Option<Value> = None;
        let mut failed: Option<Fault> = None;
        loop {
            match self.look(applied > 0 && failed.is_none()).await {
                Look::Seen(Standing::Before, seen) if applied == 0 && !on_its_way.is_zero() => {
                    on_its_way = on_its_way.saturating_sub(LOOK_EVERY);
                    last = Some(seen);
                }
                Look::Seen(Standing::Before, seen) => {
                    let undone = if applied == 0 { Undone::Already } else { Undone::Restored };
                    return End { undone, seen: Some(seen), fault: None };
                }
                Look::Seen(Standing::Foreign, seen) => {
                    if foreign >= self.foreign_patience() {
                        return End {
                            undone: Undone::Conflict,
                            seen: Some(seen),
                            fault: Some(self.conflict()),
                        };
                    }
                    foreign += LOOK_EVERY;
                    last = Some(seen);
                }
                Look::Seen(Standing::After | Standing::Between, seen) => {
                    foreign = Duration::ZERO;
                    let lost = self.is_blind() && failed.is_some();
                    let due = applied == 0 || lost || settling >= SETTLE_TIME;
                    match &self.intent.inverse {
                        Some(inverse) if due && applied < APPLY_LIMIT => {
                            (applied, settling) = (applied + 1, Duration::ZERO);
                            failed = self.apply(inverse).await.err();
                            if failed.is_none() && self.is_blind() && !on_its_way.is_zero() {
                                self.ground.world.seams.clock.sleep(std::mem::take(&mut on_its_way)).await;
                                failed = self.apply(inverse).await.err();
                            }
                            last = Some(seen);
                            // Whatever it said: the target is looked at next.
                            continue;
                        }
                        _ if settling >= SETTLE_TIME => {
                            let fault = failed.unwrap_or_else(|| self.not_settled());
                            return End { undone: Undone::Failed, seen: Some(seen), fault: Some(fault) };
                        }
                        _ => settling += LOOK_EVERY,
                    }
                    last = Some(seen);
                }
                Look::Unseen(fault) => {
                    if waited >= patience {
                        return End { undone: Undone::Failed, seen: last, fault: Some(fault) };
                    }
                    waited += LOOK_EVERY;
                    self.forget_sessions().await;
                }
            }
            self.ground.world.seams.clock.sleep(LOOK_EVERY).await;
        }
    }

    /// Whether the change cannot be seen: processes that a signal has stopped look like those that run. Then its inverse is applied
    /// whatever is seen, and again where nobody knows that it arrived.
    fn is_blind(&self) -> bool {
        self.intent.inverse.is_some() && self.intent.before == self.intent.after
    }

    /// How long a target that cannot be reached is waited for: where it heals itself, until it must have.
    fn patience(&self) -> Duration {
        match self.intent.heals {
            Heals::ByTimer { seconds } => (Duration::from_secs(seconds.into()) + timer::MARGIN).max(PATIENCE),
            Heals::ByRecover | Heals::Nothing => PATIENCE,
        }
    }

    /// How long a state of neither kind is waited out: where nothing but the timer takes the change back, until it must have.
    fn foreign_patience(&self) -> Duration {
        match (&self.intent.inverse, self.intent.heals) {
            (None, Heals::ByTimer { .. }) => self.patience(),
            _ => FOREIGN_PATIENCE,
        }
    }

    /// Looks at the target. `done` says that the inverse was applied and answered, which is all there is to know of a blind change.
    async fn look(&self, done: bool) -> Look {
        let seen = match self.call.observe(&self.targets, &self.means, Deadline::after(self.step)).await {
            Ok(seen) => seen.output,
            Err(fault) => return Look::Unseen(fault),
        };
        match self.call.standing(&seen, &self.intent.before, &self.intent.after) {
            // A change that ends in the state in which it began has nothing to be taken back.
            Ok(Standing::After) if self.intent.inverse.is_none() => Look::Seen(Standing::Before, seen),
            Ok(Standing::Before | Standing::After) if self.is_blind() => {
                Look::Seen(if done { Standing::Before } else { Standing::After }, seen)
            }
            Ok(standing) => Look::Seen(standing, seen),
            Err(fault) => Look::Unseen(fault),
        }
    }

    async fn apply(&self, inverse: &Value) -> Result<(), Fault> {
        let payloads = self.ground.store.get(self.intent.change, &self.intent.payloads)?;
        self.call.apply(inverse, &self.task(&payloads)).await
    }

    /// Disarms the timer and takes away what was staged for it. Whether the timer had fired.
    async fn clear(&self) -> Result<Fired, Fault> {
        let clock = &self.ground.world.seams.clock;
        let until = clock.now() + CLEAR_PATIENCE;
        let mut cleared = self.clear_once().await;
        while cleared.is_err() && clock.now() < until {
            self.forget_sessions().await;
            clock.sleep(LOOK_EVERY).await;
            cleared = self.clear_once().await;
        }
        cleared
    }

    async fn clear_once(&self) -> Result<Fired, Fault> {
        let mut fired = Fired(false);
        if let Ok(host) = self.targets.host() {
            fired = timer::disarm(self.ground, host, &self.intent.run_id, self.intent.change).await?;
        }
        self.call.unstage(&self.task(&[])).await?;
        Ok(fired)
    }

    fn task<'t>(&'t self, payloads: &'t [Payload]) -> Task<'t> {
        Task {
            run_id: &self.intent.run_id,
            change: self.intent.change,
            targets: &self.targets,
            means: &self.means,
            writing: self.ground.writing,
            payloads,
            deadline: Deadline::after(self.step),
        }
    }

    /// A session that hangs would hang for the next look too.
    async fn forget_sessions(&self) {
        if let Ok(host) = self.targets.host() {
            let _ = self.ground.writing.ssh.forget(host).await;
        }
    }

    fn conflict(&self) -> Fault {
        let message = format!("take back `{}`: somebody else changed the target since", self.intent.summary);
        Fault::new(Code::ChangeConflict, Stage::Undo, message)
            .hint(format!(
                "Nothing was overwritten. Compare what the packet of run {} saw with the state before.",
                self.ground.run_id
            ))
            .hint("`fabric recover --abandon` then closes the run.")
    }

    fn not_settled(&self) -> Fault {
        let message =
            format!("take back `{}`: the target does not come to the state before", self.intent.summary);
        Fault::new(Code::ChangeNotRestored, Stage::Undo, message).effect(Effect::Unknown).hint(
            "Look at the target's own log for why, restore it by hand, and call `fabric recover` again.",
        )
    }
}

/// The changing primitive with these arguments, and the total deadline of its steps.
fn change_call(
    primitive: &PrimitiveName,
    arguments: &Value,
) -> Result<(Box<dyn ChangeCall>, Duration), Fault> {
    let none = || {
        let message = format!("take back `{primitive}`: this version has no such changing primitive");
        Fault::new(Code::ChangeNotRestored, Stage::Undo, message)
            .hint("Call `fabric recover` of the version that made the change.")
    };
    let Prepared { work, timeout, .. } = registry::find(primitive).ok_or_else(none)?.prepare(arguments)?;
    match work {
        Work::Change(call) => Ok((call, timeout)),
        Work::Observe(_) => Err(none()),
    }
}

#[cfg(test)]
mod tests;
