//! Reads the cluster's quorum and nodes.
//!
//! # Observes
//! Name, quorum, and each node with whether it is online (GET /cluster/status).
//!
//! # Denied when
//! `cluster:NAME` is not granted. A right that the token lacks is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::proxmox::{Client, ClusterStatus as ClusterState};
use fabric_wire::{Deadline, WireError};

use crate::api_read::{ApiRead, OfCluster};
use crate::target::ApiTarget;

pub(crate) struct ClusterStatus;

impl ApiRead for ClusterStatus {
    const NAME: &'static str = "proxmox.cluster_status";
    const SUMMARY: &'static str = "Reads the cluster's quorum and nodes.";

    type Args = OfCluster;
    type Output = ClusterState;

    async fn read(
        client: &Client,
        _: &OfCluster,
        _: &ApiTarget,
        deadline: Deadline,
    ) -> Result<ClusterState, WireError> {
        client.cluster_status(deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("cluster", "samakia".into())])]
    }
}
