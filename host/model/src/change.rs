//! What a change of the site is, as data: the intent that is written down before it is made, and what a later undo needs.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::Slug;
use crate::primitive::{Class, PrimitiveName};
use crate::resource::Resource;
use crate::value::Value;

/// How an observed state stands to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// As before the change: it was not made, or is undone.
    Before,
    /// As the change leaves it.
    After,
    /// On the way from one to the other: partly made, or still settling.
    Between,
    /// Neither: somebody else changed it. It is not overwritten.
    Foreign,
}

/// What becomes of a change when the host never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "heals", rename_all = "snake_case", deny_unknown_fields)]
pub enum Heals {
    /// A dead-man timer on the target takes it back after that many seconds.
    ByTimer {
        /// Seconds from the last sign of life of the host.
        seconds: u32,
    },
    /// Only `fabric recover` takes it back.
    ByRecover,
    /// There is nothing to take back: the change ends in the state in which it began.
    Nothing,
}

/// The resolved target of a change as it is written down: everything that is needed to come back to it, and no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetSpec {
    /// A host over SSH.
    Ssh(HostSpec),
    /// A guest of the Proxmox cluster.
    Api {
        /// The nodes of the cluster that answer the API, with their addresses.
        nodes: Vec<(Slug, SocketAddr)>,
        /// The node of the guest.
        node: Option<Slug>,
        /// The guest's number.
        vmid: Option<u32>,
    },
    /// An address.
    Endpoint {
        /// What it is called.
        name: String,
        /// The address.
        address: IpAddr,
    },
}

/// A host over SSH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostSpec {
    /// Its name in the site.
    pub name: Slug,
    /// Where its sshd listens.
    pub address: SocketAddr,
    /// The account.
    pub user: Slug,
    /// Hosts through which it is reached, tried in order.
    pub jump: Vec<HostSpec>,
}

/// One target of a change, with the grant that let it through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntentTarget {
    /// The role that it plays: `target`.
    pub role: String,
    /// The resource that was granted.
    #[schemars(with = "String")]
    pub resource: Resource,
    /// The environment that it lies in.
    pub environment: Slug,
    /// The name of the rule that granted it.
    pub rule: String,
    /// The policy file of the rule.
    pub file: String,
    /// The rule's line, counted from 1.
    pub line: u32,
    /// What the resource was resolved to.
    pub target: TargetSpec,
}

/// A change that is about to be made. It is written down and synced before anything happens, and an undo is built from it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The run.
    pub run_id: Slug,
    /// The number of the change in the run, from 0.
    pub change: u32,
    /// The call that asked for it.
    pub call_id: u64,
    /// The scope that it stands in; none for the change of an operation.
    pub scope: Option<u64>,
    /// Which primitive.
    pub primitive: PrimitiveName,
    /// Its strength.
    pub class: Class,
    /// The decoded arguments.
    #[schemars(with = "serde_json::Value")]
    pub arguments: Value,
    /// Where.
    pub targets: Vec<IntentTarget>,
    /// What was observed before.
    #[schemars(with = "serde_json::Value")]
    pub before: Value,
    /// What is to be done, in the primitive's own terms.
    #[schemars(with = "serde_json::Value")]
    pub action: Value,
    /// The same for people: `stop keepalived.service on dns-edge-1`.
    pub summary: String,
    /// What will be observed afterwards.
    #[schemars(with = "serde_json::Value")]
    pub after: Value,
    /// What takes it back, in the primitive's own terms; none where nothing has to be.
    #[schemars(with = "Option<serde_json::Value>")]
    pub inverse: Option<Value>,
    /// What becomes of it when the host never comes back.
    pub heals: Heals,
    /// Whether it cuts the way over which the host reaches the target, so that the timer is what takes it back.
    pub cuts_control: bool,
    /// What the undo store keeps for it.
    pub payloads: Vec<PayloadRef>,
}

/// Bytes that an undo needs, in the undo store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PayloadRef {
    /// Its name within the change.
    pub name: Slug,
    /// SHA-256 over a salt that lies beside the bytes, and the bytes: it binds them, and tells nobody what they are.
    pub digest: Digest,
}

/// How taking one change back ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Undone {
    /// It was as before already.
    Already,
    /// The host took it back and saw it as before.
    Restored,
    /// The dead-man timer took it back, and the host saw it as before.
    ByTimer,
    /// Somebody else changed it since: it was not overwritten.
    Conflict,
    /// It could not be taken back, or nobody can tell.
    Failed,
}

impl Undone {
    /// Whether the target is as it was before the change.
    pub fn is_restored(self) -> bool {
        matches!(self, Self::Already | Self::Restored | Self::ByTimer)
    }

    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Already => "already as before",
            Self::Restored => "restored",
            Self::ByTimer => "restored by the dead-man timer",
            Self::Conflict => "changed by somebody else",
            Self::Failed => "not restored",
        }
    }
}
