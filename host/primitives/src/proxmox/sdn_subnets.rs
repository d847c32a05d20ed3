//! Lists the SDN subnets of one vnet in one of their three views.
//!
//! # Observes
//! The configured, running or pending view (GET /cluster/sdn/vnets/{vnet}/subnets). Proxmox leaves out what the token may not see; ask
//! `proxmox.permissions` before reading absence as a fact.
//!
//! # Denied when
//! `cluster:NAME` is not granted. A right that the token lacks is a fault, not a denial.

use fabric_model::{Kind, Slug, Value};
use fabric_wire::proxmox::{Client, SdnSubnet, View};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api_read::{ApiRead, OfApi, of_api};
use crate::bounds::TimeoutMs;
use crate::target::ApiTarget;

/// Arguments of `proxmox.sdn_subnets`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The cluster, by its name in the site.
    pub cluster: Slug,
    /// The vnet.
    pub vnet: Slug,
    /// `configured` (the default), `running` or `pending`.
    #[serde(default)]
    pub view: View,
    /// The total deadline. Proxmox answers a bad token only after some three seconds.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

of_api!(Args, Kind::Cluster, cluster);

pub(crate) struct SdnSubnets;

impl ApiRead for SdnSubnets {
    const NAME: &'static str = "proxmox.sdn_subnets";
    const SUMMARY: &'static str = "Lists the SDN subnets of one vnet in one of their three views.";

    type Args = Args;
    type Output = Vec<SdnSubnet>;

    async fn read(
        client: &Client,
        args: &Args,
        _: &ApiTarget,
        deadline: Deadline,
    ) -> Result<Vec<SdnSubnet>, WireError> {
        client.sdn_subnets(&args.vnet, args.view, deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([
            ("cluster", "samakia".into()),
            ("vnet", "vlandns".into()),
            ("view", "running".into()),
        ])]
    }
}
