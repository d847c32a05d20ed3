//! Stops one container at once, as when its power is cut.
//!
//! # Observes
//! Running or stopped, and what locks it, as its node says (GET /nodes/{node}/lxc/{vmid}/status/current).
//!
//! # Changes
//! POST /nodes/{node}/lxc/{vmid}/status/stop; the task that it begins is awaited. A guest that does not run is left alone.
//!
//! # Undo
//! The guest is started. Only the host does that: what has no power runs no timer.
//!
//! # Denied when
//! `guest:NAME` is not granted. A right that the token lacks is a fault, not a denial.

use crate::changing::ChangeExample;
use crate::guest_change::{GuestAction, GuestChange, example};

pub(crate) struct GuestStop;

impl GuestChange for GuestStop {
    const NAME: &'static str = "proxmox.guest_stop";
    const SUMMARY: &'static str = "Stops one container at once, as when its power is cut.";
    const ACTION: GuestAction = GuestAction::Stop;

    fn examples() -> Vec<ChangeExample> {
        vec![example("running", Some("stop guest dns-edge-1 at once")), example("stopped", None)]
    }
}
