//! What a run planned, changed and took back, and that its events stand in an order in which that can have happened.

use fabric_model::change::{Intent, Undone};
use fabric_model::{Digest, Slug};

use super::disorder::Disorder;
use crate::event::{Act, Event, FaultRecord, PacketLink, Principal, RunHead};
use crate::record::{
    ChangeRecord, GuardsRecord, HoldersRecord, HumanRecord, PlannedRecord, ProbeRecord, RefusalRecord,
    ScopeRecord, TimerRecord, UndoneRecord,
};
use crate::stamp::Stamp;

/// Kinds of script whose changes may stay. Those of a GameDay never do.
const KEEPING_KINDS: [&str; 2] = ["dr", "operation"];

/// What the events said of changes so far.
pub(super) struct Changes<'a> {
    head: &'a RunHead,
    pub(super) plan: Option<Digest>,
    pub(super) plan_made_in: Option<PacketLink>,
    approvals: Vec<Principal>,
    pub(super) planned: Vec<PlannedRecord>,
    pub(super) guards: Option<GuardsRecord>,
    pub(super) refusals: Vec<RefusalRecord>,
    pub(super) changes: Vec<ChangeRecord>,
    pub(super) undone: Vec<UndoneRecord>,
    pub(super) committed: bool,
    /// A number comes from the script's process, which may give one twice; an end closes the latest that is open.
    pub(super) scopes: Vec<ScopeRecord>,
    pub(super) probes: Vec<ProbeRecord>,
    pub(super) holders: Vec<HoldersRecord>,
    pub(super) human: Vec<HumanRecord>,
}

impl<'a> Changes<'a> {
    pub(super) fn new(head: &'a RunHead) -> Self {
        Self {
            head,
            plan: None,
            plan_made_in: None,
            approvals: Vec::new(),
            planned: Vec::new(),
            guards: None,
            refusals: Vec::new(),
            changes: Vec::new(),
            undone: Vec::new(),
            committed: false,
            scopes: Vec::new(),
            probes: Vec::new(),
            holders: Vec::new(),
            human: Vec::new(),
        }
    }

    /// Takes up one event; one that is not about changes is passed over.
    pub(super) fn tell(&mut self, at: Stamp, event: &Event) -> Result<(), Disorder> {
        match event {
            Event::PlanBound { .. }
            | Event::GuardsMet { .. }
            | Event::GuardRefused { .. }
            | Event::ChangePlanned { .. }
            | Event::PlanMade { .. } => self.admission(at, event),
            Event::ChangeIntended { .. }
            | Event::TimerArmed { .. }
            | Event::TimerDisarmed { .. }
            | Event::ChangeApplied { .. }
            | Event::ChangeConfirmed { .. }
            | Event::UndoBegun { .. }
            | Event::UndoEnded { .. }
            | Event::Committed { .. } => self.change(at, event),
            Event::ScopeBegun { .. } | Event::ScopeEnding { .. } | Event::ScopeEnded { .. } => {
                self.scope(at, event)
            }
            Event::ProbeEnded { .. } | Event::HoldersSeen { .. } | Event::HumanStep { .. } => {
                self.watched(at, event);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn only_in(&self, event: &'static str, act: Act) -> Result<(), Disorder> {
        if self.head.act == act { Ok(()) } else { Err(Disorder::Act { event, act: self.head.act }) }
    }

    /// What was planned, and whether the guards let it through.
    fn admission(&mut self, at: Stamp, event: &Event) -> Result<(), Disorder> {
        match event {
            Event::PlanBound { plan, made_in, approvals } => {
                self.only_in("plan_bound", Act::Execute)?;
                self.set_plan(*plan)?;
                self.plan_made_in = Some(made_in.clone());
                self.approvals.clone_from(approvals);
            }
            Event::PlanMade { plan, .. } => {
                self.only_in("plan_made", Act::Plan)?;
                self.set_plan(*plan)?;
            }
            Event::ChangePlanned { change, summary, heals, .. } => {
                self.only_in("change_planned", Act::Plan)?;
                ascending(self.planned.last().map(|planned| planned.change), *change)?;
                let planned = PlannedRecord { change: *change, summary: summary.clone(), heals: *heals };
                self.planned.push(planned);
            }
            Event::GuardsMet { rules, reason, window, .. } => {
                self.only_in("guards_met", Act::Execute)?;
                self.guards = Some(GuardsRecord {
                    at,
                    rules: rules.clone(),
                    reason: reason.clone(),
                    window: window.clone(),
                    approvals: self.approvals.clone(),
                });
            }
            Event::GuardRefused { fault } => {
                if self.head.act == Act::Observe {
                    return Err(Disorder::Act { event: "guard_refused", act: Act::Observe });
                }
                self.refusals.push(RefusalRecord { at, fault: fault.clone() });
            }
            _ => {}
        }
        Ok(())
    }

    fn set_plan(&mut self, plan: Digest) -> Result<(), Disorder> {
        match self.plan.replace(plan) {
            None => Ok(()),
            Some(_) => Err(Disorder::SecondPlan),
        }
    }

    /// What was changed and taken back.
    fn change(&mut self, at: Stamp, event: &Event) -> Result<(), Disorder> {
        match event {
            Event::ChangeIntended { intent, .. } => return self.intended(at, intent),
            Event::TimerArmed { change, timer, .. } => {
                let change = self.intended_before(*change)?;
                // Armed again, it is the same timer, and what it did is not forgotten.
                let fired = change.timer.as_ref().is_some_and(|timer| timer.fired);
                change.timer = Some(TimerRecord { timer: timer.clone(), armed: at, disarmed: None, fired });
            }
            Event::TimerDisarmed { change, fired, .. } => {
                if let Some(timer) = &mut self.intended_before(*change)?.timer {
                    timer.disarmed = Some(at);
                    timer.fired |= *fired;
                }
            }
            Event::ChangeApplied { change, effect, fault } => {
                let change = self.being_made(*change)?;
                change.applied = Some(at);
                change.effect.clone_from(effect);
                change.fault.clone_from(fault);
            }
            Event::ChangeConfirmed { change, standing, .. } => {
                self.being_made(*change)?.standing = Some(*standing);
            }
            Event::UndoBegun { run_id, change } => return self.undo_begun(at, run_id, *change),
            Event::UndoEnded { run_id, change, undone, fault, .. } => {
                return self.undo_ended(at, run_id, *change, (*undone, fault.as_ref()));
            }
            Event::Committed { changes } => return self.committed(*changes),
            _ => {}
        }
        Ok(())
    }

    fn intended(&mut self, at: Stamp, intent: &Intent) -> Result<(), Disorder> {
        self.only_in("change_intended", Act::Execute)?;
        if intent.run_id != self.head.run_id {
            return Err(Disorder::Intent(intent.run_id.clone()));
        }
        if self.guards.is_none() {
            return Err(Disorder::Unguarded);
        }
        if self.committed {
            return Err(Disorder::AfterCommit);
        }
        ascending(self.changes.last().map(|change| change.change), intent.change)?;
        if let Some(scope) = intent.scope
            && self.scopes.iter().rfind(|s| s.scope == scope).is_none_or(|s| s.ending.is_some())
        {
            return Err(Disorder::ScopeNotOpen(scope));
        }
        self.changes.push(change_record(at, intent));
        Ok(())
    }

    fn intended_before(&mut self, number: u32) -> Result<&mut ChangeRecord, Disorder> {
        let found = self.changes.iter_mut().find(|change| change.change == number);
        found.ok_or(Disorder::NotIntended(number))
    }

    fn being_made(&mut self, number: u32) -> Result<&mut ChangeRecord, Disorder> {
        let change = self.intended_before(number)?;
        if change.undone.is_some() { Err(Disorder::TakenBack(number)) } else { Ok(change) }
    }

    fn undo_begun(&mut self, at: Stamp, run_id: &Slug, number: u32) -> Result<(), Disorder> {
        let begun = UndoneRecord {
            run_id: run_id.clone(),
            change: number,
            by: self.head.run_id.clone(),
            began: at,
            ended: None,
            undone: None,
            fault: None,
        };
        if *run_id == self.head.run_id {
            self.intended_before(number)?.undone = Some(begun);
            return Ok(());
        }
        let recovers = self.head.recovered_from.as_ref().is_some_and(|link| link.run_id == *run_id);
        if self.head.act != Act::Recover || !recovers {
            return Err(Disorder::OtherRun(run_id.clone()));
        }
        self.undone.retain(|undone| undone.change != number);
        self.undone.push(begun);
        Ok(())
    }

    fn undo_ended(
        &mut self,
        at: Stamp,
        run_id: &Slug,
        number: u32,
        (how, fault): (Undone, Option<&FaultRecord>),
    ) -> Result<(), Disorder> {
        let own = *run_id == self.head.run_id;
        let begun = if own {
            self.intended_before(number)?.undone.as_mut()
        } else {
            self.undone.iter_mut().find(|undone| undone.run_id == *run_id && undone.change == number)
        };
        let begun = begun.filter(|undone| undone.ended.is_none()).ok_or(Disorder::UndoNotBegun(number))?;
        begun.ended = Some(at);
        begun.undone = Some(how);
        begun.fault = fault.cloned();
        Ok(())
    }

    fn committed(&mut self, committed: u32) -> Result<(), Disorder> {
        self.only_in("committed", Act::Execute)?;
        if !KEEPING_KINDS.contains(&self.head.script.kind.as_str()) {
            return Err(Disorder::Kind(self.head.script.kind.clone()));
        }
        let intended = u32::try_from(self.changes.len()).unwrap_or(u32::MAX);
        if committed != intended {
            return Err(Disorder::Committed { committed, intended });
        }
        self.committed = true;
        for change in &mut self.changes {
            change.committed = change.undone.is_none();
        }
        Ok(())
    }

    fn scope(&mut self, at: Stamp, event: &Event) -> Result<(), Disorder> {
        match event {
            Event::ScopeBegun { scope, place, title } => self.scopes.push(ScopeRecord {
                scope: *scope,
                place: place.clone(),
                title: title.clone(),
                began: at,
                ending: None,
                how: None,
                message: None,
                ended: None,
                restored: None,
            }),
            Event::ScopeEnding { scope, how, message } => {
                let open = self.latest(*scope, |s| s.ending.is_none())?;
                open.ending = Some(at);
                open.how = Some(how.clone());
                open.message.clone_from(message);
            }
            Event::ScopeEnded { scope, restored } => {
                let left = |c: &&ChangeRecord| c.scope == Some(*scope) && !c.is_settled();
                if let Some(left) = self.changes.iter().find(left).filter(|_| *restored) {
                    return Err(Disorder::ScopeNotRestored { scope: *scope, change: left.change });
                }
                let open = self.latest(*scope, |s| s.ending.is_some() && s.ended.is_none())?;
                open.ended = Some(at);
                open.restored = Some(*restored);
            }
            _ => {}
        }
        Ok(())
    }

    fn latest(
        &mut self,
        scope: u64,
        fits: impl Fn(&ScopeRecord) -> bool,
    ) -> Result<&mut ScopeRecord, Disorder> {
        let found = self.scopes.iter_mut().rfind(|s| s.scope == scope && fits(s));
        found.ok_or(Disorder::ScopeOrder(scope))
    }

    fn watched(&mut self, at: Stamp, event: &Event) {
        match event {
            Event::ProbeEnded {
                scope,
                primitive,
                resources,
                began,
                every_ms,
                sent,
                lost,
                gap_ms,
                artifact,
                digest,
            } => self.probes.push(ProbeRecord {
                scope: *scope,
                primitive: primitive.clone(),
                resources: resources.clone(),
                began: *began,
                every_ms: *every_ms,
                sent: *sent,
                lost: *lost,
                gap_ms: *gap_ms,
                artifact: artifact.clone(),
                digest: *digest,
            }),
            Event::HoldersSeen { vip, hosts, silent } => self.holders.push(HoldersRecord {
                at,
                vip: vip.clone(),
                hosts: hosts.clone(),
                silent: silent.clone(),
            }),
            Event::HumanStep { place, role, name, text } => self.human.push(HumanRecord {
                at,
                place: place.clone(),
                role: role.clone(),
                name: name.clone(),
                text: text.clone(),
            }),
            _ => {}
        }
    }
}

/// A change that the script asked for and that needed nothing to be done has a number too, so numbers may leave gaps.
fn ascending(last: Option<u32>, got: u32) -> Result<(), Disorder> {
    match last {
        Some(last) if last >= got => Err(Disorder::Number { last, got }),
        _ => Ok(()),
    }
}

fn change_record(at: Stamp, intent: &Intent) -> ChangeRecord {
    ChangeRecord {
        change: intent.change,
        scope: intent.scope,
        primitive: intent.primitive.clone(),
        summary: intent.summary.clone(),
        targets: intent.targets.iter().map(|target| target.resource.to_string()).collect(),
        heals: intent.heals,
        cuts_control: intent.cuts_control,
        intended: at,
        applied: None,
        effect: "none".to_owned(),
        fault: None,
        standing: None,
        timer: None,
        committed: false,
        undone: None,
    }
}
