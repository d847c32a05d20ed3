//! What a run may change: nothing, nothing but a plan, or the site.

mod begin;
mod blast;
mod bound;
mod draft;
mod execute;
pub(crate) mod lock;
pub(crate) mod pending;
mod place;
mod project;
pub(crate) mod scope;
pub(crate) mod selector;
pub(crate) mod store;
pub(crate) mod targets;
pub(crate) mod timer;
#[cfg(test)]
pub(crate) mod trial;
pub(crate) mod undo;

use fabric_evidence::Event;
use fabric_model::change::Heals;
use fabric_model::exit::Exit;
use fabric_model::plan::{Grounds, Plan, PlannedTarget};
use fabric_model::{Addressed as _, Code, Fault, Resource, Stage};
use fabric_primitives::changing::{ChangeCall, Control, ErasedPlan};
use fabric_primitives::{Means, Need, Observed, Work};
use fabric_wire::Deadline;
use tokio::sync::Mutex;

use crate::call::{Desk, LetThrough};
use crate::recording::Asked;
use crate::run;
use crate::site;
use crate::world::World;

pub(crate) use begin::executing;
use draft::Drafted;
pub(crate) use draft::{Draft, Origin};
pub(crate) use execute::{Executing, HEAL_AFTER_S};
use project::State;

/// What a run may change, and what it has changed so far.
pub(crate) enum Changes {
    /// Its script only observes.
    Observe,
    /// It is a dry run: changes are planned, and later observations see the planned world.
    Plan(Box<Mutex<Draft>>),
    /// It changes things.
    Execute(Box<Mutex<Executing>>),
}

impl Changes {
    /// The fault that stands for an observation which depends on a planned change; none where it can be made.
    pub(crate) async fn veil(&self, world: &World, granted: &LetThrough<'_>) -> Option<Fault> {
        let Self::Plan(draft) = self else { return None };
        let mut draft = draft.lock().await;
        let resources = granted.prepared.needs.iter().map(|need| &need.resource);
        let veiled = draft.projection.veil(world.site(), resources);
        if veiled.is_none() {
            draft.observed(described(granted));
        }
        veiled
    }

    /// Plans or makes one change.
    ///
    /// # Errors
    /// Only when the journal cannot be written.
    pub(crate) async fn change(
        &self,
        desk: &Desk,
        granted: LetThrough<'_>,
    ) -> Result<Result<Observed, Fault>, Fault> {
        match self {
            // The gate has refused it already: the script does not reach so far.
            Self::Observe => {
                Ok(Err(Fault::new(Code::BugInternal, Stage::Gate, "an observing run was let change")))
            }
            Self::Plan(draft) => draft.lock().await.plan(desk, &granted).await,
            Self::Execute(executing) => executing.lock().await.make(desk, &granted).await,
        }
    }
}

impl Draft {
    async fn plan(
        &mut self,
        desk: &Desk,
        granted: &LetThrough<'_>,
    ) -> Result<Result<Observed, Fault>, Fault> {
        let planned = match self.draft(desk, granted).await {
            Ok(planned) => planned,
            Err(fault) => return Ok(Err(fault)),
        };
        let (drafted, seen) = planned;
        let after = drafted.after.clone();
        let (summary, heals) = (drafted.summary.clone(), drafted.heals);
        let change = self.change(desk.world.site(), drafted);
        desk.recorder.record(&Event::ChangePlanned {
            call_id: granted.call.id,
            change,
            summary: summary.clone(),
            heals,
        })?;
        desk.watch.planned(&summary, heals);
        Ok(Ok(Observed { output: after, ..seen }))
    }

    async fn draft(&self, desk: &Desk, granted: &LetThrough<'_>) -> Result<(Drafted, Observed), Fault> {
        place::fit(granted.call, self.is_of_gameday(), self.depth() > 0)?;
        let call = change_call(granted)?;
        let resources = resources(granted);
        let state = State::of(&granted.call.primitive, &resources);
        let (seen, grounds) = match self.projection.state(&state) {
            Some(before) => (projected(before.clone()), Grounds::Projected),
            None => {
                if let Some(fault) = self.projection.out_of_sight(&state) {
                    return Err(fault);
                }
                (look(desk, granted, call).await?, Grounds::Observed)
            }
        };
        let plan = call.plan(&seen.output)?;
        let drafted = drafted(desk, granted, call, &seen, grounds, (plan, self.heal_after_s()))?;
        Ok((drafted, seen))
    }
}

fn drafted(
    desk: &Desk,
    granted: &LetThrough<'_>,
    call: &dyn ChangeCall,
    seen: &Observed,
    grounds: Grounds,
    (plan, heal_after_s): (Option<ErasedPlan>, u32),
) -> Result<Drafted, Fault> {
    let (primitive, class) = (granted.call.primitive.clone(), granted.class);
    let arguments = granted.prepared.arguments.clone();
    if desk.world.redactor.redact_value(arguments.clone()) != arguments {
        return Err(Fault::new(
            Code::ScriptArgument,
            Stage::Plan,
            "the arguments of a change hold a secret, and a plan is read by people",
        )
        .hint("Hand secrets over by their handle; no plan and no journal may hold one."));
    }
    let mut drafted = Drafted {
        summary: format!("{}: nothing to do", described(granted)),
        primitive,
        class,
        arguments,
        selectors: granted.selected.clone(),
        targets: planned_targets(&desk.world, granted),
        before: seen.output.clone(),
        grounds,
        action: None,
        after: seen.output.clone(),
        inverse: None,
        heals: Heals::Nothing,
    };
    if let Some(plan) = plan {
        drafted.summary = call.describe(&plan.action)?;
        if plan.heal.is_some() {
            timer::enough(heal_after_s, granted.prepared.timeout)?;
        }
        drafted.heals = heals(&plan, heal_after_s);
        drafted.inverse = plan.inverse.as_ref().map(|inverse| call.describe(inverse)).transpose()?;
        drafted.after = plan.after;
        drafted.action = Some(plan.action);
    }
    Ok(drafted)
}

/// What becomes of a change when the host never comes back.
pub(crate) fn heals(plan: &ErasedPlan, seconds: u32) -> Heals {
    match (&plan.heal, &plan.inverse) {
        (Some(_), _) => Heals::ByTimer { seconds },
        (None, Some(_)) => Heals::ByRecover,
        (None, None) => Heals::Nothing,
    }
}

/// Whether a change waits for its confirmation over a new connection, or for the timer.
pub(crate) fn cuts(plan: &ErasedPlan) -> bool {
    plan.control == Control::Cut
}

/// Reads the state that a change is about.
pub(crate) async fn look(
    desk: &Desk,
    granted: &LetThrough<'_>,
    call: &dyn ChangeCall,
) -> Result<Observed, Fault> {
    let deadline = Deadline::after(granted.prepared.timeout);
    let (means, redactor) = (means(desk), &desk.world.redactor);
    let live = call.observe(&granted.targets, &means, deadline);
    desk.answers.to(|| Asked::of(granted, redactor), redactor, live).await
}

pub(crate) fn means(desk: &Desk) -> Means {
    Means { seams: desk.world.seams.clone(), authorities: desk.world.clone(), local: desk.local.clone() }
}

pub(crate) fn change_call<'g>(granted: &'g LetThrough<'_>) -> Result<&'g dyn ChangeCall, Fault> {
    match &granted.prepared.work {
        Work::Change(call) => Ok(call.as_ref()),
        Work::Observe(_) => {
            Err(Fault::new(Code::BugInternal, Stage::Plan, "an observation was taken for a change"))
        }
    }
}

pub(crate) fn resources(granted: &LetThrough<'_>) -> Vec<Resource> {
    granted.prepared.needs.iter().map(|need| need.resource.clone()).collect()
}

pub(crate) fn planned_targets(world: &World, granted: &LetThrough<'_>) -> Vec<PlannedTarget> {
    let target = |(need, target): (&Need, &fabric_gate::Granted<fabric_primitives::Target>)| PlannedTarget {
        resource: need.resource.clone(),
        environment: site::environment_of(world.site(), &need.resource),
        addresses: target.addresses(),
    };
    granted.prepared.needs.iter().zip(granted.targets.iter()).map(target).collect()
}

/// A call for people: `unit.state` on host:dns-edge-1/keepalived.
fn described(granted: &LetThrough<'_>) -> String {
    let resources: Vec<String> = resources(granted).iter().map(ToString::to_string).collect();
    format!("{} on {}", granted.call.primitive, resources.join(", "))
}

fn projected(before: fabric_model::Value) -> Observed {
    Observed {
        output: before,
        basis: fabric_model::check::Basis::SelfReported,
        transport: "planned".to_owned(),
    }
}

impl Changes {
    /// A dry run with nothing planned yet.
    pub(crate) fn plan(origin: Origin) -> Self {
        Self::Plan(Box::new(Mutex::new(Draft::new(origin))))
    }

    /// A run that may change things.
    pub(crate) fn execute(executing: Executing) -> Self {
        Self::Execute(Box::new(Mutex::new(executing)))
    }

    /// The exits that follow from what was changed, or was not.
    pub(crate) async fn exits(&self) -> Vec<Exit> {
        let Self::Execute(executing) = self else { return Vec::new() };
        let executing = executing.lock().await;
        let mut exits: Vec<Exit> = executing.stopped().map(run::exit_of).into_iter().collect();
        if executing.left() {
            exits.push(Exit::Incomplete);
        }
        exits
    }

    /// The plan that a dry run has made.
    pub(crate) fn into_plan(self, deferred: &[String]) -> Option<Plan> {
        match self {
            Self::Plan(draft) => Some(draft.into_inner().into_plan(deferred)),
            Self::Observe | Self::Execute(_) => None,
        }
    }
}
