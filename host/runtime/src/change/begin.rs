//! From the operator's word to a run that may change things: plan, guards, and what an undo will need.

use std::sync::Arc;

use fabric_evidence::Event;
use fabric_evidence::event::RunHead;
use fabric_model::plan::Plan;
use fabric_model::{Code, Digest, Fault, Stage};

use super::bound::Bound;
use super::execute::{Executing, Ready};
use super::lock::Locks;
use super::pending::Pending;
use super::store::UndoStore;
use crate::guard;
use crate::recorder::Recorder;
use crate::run::Run;

/// Prepares a run that changes things.
///
/// # Errors
/// Everything that keeps it from changing anything, all at once.
pub(crate) fn executing(run: &Run, head: &RunHead, recorder: &Recorder) -> Result<Executing, Vec<Fault>> {
    let Some(execution) = &run.execution else { return Err(vec![bug("there is nothing to execute")]) };
    let one = |fault: Fault| vec![fault];
    let plan =
        execution.plan.as_ref().map(|plan| plan.as_ref().map_err(Fault::clone)).transpose().map_err(one)?;
    let bound = match plan {
        Some(found) => {
            same_origin(&found.plan, head).map_err(one)?;
            Some(Bound::new(found.plan.clone()))
        }
        None => None,
    };
    let admission = guard::admit(&guard::Request { run, head, execution, plan })?;
    if let (Some(found), approvals) = (plan, admission.approvals()) {
        let bound = Event::PlanBound { plan: found.digest, made_in: found.packet.clone(), approvals };
        recorder.record(&bound).map_err(one)?;
    }
    let store = UndoStore::open(&execution.home, &head.run_id).map_err(one)?;
    let pending = Pending::new(&execution.home, run, head);
    let locks = Locks::new(&execution.home, &pending.marker().site, &head.run_id);
    Ok(Executing::new(Ready {
        run_id: head.run_id.clone(),
        gameday: run.script.header.kind.as_str() == "gameday",
        writing: run.world.writing(),
        bound,
        admission: Some(Arc::new(admission)),
        store: Arc::new(store),
        pending,
        locks,
    }))
}

/// Whether the plan was made from this script, these modules, this policy, this site and these parameters.
///
/// # Errors
/// [`Code::PlanStale`] naming the first that is another now.
fn same_origin(plan: &Plan, head: &RunHead) -> Result<(), Fault> {
    let modules: Vec<(&String, &Digest)> = plan.modules.iter().collect();
    let now: Vec<(&String, &Digest)> = head.modules.iter().map(|file| (&file.path, &file.digest)).collect();
    let differing = [
        ("script", plan.script.digest != head.script.digest),
        ("set of modules", modules != now),
        ("policy", plan.policy != head.policy),
        ("site file", plan.site.digest != head.site.digest || plan.site.realm != head.site.realm),
        ("set of parameters", plan.params != head.params),
    ];
    match differing.into_iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((what, _)) => Err(Fault::new(
            Code::PlanStale,
            Stage::Plan,
            format!("execute the plan: the {what} is another than the one that it was made from"),
        )
        .hint("Make a new plan with a dry run.")),
    }
}

fn bug(message: &str) -> Fault {
    Fault::new(Code::BugInternal, Stage::Plan, message)
}
