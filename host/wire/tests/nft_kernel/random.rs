//! Random rulesets that are sound by construction, from a string of bytes: the simpler the bytes, the simpler the ruleset.

#![expect(
    clippy::indexing_slicing,
    reason = "the generator picks from its own tables; what is missing there fails the test"
)]

use std::net::{Ipv4Addr, Ipv6Addr};

use fabric_wire::nft::{Draft, Replace, Ruleset};
use serde_json::{Value, json};

/// A ruleset out of bytes.
pub(crate) fn ruleset(bytes: &[u8]) -> Ruleset {
    Ruleset::try_from(draft(bytes)).expect("the generator makes sound rulesets")
}

fn draft(bytes: &[u8]) -> Draft {
    let mut dice = Dice(bytes.iter());
    let tables: Vec<Value> = ["inet", "ip", "ip6"]
        .into_iter()
        .enumerate()
        .filter_map(|(index, family)| {
            let wanted = index == 0 || dice.pick(2) == 1;
            if wanted { Some(table(&mut dice, family)) } else { None }
        })
        .collect();
    let replace = if dice.pick(2) == 1 { Replace::Ruleset } else { Replace::Tables };
    let tables = serde_json::from_value(Value::Array(tables)).expect("tables");
    Draft { replace, tables }
}

struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn pick(&mut self, sides: u32) -> u32 {
        self.byte() % sides
    }

    fn byte(&mut self) -> u32 {
        u32::from(self.0.next().copied().unwrap_or(0))
    }

    fn list(&mut self, of: impl Fn(&mut Self) -> Value) -> Vec<Value> {
        (0..=self.pick(4)).map(|_| of(self)).collect()
    }

    fn words(&mut self, all: &[&str]) -> Vec<Value> {
        let mut words: Vec<&str> = all.iter().copied().filter(|_| self.pick(3) == 1).collect();
        words.extend(if words.is_empty() { all.first() } else { None });
        words.into_iter().map(Value::from).collect()
    }
}

fn v4(dice: &mut Dice<'_>) -> Value {
    let length = [32, 24, 8, 31, 25, 12][dice.pick(6) as usize];
    // Few addresses, so that lists overlap and touch.
    let address = Ipv4Addr::new(10, 0, dice.pick(4) as u8, dice.pick(8) as u8);
    let mask = u32::MAX << (32 - length);
    json!(format!("{}/{length}", Ipv4Addr::from(u32::from(address) & mask)))
}

fn v6(dice: &mut Dice<'_>) -> Value {
    let length = [128, 64, 10, 127, 126][dice.pick(5) as usize];
    let address = Ipv6Addr::new(0xfe80, 0, 0, dice.pick(3) as u16, 0, 0, 0, dice.pick(8) as u16);
    let mask = u128::MAX << (128 - length);
    json!(format!("{}/{length}", Ipv6Addr::from(u128::from(address) & mask)))
}

fn port(dice: &mut Dice<'_>) -> Value {
    match dice.pick(3) {
        0 => json!(22 + dice.pick(6)),
        1 => json!(format!("{}-{}", 20 + dice.pick(9), 28 + dice.pick(200))),
        _ => json!(format!("{}-65535", 1 + dice.byte())),
    }
}

fn table(dice: &mut Dice<'_>, family: &str) -> Value {
    let mut sets = vec![json!({ "name": "web", "of": { "ports": dice.list(port) } })];
    if family != "ip6" {
        sets.push(json!({ "name": "near4", "of": { "ipv4": dice.list(v4) } }));
    }
    if family != "ip" {
        sets.push(json!({ "name": "near6", "of": { "ipv6": dice.list(v6) } }));
    }
    let base = |chain_type: &str, hook: &str, priority: i32, policy: &str| json!({ "type": chain_type, "hook": hook, "priority": priority, "policy": policy });
    let policy = ["accept", "drop"][dice.pick(2) as usize];
    let priority = [0, -300, 50, -1][dice.pick(4) as usize];
    let mut chain = |name: &str, base: Option<Value>, place: Place| {
        let rules: Vec<Value> = (0..dice.pick(5)).map(|_| rule(dice, family, place)).collect();
        json!({ "name": name, "base": base, "rules": rules })
    };
    let chains = vec![
        chain("incoming", Some(base("filter", "input", priority, policy)), Place::Input),
        chain("passing", Some(base("filter", "forward", priority, policy)), Place::Forward),
        chain("pre", Some(base("nat", "prerouting", -100, "accept")), Place::Prerouting),
        chain("post", Some(base("nat", "postrouting", 100, "accept")), Place::Postrouting),
        chain("early", None, Place::Early),
        chain("late", None, Place::Late),
    ];
    json!({ "family": family, "name": format!("t_{family}"), "sets": sets, "chains": chains })
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Input,
    Forward,
    Prerouting,
    Postrouting,
    /// A chain that others jump to, and that jumps to the last.
    Early,
    /// A chain that others jump to.
    Late,
}

fn rule(dice: &mut Dice<'_>, family: &str, place: Place) -> Value {
    let ipv6 = family == "ip6" || family == "inet" && dice.pick(2) == 1;
    let mut when = serde_json::Map::new();
    let mut put = |key: &str, value: Value| when.insert(key.to_owned(), value);
    if matches!(place, Place::Input | Place::Forward | Place::Prerouting) && dice.pick(3) == 1 {
        put("in", dice.words(&["eth0", "lo", "br-lan.1"]).into());
    }
    if matches!(place, Place::Forward | Place::Postrouting) && dice.pick(3) == 1 {
        put("out", dice.words(&["eth0", "veth@x", "wan+1"]).into());
    }
    for side in ["source", "destination"] {
        match (dice.pick(4), ipv6) {
            (1, false) => put(side, json!({ "ipv4": dice.list(v4) })),
            (1, true) => put(side, json!({ "ipv6": dice.list(v6) })),
            (2, false) => put(side, json!({ "set": "near4" })),
            (2, true) => put(side, json!({ "set": "near6" })),
            _ => None,
        };
    }
    let protocol = ["tcp", "udp"][dice.pick(2) as usize];
    let mut with_ports = false;
    match dice.pick(5) {
        1 => {
            with_ports = true;
            put("protocol", json!([protocol]));
            for side in ["sport", "dport"] {
                match dice.pick(3) {
                    1 => put(side, json!({ "list": dice.list(port) })),
                    2 => put(side, json!({ "set": "web" })),
                    _ => None,
                };
            }
        }
        2 => {
            put("protocol", dice.words(&["udp", "tcp", "vrrp"]).into());
        }
        3 if ipv6 => {
            put("icmp6", dice.words(&ICMP6).into());
        }
        3 => {
            put("icmp", dice.words(&ICMP).into());
        }
        _ => {}
    }
    if dice.pick(3) == 1 {
        put("state", dice.words(&["new", "established", "related", "invalid", "untracked"]).into());
    }
    if dice.pick(4) == 1 {
        let per = ["second", "minute", "hour", "day"][dice.pick(4) as usize];
        put("limit", json!({ "rate": 1 + dice.byte(), "per": per, "burst": 1 + dice.pick(9) }));
    }
    let then = verdict(dice, place, ipv6, with_ports, protocol);
    let counter = then == "continue" || dice.pick(3) == 1;
    let mut rule = json!({ "when": when, "counter": counter, "then": then });
    if dice.pick(4) == 1 {
        rule["log"] = json!("fabric.in");
    }
    if dice.pick(4) == 1 {
        rule["comment"] = json!("SSH; from #control {x} & more");
    }
    rule
}

fn verdict(dice: &mut Dice<'_>, place: Place, ipv6: bool, with_ports: bool, protocol: &str) -> Value {
    let to = if ipv6 { "fe80::9" } else { "10.9.9.9" };
    let translation =
        if with_ports { json!({ "to": to, "port": 1 + dice.byte() }) } else { json!({ "to": to }) };
    let common = ["accept", "return", "continue"];
    match (place, dice.pick(6)) {
        (Place::Prerouting, 0 | 1) => json!({ "dnat": translation }),
        (Place::Postrouting, 0) => json!({ "snat": translation }),
        (Place::Postrouting, 1) => json!("masquerade"),
        (Place::Input | Place::Forward | Place::Early, 0) => json!({ "jump": "late" }),
        (Place::Input | Place::Forward, 1) => json!({ "jump": "early" }),
        (Place::Input | Place::Forward, 2) => json!("reject"),
        (Place::Input | Place::Forward, 3) if with_ports && protocol == "tcp" => json!("reset"),
        (Place::Prerouting | Place::Postrouting, side) => json!(common[side as usize % 3]),
        (_, side) if side % 2 == 1 => json!("drop"),
        (_, side) => json!(common[side as usize % 3]),
    }
}

const ICMP: [&str; 5] =
    ["echo-reply", "destination-unreachable", "echo-request", "time-exceeded", "parameter-problem"];
const ICMP6: [&str; 13] = [
    "packet-too-big",
    "destination-unreachable",
    "time-exceeded",
    "parameter-problem",
    "echo-request",
    "echo-reply",
    "mld-listener-query",
    "mld-listener-report",
    "nd-router-solicit",
    "nd-router-advert",
    "nd-neighbor-solicit",
    "nd-neighbor-advert",
    "mld2-listener-report",
];
