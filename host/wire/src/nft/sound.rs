//! What a ruleset must hold so that the kernel takes it, and so that no rule of it can never apply.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::conditions::{Addresses, Conditions, PortsOf, Protocol};
use super::name::Word;
use super::ruleset::{Base, Chain, ChainType, Draft, Family, Hook, Policy, Rule, SetOf, Table, Verdict};

/// How deep chains may jump: the kernel's limit (`NFT_JUMP_STACK_SIZE`).
const JUMP_LIMIT: usize = 16;

/// The kernel runs its connection tracking at this priority; addresses can be translated only after it.
const CONNTRACK_PRIORITY: i16 = -200;

/// Why a ruleset is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {flaw}")]
pub struct Unsound {
    /// The table, chain and rule: `inet filter, chain input, rule 3`.
    pub place: String,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What can be wrong with a ruleset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Two of a kind have one name.
    #[error("there are two with this name")]
    Twice,
    /// A list is empty.
    #[error("the list `{0}` is empty: leave the condition out, or the rule")]
    Empty(&'static str),
    /// A rule names a set that the table does not have, or one of another type.
    #[error("there is no set `{0}` of what is compared here")]
    NoSet(Word),
    /// A rule jumps to a chain that the table does not have, or to one that the kernel enters by itself.
    #[error("there is no chain `{0}` to jump to: it must be in the same table, and no base chain")]
    NoChain(Word),
    /// Chains jump in a circle, or too deep.
    #[error("chains jump in a circle, or more than {JUMP_LIMIT} deep")]
    TooDeep,
    /// IPv4 and IPv6 are asked for at once.
    #[error("it asks for IPv4 and IPv6 at once, or for one that the table does not see")]
    Families,
    /// A port is asked for without the protocol that it is one of.
    #[error("ports need exactly one protocol, tcp or udp")]
    PortsWithoutProtocol,
    /// An ICMP type stands beside a protocol.
    #[error("a type of ICMP is a protocol of its own: leave `protocol` out")]
    IcmpBesideProtocol,
    /// A limit or a port is 0.
    #[error("`{0}` is 0")]
    Zero(&'static str),
    /// A rule that does nothing.
    #[error("it goes on, and neither counts nor logs: it does nothing")]
    Nothing,
    /// A TCP reset for something that may not be TCP.
    #[error("only TCP can be reset: the rule must ask for the protocol tcp")]
    ResetWithoutTcp,
    /// A statement or condition stands where the kernel does not take it, or where it can never hold.
    #[error("`{what}` cannot stand in a chain that is entered as {chain_type} {hook}", chain_type = .chain_type.as_str(), hook = .hook.as_str())]
    OutOfPlace {
        /// The statement or condition.
        what: &'static str,
        /// The type of the base chain.
        chain_type: ChainType,
        /// Its hook.
        hook: Hook,
    },
    /// A base chain that the kernel refuses.
    #[error(
        "a nat chain accepts by policy, is not at the hook forward, and comes after priority {CONNTRACK_PRIORITY}"
    )]
    NatBase,
}

pub(super) fn check(draft: &Draft) -> Result<(), Unsound> {
    let mut tables = BTreeSet::new();
    for table in &draft.tables {
        let place = format!("{} {}", table.family.as_str(), table.name);
        if !tables.insert((table.family, &table.name)) {
            return Err(Unsound { place, flaw: Flaw::Twice });
        }
        check_table(table, &place)?;
    }
    Ok(())
}

fn check_table(table: &Table, place: &str) -> Result<(), Unsound> {
    let mut names = BTreeSet::new();
    for set in &table.sets {
        let at = || format!("{place}, set {}", set.name);
        let flaw = if names.insert(&set.name) { set_flaw(table, &set.of) } else { Some(Flaw::Twice) };
        refuse(flaw, at)?;
    }
    let mut names = BTreeSet::new();
    for chain in &table.chains {
        let at = || format!("{place}, chain {}", chain.name);
        let flaw = if names.insert(&chain.name) { chain.base.and_then(base_flaw) } else { Some(Flaw::Twice) };
        refuse(flaw, at)?;
        for (number, rule) in (1..).zip(&chain.rules) {
            let at = || format!("{place}, chain {}, rule {number}", chain.name);
            refuse(rule_flaw(table, rule).or_else(|| jump_flaw(table, rule)), at)?;
        }
    }
    let mut heights = BTreeMap::new();
    for chain in &table.chains {
        let deep = || Unsound { place: format!("{place}, chain {}", chain.name), flaw: Flaw::TooDeep };
        height(table, chain, 0, &mut heights).ok_or_else(deep)?;
    }
    table.chains.iter().try_for_each(|chain| check_entered(table, chain, place))
}

fn refuse(flaw: Option<Flaw>, place: impl Fn() -> String) -> Result<(), Unsound> {
    flaw.map_or(Ok(()), |flaw| Err(Unsound { place: place(), flaw }))
}

fn set_flaw(table: &Table, of: &SetOf) -> Option<Flaw> {
    let seen = match of {
        SetOf::Ipv4(_) => table.family.sees(Family::Ip),
        SetOf::Ipv6(_) => table.family.sees(Family::Ip6),
        SetOf::Ports(_) => true,
    };
    (!seen).then_some(Flaw::Families)
}

fn base_flaw(base: Base) -> Option<Flaw> {
    let sound =
        base.policy == Policy::Accept && base.hook != Hook::Forward && base.priority > CONNTRACK_PRIORITY;
    (base.chain_type == ChainType::Nat && !sound).then_some(Flaw::NatBase)
}

fn rule_flaw(table: &Table, rule: &Rule) -> Option<Flaw> {
    let when = &rule.when;
    empty(when)
        .or_else(|| missing_set(table, when))
        .or_else(|| family_flaw(table, rule))
        .or_else(|| protocol_flaw(rule))
        .or_else(|| zero(rule))
}

fn empty(when: &Conditions) -> Option<Flaw> {
    let lists = [
        ("protocol", when.protocol.as_ref().is_some_and(BTreeSet::is_empty)),
        ("icmp", when.icmp.as_ref().is_some_and(BTreeSet::is_empty)),
        ("icmp6", when.icmp6.as_ref().is_some_and(BTreeSet::is_empty)),
        ("state", when.state.as_ref().is_some_and(BTreeSet::is_empty)),
    ];
    lists.into_iter().find(|(_, empty)| *empty).map(|(list, _)| Flaw::Empty(list))
}

fn missing_set(table: &Table, when: &Conditions) -> Option<Flaw> {
    let has = |name: &Word, ports: bool| {
        table.set(name).is_some_and(|set| matches!(set.of, SetOf::Ports(_)) == ports)
    };
    let addresses =
        [&when.source, &when.destination].into_iter().flatten().filter_map(|addresses| match addresses {
            Addresses::Set(name) => Some((name, false)),
            _ => None,
        });
    let ports = [&when.sport, &when.dport].into_iter().flatten().filter_map(|ports| match ports {
        PortsOf::Set(name) => Some((name, true)),
        PortsOf::List(_) => None,
    });
    addresses.chain(ports).find(|(name, ports)| !has(name, *ports)).map(|(name, _)| Flaw::NoSet(name.clone()))
}

fn family_flaw(table: &Table, rule: &Rule) -> Option<Flaw> {
    let when = &rule.when;
    let addresses = [&when.source, &when.destination].into_iter().flatten();
    let mut asked: BTreeSet<Family> = addresses.filter_map(|addresses| family_of(table, addresses)).collect();
    let only = |protocol| when.protocol.as_ref().is_some_and(|all| all.iter().eq([&protocol]));
    if when.icmp.is_some() || only(Protocol::Icmp) {
        asked.insert(Family::Ip);
    }
    if when.icmp6.is_some() || only(Protocol::Icmpv6) {
        asked.insert(Family::Ip6);
    }
    if let Verdict::Snat(translation) | Verdict::Dnat(translation) = &rule.then {
        asked.insert(Family::of(translation.to));
    }
    let seen = asked.iter().all(|family| table.family.sees(*family));
    (asked.len() > 1 || !seen).then_some(Flaw::Families)
}

/// The family that addresses belong to.
pub(super) fn family_of(table: &Table, addresses: &Addresses) -> Option<Family> {
    match addresses {
        Addresses::Ipv4(_) => Some(Family::Ip),
        Addresses::Ipv6(_) => Some(Family::Ip6),
        Addresses::Set(name) => match table.set(name)?.of {
            SetOf::Ipv4(_) => Some(Family::Ip),
            SetOf::Ipv6(_) => Some(Family::Ip6),
            SetOf::Ports(_) => None,
        },
    }
}

/// The one protocol that a rule asks for.
pub(super) fn only_protocol(when: &Conditions) -> Option<Protocol> {
    let mut protocols = when.protocol.iter().flatten();
    protocols.next().copied().filter(|_| protocols.next().is_none())
}

fn protocol_flaw(rule: &Rule) -> Option<Flaw> {
    let when = &rule.when;
    let types = usize::from(when.icmp.is_some())
        + usize::from(when.icmp6.is_some())
        + usize::from(when.protocol.is_some());
    let translated_port = matches!(&rule.then, Verdict::Snat(translation) | Verdict::Dnat(translation) if translation.port.is_some());
    let ports = when.sport.is_some() || when.dport.is_some() || translated_port;
    if types > 1 {
        Some(Flaw::IcmpBesideProtocol)
    } else if ports && !only_protocol(when).is_some_and(Protocol::has_ports) {
        Some(Flaw::PortsWithoutProtocol)
    } else if rule.then == Verdict::Continue && !rule.counter && rule.log.is_none() {
        Some(Flaw::Nothing)
    } else if rule.then == Verdict::Reset && only_protocol(when) != Some(Protocol::Tcp) {
        Some(Flaw::ResetWithoutTcp)
    } else {
        None
    }
}

fn zero(rule: &Rule) -> Option<Flaw> {
    let limit = rule.when.limit.as_ref();
    let port = match &rule.then {
        Verdict::Snat(translation) | Verdict::Dnat(translation) => translation.port,
        _ => None,
    };
    let zeros =
        [("rate", limit.map(|limit| limit.rate)), ("burst", limit.map(|limit| limit.burst)), ("port", port)];
    zeros.into_iter().find(|(_, number)| *number == Some(0)).map(|(name, _)| Flaw::Zero(name))
}

fn jump_flaw(table: &Table, rule: &Rule) -> Option<Flaw> {
    let Verdict::Jump(target) = &rule.then else { return None };
    let regular = table.chain(target).is_some_and(|chain| chain.base.is_none());
    (!regular).then(|| Flaw::NoChain(target.clone()))
}

/// How many chains deep a chain jumps, itself included; none where that is too deep or without end.
fn height<'a>(
    table: &'a Table,
    chain: &'a Chain,
    above: usize,
    known: &mut BTreeMap<&'a Word, usize>,
) -> Option<usize> {
    if let Some(height) = known.get(&chain.name) {
        return (above + height <= JUMP_LIMIT).then_some(*height);
    }
    if above >= JUMP_LIMIT {
        return None;
    }
    let mut deepest = 0;
    for target in jumps(table, chain) {
        deepest = deepest.max(height(table, target, above + 1, known)?);
    }
    known.insert(&chain.name, deepest + 1);
    Some(deepest + 1)
}

fn jumps<'a>(table: &'a Table, chain: &'a Chain) -> impl Iterator<Item = &'a Chain> {
    chain.rules.iter().filter_map(|rule| match &rule.then {
        Verdict::Jump(target) => table.chain(target),
        _ => None,
    })
}

/// The chains that a packet in this chain can come to, itself included.
pub(super) fn reachable<'a>(table: &'a Table, chain: &'a Chain) -> Vec<&'a Chain> {
    let mut found: Vec<&Chain> = vec![chain];
    let mut next = 0;
    while let Some(chain) = found.get(next).copied() {
        let new: Vec<&Chain> = jumps(table, chain)
            .filter(|target| !found.iter().any(|known| known.name == target.name))
            .collect();
        for target in new {
            if !found.iter().any(|known| known.name == target.name) {
                found.push(target);
            }
        }
        next += 1;
    }
    found
}

/// Whether the rules that a base chain comes to may stand at its hook.
fn check_entered(table: &Table, entered: &Chain, place: &str) -> Result<(), Unsound> {
    let Some(base) = entered.base else { return Ok(()) };
    for chain in reachable(table, entered) {
        for (number, rule) in (1..).zip(&chain.rules) {
            let flaw = misplaced(rule, base).map(|what| Flaw::OutOfPlace {
                what,
                chain_type: base.chain_type,
                hook: base.hook,
            });
            refuse(flaw, || format!("{place}, chain {}, rule {number}", chain.name))?;
        }
    }
    Ok(())
}

fn misplaced(rule: &Rule, base: Base) -> Option<&'static str> {
    let Base { chain_type, hook, .. } = base;
    let nat = chain_type == ChainType::Nat;
    let (name, stands) = match &rule.then {
        Verdict::Masquerade => ("masquerade", nat && hook == Hook::Postrouting),
        Verdict::Snat(_) => ("snat", nat && matches!(hook, Hook::Postrouting | Hook::Input)),
        Verdict::Dnat(_) => ("dnat", nat && matches!(hook, Hook::Prerouting | Hook::Output)),
        Verdict::Reject | Verdict::Reset => {
            ("reject", !nat && matches!(hook, Hook::Input | Hook::Forward | Hook::Output))
        }
        _ => ("", true),
    };
    let inward = rule.when.inward.is_some() && hook == Hook::Output;
    let outward = rule.when.outward.is_some() && matches!(hook, Hook::Prerouting | Hook::Input);
    match () {
        () if !stands => Some(name),
        () if inward => Some("in"),
        () if outward => Some("out"),
        () => None,
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family.as_str(), self.name)
    }
}
