//! Reads of the Proxmox API: one typed call of the client each.

use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Code, Fault, Kind, Slug, Stage, Value};
use fabric_wire::proxmox::Client;
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::{ApiTarget, Targets};

/// Arguments of a read of the whole cluster.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfCluster {
    /// The cluster, by its name in the site.
    pub cluster: Slug,
    /// The total deadline. Proxmox answers a bad token only after some three seconds.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// Arguments of a read of one node.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfNode {
    /// The node, by its name in the site.
    pub node: Slug,
    /// The total deadline. Proxmox answers a bad token only after some three seconds.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// Arguments of a read of one guest.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfGuest {
    /// The guest, by its name in the site; its node and VM id come from there.
    pub guest: Slug,
    /// The total deadline. Proxmox answers a bad token only after some three seconds.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// What the arguments of every read have in common.
pub(crate) trait OfApi {
    /// The resource's kind and name.
    fn resource(&self) -> (Kind, &Slug);

    /// The total deadline.
    fn timeout(&self) -> TimeoutMs;
}

macro_rules! of_api {
    ($args:ty, $kind:expr, $field:ident) => {
        impl OfApi for $args {
            fn resource(&self) -> (Kind, &Slug) {
                ($kind, &self.$field)
            }

            fn timeout(&self) -> TimeoutMs {
                self.timeout_ms
            }
        }
    };
}
pub(crate) use of_api;

of_api!(OfCluster, Kind::Cluster, cluster);
of_api!(OfNode, Kind::Node, node);
of_api!(OfGuest, Kind::Guest, guest);

impl ApiTarget {
    /// The node that the resource names.
    pub(crate) fn named_node(&self) -> Result<&Slug, WireError> {
        self.node.as_ref().ok_or_else(|| WireError::NotFound("the resource names no node".to_owned()))
    }

    /// The node and VM id of the guest that the resource names.
    pub(crate) fn named_guest(&self) -> Result<(&Slug, u32), WireError> {
        let vmid = self.vmid.ok_or_else(|| WireError::NotFound("the resource names no guest".to_owned()))?;
        Ok((self.named_node()?, vmid))
    }
}

/// A read: its name and its call of the client.
pub(crate) trait ApiRead: Send + Sync + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    type Args: OfApi + DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;
    type Output: Serialize + JsonSchema + Send;

    fn read(
        client: &Client,
        args: &Self::Args,
        target: &ApiTarget,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Self::Output, WireError>> + Send;

    fn examples() -> Vec<Value>;
}

/// A read as an observing primitive.
pub(crate) struct Read<R>(PhantomData<R>);

impl<R: ApiRead> Observing for Read<R> {
    const NAME: &'static str = R::NAME;
    const SUMMARY: &'static str = R::SUMMARY;

    type Args = R::Args;
    type Output = R::Output;

    fn needs(args: &R::Args) -> Result<Vec<Need>, Fault> {
        let (kind, name) = args.resource();
        Ok(vec![Need::api(kind, name)])
    }

    fn timeout(args: &R::Args) -> Duration {
        args.timeout().duration()
    }

    async fn observe(
        args: R::Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<R::Output>, Fault> {
        let target = targets.api()?;
        let client = Client::new(means.seams.clone(), target.api.clone())?;
        let output = R::read(&client, &args, target, deadline).await.map_err(fault)?;
        Ok(Observation { output, basis: Basis::SelfReported, transport: "https".to_owned() })
    }

    fn examples() -> Vec<Value> {
        R::examples()
    }
}

/// The fault of an error of the API, with advice of its own where the certificate is not trusted.
pub(crate) fn fault(error: WireError) -> Fault {
    let code = error.code();
    let fault = Fault::from(error);
    match code {
        Code::PortTls => Fault::new(code, Stage::Observe, fault.message)
            .hint("Check the node's certificate and the `authority` that the site file names for Proxmox."),
        _ => fault,
    }
}
