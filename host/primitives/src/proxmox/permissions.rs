//! Reads what the API token may do.
//!
//! # Observes
//! Privileges by path (GET /access/permissions). Lists are filtered by privilege without a word, so what is missing may only be invisible.
//!
//! # Denied when
//! `cluster:NAME` is not granted. A right that the token lacks is a fault, not a denial.

use std::collections::BTreeMap;

use fabric_model::Value;
use fabric_wire::proxmox::{self, Client};
use fabric_wire::{Deadline, WireError};

use schemars::JsonSchema;
use serde::Serialize;

use crate::api_read::{ApiRead, OfCluster};
use crate::target::ApiTarget;

/// Result of `proxmox.permissions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Permissions {
    /// Privileges by path; the flag says whether the privilege propagates to paths below.
    pub paths: BTreeMap<String, BTreeMap<String, bool>>,
    /// Whether lists of SDN objects are complete for this token, so that what is missing does not exist.
    pub sees_all_sdn: bool,
}

pub(crate) struct PermissionsOf;

impl ApiRead for PermissionsOf {
    const NAME: &'static str = "proxmox.permissions";
    const SUMMARY: &'static str = "Reads what the API token may do.";

    type Args = OfCluster;
    type Output = Permissions;

    async fn read(
        client: &Client,
        _: &OfCluster,
        _: &ApiTarget,
        deadline: Deadline,
    ) -> Result<Permissions, WireError> {
        let held = client.permissions(deadline).await?;
        Ok(Permissions { sees_all_sdn: proxmox::can_see_all_sdn(&held), paths: held.paths })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("cluster", "samakia".into())])]
    }
}
