//! What a rule asks of a packet. All conditions of a rule must hold; their order means nothing, so they have none.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::element::{Interfaces, Networks4, Networks6, Ports};
use super::name::Word;

/// The conditions of a rule. One that is left out always holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Conditions {
    /// It came in over one of these interfaces.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub inward: Option<Interfaces>,
    /// It goes out over one of these interfaces.
    #[serde(rename = "out", skip_serializing_if = "Option::is_none")]
    pub outward: Option<Interfaces>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Addresses>,
    /// Where it goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Addresses>,
    /// Its protocol. `sport` and `dport` need exactly one here, `tcp` or `udp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<BTreeSet<Protocol>>,
    /// The port that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sport: Option<PortsOf>,
    /// The port that it goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dport: Option<PortsOf>,
    /// It is ICMP of one of these types; stands without `protocol`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp: Option<BTreeSet<Icmp>>,
    /// It is ICMPv6 of one of these types; stands without `protocol`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp6: Option<BTreeSet<Icmp6>>,
    /// What the kernel's connection tracking says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<BTreeSet<State>>,
    /// Looked at last: no more packets than this pass here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

/// Addresses, written out or in a named set of the table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    /// IPv4 addresses and networks.
    Ipv4(Networks4),
    /// IPv6 addresses and networks.
    Ipv6(Networks6),
    /// A named set.
    Set(Word),
}

/// Ports, written out or in a named set of the table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PortsOf {
    /// Ports and ranges.
    List(Ports),
    /// A named set.
    Set(Word),
}

/// A protocol above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// ICMP for IPv4.
    Icmp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP for IPv6.
    Icmpv6,
    /// VRRP, by which keepalived talks to its peer.
    Vrrp,
}

impl Protocol {
    /// Every protocol, in the order of its number.
    pub const ALL: [Self; 5] = [Self::Icmp, Self::Tcp, Self::Udp, Self::Icmpv6, Self::Vrrp];

    /// Its number (IANA). Rules are written with it: a name is looked up in the host's own list, which may be missing.
    pub fn number(self) -> u8 {
        match self {
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Icmpv6 => 58,
            Self::Vrrp => 112,
        }
    }

    /// Whether it has ports.
    pub fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }

    /// As nft's language writes it where ports follow, and as `/etc/protocols` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmpv6 => "ipv6-icmp",
            Self::Vrrp => "vrrp",
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$of])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As nft's language writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

words! {
    /// A type of ICMP message (RFC 792).
    Icmp {
        /// The answer to a ping.
        EchoReply = "echo-reply",
        /// No way on; with code 4 the path's largest packet (RFC 1191).
        DestinationUnreachable = "destination-unreachable",
        /// A ping.
        EchoRequest = "echo-request",
        /// Too many hops, or a fragment was lost.
        TimeExceeded = "time-exceeded",
        /// A header cannot be understood.
        ParameterProblem = "parameter-problem",
    }
}

words! {
    /// A type of ICMPv6 message (RFC 4443, 4861, 3810).
    Icmp6 {
        /// No way on.
        DestinationUnreachable = "destination-unreachable",
        /// The path's largest packet, without which no connection over a smaller one works (RFC 8201).
        PacketTooBig = "packet-too-big",
        /// Too many hops.
        TimeExceeded = "time-exceeded",
        /// A header cannot be understood.
        ParameterProblem = "parameter-problem",
        /// A ping.
        EchoRequest = "echo-request",
        /// The answer to a ping.
        EchoReply = "echo-reply",
        /// Who listens to a group.
        ListenerQuery = "mld-listener-query",
        /// A host listens to a group.
        ListenerReport = "mld-listener-report",
        /// Where are the routers.
        RouterSolicit = "nd-router-solicit",
        /// Here is a router.
        RouterAdvert = "nd-router-advert",
        /// Who has this address: the ARP of IPv6.
        NeighborSolicit = "nd-neighbor-solicit",
        /// This address is mine.
        NeighborAdvert = "nd-neighbor-advert",
        /// A host listens to groups (RFC 3810).
        ListenerReport2 = "mld2-listener-report",
    }
}

words! {
    /// A state of connection tracking.
    State {
        /// It belongs to no connection.
        Invalid = "invalid",
        /// It belongs to a connection that was seen in both directions.
        Established = "established",
        /// It was called for by another connection: an ICMP error.
        Related = "related",
        /// It opens a connection.
        New = "new",
        /// It is not tracked.
        Untracked = "untracked",
    }
}

/// A limit on the packets that pass: `rate` in each period, and `burst` beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Packets per period, at least 1.
    #[schemars(range(min = 1))]
    pub rate: u16,
    /// The period.
    pub per: Period,
    /// Packets beyond the rate, at least 1; 5 unless given.
    #[serde(default = "usual_burst")]
    #[schemars(range(min = 1))]
    pub burst: u16,
}

fn usual_burst() -> u16 {
    5
}

words! {
    /// The period of a limit.
    Period {
        /// A second.
        Second = "second",
        /// A minute.
        Minute = "minute",
        /// An hour.
        Hour = "hour",
        /// A day.
        Day = "day",
    }
}
