//! Looks a ruleset over before it is loaded: does it leave the way open over which the host is controlled, and does it mean what it says.
//!
//! It sees the ruleset alone. Tables of others, which may stay on the host beside it, can drop more, and what the kernel does outside of
//! nftables is not known here either; so a change of the ruleset is confirmed over a new connection, whatever this says.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::conditions::{Addresses, Conditions, PortsOf, Protocol, State};
use super::element::{Networks4, Networks6, Ports};
use super::name::{Interface, Word};
use super::ruleset::{Base, Chain, ChainType, Family, Hook, Policy, Replace, Ruleset, SetOf, Table, Verdict};
use super::sound::reachable;
use super::walk::{End, Ending, Fate, Packet, bad_ends};

/// The way over which a host is controlled, and what else must come through to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPath {
    /// Where control comes from: the operator, or the jump host before this one. None means that nobody knows, so that it may be any
    /// address: then a ruleset leaves the way open only where it does so whatever the source.
    pub from: Vec<IpAddr>,
    /// The address of this host that control comes to, where it is known.
    pub to: Option<IpAddr>,
    /// The interface that control comes in over, where it is known.
    pub interface: Option<Interface>,
    /// Where sshd listens.
    pub port: u16,
    /// The VRRP peers of a host that can hold a VIP.
    pub vrrp_from: Vec<IpAddr>,
}

/// Something about a ruleset that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub problem: Problem,
    /// The chain or rule: `inet filter, chain input, rule 3`.
    pub place: String,
}

/// What is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Packets of the control path are thrown away.
    ControlCut(Origin, Phase),
    /// Whether packets of the control path pass depends on what is not known beforehand: a limit, an interface, an address.
    ControlUndecided(Origin, Phase),
    /// New connections of the control path are led elsewhere, or may be.
    ControlTranslated(Origin),
    /// What the VRRP peer sends is thrown away, or may be: both would hold the VIP.
    VrrpCut(IpAddr),
    /// What no rule lets in comes in all the same.
    DefaultAccept,
    /// It never has an effect.
    Unreachable,
}

/// Where control comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This address.
    Address(IpAddr),
    /// Some address of the family.
    Anywhere(Family),
}

impl Origin {
    fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Anywhere(_) => None,
        }
    }

    fn family(self) -> Family {
        match self {
            Self::Address(address) => Family::of(address),
            Self::Anywhere(family) => family,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Anywhere(Family::Ip) => f.write_str("any IPv4 address"),
            Self::Anywhere(Family::Ip6) => f.write_str("any IPv6 address"),
            Self::Anywhere(Family::Inet) => f.write_str("any address"),
        }
    }
}

impl ControlPath {
    /// Where control may come from: the addresses, or where there are none every family in which the host can be reached.
    fn origins(&self) -> Vec<Origin> {
        if !self.from.is_empty() {
            return self.from.iter().copied().map(Origin::Address).collect();
        }
        match self.to {
            Some(to) => vec![Origin::Anywhere(Family::of(to))],
            None => vec![Origin::Anywhere(Family::Ip), Origin::Anywhere(Family::Ip6)],
        }
    }
}

/// A part of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its first packet.
    New,
    /// Those that follow.
    Established,
    /// What the host answers.
    Replies,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = |phase: Phase| match phase {
            Phase::New => "new connections",
            Phase::Established => "established connections",
            Phase::Replies => "replies to connections",
        };
        match &self.problem {
            Problem::ControlCut(from, of) => write!(f, "{} of {from} to sshd are dropped", phase(*of)),
            Problem::ControlUndecided(from, of) => {
                write!(f, "{} of {from} to sshd may be dropped", phase(*of))
            }
            Problem::ControlTranslated(from) => {
                write!(f, "new connections of {from} to sshd may be led elsewhere")
            }
            Problem::VrrpCut(from) => write!(f, "VRRP of {from} may be dropped, and both would hold the VIP"),
            Problem::DefaultAccept => write!(f, "what no rule lets in comes in all the same"),
            Problem::Unreachable => write!(f, "it never has an effect"),
        }?;
        write!(f, " ({})", self.place)
    }
}

/// Everything about a ruleset that is not as it should be; nothing means that it may be loaded.
pub fn lint(ruleset: &Ruleset, control: &ControlPath) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        control.origins().into_iter().flat_map(|from| control_path(ruleset, control, from)).collect();
    findings.extend(control.vrrp_from.iter().flat_map(|from| vrrp(ruleset, *from)));
    for table in ruleset.tables() {
        findings.extend(default_accept(ruleset.replace(), table));
        findings.extend(unreachable(table));
    }
    findings
}

fn control_path(ruleset: &Ruleset, control: &ControlPath, from: Origin) -> Vec<Finding> {
    let client = End { address: from.address(), port: None };
    let sshd = End { address: control.to, port: Some(control.port) };
    let packet = |source: End, destination: End, state: State| Packet {
        source,
        destination,
        protocol: Protocol::Tcp,
        state,
        interface: control.interface.clone(),
        family: from.family(),
    };
    let inward = [Hook::Prerouting, Hook::Input];
    let outward = [Hook::Output, Hook::Postrouting];
    let ways = [
        (Phase::New, inward, packet(client, sshd, State::New)),
        (Phase::Established, inward, packet(client, sshd, State::Established)),
        (Phase::Replies, outward, packet(sshd, client, State::Established)),
    ];
    let mut findings = Vec::new();
    for (phase, hooks, packet) in ways {
        let ends = hooks.into_iter().flat_map(|hook| bad_ends(ruleset, hook, &packet));
        findings.extend(ends.map(|Ending { fate, place, sure }| Finding {
            problem: match fate {
                Fate::Translated => Problem::ControlTranslated(from),
                Fate::Dropped if sure => Problem::ControlCut(from, phase),
                Fate::Dropped | Fate::Untold => Problem::ControlUndecided(from, phase),
            },
            place,
        }));
    }
    findings
}

fn vrrp(ruleset: &Ruleset, from: IpAddr) -> Vec<Finding> {
    // An advertisement goes to the peer's address or to the group of VRRP, depending on the peer's configuration.
    let packet = Packet {
        source: End { address: Some(from), port: None },
        destination: End { address: None, port: None },
        protocol: Protocol::Vrrp,
        state: State::New,
        interface: None,
        family: Family::of(from),
    };
    let ends = [Hook::Prerouting, Hook::Input].into_iter().flat_map(|hook| bad_ends(ruleset, hook, &packet));
    ends.map(|end| Finding { problem: Problem::VrrpCut(from), place: end.place }).collect()
}

/// An input chain that accepts by policy: always where the ruleset is all that the host has, and otherwise where the chain has rules that
/// accept, which then mean nothing. A table beside others that only drops something may leave the rest to them.
fn default_accept(replace: Replace, table: &Table) -> Vec<Finding> {
    let open = |chain: &&Chain| {
        let input = |base: Base| {
            (base.hook, base.chain_type, base.policy) == (Hook::Input, ChainType::Filter, Policy::Accept)
        };
        let accepts = || {
            reachable(table, chain)
                .iter()
                .any(|chain| chain.rules.iter().any(|rule| rule.then == Verdict::Accept))
        };
        chain.base.is_some_and(input) && (replace == Replace::Ruleset || accepts())
    };
    let chains = table.chains.iter().filter(open);
    chains
        .map(|chain| Finding {
            problem: Problem::DefaultAccept,
            place: format!("{table}, policy of chain {}", chain.name),
        })
        .collect()
}

/// Chains that nothing comes to, and rules behind others that leave them nothing.
fn unreachable(table: &Table) -> Vec<Finding> {
    let bases = table.chains.iter().filter(|chain| chain.base.is_some());
    let entered: BTreeSet<&Word> =
        bases.flat_map(|chain| reachable(table, chain)).map(|chain| &chain.name).collect();
    let finding = |place: String| Finding { problem: Problem::Unreachable, place };
    let mut findings = Vec::new();
    for chain in &table.chains {
        if !entered.contains(&chain.name) {
            findings.push(finding(format!("{table}, chain {}", chain.name)));
            continue;
        }
        for (number, rule) in (1_usize..).zip(&chain.rules) {
            let before = chain.rules.iter().take(number - 1);
            let ends = |then: &Verdict| !matches!(then, Verdict::Continue | Verdict::Jump(_));
            if before
                .into_iter()
                .any(|earlier| ends(&earlier.then) && takes_all(table, &earlier.when, &rule.when))
            {
                findings.push(finding(format!("{table}, chain {}, rule {number}", chain.name)));
            }
        }
    }
    findings
}

/// Whether every packet of which the second conditions hold is one of which the first hold.
fn takes_all(table: &Table, first: &Conditions, second: &Conditions) -> bool {
    // Nobody knows which packets a limit lets through.
    first.limit.is_none()
        && within(first.inward.as_ref(), second.inward.as_ref(), |a, b| a.covers(b))
        && within(first.outward.as_ref(), second.outward.as_ref(), |a, b| a.covers(b))
        && within(first.source.as_ref(), second.source.as_ref(), |a, b| covers(table, a, b))
        && within(first.destination.as_ref(), second.destination.as_ref(), |a, b| covers(table, a, b))
        && within(first.protocol.as_ref(), second.protocol.as_ref(), BTreeSet::is_superset)
        && within(first.sport.as_ref(), second.sport.as_ref(), |a, b| covers_ports(table, a, b))
        && within(first.dport.as_ref(), second.dport.as_ref(), |a, b| covers_ports(table, a, b))
        && within(first.icmp.as_ref(), second.icmp.as_ref(), BTreeSet::is_superset)
        && within(first.icmp6.as_ref(), second.icmp6.as_ref(), BTreeSet::is_superset)
        && within(first.state.as_ref(), second.state.as_ref(), BTreeSet::is_superset)
}

/// Whether a condition asks for no less than another; one that is left out always holds.
fn within<T>(first: Option<&T>, second: Option<&T>, covers: impl Fn(&T, &T) -> bool) -> bool {
    first.is_none_or(|first| second.is_some_and(|second| covers(first, second)))
}

enum Known<'a> {
    V4(&'a Networks4),
    V6(&'a Networks6),
}

fn known<'a>(table: &'a Table, addresses: &'a Addresses) -> Option<Known<'a>> {
    match addresses {
        Addresses::Ipv4(networks) => Some(Known::V4(networks)),
        Addresses::Ipv6(networks) => Some(Known::V6(networks)),
        Addresses::Set(name) => match &table.set(name)?.of {
            SetOf::Ipv4(networks) => Some(Known::V4(networks)),
            SetOf::Ipv6(networks) => Some(Known::V6(networks)),
            SetOf::Ports(_) => None,
        },
    }
}

fn covers(table: &Table, first: &Addresses, second: &Addresses) -> bool {
    match (known(table, first), known(table, second)) {
        (Some(Known::V4(first)), Some(Known::V4(second))) => first.covers(second),
        (Some(Known::V6(first)), Some(Known::V6(second))) => first.covers(second),
        _ => false,
    }
}

fn known_ports<'a>(table: &'a Table, ports: &'a PortsOf) -> Option<&'a Ports> {
    match ports {
        PortsOf::List(ports) => Some(ports),
        PortsOf::Set(name) => match &table.set(name)?.of {
            SetOf::Ports(ports) => Some(ports),
            _ => None,
        },
    }
}

fn covers_ports(table: &Table, first: &PortsOf, second: &PortsOf) -> bool {
    known_ports(table, first)
        .zip(known_ports(table, second))
        .is_some_and(|(first, second)| first.covers(second))
}
