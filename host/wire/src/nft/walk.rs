//! What becomes of a packet: its way through the chains of a hook, as the kernel would take it, as far as that can be known.

use std::net::IpAddr;

use super::conditions::{Addresses, Conditions, PortsOf, Protocol, State};
use super::name::{Interface, Word};
use super::ruleset::{Chain, ChainType, Family, Hook, Policy, Ruleset, Set, SetOf, Table, Verdict};

/// The most rules that one packet is led past. Jumps multiply: two to a level, sixteen levels deep, are 65,536.
const STEP_LIMIT: u32 = 100_000;

/// Ports that a client's connection comes from, when it asks for none (RFC 6335, 6, and what Linux takes less than).
const CLIENT_PORTS: (u16, u16) = (1024, u16::MAX);

/// A packet, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// Where it comes from.
    pub(super) source: End,
    /// Where it goes to.
    pub(super) destination: End,
    /// Its protocol.
    pub(super) protocol: Protocol,
    /// Its state in connection tracking.
    pub(super) state: State,
    /// The interface of this host that it passes. It is never the loopback, whatever else is known.
    pub(super) interface: Option<Interface>,
    /// IPv4 or IPv6.
    pub(super) family: Family,
}

/// One end of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The address, where it is known.
    pub(super) address: Option<IpAddr>,
    /// The port; none where it is that of a client.
    pub(super) port: Option<u16>,
}

/// An end of a packet's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// What becomes of it.
    pub(super) fate: Fate,
    /// The chain or rule that decides.
    pub(super) place: String,
    /// Whether it surely comes to this.
    pub(super) sure: bool,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is thrown away.
    Dropped,
    /// Its addresses are translated, so that it goes elsewhere.
    Translated,
    /// There are too many ways to follow them all.
    Untold,
}

/// Whether a condition holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    No,
    Perhaps,
    Yes,
}

impl From<bool> for Holds {
    fn from(truth: bool) -> Self {
        if truth { Self::Yes } else { Self::No }
    }
}

/// The bad ends that a packet can come to at a hook: in every base chain there, in the order of their priorities, and by every way that
/// cannot be ruled out. None means that it passes.
pub(super) fn bad_ends(ruleset: &Ruleset, hook: Hook, packet: &Packet) -> Vec<Ending> {
    let of_hook = |chain: &&Chain| chain.base.is_some_and(|base| base.hook == hook);
    let mut bases: Vec<(&Table, &Chain)> = ruleset
        .tables()
        .iter()
        .filter(|table| table.family.sees(packet.family))
        .flat_map(|table| table.chains.iter().filter(of_hook).map(move |chain| (table, chain)))
        .collect();
    bases.sort_by_key(|(_, chain)| chain.base.map(|base| base.priority));
    let (mut ends, mut sure) = (Vec::new(), true);
    for (table, chain) in bases {
        let mut walk = Walk { table, packet, ends: Vec::new(), accepted: false, steps: 0 };
        walk.base(chain, sure);
        // A packet that may have been thrown away here does not surely come to the next chain.
        sure = sure && walk.ends.is_empty();
        ends.append(&mut walk.ends);
        if !walk.accepted {
            break;
        }
    }
    ends
}

/// How a chain leaves a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Its rules decide in any case.
    Decided,
    /// It may come out at the end undecided; whether it surely does.
    Undecided(bool),
}

struct Walk<'a> {
    table: &'a Table,
    packet: &'a Packet,
    ends: Vec<Ending>,
    /// Whether it may be accepted, so that the next base chain of the hook sees it.
    accepted: bool,
    steps: u32,
}

impl Walk<'_> {
    fn base(&mut self, chain: &Chain, sure: bool) {
        let Some(base) = chain.base else { return };
        // Translation looks at the first packet of a connection alone.
        let asked = base.chain_type == ChainType::Filter || self.packet.state == State::New;
        let left = if asked { self.chain(chain, sure) } else { Left::Undecided(sure) };
        match (left, base.policy) {
            (Left::Decided, _) => {}
            (Left::Undecided(_), Policy::Accept) => self.accepted = true,
            (Left::Undecided(sure), Policy::Drop) => {
                let place = format!("{}, policy of chain {}", self.table, chain.name);
                self.ends.push(Ending { fate: Fate::Dropped, place, sure });
            }
        }
    }

    fn chain(&mut self, chain: &Chain, mut sure: bool) -> Left {
        let mut returned = false;
        for (number, rule) in (1..).zip(&chain.rules) {
            self.steps += 1;
            if self.steps > STEP_LIMIT {
                self.end(Fate::Untold, chain, number, false);
                return Left::Decided;
            }
            let holds = self.holds(&rule.when);
            if holds == Holds::No {
                continue;
            }
            let certain = holds == Holds::Yes;
            let left = match &rule.then {
                Verdict::Continue => continue,
                Verdict::Jump(target) => match self.table.chain(target) {
                    Some(target) => self.chain(target, sure && certain),
                    None => continue,
                },
                Verdict::Return if certain => return Left::Undecided(sure),
                Verdict::Return => {
                    returned = true;
                    Left::Decided
                }
                Verdict::Drop | Verdict::Reject | Verdict::Reset => {
                    self.end(Fate::Dropped, chain, number, sure && certain);
                    Left::Decided
                }
                Verdict::Dnat(_) => {
                    self.end(Fate::Translated, chain, number, sure && certain);
                    self.accepted = true;
                    Left::Decided
                }
                Verdict::Accept | Verdict::Masquerade | Verdict::Snat(_) => {
                    self.accepted = true;
                    Left::Decided
                }
            };
            match left {
                Left::Decided if certain && returned => return Left::Undecided(false),
                Left::Decided if certain => return Left::Decided,
                Left::Decided => sure = false,
                Left::Undecided(still) => sure = still,
            }
        }
        Left::Undecided(sure)
    }

    fn end(&mut self, fate: Fate, chain: &Chain, number: u32, sure: bool) {
        let place = format!("{}, chain {}, rule {number}", self.table, chain.name);
        self.ends.push(Ending { fate, place, sure });
    }

    fn holds(&self, when: &Conditions) -> Holds {
        let packet = self.packet;
        let interface = |asked: &super::element::Interfaces| match &packet.interface {
            Some(interface) => asked.holds(interface).into(),
            // It is another than the loopback, and that is all that is known.
            None if asked.iter().all(|interface| interface.as_str() == "lo") => Holds::No,
            None => Holds::Perhaps,
        };
        let all = [
            when.inward.as_ref().map(interface),
            when.outward.as_ref().map(interface),
            when.source.as_ref().map(|addresses| self.address(addresses, packet.source)),
            when.destination.as_ref().map(|addresses| self.address(addresses, packet.destination)),
            when.protocol.as_ref().map(|protocols| protocols.contains(&packet.protocol).into()),
            when.sport.as_ref().map(|ports| self.port(ports, packet.source)),
            when.dport.as_ref().map(|ports| self.port(ports, packet.destination)),
            when.icmp.as_ref().map(|_| Holds::No),
            when.icmp6.as_ref().map(|_| Holds::No),
            when.state.as_ref().map(|states| states.contains(&packet.state).into()),
            when.limit.as_ref().map(|_| Holds::Perhaps),
        ];
        all.into_iter().flatten().min().unwrap_or(Holds::Yes)
    }

    fn address(&self, asked: &Addresses, end: End) -> Holds {
        let named = |name: &Word| self.table.set(name).map(|set: &Set| &set.of);
        let (ipv4, ipv6) = match asked {
            Addresses::Ipv4(networks) => (Some(networks), None),
            Addresses::Ipv6(networks) => (None, Some(networks)),
            Addresses::Set(name) => match named(name) {
                Some(SetOf::Ipv4(networks)) => (Some(networks), None),
                Some(SetOf::Ipv6(networks)) => (None, Some(networks)),
                _ => (None, None),
            },
        };
        match end.address {
            Some(IpAddr::V4(address)) => ipv4.is_some_and(|networks| networks.holds(address)).into(),
            Some(IpAddr::V6(address)) => ipv6.is_some_and(|networks| networks.holds(address)).into(),
            None if ipv4.is_some() == (self.packet.family == Family::Ip) => Holds::Perhaps,
            None => Holds::No,
        }
    }

    fn port(&self, asked: &PortsOf, end: End) -> Holds {
        let ports = match asked {
            PortsOf::List(ports) => ports,
            PortsOf::Set(name) => match self.table.set(name).map(|set| &set.of) {
                Some(SetOf::Ports(ports)) => ports,
                _ => return Holds::No,
            },
        };
        let (first, last) = CLIENT_PORTS;
        match end.port {
            Some(port) => ports.holds(port).into(),
            None if ports.iter().any(|range| range.first() <= first && last <= range.last()) => Holds::Yes,
            None => Holds::Perhaps,
        }
    }
}
