//! The rulesets of the site's hosts, from what they are for. Each profile gives a table; a host's ruleset is the tables of its profiles.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::{Addresses, Conditions, Icmp, Icmp6, PortsOf, Protocol, State};
use super::element::{Interfaces, Networks4, Networks6, NotAList, Ports};
use super::name::{Interface, NotAName};
use super::ruleset::{
    Base, Chain, ChainType, Draft, Family, Hook, Policy, Replace, Rule, Ruleset, Table, Verdict,
};
use super::sound::Unsound;

/// What comes in to a host: nothing but this, answers, and what IP itself needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    /// Where control comes from; without it nobody could get in again.
    #[schemars(with = "Vec<String>")]
    pub control: Vec<IpNet>,
    /// Where sshd listens.
    pub ssh_port: u16,
    /// The addresses of the VRRP peers; none on a host that holds no VIP.
    #[serde(default)]
    pub vrrp_peers: Vec<Ipv4Addr>,
    /// Services that are let in.
    #[serde(default)]
    pub services: Vec<Service>,
}

/// Ports of a service that are let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// `tcp` or `udp`.
    pub protocol: Protocol,
    /// The ports.
    pub ports: Ports,
    /// The address that it is reached at, such as a VIP; every address of the host unless given.
    #[serde(default)]
    pub at: Option<IpAddr>,
    /// From where; from anywhere unless given.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub from: Vec<IpNet>,
}

/// The way out of a network behind an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WayOut {
    /// The network.
    #[schemars(with = "String")]
    pub subnet: Ipv4Net,
    /// The interface that it comes in over.
    pub inside: Interface,
    /// The interface that it goes out over, under that one's address.
    pub outside: Interface,
}

/// Why a profile gives no ruleset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProfile {
    /// Nothing controls the host.
    #[error("a host without control addresses could never be reached again")]
    NoControl,
    /// A list is not one.
    #[error(transparent)]
    List(#[from] NotAList),
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// The ruleset is refused.
    #[error(transparent)]
    Unsound(#[from] Unsound),
}

/// A host that only answers: what comes in is dropped but for the exceptions, nothing goes through, everything goes out.
///
/// # Errors
/// When there is no control address, or a list is empty or holds everything.
pub fn guarded(inbound: &Inbound) -> Result<Ruleset, NoProfile> {
    let chains = vec![input(inbound)?, forward(None)?, output()?];
    ruleset(vec![Table { family: Family::Inet, name: "filter".parse()?, sets: Vec::new(), chains }])
}

/// An edge: a guarded host that lets a network behind it out under its own address.
///
/// # Errors
/// As [`guarded`].
pub fn edge(inbound: &Inbound, way_out: &WayOut) -> Result<Ruleset, NoProfile> {
    let chains = vec![input(inbound)?, forward(Some(way_out))?, output()?];
    let filter = Table { family: Family::Inet, name: "filter".parse()?, sets: Vec::new(), chains };
    ruleset(vec![filter, edge_nat(way_out)?])
}

/// The translation of a network behind an edge alone, beside whatever filters there.
///
/// # Errors
/// When the network is every address.
pub fn edge_nat(way_out: &WayOut) -> Result<Table, NoProfile> {
    let when = Conditions {
        outward: Some(Interfaces::one(way_out.outside.clone())),
        source: Some(Addresses::Ipv4(Networks4::new(&[way_out.subnet])?)),
        ..Conditions::default()
    };
    let base =
        Base { chain_type: ChainType::Nat, hook: Hook::Postrouting, priority: 100, policy: Policy::Accept };
    let chain = Chain {
        name: "postrouting".parse()?,
        base: Some(base),
        rules: vec![rule(when, Verdict::Masquerade)],
    };
    Ok(Table { family: Family::Ip, name: "nat".parse()?, sets: Vec::new(), chains: vec![chain] })
}

/// Tables as the whole ruleset of a host.
///
/// # Errors
/// When they are not sound together.
pub fn ruleset(tables: Vec<Table>) -> Result<Ruleset, NoProfile> {
    Ok(Ruleset::try_from(Draft { replace: Replace::Ruleset, tables })?)
}

fn input(inbound: &Inbound) -> Result<Chain, NoProfile> {
    if inbound.control.is_empty() {
        return Err(NoProfile::NoControl);
    }
    let mut rules = vec![
        accept(Conditions { inward: Some(Interfaces::one("lo".parse()?)), ..Conditions::default() }),
        rule(state([State::Invalid]), Verdict::Drop),
        accept(state([State::Established, State::Related])),
        accept(Conditions { icmp: Some(NEEDED_ICMP.into()), ..Conditions::default() }),
        accept(Conditions { icmp6: Some(NEEDED_ICMP6.into()), ..Conditions::default() }),
    ];
    for source in families(&inbound.control)? {
        let port = Ports::new(vec![super::element::PortRange::new(inbound.ssh_port, inbound.ssh_port)?])?;
        rules.push(accept(Conditions { source: Some(source), ..to_ports(Protocol::Tcp, port) }));
    }
    rules.extend(vrrp(&inbound.vrrp_peers)?);
    for service in &inbound.services {
        rules.extend(service_rules(service)?);
    }
    Ok(Chain { name: "input".parse()?, base: Some(filter(Hook::Input, Policy::Drop)), rules })
}

/// From the peers, to whatever address: keepalived sends to its peer's or to the group 224.0.0.18, as it is configured.
fn vrrp(peers: &[Ipv4Addr]) -> Result<Option<Rule>, NoProfile> {
    if peers.is_empty() {
        return Ok(None);
    }
    let networks: Vec<Ipv4Net> = peers.iter().copied().map(Ipv4Net::from).collect();
    Ok(Some(accept(Conditions {
        source: Some(Addresses::Ipv4(Networks4::new(&networks)?)),
        protocol: Some(BTreeSet::from([Protocol::Vrrp])),
        ..Conditions::default()
    })))
}

fn service_rules(service: &Service) -> Result<Vec<Rule>, NoProfile> {
    let destination = match service.at {
        Some(address) => families(&[IpNet::from(address)])?.pop(),
        None => None,
    };
    let to = Conditions { destination, ..to_ports(service.protocol, service.ports.clone()) };
    let sources = families(&service.from)?;
    if sources.is_empty() {
        return Ok(vec![accept(to)]);
    }
    Ok(sources.into_iter().map(|source| accept(Conditions { source: Some(source), ..to.clone() })).collect())
}

fn forward(way_out: Option<&WayOut>) -> Result<Chain, NoProfile> {
    let mut rules = Vec::new();
    if let Some(WayOut { subnet, inside, outside }) = way_out {
        rules.push(accept(state([State::Established, State::Related])));
        rules.push(accept(Conditions {
            inward: Some(Interfaces::one(inside.clone())),
            outward: Some(Interfaces::one(outside.clone())),
            source: Some(Addresses::Ipv4(Networks4::new(&[*subnet])?)),
            ..Conditions::default()
        }));
    }
    Ok(Chain { name: "forward".parse()?, base: Some(filter(Hook::Forward, Policy::Drop)), rules })
}

fn output() -> Result<Chain, NoProfile> {
    Ok(Chain { name: "output".parse()?, base: Some(filter(Hook::Output, Policy::Accept)), rules: Vec::new() })
}

/// What tells a sender that its packets are too large or go nowhere (RFC 1191), and ping.
const NEEDED_ICMP: [Icmp; 4] =
    [Icmp::DestinationUnreachable, Icmp::TimeExceeded, Icmp::ParameterProblem, Icmp::EchoRequest];

/// The same for IPv6, whose neighbours find each other over ICMP as well (RFC 4890, 4.4.1).
const NEEDED_ICMP6: [Icmp6; 10] = [
    Icmp6::DestinationUnreachable,
    Icmp6::PacketTooBig,
    Icmp6::TimeExceeded,
    Icmp6::ParameterProblem,
    Icmp6::EchoRequest,
    Icmp6::ListenerQuery,
    Icmp6::RouterSolicit,
    Icmp6::RouterAdvert,
    Icmp6::NeighborSolicit,
    Icmp6::NeighborAdvert,
];

/// Networks of both families, apart: a rule asks for one.
fn families(networks: &[IpNet]) -> Result<Vec<Addresses>, NoProfile> {
    let (mut ipv4, mut ipv6): (Vec<Ipv4Net>, Vec<Ipv6Net>) = (Vec::new(), Vec::new());
    for network in networks {
        match network {
            IpNet::V4(network) => ipv4.push(*network),
            IpNet::V6(network) => ipv6.push(*network),
        }
    }
    let mut both = Vec::new();
    if !ipv4.is_empty() {
        both.push(Addresses::Ipv4(Networks4::new(&ipv4)?));
    }
    if !ipv6.is_empty() {
        both.push(Addresses::Ipv6(Networks6::new(&ipv6)?));
    }
    Ok(both)
}

fn to_ports(protocol: Protocol, ports: Ports) -> Conditions {
    let protocol = Some(BTreeSet::from([protocol]));
    Conditions { protocol, dport: Some(PortsOf::List(ports)), ..Conditions::default() }
}

fn state<const N: usize>(states: [State; N]) -> Conditions {
    Conditions { state: Some(states.into()), ..Conditions::default() }
}

fn accept(when: Conditions) -> Rule {
    rule(when, Verdict::Accept)
}

fn rule(when: Conditions, then: Verdict) -> Rule {
    Rule { when, counter: false, log: None, then, comment: None }
}

fn filter(hook: Hook, policy: Policy) -> Base {
    Base { chain_type: ChainType::Filter, hook, priority: 0, policy }
}
