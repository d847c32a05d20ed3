//! Making changes: each is compared with the plan, guarded, locked and written down, and only then made and looked at.

use std::sync::Arc;
use std::time::Duration;

use fabric_evidence::chart::MarkKind;
use fabric_evidence::{Event, FaultRecord};
use fabric_gate::Authentic;
use fabric_model::change::{Heals, Intent, IntentTarget, PayloadRef, Standing, Undone};
use fabric_model::{Addressed as _, Code, Effect, Fault, Slug, Stage, Value};
use fabric_primitives::changing::{ChangeCall, Control, ErasedPlan, Payload, Task};
use fabric_primitives::{Observed, Target};
use fabric_wire::endpoint::SshHost;
use fabric_wire::{Deadline, Writing};
use tokio::task::JoinSet;

use super::bound::Bound;
use super::lock::Locks;
use super::pending::Pending;
use super::scope::Open;
use super::store::UndoStore;
use super::timer::{self, Arming};
use super::undo::Ground;
use super::{cuts, heals, look, means, place, scope, targets};
use crate::call::{Desk, LetThrough};
use crate::guard::Admission;
use crate::watching::Done;
use crate::{site, wall};

/// Seconds after which a target heals itself, unless its scope says otherwise: long enough for a slow undo, short for a service.
pub(crate) const HEAL_AFTER_S: u32 = 60;

/// How often and how long a change is looked at while it settles.
const SETTLE_EVERY: Duration = Duration::from_millis(250);
const SETTLE_LOOKS: u32 = 40;

/// How long a host that a change cuts off is asked whether it is still there.
const CUT_PATIENCE: Duration = Duration::from_secs(2);

/// A run that changes things.
pub(crate) struct Executing {
    pub(crate) run_id: Slug,
    /// Whether its script is a GameDay, whose changes stand in scopes and never stay.
    pub(crate) gameday: bool,
    pub(crate) writing: Writing,
    /// The plan that it executes; a rehearsal needs none.
    pub(crate) bound: Option<Bound>,
    /// What the guards let it do; the twin has none.
    pub(crate) admission: Option<Arc<Admission>>,
    pub(crate) store: Arc<UndoStore>,
    pub(crate) pending: Pending,
    pub(crate) locks: Locks,
    /// The open scopes, outermost first.
    pub(super) scopes: Vec<Open>,
    /// The changes that were begun, in order.
    pub(super) made: Vec<Made>,
    next: u32,
    begun: bool,
    /// Why nothing more may be changed.
    stopped: Option<Fault>,
    /// Whether the changes stay.
    pub(super) committed: bool,
    /// Whether a lock could not be given back.
    pub(super) locked: bool,
    /// Keeps the dead-man timers from firing while the host lives.
    pub(super) heart: Option<Heart>,
}

/// The sign of life that this host gives to the timers on its targets.
pub(super) struct Heart(JoinSet<()>);

impl Heart {
    fn beat(writing: &Writing, store: &Arc<UndoStore>, run_id: &Slug, desk: &Desk) -> Self {
        let (writing, store, run_id) = (writing.clone(), Arc::clone(store), run_id.clone());
        let (world, recorder, watch) =
            (Arc::clone(&desk.world), Arc::clone(&desk.recorder), Arc::clone(&desk.watch));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let ground = Ground {
                world: &world,
                writing: &writing,
                recorder: &recorder,
                store: &store,
                run_id: &run_id,
                watch: &*watch,
            };
            timer::heartbeat(&ground).await;
        });
        Self(task)
    }

    /// Ends it, and returns once it lets go of everything.
    pub(super) async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

/// A change that was written down, whatever has become of it.
pub(super) struct Made {
    pub(super) authentic: Authentic,
    /// Whether it was asked for, and nobody has heard that it was made or refused.
    pub(super) unanswered: bool,
    /// How taking it back ended, once that was tried.
    pub(super) undone: Option<Undone>,
}

/// What a run needs to change things.
pub(crate) struct Ready {
    pub(crate) run_id: Slug,
    pub(crate) gameday: bool,
    pub(crate) writing: Writing,
    pub(crate) bound: Option<Bound>,
    pub(crate) admission: Option<Arc<Admission>>,
    pub(crate) store: Arc<UndoStore>,
    pub(crate) pending: Pending,
    pub(crate) locks: Locks,
}

impl Executing {
    pub(crate) fn new(ready: Ready) -> Self {
        let Ready { run_id, gameday, writing, bound, admission, store, pending, locks } = ready;
        Self {
            run_id,
            gameday,
            writing,
            bound,
            admission,
            store,
            pending,
            locks,
            scopes: Vec::new(),
            made: Vec::new(),
            next: 0,
            begun: false,
            stopped: None,
            committed: false,
            locked: false,
            heart: None,
        }
    }

    /// Makes one change.
    ///
    /// # Errors
    /// Only when the journal cannot be written.
    pub(crate) async fn make(
        &mut self,
        desk: &Desk,
        granted: &LetThrough<'_>,
    ) -> Result<Result<Observed, Fault>, Fault> {
        let made = match &self.stopped {
            Some(fault) => Err(Ended::Fault(fault.clone())),
            None => self.steps(desk, granted).await,
        };
        match made {
            Ok(seen) => Ok(Ok(seen)),
            Err(Ended::Unrecorded(fault)) => {
                self.stopped = Some(fault.clone());
                Err(fault)
            }
            Err(Ended::Fault(fault)) => {
                // What a plan or a guard says no to stays no, whatever the script makes of it.
                if fault.is_guard() || matches!(fault.code, Code::PlanStale | Code::PlanAltered) {
                    self.refuse(desk, &fault)?;
                }
                Ok(Err(fault))
            }
        }
    }

    /// Notes why nothing more may be changed; the first reason counts.
    ///
    /// # Errors
    /// Only when the journal cannot be written.
    pub(super) fn refuse(&mut self, desk: &Desk, fault: &Fault) -> Result<(), Fault> {
        if self.stopped.is_none() {
            desk.recorder.record(&Event::GuardRefused { fault: FaultRecord::from(fault) })?;
            desk.watch.denied(fault);
            self.stopped = Some(fault.clone());
        }
        Ok(())
    }

    /// The script is over, as it was meant to be: a plan of which it left something out was made for another course of things.
    ///
    /// # Errors
    /// Only when the journal cannot be written.
    pub(super) fn end(&mut self, desk: &Desk) -> Result<(), Fault> {
        let Some(Err(stale)) = self.bound.as_ref().map(|bound| bound.is_whole(self.next)) else {
            return Ok(());
        };
        self.refuse(desk, &stale)
    }

    /// Why nothing more may be changed, if that is so.
    pub(crate) fn stopped(&self) -> Option<&Fault> {
        self.stopped.as_ref()
    }

    async fn steps(&mut self, desk: &Desk, granted: &LetThrough<'_>) -> Result<Observed, Ended> {
        place::fit(granted.call, self.gameday, !self.scopes.is_empty())?;
        let call = super::change_call(granted)?;
        let number = self.next;
        if let Some(bound) = &self.bound {
            bound.is_next(number, desk, granted)?;
        }
        self.begin(desk).await?;
        self.next += 1;
        self.hold(desk, granted).await?;
        let seen = look(desk, granted, call).await?;
        if let Some(bound) = &self.bound {
            bound.is_foreseen(number, &seen.output)?;
        }
        let Some(plan) = call.plan(&seen.output)? else { return Ok(seen) };
        self.guarded(desk, granted)?;
        let (payloads, kept) = self.keep(desk, granted, call, number, &seen.output).await?;
        let intent = self.intent(desk, granted, call, number, &seen.output, &plan, kept)?;
        self.write_down(desk, intent)?;
        self.apply(desk, granted, call, number, &plan, &payloads).await?;
        self.confirm(desk, granted, call, number, &seen, &plan).await
    }

    /// Before the first change: what the plan rests on is looked at again, and the guards' single-use things are used up.
    async fn begin(&mut self, desk: &Desk) -> Result<(), Ended> {
        if self.begun {
            return Ok(());
        }
        if let Some(bound) = &self.bound {
            bound.still_holds(desk).await?.map_err(Ended::Fault)?;
        }
        let met = match &self.admission {
            Some(admission) => admission.begin().map_err(Ended::Fault)?,
            None => Event::GuardsMet { rules: Vec::new(), reason: None, window: None, proof: None },
        };
        desk.recorder.record(&met).map_err(Ended::Unrecorded)?;
        if let Event::GuardsMet { reason, .. } = &met {
            desk.watch.guarded(reason.as_deref());
        }
        self.pending.begin()?;
        self.begun = true;
        Ok(())
    }

    /// Takes the locks of the targets: from here on nobody else changes what is looked at.
    async fn hold(&mut self, desk: &Desk, granted: &LetThrough<'_>) -> Result<(), Ended> {
        for (need, target) in granted.prepared.needs.iter().zip(granted.targets.iter()) {
            let deadline = Deadline::after(granted.prepared.timeout);
            // First the marker, which says where a lock may be left.
            self.pending.add_target(&need.resource, &target.addresses())?;
            self.locks.take(&desk.world.seams, &self.writing, target, deadline).await?;
        }
        Ok(())
    }

    /// Whether the guards still let this change through; books it. Last of all, so that only a change which could be made uses up
    /// a budget.
    fn guarded(&self, desk: &Desk, granted: &LetThrough<'_>) -> Result<(), Ended> {
        let Some(admission) = &self.admission else { return Ok(()) };
        for need in &granted.prepared.needs {
            let environment = site::environment_of(desk.world.site(), &need.resource);
            admission.still(wall::now(), &environment, &need.resource.to_string())?;
        }
        Ok(())
    }

    async fn keep(
        &self,
        desk: &Desk,
        granted: &LetThrough<'_>,
        call: &dyn ChangeCall,
        number: u32,
        seen: &Value,
    ) -> Result<(Vec<Payload>, Vec<PayloadRef>), Ended> {
        let deadline = Deadline::after(granted.prepared.timeout);
        let payloads = call.keep(seen, &granted.targets, &means(desk), deadline).await?;
        let kept = self.store.put(number, &payloads)?;
        Ok((payloads, kept))
    }

    #[expect(clippy::too_many_arguments, reason = "an intent is all of this")]
    fn intent(
        &self,
        desk: &Desk,
        granted: &LetThrough<'_>,
        call: &dyn ChangeCall,
        number: u32,
        seen: &Value,
        plan: &ErasedPlan,
        payloads: Vec<PayloadRef>,
    ) -> Result<Intent, Fault> {
        let needs = granted.prepared.needs.iter();
        let targets = needs.zip(granted.targets.iter()).map(|(need, target)| {
            let rule = target.rule();
            IntentTarget {
                role: need.role.to_owned(),
                resource: need.resource.clone(),
                environment: site::environment_of(desk.world.site(), &need.resource),
                rule: rule.name.clone(),
                file: rule.file.clone(),
                line: u32::try_from(rule.line).unwrap_or(u32::MAX),
                target: targets::spec_of(target),
            }
        });
        Ok(Intent {
            run_id: self.run_id.clone(),
            change: number,
            call_id: granted.call.id,
            scope: self.scopes.last().map(|open| open.scope),
            primitive: granted.call.primitive.clone(),
            class: granted.class,
            arguments: granted.prepared.arguments.clone(),
            targets: targets.collect(),
            before: seen.clone(),
            action: plan.action.clone(),
            summary: call.describe(&plan.action)?,
            after: plan.after.clone(),
            inverse: plan.inverse.clone(),
            heals: heals(plan, self.heal_after()),
            cuts_control: cuts(plan),
            payloads,
        })
    }

    fn heal_after(&self) -> u32 {
        self.scopes.last().map_or(HEAL_AFTER_S, |open| open.heal_after_s)
    }

    /// The intent is on the disk before anything happens, and can be read back as it was meant.
    fn write_down(&mut self, desk: &Desk, intent: Intent) -> Result<(), Ended> {
        let secret = |value: &Value| desk.world.redactor.redact_value(value.clone()) != *value;
        let states = [&intent.arguments, &intent.before, &intent.action, &intent.after];
        if states.into_iter().chain(&intent.inverse).any(secret) {
            let message = "a change whose record would hold a secret cannot be taken back, so it is not made";
            return Err(Fault::new(Code::ScriptArgument, Stage::Record, message).into());
        }
        let seal = self.store.key().seal(&intent);
        let event = Event::ChangeIntended { intent: Box::new(intent.clone()), seal: seal.clone() };
        desk.recorder.record_synced(&event).map_err(Ended::Unrecorded)?;
        desk.watch.intended(&intent.summary, intent.heals);
        let authentic = self.store.key().open(intent, &seal).map_err(|forged| {
            Fault::new(Code::BugInternal, Stage::Record, format!("our own seal is not ours: {forged}"))
        })?;
        self.made.push(Made { authentic, unanswered: false, undone: None });
        Ok(())
    }

    async fn apply(
        &mut self,
        desk: &Desk,
        granted: &LetThrough<'_>,
        call: &dyn ChangeCall,
        number: u32,
        plan: &ErasedPlan,
        payloads: &[Payload],
    ) -> Result<(), Ended> {
        let means = means(desk);
        let task = Task {
            run_id: &self.run_id,
            change: number,
            targets: &granted.targets,
            means: &means,
            writing: &self.writing,
            payloads,
            deadline: Deadline::after(granted.prepared.timeout),
        };
        call.stage(&plan.action, &task).await?;
        if let Some(heal) = &plan.heal {
            let restore = call.restore(heal.clone(), &task.own_name()?);
            let Heals::ByTimer { seconds } = heals(plan, self.heal_after()) else {
                return Err(Fault::new(Code::BugInternal, Stage::Apply, "a timer without a time").into());
            };
            let ground = scope::ground(&self.writing, &self.store, &self.run_id, desk);
            // What cuts the host off ends with its timer, so that is not renewed.
            let arming = Arming { restore, seconds, step: granted.prepared.timeout, renewed: !cuts(plan) };
            timer::arm(&ground, &task, arming).await?;
            self.heart.get_or_insert_with(|| Heart::beat(&self.writing, &self.store, &self.run_id, desk));
        }
        let task = Task { deadline: Deadline::after(granted.prepared.timeout), ..task };
        if let Some(open) = self.scopes.last_mut() {
            let text = call.describe(&plan.action)?;
            open.done.push(Done { at: desk.recorder.now(), kind: MarkKind::Injection, text });
        }
        let applied = call.apply(&plan.action, &task).await;
        if let (Err(fault), Some(made)) = (&applied, self.made.last_mut()) {
            made.unanswered = fault.effect == Effect::Unknown;
        }
        let (effect, fault) = match &applied {
            Ok(()) => ("done", None),
            Err(fault) => ("unknown", Some(FaultRecord::from(fault))),
        };
        let event = Event::ChangeApplied { change: number, effect: effect.to_owned(), fault };
        desk.recorder.record(&event).map_err(Ended::Unrecorded)?;
        match applied {
            // A command that cuts its own way back gives no answer. What it did is looked at next.
            Err(fault) if plan.control == Control::Cut && fault.effect == Effect::Unknown => Ok(()),
            other => Ok(other?),
        }
    }

    /// Looks at the target until it is as planned.
    async fn confirm(
        &self,
        desk: &Desk,
        granted: &LetThrough<'_>,
        call: &dyn ChangeCall,
        number: u32,
        before: &Observed,
        plan: &ErasedPlan,
    ) -> Result<Observed, Ended> {
        if plan.control != Control::Kept {
            for host in ssh_hosts(granted) {
                self.writing.ssh.forget(host).await.map_err(Fault::from)?;
            }
        }
        let (standing, seen) = match plan.control {
            Control::Cut => self.is_cut(desk, granted, call, before, plan).await?,
            Control::Kept | Control::Confirmed => settle(desk, granted, call, before, plan).await?,
        };
        let output = seen.as_ref().map(|seen| seen.output.clone());
        let event = Event::ChangeConfirmed { change: number, standing, seen: output };
        desk.recorder.record(&event).map_err(Ended::Unrecorded)?;
        match (standing, seen) {
            (Standing::After, Some(seen)) => Ok(seen),
            // Cut off, as was meant.
            (Standing::After, None) => Ok(Observed { output: plan.after.clone(), ..before.clone() }),
            (Standing::Foreign, _) => {
                Err(Ended::Fault(unconfirmed("somebody else changes it at the same time")))
            }
            _ => Err(Ended::Fault(unconfirmed("it is not as planned"))),
        }
    }

    /// A host that cannot be reached any more over a new connection is cut off, as was meant.
    async fn is_cut(
        &self,
        desk: &Desk,
        granted: &LetThrough<'_>,
        call: &dyn ChangeCall,
        before: &Observed,
        plan: &ErasedPlan,
    ) -> Result<(Standing, Option<Observed>), Ended> {
        let looked = call.observe(&granted.targets, &means(desk), Deadline::after(CUT_PATIENCE)).await;
        match looked {
            Ok(seen) => {
                let standing = call.standing(&seen.output, &before.output, &plan.after)?;
                Ok((standing, Some(seen)))
            }
            Err(fault) if fault.code.as_str().starts_with("port.") => Ok((Standing::After, None)),
            Err(fault) => Err(fault.into()),
        }
    }
}

async fn settle(
    desk: &Desk,
    granted: &LetThrough<'_>,
    call: &dyn ChangeCall,
    before: &Observed,
    plan: &ErasedPlan,
) -> Result<(Standing, Option<Observed>), Ended> {
    let mut last = (Standing::Between, None);
    for turn in 0..SETTLE_LOOKS {
        if turn > 0 {
            desk.world.seams.clock.sleep(SETTLE_EVERY).await;
        }
        // A host that is asked over a new connection may need a moment, or be gone: then the last thing seen stands.
        let Ok(seen) = look(desk, granted, call).await else { continue };
        let standing = call.standing(&seen.output, &before.output, &plan.after)?;
        last = (standing, Some(seen));
        if standing == Standing::After || standing == Standing::Foreign {
            break;
        }
    }
    Ok(last)
}

fn ssh_hosts<'g>(granted: &'g LetThrough<'_>) -> impl Iterator<Item = &'g SshHost> {
    granted.targets.iter().filter_map(|target| match &**target {
        Target::Ssh(host) => Some(host),
        _ => None,
    })
}

fn unconfirmed(why: &str) -> Fault {
    Fault::new(Code::ChangeUnconfirmed, Stage::Apply, format!("see the change as planned: {why}"))
        .effect(Effect::Unknown)
        .hint("The host takes back what it made; look at the target before you try again.")
}

/// Why a change was not made, or not to its end.
pub(super) enum Ended {
    /// A fault of this call.
    Fault(Fault),
    /// The journal cannot be written, so the run is over.
    Unrecorded(Fault),
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
