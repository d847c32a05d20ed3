//! Reads the configuration of one container.
//!
//! # Observes
//! Tags, and each network interface with bridge, address and MAC (GET /nodes/{node}/lxc/{vmid}/config).
//!
//! # Denied when
//! `guest:NAME` is not granted. A right that the token lacks is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::proxmox::{Client, GuestConfig};
use fabric_wire::{Deadline, WireError};

use crate::api_read::{ApiRead, OfGuest};
use crate::target::ApiTarget;

pub(crate) struct GuestConfigOf;

impl ApiRead for GuestConfigOf {
    const NAME: &'static str = "proxmox.guest_config";
    const SUMMARY: &'static str = "Reads the configuration of one container.";

    type Args = OfGuest;
    type Output = GuestConfig;

    async fn read(
        client: &Client,
        _: &OfGuest,
        target: &ApiTarget,
        deadline: Deadline,
    ) -> Result<GuestConfig, WireError> {
        {
            let (node, vmid) = target.named_guest()?;
            client.guest_config(node, vmid, deadline).await
        }
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("guest", "dns-edge-1".into())])]
    }
}
