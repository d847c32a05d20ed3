//! Reads the state of every SDN zone on one node.
//!
//! # Observes
//! Each zone as the node runs it: available, pending or error (GET /nodes/{node}/sdn/zones). A finished reload does not prove it.
//!
//! # Denied when
//! `node:NAME` is not granted. A right that the token lacks is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::proxmox::{Client, NodeZone};
use fabric_wire::{Deadline, WireError};

use crate::api_read::{ApiRead, OfNode};
use crate::target::ApiTarget;

pub(crate) struct NodeZones;

impl ApiRead for NodeZones {
    const NAME: &'static str = "proxmox.node_zones";
    const SUMMARY: &'static str = "Reads the state of every SDN zone on one node.";

    type Args = OfNode;
    type Output = Vec<NodeZone>;

    async fn read(
        client: &Client,
        _: &OfNode,
        target: &ApiTarget,
        deadline: Deadline,
    ) -> Result<Vec<NodeZone>, WireError> {
        client.node_zones(target.named_node()?, deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("node", "proxmox1".into())])]
    }
}
