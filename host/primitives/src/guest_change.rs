//! Starting and stopping one container of the cluster.

use std::marker::PhantomData;
use std::time::Duration;

use fabric_model::change::Standing;
use fabric_model::check::Basis;
use fabric_model::{Code, Fault, Kind, Retry, Slug, Stage, Value};
use fabric_wire::proxmox::{Changer, Client, GuestState, Ordered};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api_read::fault;
use crate::bounds::TimeoutMs;
use crate::changing::{ChangeExample, Changing, Control, Planned, Task, unbegun, unclear};
use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::target::Targets;

/// Arguments of a change of a guest.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The guest, by its name in the site; its node and VM id come from there.
    pub guest: Slug,
    /// The total deadline of each step: observing, changing with the task that does it, looking again.
    #[serde(default = "TimeoutMs::of_a_change")]
    pub timeout_ms: TimeoutMs,
}

/// The state of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuestSeen {
    /// Whether it runs.
    pub status: GuestState,
    /// The operation that locks it; nothing where none does.
    pub lock: Option<String>,
}

/// What is done to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GuestAction {
    /// It is started.
    Start,
    /// It is stopped at once, as when its power is cut.
    Stop,
}

impl GuestAction {
    fn leads_to(self) -> GuestState {
        match self {
            Self::Start => GuestState::Running,
            Self::Stop => GuestState::Stopped,
        }
    }

    fn inverse(self) -> Self {
        match self {
            Self::Start => Self::Stop,
            Self::Stop => Self::Start,
        }
    }
}

/// A change in one direction.
pub(crate) trait GuestChange: Send + Sync + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    const ACTION: GuestAction;

    fn examples() -> Vec<ChangeExample>;
}

/// A change of a guest as a changing primitive.
pub(crate) struct OnGuest<C>(PhantomData<C>);

impl<C: GuestChange> Changing for OnGuest<C> {
    const NAME: &'static str = C::NAME;
    const SUMMARY: &'static str = C::SUMMARY;

    type Args = Args;
    type Seen = GuestSeen;
    type Action = GuestAction;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::api(Kind::Guest, &args.guest)])
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        _: &Args,
        targets: &Targets,
        means: &Means,
        deadline: Deadline,
    ) -> Result<Observation<GuestSeen>, Fault> {
        let target = targets.api()?;
        let (node, vmid) = target.named_guest()?;
        let client = Client::new(means.seams.clone(), target.api.clone())?;
        let status = client.guest_status(node, vmid, deadline).await.map_err(fault)?;
        let output = GuestSeen { status: status.status, lock: status.lock };
        Ok(Observation { output, basis: Basis::SelfReported, transport: "https".to_owned() })
    }

    fn plan(args: &Args, seen: &GuestSeen) -> Result<Option<Planned<GuestAction, GuestSeen>>, Fault> {
        if let Some(lock) = &seen.lock {
            return Err(locked(args, lock));
        }
        let after = C::ACTION.leads_to();
        Ok((seen.status != after).then(|| Planned {
            action: C::ACTION,
            after: GuestSeen { status: after, lock: None },
            inverse: Some(C::ACTION.inverse()),
            heal: None,
            control: Control::Kept,
        }))
    }

    fn describe(args: &Args, action: &GuestAction) -> String {
        match action {
            GuestAction::Start => format!("start guest {}", args.guest),
            GuestAction::Stop => format!("stop guest {} at once", args.guest),
        }
    }

    fn standing(now: &GuestSeen, before: &GuestSeen, after: &GuestSeen) -> Standing {
        match now {
            // A start or stop holds the lock while it lasts, as does somebody else's backup.
            GuestSeen { lock: Some(_), .. } => Standing::Between,
            now if now.status == before.status => Standing::Before,
            now if now.status == after.status => Standing::After,
            _ => Standing::Foreign,
        }
    }

    async fn apply(_: &Args, action: &GuestAction, task: &Task<'_>) -> Result<(), Fault> {
        let ready = || -> Result<_, Fault> {
            let target = task.targets.api()?;
            let (node, vmid) = target.named_guest()?;
            let changer = Changer::new(task.means.seams.clone(), task.writing, target.api.clone())?;
            let client = Client::new(task.means.seams.clone(), target.api.clone())?;
            Ok((changer, client, node, vmid))
        };
        let (changer, client, node, vmid) = ready().map_err(unbegun)?;
        let doing = async {
            let ordered = match action {
                GuestAction::Start => changer.guest_start(node, vmid, task.deadline).await?,
                GuestAction::Stop => changer.guest_stop(node, vmid, task.deadline).await?,
            };
            match ordered {
                Ordered::Begun(upid) => client.await_task(&upid, task.deadline).await.map(|_| ()),
                Ordered::Already => Ok(()),
            }
        };
        let done: Result<(), WireError> = doing.await;
        done.map_err(|error| unclear(fault(error)))
    }

    fn examples() -> Vec<ChangeExample> {
        C::examples()
    }
}

/// An example over the container of the first DNS edge.
pub(crate) fn example(status: &str, summary: Option<&'static str>) -> ChangeExample {
    ChangeExample {
        arguments: Value::table([("guest", "dns-edge-1".into())]),
        seen: Value::table([("status", status.into()), ("lock", Value::Null)]),
        summary,
    }
}

fn locked(args: &Args, lock: &str) -> Fault {
    let plain: String = lock.chars().filter(|c| !c.is_control()).take(40).collect();
    let message = format!("guest {} is locked: {plain}", args.guest);
    let fault = Fault::new(Code::ChangeConflict, Stage::Plan, message);
    Fault { retry: Retry::SameCall, ..fault.hint("Wait until the operation that locks it is over.") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxmox::guest_stop::GuestStop;

    type Stop = OnGuest<GuestStop>;

    fn seen(status: GuestState, lock: Option<&str>) -> GuestSeen {
        GuestSeen { status, lock: lock.map(str::to_owned) }
    }

    #[test]
    fn a_locked_guest_is_not_planned_and_stands_between() {
        let args = example("running", None).arguments.decode().expect("arguments");
        let locked = seen(GuestState::Running, Some("backup"));
        assert_eq!(Stop::plan(&args, &locked).expect_err("locked").code, Code::ChangeConflict);
        let (before, after) = (seen(GuestState::Running, None), seen(GuestState::Stopped, None));
        assert_eq!(Stop::standing(&locked, &before, &after), Standing::Between);
        assert_eq!(Stop::standing(&after, &before, &after), Standing::After);
        assert_eq!(Stop::standing(&before, &before, &after), Standing::Before);
    }

    #[test]
    fn a_guest_without_power_does_not_heal_itself() {
        let args = example("running", None).arguments.decode().expect("arguments");
        let plan = Stop::plan(&args, &seen(GuestState::Running, None)).expect("planned").expect("to do");
        assert_eq!((plan.heal, plan.inverse), (None, Some(GuestAction::Start)));
    }
}
