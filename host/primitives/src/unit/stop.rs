//! Stops one systemd unit.
//!
//! # Observes
//! Whether the unit is loaded and active, and its restart policy (`systemctl show`).
//!
//! # Changes
//! `systemctl stop`, which waits until the unit is stopped. A unit that does not run is left alone.
//!
//! # Undo
//! The unit is started. The target does so itself when the host never comes back.
//!
//! # Denied when
//! `host:NAME/UNIT` is not granted.

use crate::changing::{ChangeExample, Planned};
use crate::unit_change::{UnitAction, UnitChange, UnitOnly, UnitSeen, control, example, started_again};

pub(crate) struct Stop;

impl UnitChange for Stop {
    const NAME: &'static str = "unit.stop";
    const SUMMARY: &'static str = "Stops one systemd unit.";

    type Args = UnitOnly;

    fn plan(args: &UnitOnly, seen: &UnitSeen) -> Option<Planned<UnitAction, UnitSeen>> {
        seen.runs().then(|| Planned {
            action: UnitAction::Stop,
            after: seen.but("inactive"),
            inverse: Some(UnitAction::Start),
            heal: started_again(&args.unit),
            control: control(&args.unit, false),
        })
    }

    fn examples() -> Vec<ChangeExample> {
        vec![
            example("active", Some("stop keepalived.service on dns-edge-1")),
            example("inactive", None),
            example("failed", None),
        ]
    }
}
