//! Restarts one systemd unit that runs.
//!
//! # Observes
//! Whether the unit is loaded and active, and its restart policy (`systemctl show`).
//!
//! # Changes
//! `systemctl restart`, which waits until the unit says that it is started again. A unit that does not run is left alone.
//!
//! # Undo
//! There is none: it ends in the state in which it began. The target starts the unit itself when the host dies in between.
//!
//! # Denied when
//! `host:NAME/UNIT` is not granted.

use crate::changing::{ChangeExample, Planned};
use crate::unit_change::{UnitAction, UnitChange, UnitOnly, UnitSeen, control, example, started_again};

pub(crate) struct Restart;

impl UnitChange for Restart {
    const NAME: &'static str = "unit.restart";
    const SUMMARY: &'static str = "Restarts one systemd unit that runs.";

    type Args = UnitOnly;

    fn plan(args: &UnitOnly, seen: &UnitSeen) -> Option<Planned<UnitAction, UnitSeen>> {
        seen.runs().then(|| Planned {
            action: UnitAction::Restart,
            after: seen.clone(),
            inverse: None,
            heal: started_again(&args.unit),
            control: control(&args.unit, true),
        })
    }

    fn examples() -> Vec<ChangeExample> {
        vec![example("active", Some("restart keepalived.service on dns-edge-1")), example("inactive", None)]
    }
}
