//! What a ruleset does with a packet.

use std::net::Ipv4Addr;

use fabric_model::site::Protocol;

use super::ruleset::{Chain, Item, Key, Part, Rule, Ruleset, Table, Values, Verdict};

/// The port from which the played clients ask: of the range that Linux gives out.
const CLIENT_PORT: u16 = 40_000;

/// How many chains deep jumps are followed; the kernel's own limit (`NFT_JUMP_STACK_SIZE`).
const DEPTH: u8 = 16;

/// What IP carries, as far as the model has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    Tcp,
    Udp,
    Vrrp,
}

impl From<Protocol> for Carried {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp => Self::Tcp,
            Protocol::Udp => Self::Udp,
        }
    }
}

impl Carried {
    fn names(self) -> (&'static str, u32) {
        match self {
            Self::Tcp => ("tcp", 6),
            Self::Udp => ("udp", 17),
            Self::Vrrp => ("vrrp", 112),
        }
    }
}

/// The first packet of a connection, a datagram, or one of a connection that stands.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: Ipv4Addr,
    pub(crate) to: Ipv4Addr,
    pub(crate) carried: Carried,
    pub(crate) port: u16,
    from_port: u16,
    pub(crate) established: bool,
}

/// The interfaces that a packet passes on one host; one for the host itself leaves by none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passage<'a> {
    pub(crate) arrives: &'a str,
    pub(crate) leaves: &'a str,
}

impl Packet {
    pub(crate) fn new(from: Ipv4Addr, to: Ipv4Addr, carried: Carried, port: u16) -> Self {
        Self { from, to, carried, port, from_port: CLIENT_PORT, established: false }
    }

    /// The answer to it.
    pub(crate) fn reply(&self) -> Self {
        Self {
            from: self.to,
            to: self.from,
            carried: self.carried,
            port: self.from_port,
            from_port: self.port,
            established: true,
        }
    }
}

enum Decision {
    Accepted,
    Dropped,
    Translated,
    /// Back to where the chain was called from.
    Returned,
}

impl Ruleset {
    /// Whether a packet gets past a hook: past every chain there, in the order of their priorities.
    pub(crate) fn lets(&self, hook: &str, packet: &Packet, passage: Passage<'_>) -> bool {
        self.bases(hook, "filter").into_iter().all(|(table, chain)| {
            let drops = chain.base.as_ref().is_some_and(|base| base.drops);
            match run(table, chain, packet, passage, DEPTH) {
                Some(Decision::Dropped) => false,
                Some(Decision::Accepted | Decision::Translated) => true,
                Some(Decision::Returned) | None => !drops,
            }
        })
    }

    /// Whether a packet that leaves gets another source address.
    pub(crate) fn translates(&self, packet: &Packet, passage: Passage<'_>) -> bool {
        let chains = self.bases("postrouting", "nat").into_iter();
        let mut decisions = chains.map(|(table, chain)| run(table, chain, packet, passage, DEPTH));
        decisions.any(|decision| matches!(decision, Some(Decision::Translated)))
    }

    fn bases(&self, hook: &str, kind: &str) -> Vec<(&Table, &Chain)> {
        let four = self.tables.iter().filter(|table| ["inet", "ip"].contains(&table.family.as_str()));
        let chains = four.flat_map(|table| table.chains.iter().map(move |chain| (table, chain)));
        let mut found: Vec<_> = chains
            .filter_map(|(table, chain)| {
                let base = chain.base.as_ref()?;
                (base.hook == hook && base.kind == kind).then_some((base.priority, table, chain))
            })
            .collect();
        found.sort_by_key(|(priority, ..)| *priority);
        found.into_iter().map(|(_, table, chain)| (table, chain)).collect()
    }
}

fn run(table: &Table, chain: &Chain, packet: &Packet, passage: Passage<'_>, depth: u8) -> Option<Decision> {
    let left = depth.checked_sub(1)?;
    for rule in &chain.rules {
        let Some(verdict) = rule.decides(table, packet, passage) else { continue };
        let into = |name: &str| {
            let target = table.chains.iter().find(|chain| chain.name == name)?;
            run(table, target, packet, passage, left)
        };
        match verdict {
            Verdict::Accept => return Some(Decision::Accepted),
            Verdict::Drop | Verdict::Reject(_) => return Some(Decision::Dropped),
            Verdict::Return => return Some(Decision::Returned),
            Verdict::Masquerade | Verdict::Translate(_) => return Some(Decision::Translated),
            Verdict::Jump(name) => match into(name) {
                Some(Decision::Returned) | None => {}
                decided => return decided,
            },
            Verdict::Goto(name) => return into(name),
        }
    }
    None
}

impl Rule {
    /// The verdict, where every condition before it holds.
    fn decides(&self, table: &Table, packet: &Packet, passage: Passage<'_>) -> Option<&Verdict> {
        for part in &self.parts {
            match part {
                Part::Match { key, negated, values } => {
                    let items = match values {
                        Values::Listed(items) | Values::Braced(items) => items.as_slice(),
                        Values::Named(name) => {
                            let set = table.sets.iter().find(|set| set.name == *name);
                            set.map_or(&[][..], |set| set.elements.as_slice())
                        }
                    };
                    if !key.applies(packet) || key.holds(items, packet, passage) == *negated {
                        return None;
                    }
                }
                Part::Verdict(verdict) => return Some(verdict),
                Part::Aside(_) => {}
            }
        }
        None
    }
}

impl Key {
    /// Whether the packet has what the key looks at: a TCP port is no property of a datagram, whatever it is compared with.
    fn applies(&self, packet: &Packet) -> bool {
        match self {
            Self::Port { carrier, .. } => match carrier.as_str() {
                "tcp" => packet.carried == Carried::Tcp,
                "udp" => packet.carried == Carried::Udp,
                _ => packet.carried != Carried::Vrrp,
            },
            Self::Foreign(_) => false,
            _ => true,
        }
    }

    fn holds(&self, items: &[Item], packet: &Packet, passage: Passage<'_>) -> bool {
        let word = |wanted: &str| items.iter().any(|item| *item == Item::Word(wanted.to_owned()));
        match self {
            Self::Interface { incoming, .. } => {
                word(if *incoming { passage.arrives } else { passage.leaves })
            }
            Self::Address { source } => {
                let address = if *source { packet.from } else { packet.to };
                items.iter().any(|item| item.has_address(address))
            }
            Self::Protocol { .. } => {
                let (name, number) = packet.carried.names();
                word(name) || items.contains(&Item::Number(number))
            }
            Self::Port { source, .. } => {
                let port = u32::from(if *source { packet.from_port } else { packet.port });
                items.iter().any(|item| item.has_number(port))
            }
            Self::State => word(if packet.established { "established" } else { "new" }),
            Self::Foreign(_) => false,
        }
    }
}

impl Item {
    fn has_address(&self, address: Ipv4Addr) -> bool {
        match self {
            Self::Net(network) => network.contains(&address),
            Self::Address(one) => *one == address,
            Self::Addresses(first, last) => (*first..=*last).contains(&address),
            Self::Number(_) | Self::Numbers(..) | Self::Word(_) => false,
        }
    }

    fn has_number(&self, number: u32) -> bool {
        match self {
            Self::Number(one) => *one == number,
            Self::Numbers(first, last) => (*first..=*last).contains(&number),
            Self::Word(name) => PORTS.iter().any(|(known, port)| known == name && *port == number),
            _ => false,
        }
    }
}

/// Ports that /etc/services names and that rulesets name so.
const PORTS: [(&str, u32); 5] = [("ssh", 22), ("domain", 53), ("http", 80), ("ntp", 123), ("https", 443)];
