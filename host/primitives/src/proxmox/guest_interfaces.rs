//! Reads the live interfaces of one container.
//!
//! # Observes
//! Each interface inside the container with its addresses, virtual ones included (GET /nodes/{node}/lxc/{vmid}/interfaces).
//!
//! # Denied when
//! `guest:NAME` is not granted. A right that the token lacks is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::proxmox::{Client, GuestInterface};
use fabric_wire::{Deadline, WireError};

use crate::api_read::{ApiRead, OfGuest};
use crate::target::ApiTarget;

pub(crate) struct GuestInterfaces;

impl ApiRead for GuestInterfaces {
    const NAME: &'static str = "proxmox.guest_interfaces";
    const SUMMARY: &'static str = "Reads the live interfaces of one container.";

    type Args = OfGuest;
    type Output = Vec<GuestInterface>;

    async fn read(
        client: &Client,
        _: &OfGuest,
        target: &ApiTarget,
        deadline: Deadline,
    ) -> Result<Vec<GuestInterface>, WireError> {
        {
            let (node, vmid) = target.named_guest()?;
            client.guest_interfaces(node, vmid, deadline).await
        }
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("guest", "dns-edge-1".into())])]
    }
}
