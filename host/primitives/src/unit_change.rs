//! Changes of one systemd unit: they read the same state, do one of a few things, and are taken back by another of them.

use std::marker::PhantomData;
use std::time::Duration;

use fabric_model::change::Standing;
use fabric_model::check::Basis;
use fabric_model::{Code, Fault, Retry, Slug, Stage, Value};
use fabric_wire::Deadline;
use fabric_wire::ssh::{self, ChangeCommand, ReadCommand, Restore, Signal};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bounds::{TimeoutMs, UnitName};
use crate::changing::{ChangeExample, Changing, Control, Planned, Task};
use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::target::Targets;
use crate::transport;

/// Units that the operator's own way to a host goes through: without one of them no new SSH session begins.
const WAYS_IN: [&str; 7] = [
    "NetworkManager.service",
    "networking.service",
    "ssh.service",
    "ssh.socket",
    "sshd.service",
    "sshd.socket",
    "systemd-networkd.service",
];

/// Arguments of a change that knows nothing but the unit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitOnly {
    /// The host, by its name in the site.
    pub host: Slug,
    /// The unit; `keepalived` means `keepalived.service`.
    pub unit: UnitName,
    /// The total deadline of each step: observing, changing, looking again.
    #[serde(default = "TimeoutMs::of_a_change")]
    pub timeout_ms: TimeoutMs,
}

/// What the arguments of every change of a unit have in common.
pub(crate) trait OfUnit {
    /// The host.
    fn host(&self) -> &Slug;

    /// The unit.
    fn unit(&self) -> &UnitName;

    /// The total deadline of each step.
    fn timeout(&self) -> TimeoutMs;
}

impl OfUnit for UnitOnly {
    fn host(&self) -> &Slug {
        &self.host
    }

    fn unit(&self) -> &UnitName {
        &self.unit
    }

    fn timeout(&self) -> TimeoutMs {
        self.timeout_ms
    }
}

/// The state of a unit, as far as a change rests on it. Whether its processes are stopped by a signal is not visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitSeen {
    /// `loaded`, `not-found`, `masked` …
    pub load_state: String,
    /// `active`, `inactive`, `failed`, `activating`, `deactivating` …
    pub active_state: String,
    /// The restart policy of a service: `no`, `always`, `on-failure` …; nothing for other units.
    pub restart: Option<String>,
}

/// How far a unit is from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Up,
    Down,
    Moving,
    Other,
}

impl UnitSeen {
    /// The same unit in another state.
    pub(crate) fn but(&self, active_state: &str) -> Self {
        Self { active_state: active_state.to_owned(), ..self.clone() }
    }

    /// Whether it runs.
    pub(crate) fn runs(&self) -> bool {
        self.phase() == Phase::Up
    }

    fn phase(&self) -> Phase {
        match self.active_state.as_str() {
            "active" => Phase::Up,
            // A daemon that is stopped and says so with another status than 0 has failed; it does not run either way.
            "inactive" | "failed" => Phase::Down,
            "activating" | "deactivating" | "reloading" | "refreshing" => Phase::Moving,
            _ => Phase::Other,
        }
    }
}

/// What may be done to a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum UnitAction {
    /// It is started.
    Start,
    /// It is stopped.
    Stop,
    /// It is restarted.
    Restart,
    /// Its processes get a signal.
    Signal {
        /// Which.
        signal: Signal,
    },
}

impl UnitAction {
    fn command(&self, unit: Slug) -> ChangeCommand {
        match self {
            Self::Start => ChangeCommand::UnitStart { unit },
            Self::Stop => ChangeCommand::UnitStop { unit },
            Self::Restart => ChangeCommand::UnitRestart { unit },
            Self::Signal { signal } => ChangeCommand::UnitKill { unit, signal: *signal },
        }
    }
}

/// A change of a unit: its name, and what it does in which state.
pub(crate) trait UnitChange: Send + Sync + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    type Args: OfUnit + DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// What it does to a loaded unit that is in no hurry to another state.
    fn plan(args: &Self::Args, seen: &UnitSeen) -> Option<Planned<UnitAction, UnitSeen>>;

    fn examples() -> Vec<ChangeExample>;
}

/// A change of a unit as a changing primitive.
pub(crate) struct OnUnit<C>(PhantomData<C>);

impl<C: UnitChange> Changing for OnUnit<C> {
    const NAME: &'static str = C::NAME;
    const SUMMARY: &'static str = C::SUMMARY;

    type Args = C::Args;
    type Seen = UnitSeen;
    type Action = UnitAction;

    fn needs(args: &C::Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::host(args.host(), Some(args.unit().short()))])
    }

    fn timeout(args: &C::Args) -> Duration {
        args.timeout().duration()
    }

    async fn observe(
        args: &C::Args,
        targets: &Targets,
        means: &Means,
        deadline: Deadline,
    ) -> Result<Observation<UnitSeen>, Fault> {
        let command = ReadCommand::UnitShow { unit: args.unit().full() };
        let output = deadline.bound(means.seams.ssh.read(targets.host()?, &command, deadline)).await?;
        let state = ssh::unit_state(&output)?;
        if state.id != args.unit().full().as_str() {
            return Err(another_name(args.unit(), &state.id));
        }
        let (load_state, active_state, restart) = (state.load_state, state.active_state, state.restart);
        let seen = UnitSeen { load_state, active_state, restart };
        Ok(Observation { output: seen, basis: Basis::SelfReported, transport: transport::ssh(&output.path) })
    }

    fn plan(args: &C::Args, seen: &UnitSeen) -> Result<Option<Planned<UnitAction, UnitSeen>>, Fault> {
        if seen.load_state != "loaded" {
            return Err(not_loaded(args, seen));
        }
        match seen.phase() {
            Phase::Up | Phase::Down => Ok(C::plan(args, seen)),
            Phase::Moving | Phase::Other => Err(unsettled(args, seen)),
        }
    }

    fn describe(args: &C::Args, action: &UnitAction) -> String {
        let (unit, host) = (args.unit().full(), args.host());
        match action {
            UnitAction::Start => format!("start {unit} on {host}"),
            UnitAction::Stop => format!("stop {unit} on {host}"),
            UnitAction::Restart => format!("restart {unit} on {host}"),
            UnitAction::Signal { signal } => format!("send {} to {unit} on {host}", signal.as_str()),
        }
    }

    /// `failed` stands where `inactive` does: neither runs. What leaves no trace, such as a restart, counts as done.
    fn standing(now: &UnitSeen, before: &UnitSeen, after: &UnitSeen) -> Standing {
        if (&now.load_state, &now.restart) != (&before.load_state, &before.restart) {
            return Standing::Foreign;
        }
        match now.phase() {
            Phase::Moving => Standing::Between,
            phase if phase == after.phase() => Standing::After,
            phase if phase == before.phase() => Standing::Before,
            _ => Standing::Foreign,
        }
    }

    async fn apply(args: &C::Args, action: &UnitAction, task: &Task<'_>) -> Result<(), Fault> {
        task.change(&action.command(args.unit().full()), &[]).await
    }

    fn examples() -> Vec<ChangeExample> {
        C::examples()
    }
}

/// How the way to the host takes it when a unit ends for a while or for good.
pub(crate) fn control(unit: &UnitName, comes_back: bool) -> Control {
    match (WAYS_IN.contains(&unit.full().as_str()), comes_back) {
        (false, _) => Control::Kept,
        (true, true) => Control::Confirmed,
        (true, false) => Control::Cut,
    }
}

/// A dead-man timer that starts the unit.
pub(crate) fn started_again(unit: &UnitName) -> Option<Restore> {
    Some(Restore::UnitStart { unit: unit.full() })
}

/// An example over `keepalived` on the first DNS edge, in this state.
pub(crate) fn example(active_state: &str, summary: Option<&'static str>) -> ChangeExample {
    ChangeExample {
        arguments: Value::table([("host", "dns-edge-1".into()), ("unit", "keepalived".into())]),
        seen: loaded(active_state, "no"),
        summary,
    }
}

/// A loaded service.
pub(crate) fn loaded(active_state: &str, restart: &str) -> Value {
    Value::table([
        ("load_state", "loaded".into()),
        ("active_state", active_state.into()),
        ("restart", restart.into()),
    ])
}

/// Grants name units; through an alias another unit would be changed than was granted.
fn another_name(unit: &UnitName, id: &str) -> Fault {
    let plain: String = id.chars().filter(|c| !c.is_control()).take(80).collect();
    let message = format!("`{}` is another name of `{plain}`", unit.full());
    Fault::new(Code::ScriptArgument, Stage::Observe, message).hint("Name the unit itself.")
}

fn not_loaded(args: &impl OfUnit, seen: &UnitSeen) -> Fault {
    let (unit, host, state) = (args.unit().full(), args.host(), &seen.load_state);
    Fault::new(Code::PortNotFound, Stage::Plan, format!("`{unit}` on {host} is not loaded: {state}"))
        .hint("Compare the name with `systemctl list-unit-files` on the host.")
}

fn unsettled(args: &impl OfUnit, seen: &UnitSeen) -> Fault {
    let (unit, host, state) = (args.unit().full(), args.host(), &seen.active_state);
    let fault = Fault::new(
        Code::ChangeConflict,
        Stage::Plan,
        format!("`{unit}` on {host} is `{state}`: something else changes it"),
    );
    Fault { retry: Retry::SameCall, ..fault.hint("Wait until the unit is active, inactive or failed.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Stop = OnUnit<crate::unit::stop::Stop>;

    fn seen(active_state: &str) -> UnitSeen {
        loaded(active_state, "on-failure").decode().expect("a state")
    }

    fn args(unit: &str) -> UnitOnly {
        Value::table([("host", "a".into()), ("unit", unit.into())]).decode().expect("arguments")
    }

    #[test]
    fn a_unit_on_its_way_is_between_and_one_that_failed_does_not_run() {
        let (before, after) = (seen("active"), seen("inactive"));
        let standings = [
            ("active", Standing::Before),
            ("inactive", Standing::After),
            ("failed", Standing::After),
            ("activating", Standing::Between),
            ("deactivating", Standing::Between),
            ("maintenance", Standing::Foreign),
        ];
        for (state, standing) in standings {
            assert_eq!(Stop::standing(&seen(state), &before, &after), standing, "{state}");
        }
        let masked = UnitSeen { load_state: "masked".into(), ..before.clone() };
        assert_eq!(Stop::standing(&masked, &before, &after), Standing::Foreign);
    }

    #[test]
    fn a_unit_that_is_unknown_or_moving_is_not_planned() {
        let unknown = UnitSeen { load_state: "not-found".into(), ..seen("inactive") };
        let refused = Stop::plan(&args("b"), &unknown).expect_err("no such unit");
        assert_eq!((refused.code, refused.stage), (Code::PortNotFound, Stage::Plan));
        let refused = Stop::plan(&args("b"), &seen("activating")).expect_err("it moves");
        assert_eq!((refused.code, refused.retry), (Code::ChangeConflict, Retry::SameCall));
    }

    #[test]
    fn a_way_in_is_cut_by_an_end_and_confirmed_after_a_return() {
        let unit = |text: &str| args(text).unit;
        assert_eq!(control(&unit("ssh"), false), Control::Cut);
        assert_eq!(control(&unit("ssh.service"), true), Control::Confirmed);
        assert_eq!(control(&unit("keepalived"), false), Control::Kept);
    }
}
