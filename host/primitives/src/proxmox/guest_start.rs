//! Starts one container.
//!
//! # Observes
//! Running or stopped, and what locks it, as its node says (GET /nodes/{node}/lxc/{vmid}/status/current).
//!
//! # Changes
//! POST /nodes/{node}/lxc/{vmid}/status/start; the task that it begins is awaited. A guest that runs is left alone. That its daemons are
//! there is not awaited.
//!
//! # Undo
//! The guest is stopped at once. Only the host does that.
//!
//! # Denied when
//! `guest:NAME` is not granted. A right that the token lacks is a fault, not a denial.

use crate::changing::ChangeExample;
use crate::guest_change::{GuestAction, GuestChange, example};

pub(crate) struct GuestStart;

impl GuestChange for GuestStart {
    const NAME: &'static str = "proxmox.guest_start";
    const SUMMARY: &'static str = "Starts one container.";
    const ACTION: GuestAction = GuestAction::Start;

    fn examples() -> Vec<ChangeExample> {
        vec![example("stopped", Some("start guest dns-edge-1")), example("running", None)]
    }
}
