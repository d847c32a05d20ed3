//! What can be wrong with a twin. A fault changes the model; every answer follows from the model.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::s3::S3Ill;

/// A defect of the played site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum TwinFault {
    /// A daemon does not run, its unit stays enabled.
    DaemonStopped {
        /// The host.
        host: String,
        /// The unit, with or without `.service`.
        unit: String,
    },
    /// A unit runs but will not start at boot.
    UnitDisabled {
        /// The host.
        host: String,
        /// The unit, with or without `.service`.
        unit: String,
    },
    /// One server answers other values for an rrset than the site says; no values removes the rrset.
    RecordChanged {
        /// The server.
        host: String,
        /// The zone.
        zone: String,
        /// The full name, without final dot.
        name: String,
        /// The type.
        #[serde(rename = "type")]
        rrtype: String,
        /// The values in presentation format.
        values: Vec<String>,
    },
    /// One server has an older copy of the zone: its serial is one behind.
    SerialStale {
        /// The server.
        host: String,
        /// The zone.
        zone: String,
    },
    /// Every live member of the pair holds the VIP.
    SecondVipHolder {
        /// The VIP's name in the site.
        vip: String,
    },
    /// One VIP sits on that member, whatever the priorities say.
    VipMoved {
        /// The VIP's name in the site.
        vip: String,
        /// The member.
        host: String,
    },
    /// The masquerade rule of an edge names another subnet.
    MasqueradeSubnet {
        /// The edge.
        host: String,
        /// The subnet in the rule.
        #[schemars(with = "String")]
        subnet: Ipv4Net,
    },
    /// `net.ipv4.ip_forward` is 0.
    ForwardingOff {
        /// The edge.
        host: String,
    },
    /// A kernel parameter has that value.
    SysctlValue {
        /// The host.
        host: String,
        /// The key with dots.
        key: String,
        /// The value.
        value: String,
    },
    /// A container lacks a tag.
    TagMissing {
        /// The host.
        host: String,
        /// The tag.
        tag: String,
    },
    /// A container has a tag too many.
    TagExtra {
        /// The host.
        host: String,
        /// The tag.
        tag: String,
    },
    /// A container's network interface is configured otherwise than the site says.
    NicChanged {
        /// The host.
        host: String,
        /// The interface inside the container, such as `eth0`.
        interface: String,
        /// What differs, as Proxmox names it: `bridge`, `hwaddr`, `ip` or `gw`.
        property: String,
        /// Its value.
        value: String,
    },
    /// A vnet has another VLAN tag, configured and running.
    SdnTag {
        /// The vnet's id.
        vnet: String,
        /// The VLAN tag.
        tag: u16,
    },
    /// A vnet got an alias in the configuration that was never applied.
    SdnPending {
        /// The vnet's id.
        vnet: String,
    },
    /// The configured or the running network of a vnet differs from what the site says, and the other view does not: a change
    /// that was never applied, or one that was applied and then taken back in the configuration alone.
    SdnDrift {
        /// The vnet's id.
        vnet: String,
        /// Which view differs.
        view: DriftedView,
        /// What differs.
        part: DriftedPart,
    },
    /// One node reports that state for a zone: `available`, `pending` or `error`.
    NodeZoneState {
        /// The node.
        node: String,
        /// The zone's id.
        zone: String,
        /// The state.
        state: String,
    },
    /// A host's sshd lets root in with the operator's key.
    RootLoginOpen {
        /// The host.
        host: String,
    },
    /// A host's sshd offers password authentication.
    PasswordOffered {
        /// The host.
        host: String,
    },
    /// A host shows another host key than the pinned one.
    WrongHostKey {
        /// The host.
        host: String,
    },
    /// A host's sshd refuses to forward connections.
    ForwardingRefused {
        /// The host.
        host: String,
    },
    /// A host's sudo does not let the operator become root without a password.
    SudoRefused {
        /// The host.
        host: String,
    },
    /// Every process of the host is frozen: its kernel accepts connections, nothing answers.
    HostHung {
        /// The host.
        host: String,
    },
    /// The host is powered off.
    HostDown {
        /// The host.
        host: String,
    },
    /// The Proxmox nodes' certificates are past their end.
    CertificateExpired,
    /// The Proxmox nodes' certificates are signed by an authority that nobody named.
    CertificateForeign,
    /// The Proxmox token may look and not switch: it has the role `PVEAuditor` alone.
    TokenReadsOnly,
    /// The Proxmox token exists and has no privilege.
    TokenWithoutRights,
    /// The Proxmox token does not exist, or its secret is another.
    TokenUnknown,
    /// The DNS daemon of the host answers bytes that are no DNS message.
    GarbageDns {
        /// The host.
        host: String,
    },
    /// The edges in front of the host let connections from the LAN through to it.
    IsolationBroken {
        /// The node behind the edges.
        host: String,
    },
    /// The host has no default route.
    EgressBroken {
        /// The host.
        host: String,
    },
    /// The cluster has lost its quorum.
    QuorumLost,
    /// A Proxmox node is off: its API and its containers are gone.
    NodeOffline {
        /// The node.
        node: String,
    },
    /// An S3 server is ill.
    S3 {
        /// The server's name in the site.
        server: String,
        /// What is wrong with it.
        ill: S3Ill,
    },
    /// An interface carries an address that the site does not know.
    StrayAddress {
        /// The host.
        host: String,
        /// The interface.
        interface: String,
        /// The address.
        address: Ipv4Addr,
    },
}

/// The view of an SDN object that differs from what the site says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriftedView {
    /// The configuration.
    Configured,
    /// What was applied last.
    Running,
}

/// What differs about a network, and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriftedPart {
    /// The bridge of the zone.
    Bridge(String),
    /// The VLAN tag of the vnet.
    Tag(u16),
    /// The gateway of the subnet.
    Gateway(Ipv4Addr),
}

/// Why a fault cannot be planted: it names something that the site does not have, so it would change nothing. A value that cannot
/// be counts as such a thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the site has no {kind} `{name}`")]
pub struct NoSuchPart {
    /// What kind of thing was named.
    pub kind: &'static str,
    /// The name.
    pub name: String,
}
