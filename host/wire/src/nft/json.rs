//! A ruleset in the JSON of libnftables (libnftables-json(5)): the same transaction as its text.

use serde_json::{Value, json};

use super::conditions::{Addresses, Conditions, PortsOf, Protocol};
use super::element::Ports;
use super::ruleset::{Chain, Family, Replace, Rule, Ruleset, Set, SetOf, Table, Translation, Verdict};
use super::sound::{family_of, only_protocol};

/// The ruleset as a document for `nft --json --file`.
pub fn document(ruleset: &Ruleset) -> Value {
    let mut commands = Vec::new();
    if ruleset.replace() == Replace::Ruleset {
        commands.push(json!({ "flush": { "ruleset": null } }));
    }
    for table in ruleset.tables() {
        if ruleset.replace() == Replace::Tables {
            let it = json!({ "table": { "family": table.family.as_str(), "name": table.name } });
            commands.extend([json!({ "add": it }), json!({ "delete": it })]);
        }
        commands.extend(objects(table).into_iter().map(|object| json!({ "add": object })));
    }
    json!({ "nftables": commands })
}

/// The objects of a table in the order in which the kernel lists them: the table, its sets, its chains, its rules.
fn objects(table: &Table) -> Vec<Value> {
    let mut objects = vec![json!({ "table": { "family": table.family.as_str(), "name": table.name } })];
    objects.extend(table.sets.iter().map(|set| set_object(table, set)));
    objects.extend(table.chains.iter().map(|chain| chain_object(table, chain)));
    for chain in &table.chains {
        objects.extend(chain.rules.iter().map(|rule| rule_object(table, chain, rule)));
    }
    objects
}

fn set_object(table: &Table, set: &Set) -> Value {
    let (of, elements) = match &set.of {
        SetOf::Ipv4(networks) => ("ipv4_addr", networks.words().iter().map(|word| network(word)).collect()),
        SetOf::Ipv6(networks) => ("ipv6_addr", networks.words().iter().map(|word| network(word)).collect()),
        SetOf::Ports(ports) => ("inet_service", port_values(ports)),
    };
    let elements: Vec<Value> = elements;
    json!({ "set": {
        "family": table.family.as_str(), "table": table.name, "name": set.name,
        "type": of, "flags": ["interval"], "elem": elements,
    } })
}

fn chain_object(table: &Table, chain: &Chain) -> Value {
    let (family, name) = (table.family.as_str(), &chain.name);
    match chain.base {
        None => json!({ "chain": { "family": family, "table": table.name, "name": name } }),
        Some(base) => json!({ "chain": {
            "family": family, "table": table.name, "name": name,
            "type": base.chain_type.as_str(), "hook": base.hook.as_str(), "prio": base.priority, "policy": base.policy.as_str(),
        } }),
    }
}

fn rule_object(table: &Table, chain: &Chain, rule: &Rule) -> Value {
    let mut expressions = conditions(table, &rule.when);
    if rule.counter {
        expressions.push(json!({ "counter": null }));
    }
    if let Some(prefix) = &rule.log {
        expressions.push(json!({ "log": { "prefix": format!("{prefix}: ") } }));
    }
    expressions.extend(verdict(table, &rule.then));
    let (family, chain) = (table.family.as_str(), &chain.name);
    match &rule.comment {
        None => {
            json!({ "rule": { "family": family, "table": table.name, "chain": chain, "expr": expressions } })
        }
        Some(comment) => json!({ "rule": {
            "family": family, "table": table.name, "chain": chain, "comment": comment, "expr": expressions,
        } }),
    }
}

fn conditions(table: &Table, when: &Conditions) -> Vec<Value> {
    let mut all = Vec::new();
    let meta = |key: &str, right: Value| matches("==", json!({ "meta": { "key": key } }), right);
    let payload = |protocol: &str, field: &str, right: Value| {
        matches("==", json!({ "payload": { "protocol": protocol, "field": field } }), right)
    };
    if let Some(interfaces) = &when.inward {
        all.push(meta("iifname", any(interfaces.iter().map(|interface| json!(interface)).collect())));
    }
    if let Some(interfaces) = &when.outward {
        all.push(meta("oifname", any(interfaces.iter().map(|interface| json!(interface)).collect())));
    }
    let sides = [("saddr", &when.source), ("daddr", &when.destination)];
    for (side, addresses) in
        sides.into_iter().filter_map(|(side, addresses)| Some((side, addresses.as_ref()?)))
    {
        let family = family_of(table, addresses).map_or("ip", Family::as_str);
        all.push(payload(family, side, address_values(addresses)));
    }
    let ports = [("sport", &when.sport), ("dport", &when.dport)];
    let mut of_port = ports.into_iter().filter_map(|(side, ports)| Some((side, ports.as_ref()?))).peekable();
    if of_port.peek().is_some() {
        let protocol = only_protocol(when).map_or("th", Protocol::as_str);
        all.extend(of_port.map(|(side, ports)| payload(protocol, side, port_list(ports))));
    } else if let Some(protocols) = &when.protocol {
        all.push(meta("l4proto", any(protocols.iter().map(|protocol| json!(protocol.number())).collect())));
    }
    if let Some(types) = &when.icmp {
        all.push(payload("icmp", "type", any(types.iter().map(|of| json!(of)).collect())));
    }
    if let Some(types) = &when.icmp6 {
        all.push(payload("icmpv6", "type", any(types.iter().map(|of| json!(of)).collect())));
    }
    if let Some(states) = &when.state {
        all.push(matches("in", json!({ "ct": { "key": "state" } }), json!(states)));
    }
    if let Some(limit) = &when.limit {
        all.push(json!({ "limit": { "rate": limit.rate, "burst": limit.burst, "per": limit.per.as_str() } }));
    }
    all
}

fn matches(op: &str, left: Value, right: Value) -> Value {
    json!({ "match": { "op": op, "left": left, "right": right } })
}

fn verdict(table: &Table, verdict: &Verdict) -> Option<Value> {
    let translated = |name: &str, translation: &Translation| {
        let mut body = serde_json::Map::new();
        if table.family == Family::Inet {
            body.insert("family".into(), json!(Family::of(translation.to).as_str()));
        }
        body.insert("addr".into(), json!(translation.to));
        body.extend(translation.port.map(|port| ("port".to_owned(), json!(port))));
        json!({ name: body })
    };
    Some(match verdict {
        Verdict::Accept => json!({ "accept": null }),
        Verdict::Drop => json!({ "drop": null }),
        Verdict::Reject => json!({ "reject": null }),
        Verdict::Reset => json!({ "reject": { "type": "tcp reset" } }),
        Verdict::Return => json!({ "return": null }),
        Verdict::Continue => return None,
        Verdict::Jump(target) => json!({ "jump": { "target": target } }),
        Verdict::Masquerade => json!({ "masquerade": null }),
        Verdict::Snat(translation) => translated("snat", translation),
        Verdict::Dnat(translation) => translated("dnat", translation),
    })
}

fn address_values(addresses: &Addresses) -> Value {
    match addresses {
        Addresses::Ipv4(networks) => any(networks.words().iter().map(|word| network(word)).collect()),
        Addresses::Ipv6(networks) => any(networks.words().iter().map(|word| network(word)).collect()),
        Addresses::Set(name) => json!(format!("@{name}")),
    }
}

/// An address alone, or a network.
fn network(word: &str) -> Value {
    match word.split_once('/').and_then(|(address, length)| Some((address, length.parse::<u8>().ok()?))) {
        None => json!(word),
        Some((address, length)) => json!({ "prefix": { "addr": address, "len": length } }),
    }
}

fn port_list(ports: &PortsOf) -> Value {
    match ports {
        PortsOf::List(ports) => any(port_values(ports)),
        PortsOf::Set(name) => json!(format!("@{name}")),
    }
}

fn port_values(ports: &Ports) -> Vec<Value> {
    let value = |range: super::element::PortRange| {
        if range.first() == range.last() {
            json!(range.first())
        } else {
            json!({ "range": [range.first(), range.last()] })
        }
    };
    ports.iter().map(value).collect()
}

/// One value, or a set of them.
fn any(mut values: Vec<Value>) -> Value {
    match values.len() {
        1 => values.pop().unwrap_or_default(),
        _ => json!({ "set": values }),
    }
}
