//! Sends a signal to every process of one systemd unit that runs.
//!
//! # Observes
//! Whether the unit is loaded and active, and its restart policy (`systemctl show`). Whether its processes are stopped by a signal is
//! not visible.
//!
//! # Changes
//! `systemctl kill --kill-whom=all`. What follows from `TERM` (an orderly end) and `KILL` (a crash) is what the unit's restart policy
//! says: it comes back by itself, or it does not. `STOP` makes it hang, `CONT` lets it go on. A unit that does not run is left alone.
//!
//! # Undo
//! A unit that does not come back by itself is started; one that was stopped by `STOP` gets `CONT`. The target does the same itself
//! when the host never comes back. After `CONT` there is nothing to take back.
//!
//! # Denied when
//! `host:NAME/UNIT` is not granted.

use fabric_model::{Slug, Value};
use fabric_wire::ssh::{Restore, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{TimeoutMs, UnitName};
use crate::changing::{ChangeExample, Control, Planned};
use crate::unit_change::{OfUnit, UnitAction, UnitChange, UnitSeen, control, loaded, started_again};

/// Arguments of `unit.kill`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The host, by its name in the site.
    pub host: Slug,
    /// The unit; `keepalived` means `keepalived.service`.
    pub unit: UnitName,
    /// The signal.
    pub signal: Signal,
    /// The total deadline of each step: observing, changing, looking again.
    #[serde(default = "TimeoutMs::of_a_change")]
    pub timeout_ms: TimeoutMs,
}

impl OfUnit for Args {
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

pub(crate) struct Kill;

impl UnitChange for Kill {
    const NAME: &'static str = "unit.kill";
    const SUMMARY: &'static str = "Sends a signal to every process of one systemd unit that runs.";

    type Args = Args;

    fn plan(args: &Args, seen: &UnitSeen) -> Option<Planned<UnitAction, UnitSeen>> {
        let action = UnitAction::Signal { signal: args.signal };
        seen.runs().then(|| match args.signal {
            Signal::Term | Signal::Kill => ended(args, action, seen),
            Signal::Stop => Planned {
                action,
                after: seen.clone(),
                inverse: Some(UnitAction::Signal { signal: Signal::Cont }),
                heal: Some(Restore::UnitContinue { unit: args.unit.full() }),
                control: control(&args.unit, false),
            },
            Signal::Cont => {
                Planned { action, after: seen.clone(), inverse: None, heal: None, control: Control::Kept }
            }
        })
    }

    fn examples() -> Vec<ChangeExample> {
        vec![
            example("KILL", "active", "no", Some("send KILL to keepalived.service on dns-edge-1")),
            example("TERM", "active", "on-failure", Some("send TERM to keepalived.service on dns-edge-1")),
            example("STOP", "active", "no", Some("send STOP to keepalived.service on dns-edge-1")),
            example("CONT", "active", "no", Some("send CONT to keepalived.service on dns-edge-1")),
            example("KILL", "inactive", "no", None),
        ]
    }
}

fn ended(args: &Args, action: UnitAction, seen: &UnitSeen) -> Planned<UnitAction, UnitSeen> {
    let back = comes_back(args.signal, seen.restart.as_deref());
    let after = match (back, args.signal) {
        (true, _) => seen.clone(),
        (false, Signal::Kill) => seen.but("failed"),
        (false, _) => seen.but("inactive"),
    };
    Planned {
        action,
        after,
        inverse: (!back).then_some(UnitAction::Start),
        heal: started_again(&args.unit),
        control: control(&args.unit, back),
    }
}

/// Whether systemd starts a service again after such an end (systemd.service(5), `Restart=`): `TERM` is a clean signal, `KILL` is not.
fn comes_back(signal: Signal, policy: Option<&str>) -> bool {
    match policy {
        Some("always") => true,
        Some("on-success") => signal == Signal::Term,
        Some("on-failure" | "on-abnormal" | "on-abort") => signal == Signal::Kill,
        _ => false,
    }
}

fn example(signal: &str, active_state: &str, restart: &str, summary: Option<&'static str>) -> ChangeExample {
    let arguments = Value::table([
        ("host", "dns-edge-1".into()),
        ("unit", "keepalived".into()),
        ("signal", signal.into()),
    ]);
    ChangeExample { arguments, seen: loaded(active_state, restart), summary }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(signal: &str, restart: &str) -> Planned<UnitAction, UnitSeen> {
        let example = example(signal, "active", restart, None);
        let args: Args = example.arguments.decode().expect("arguments");
        Kill::plan(&args, &example.seen.decode().expect("a state")).expect("something to do")
    }

    #[test]
    fn what_follows_from_a_signal_follows_from_the_restart_policy() {
        let ends = [
            ("KILL", "no", "failed"),
            ("KILL", "on-success", "failed"),
            ("KILL", "on-failure", "active"),
            ("KILL", "on-abnormal", "active"),
            ("KILL", "on-abort", "active"),
            ("KILL", "on-watchdog", "failed"),
            ("KILL", "always", "active"),
            ("TERM", "no", "inactive"),
            ("TERM", "on-success", "active"),
            ("TERM", "on-failure", "inactive"),
            ("TERM", "always", "active"),
        ];
        for (signal, restart, state) in ends {
            let plan = planned(signal, restart);
            assert_eq!(plan.after.active_state, state, "{signal} under {restart}");
            assert_eq!(plan.inverse.is_none(), state == "active", "{signal} under {restart}");
            assert!(plan.heal.is_some());
        }
    }

    #[test]
    fn a_hanging_unit_is_let_go_on() {
        let plan = planned("STOP", "always");
        assert_eq!(plan.inverse, Some(UnitAction::Signal { signal: Signal::Cont }));
        let unit = "keepalived.service".parse().expect("a name");
        assert_eq!(plan.heal, Some(Restore::UnitContinue { unit }));
        assert_eq!(planned("CONT", "always").inverse, None);
    }
}
