//! The plan that a run executes: every change is held against it, and the world it rests on is looked at again.

use fabric_model::plan::{Grounds, Plan, PlannedChange};
use fabric_model::{Code, Fault, Stage, Value};

use super::planned_targets;
use super::selector::Selector;
use crate::call::{Call, Desk, LetThrough};

/// A plan, found under its digest.
pub(crate) struct Bound {
    plan: Plan,
}

impl Bound {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan }
    }

    /// Whether a call is the plan's next change: the same primitive with the same arguments on the same targets.
    ///
    /// # Errors
    /// [`Code::PlanStale`] when it is another.
    pub(crate) fn is_next(&self, number: u32, desk: &Desk, granted: &LetThrough<'_>) -> Result<(), Fault> {
        let planned = self.entry(number).ok_or_else(|| {
            let primitive = &granted.call.primitive;
            stale(format!("the script calls `{primitive}`, and the plan has no change {number}"))
        })?;
        if planned.primitive != granted.call.primitive {
            let (planned, called) = (&planned.primitive, &granted.call.primitive);
            return Err(stale(format!(
                "change {number} is `{planned}` in the plan, and the script calls `{called}`"
            )));
        }
        if let Some((selector, host)) =
            granted.selected.iter().find(|(text, host)| planned.selectors.get(*text) != Some(*host))
        {
            let before = planned.selectors.get(selector).map_or("nobody", |host| host.as_str());
            return Err(stale(format!("`{selector}` was {before} in the plan, and is {host} now")));
        }
        if planned.arguments != granted.prepared.arguments {
            return Err(stale(format!(
                "change {number} (`{}`) has other arguments than in the plan",
                planned.primitive
            )));
        }
        if planned.targets != planned_targets(&desk.world, granted) {
            return Err(stale(format!(
                "change {number} (`{}`) has other targets than in the plan",
                planned.primitive
            )));
        }
        Ok(())
    }

    /// Whether a script that is over has come to all changes of the plan.
    ///
    /// # Errors
    /// [`Code::PlanStale`] when it has left some out.
    pub(crate) fn is_whole(&self, reached: u32) -> Result<(), Fault> {
        match self.entry(reached) {
            Some(left) => {
                Err(stale(format!("the script ended before change {reached} of the plan ({})", left.summary)))
            }
            None => Ok(()),
        }
    }

    /// Whether the state before a change is the one that the plan foresaw.
    ///
    /// # Errors
    /// [`Code::PlanStale`] when it is another.
    pub(crate) fn is_foreseen(&self, number: u32, seen: &Value) -> Result<(), Fault> {
        match self.entry(number) {
            Some(planned) if planned.before != *seen => Err(stale(format!(
                "before change {number} ({}) the plan saw {}, and now there is {}",
                planned.summary,
                short(&planned.before),
                short(seen)
            ))),
            _ => Ok(()),
        }
    }

    /// Looks again at everything that the plan rests on and that none of its own changes touches: selectors and states.
    ///
    /// # Errors
    /// Outside when the journal cannot be written, inside [`Code::PlanStale`] when something is otherwise or cannot be seen.
    pub(crate) async fn still_holds(&self, desk: &Desk) -> Result<Result<(), Fault>, Fault> {
        for planned in self.plan.changes.iter().filter(|change| change.grounds == Grounds::Observed) {
            for (text, host) in &planned.selectors {
                let Ok(selector) = text.parse::<Selector>() else {
                    return Ok(Err(Fault::new(
                        Code::PlanAltered,
                        Stage::Plan,
                        format!("`{text}` is no selector"),
                    )));
                };
                let call = Call::own(desk, planned.primitive.clone(), planned.arguments.clone());
                match desk.chosen(&call, &selector).await? {
                    Ok(now) if now == *host => {}
                    Ok(now) => {
                        return Ok(Err(stale(format!("`{text}` was {host} in the plan, and is {now} now"))));
                    }
                    Err(fault) => return Ok(Err(stale(fault.message))),
                }
            }
            let call = Call::own(desk, planned.primitive.clone(), planned.arguments.clone());
            // What a change looks at may need a selector, which is a call of its own.
            match Box::pin(desk.inspect(&call)).await? {
                Ok(seen) => {
                    if let Err(fault) = self.is_foreseen(planned.change, &seen.output) {
                        return Ok(Err(fault));
                    }
                }
                Err(fault) => return Ok(Err(stale(format!("{}: {}", planned.summary, fault.message)))),
            }
        }
        Ok(Ok(()))
    }

    fn entry(&self, number: u32) -> Option<&PlannedChange> {
        self.plan.changes.get(usize::try_from(number).ok()?)
    }
}

fn stale(message: String) -> Fault {
    Fault::new(Code::PlanStale, Stage::Plan, message)
        .hint("Make a new plan with a dry run, read it, and have it approved where the policy asks for that.")
}

fn short(value: &Value) -> String {
    const LIMIT: usize = 160;
    let text = serde_json::to_string(value).unwrap_or_default();
    text.chars().take(LIMIT).collect()
}
