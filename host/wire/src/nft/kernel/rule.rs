//! The expressions of one rule, read back. What is not exactly as this crate renders it is not read.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::nft::conditions::{Addresses, Conditions, Limit, PortsOf, Protocol};
use crate::nft::element::{Interfaces, Networks4, Networks6, PortRange, Ports};
use crate::nft::name::{Interface, LogPrefix};
use crate::nft::ruleset::{Rule, Translation, Verdict};

/// How far a rule was read. Its parts come in this order, each but the conditions once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Conditions,
    Limit,
    Counter,
    Log,
    Verdict,
}

/// The rule that these expressions are, without its comment.
pub(super) fn rule(expressions: &[Value]) -> Option<Rule> {
    let mut rule = Rule {
        when: Conditions::default(),
        counter: false,
        log: None,
        then: Verdict::Continue,
        comment: None,
    };
    let mut reached = Stage::Conditions;
    for expression in expressions {
        let (kind, body) = single_entry(expression)?;
        let stage = match kind {
            "match" => Stage::Conditions,
            "limit" => Stage::Limit,
            "counter" => Stage::Counter,
            "log" => Stage::Log,
            _ => Stage::Verdict,
        };
        if stage < reached || (stage == reached && stage != Stage::Conditions) {
            return None;
        }
        reached = stage;
        match stage {
            Stage::Conditions => condition(&mut rule.when, body)?,
            Stage::Limit => rule.when.limit = Some(Limit::deserialize(body).ok()?),
            Stage::Counter => rule.counter = true,
            Stage::Log => rule.log = Some(log_prefix(body)?),
            Stage::Verdict => rule.then = verdict(kind, body)?,
        }
    }
    Some(rule)
}

fn condition(when: &mut Conditions, body: &Value) -> Option<()> {
    let (kind, left) = single_entry(body.get("left")?)?;
    let (op, right) = (body.get("op")?.as_str()?, body.get("right")?);
    let word = |key: &str| left.get(key).and_then(Value::as_str);
    let (subject, field) = match kind {
        "payload" => (word("protocol")?, word("field")?),
        "meta" | "ct" => (kind, word("key")?),
        _ => return None,
    };
    match (subject, field, op) {
        ("ct", "state", "in") => once(&mut when.state, flags(right)?),
        ("meta", "iifname", "==") => once(&mut when.inward, interfaces(right)?),
        ("meta", "oifname", "==") => once(&mut when.outward, interfaces(right)?),
        ("meta", "l4proto", "==") => {
            once(&mut when.protocol, list(right).iter().map(protocol).collect::<Option<_>>()?)
        }
        ("ip", "saddr", "==") => once(&mut when.source, addresses(right, false)?),
        ("ip", "daddr", "==") => once(&mut when.destination, addresses(right, false)?),
        ("ip6", "saddr", "==") => once(&mut when.source, addresses(right, true)?),
        ("ip6", "daddr", "==") => once(&mut when.destination, addresses(right, true)?),
        ("tcp", "sport", "==") => port(when, Protocol::Tcp).and(once(&mut when.sport, ports_of(right)?)),
        ("tcp", "dport", "==") => port(when, Protocol::Tcp).and(once(&mut when.dport, ports_of(right)?)),
        ("udp", "sport", "==") => port(when, Protocol::Udp).and(once(&mut when.sport, ports_of(right)?)),
        ("udp", "dport", "==") => port(when, Protocol::Udp).and(once(&mut when.dport, ports_of(right)?)),
        ("icmp", "type", "==") => once(&mut when.icmp, words(&list(right))?),
        ("icmpv6", "type", "==") => once(&mut when.icmp6, words(&list(right))?),
        _ => None,
    }
}

/// Takes a condition that was not there yet: two of a kind are a rule that this crate does not write.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.is_none().then(|| *slot = Some(value))
}

/// The protocol whose port is asked for; both ports of a rule are of one protocol.
fn port(when: &mut Conditions, of: Protocol) -> Option<()> {
    let asked = when.protocol.get_or_insert_with(|| BTreeSet::from([of]));
    asked.iter().eq([&of]).then_some(())
}

/// The values of a right side, any one of which satisfies the condition.
fn list(right: &Value) -> Vec<Value> {
    match single_entry(right) {
        Some(("set", Value::Array(values))) => values.clone(),
        _ => vec![right.clone()],
    }
}

fn flags<T: DeserializeOwned + Ord>(right: &Value) -> Option<BTreeSet<T>> {
    match right {
        Value::Array(flags) => words(flags),
        flag => words(std::slice::from_ref(flag)),
    }
}

fn words<T: DeserializeOwned + Ord>(values: &[Value]) -> Option<BTreeSet<T>> {
    values.iter().map(|value| T::deserialize(value).ok()).collect()
}

fn interfaces(right: &Value) -> Option<Interfaces> {
    let names: Option<BTreeSet<Interface>> = words(&list(right));
    Interfaces::try_from(names?).ok()
}

/// A protocol by its number, or by the name that the host's `/etc/protocols` has for it.
fn protocol(value: &Value) -> Option<Protocol> {
    let number = value.as_u64();
    let named = |protocol: &Protocol| match value.as_str() {
        Some("icmpv6") => *protocol == Protocol::Icmpv6,
        name => name == Some(protocol.as_str()),
    };
    Protocol::ALL.into_iter().find(|protocol| number == Some(u64::from(protocol.number())) || named(protocol))
}

fn set_name(right: &Value) -> Option<&str> {
    right.as_str()?.strip_prefix('@')
}

fn addresses(right: &Value, ipv6: bool) -> Option<Addresses> {
    match set_name(right) {
        Some(name) => name.parse().ok().map(Addresses::Set),
        None if ipv6 => networks6(&list(right)).map(Addresses::Ipv6),
        None => networks4(&list(right)).map(Addresses::Ipv4),
    }
}

pub(super) fn networks4(values: &[Value]) -> Option<Networks4> {
    let one = |value: &Value| -> Option<Vec<Ipv4Net>> {
        Some(match ends::<Ipv4Addr>(value)? {
            Ends::Prefix(address, length) => vec![Ipv4Net::new(address, length).ok()?],
            Ends::One(address) => vec![address.into()],
            Ends::Range(first, last) => Networks4::of_range(first, last),
        })
    };
    let networks: Option<Vec<Vec<Ipv4Net>>> = values.iter().map(one).collect();
    Networks4::new(&networks?.concat()).ok()
}

pub(super) fn networks6(values: &[Value]) -> Option<Networks6> {
    let one = |value: &Value| -> Option<Vec<Ipv6Net>> {
        Some(match ends::<Ipv6Addr>(value)? {
            Ends::Prefix(address, length) => vec![Ipv6Net::new(address, length).ok()?],
            Ends::One(address) => vec![address.into()],
            Ends::Range(first, last) => Networks6::of_range(first, last),
        })
    };
    let networks: Option<Vec<Vec<Ipv6Net>>> = values.iter().map(one).collect();
    Networks6::new(&networks?.concat()).ok()
}

fn ports_of(right: &Value) -> Option<PortsOf> {
    match set_name(right) {
        Some(name) => name.parse().ok().map(PortsOf::Set),
        None => ports(&list(right)).map(PortsOf::List),
    }
}

pub(super) fn ports(values: &[Value]) -> Option<Ports> {
    let one = |value: &Value| match ends::<u16>(value)? {
        Ends::One(port) => PortRange::new(port, port).ok(),
        Ends::Range(first, last) => PortRange::new(first, last).ok(),
        Ends::Prefix(..) => None,
    };
    let ranges: Option<Vec<PortRange>> = values.iter().map(one).collect();
    Ports::new(ranges?).ok()
}

enum Ends<T> {
    One(T),
    Prefix(T, u8),
    Range(T, T),
}

fn ends<T: DeserializeOwned>(value: &Value) -> Option<Ends<T>> {
    match single_entry(value) {
        Some(("prefix", body)) => {
            let length = u8::deserialize(body.get("len")?).ok()?;
            Some(Ends::Prefix(T::deserialize(body.get("addr")?).ok()?, length))
        }
        Some(("range", body)) => {
            let (first, last) = <(T, T)>::deserialize(body).ok()?;
            Some(Ends::Range(first, last))
        }
        _ => T::deserialize(value).ok().map(Ends::One),
    }
}

fn log_prefix(body: &Value) -> Option<LogPrefix> {
    let (key, prefix) = single_entry(body)?;
    (key == "prefix").then_some(prefix)?.as_str()?.strip_suffix(": ")?.parse().ok()
}

fn verdict(kind: &str, body: &Value) -> Option<Verdict> {
    Some(match (kind, body) {
        ("accept", Value::Null) => Verdict::Accept,
        ("drop", Value::Null) => Verdict::Drop,
        ("return", Value::Null) => Verdict::Return,
        ("masquerade", Value::Null) => Verdict::Masquerade,
        ("jump", body) => Verdict::Jump(body.get("target")?.as_str()?.parse().ok()?),
        ("reject", body) => reject(body)?,
        ("snat", body) => Verdict::Snat(translation(body)?),
        ("dnat", body) => Verdict::Dnat(translation(body)?),
        _ => return None,
    })
}

fn reject(body: &Value) -> Option<Verdict> {
    let word = |key: &str| body.get(key).and_then(Value::as_str);
    match (word("type"), word("expr")) {
        (None, None) if body.is_null() => Some(Verdict::Reject),
        (Some("tcp reset"), None) => Some(Verdict::Reset),
        (Some("icmp" | "icmpx" | "icmpv6"), Some("port-unreachable")) => Some(Verdict::Reject),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTranslation {
    addr: IpAddr,
    port: Option<u16>,
    #[serde(rename = "family")]
    _family: Option<String>,
}

fn translation(body: &Value) -> Option<Translation> {
    let RawTranslation { addr, port, .. } = RawTranslation::deserialize(body).ok()?;
    Some(Translation { to: addr, port })
}

/// The key and value of an object that has exactly one.
fn single_entry(value: &Value) -> Option<(&str, &Value)> {
    let mut entries = value.as_object()?.iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) => Some((key, value)),
        _ => None,
    }
}
