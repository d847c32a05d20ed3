//! A host's nftables ruleset as data: the packet path asks it, and `nft --json list ruleset` prints it.

use std::net::Ipv4Addr;

use fabric_model::site::Protocol;
use ipnet::Ipv4Net;

/// The three chains that decide anything here, each but `postrouting` with the policy `drop`. Output is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ruleset {
    pub(crate) input: Vec<Rule>,
    pub(crate) forward: Vec<Rule>,
    pub(crate) postrouting: Vec<Rule>,
}

/// One rule: all its matches must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) matches: Vec<Match>,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Masquerade,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// `iif "lo"`.
    Loopback,
    /// `ct state established,related`: never a first packet.
    Established,
    /// `ip protocol vrrp`.
    Vrrp,
    SourceIn(Ipv4Net),
    SourceOneOf(Vec<Ipv4Addr>),
    Destination(Ipv4Addr),
    Port(Protocol, u16),
    FromInterface(String),
    ToInterface(String),
}

/// The first packet of a connection, or a datagram.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: Ipv4Addr,
    pub(crate) to: Ipv4Addr,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
}

/// The interfaces that a packet passes on one host; a packet for the host itself leaves by none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passage<'a> {
    pub(crate) arrives: &'a str,
    pub(crate) leaves: &'a str,
}

impl Rule {
    pub(crate) fn accept(matches: impl Into<Vec<Match>>) -> Self {
        Self { matches: matches.into(), verdict: Verdict::Accept }
    }

    pub(crate) fn masquerade(matches: impl Into<Vec<Match>>) -> Self {
        Self { matches: matches.into(), verdict: Verdict::Masquerade }
    }

    fn applies(&self, packet: &Packet, passage: Passage<'_>) -> bool {
        self.matches.iter().all(|matching| matching.holds(packet, passage))
    }
}

/// Whether a chain has a rule for the packet.
pub(crate) fn some_rule(chain: &[Rule], packet: &Packet, passage: Passage<'_>) -> bool {
    chain.iter().any(|rule| rule.applies(packet, passage))
}

impl Match {
    fn holds(&self, packet: &Packet, passage: Passage<'_>) -> bool {
        match self {
            Self::Loopback => passage.arrives == "lo",
            // Only first packets are asked about, and none of them is VRRP.
            Self::Established | Self::Vrrp => false,
            Self::SourceIn(network) => network.contains(&packet.from),
            Self::SourceOneOf(addresses) => addresses.contains(&packet.from),
            Self::Destination(address) => *address == packet.to,
            Self::Port(protocol, port) => *protocol == packet.protocol && *port == packet.port,
            Self::FromInterface(name) => name == passage.arrives,
            Self::ToInterface(name) => name == passage.leaves,
        }
    }
}
