//! Reads whether one container runs.
//!
//! # Observes
//! Running or stopped, as its node says (GET /nodes/{node}/lxc/{vmid}/status/current).
//!
//! # Denied when
//! `guest:NAME` is not granted. A right that the token lacks is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::proxmox::{Client, GuestStatus};
use fabric_wire::{Deadline, WireError};

use crate::api_read::{ApiRead, OfGuest};
use crate::target::ApiTarget;

pub(crate) struct GuestStatusOf;

impl ApiRead for GuestStatusOf {
    const NAME: &'static str = "proxmox.guest_status";
    const SUMMARY: &'static str = "Reads whether one container runs.";

    type Args = OfGuest;
    type Output = GuestStatus;

    async fn read(
        client: &Client,
        _: &OfGuest,
        target: &ApiTarget,
        deadline: Deadline,
    ) -> Result<GuestStatus, WireError> {
        {
            let (node, vmid) = target.named_guest()?;
            client.guest_status(node, vmid, deadline).await
        }
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("guest", "dns-edge-1".into())])]
    }
}
