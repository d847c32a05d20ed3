//! Starts one systemd unit.
//!
//! # Observes
//! Whether the unit is loaded and active, and its restart policy (`systemctl show`).
//!
//! # Changes
//! `systemctl start`, which waits until the unit says that it is started. A unit that runs is left alone; one that failed is started.
//!
//! # Undo
//! The unit is stopped. The target does so itself when the host never comes back.
//!
//! # Denied when
//! `host:NAME/UNIT` is not granted.

use fabric_wire::ssh::Restore;

use crate::changing::{ChangeExample, Control, Planned};
use crate::unit_change::{UnitAction, UnitChange, UnitOnly, UnitSeen, example};

pub(crate) struct Start;

impl UnitChange for Start {
    const NAME: &'static str = "unit.start";
    const SUMMARY: &'static str = "Starts one systemd unit.";

    type Args = UnitOnly;

    fn plan(args: &UnitOnly, seen: &UnitSeen) -> Option<Planned<UnitAction, UnitSeen>> {
        (!seen.runs()).then(|| Planned {
            action: UnitAction::Start,
            after: seen.but("active"),
            inverse: Some(UnitAction::Stop),
            heal: Some(Restore::UnitStop { unit: args.unit.full() }),
            control: Control::Kept,
        })
    }

    fn examples() -> Vec<ChangeExample> {
        vec![
            example("inactive", Some("start keepalived.service on dns-edge-1")),
            example("failed", Some("start keepalived.service on dns-edge-1")),
            example("active", None),
        ]
    }
}
