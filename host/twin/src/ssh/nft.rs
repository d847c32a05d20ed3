//! What `nft --json list ruleset` prints (nftables 1.0.6, schema 1).

use fabric_model::site::Protocol;
use ipnet::Ipv4Net;
use serde_json::{Value, json};

use crate::firewall::{Match, Rule, Verdict};
use crate::state::HostState;

/// The loaded ruleset as one line of JSON; an empty one where the unit does not run.
pub(crate) fn ruleset(host: &HostState) -> String {
    let mut objects = vec![json!({"metainfo": {
        "version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1,
    }})];
    if host.filters() {
        objects.extend(filter_table(host));
        if !host.ruleset.postrouting.is_empty() {
            objects.extend(nat_table(host));
        }
    }
    format!("{}\n", json!({"nftables": objects}))
}

fn filter_table(host: &HostState) -> Vec<Value> {
    let mut handles = 3_u32..;
    let chain = |name: &str, handle: u32, policy: &str| {
        json!({"chain": {"family": "inet", "table": "filter", "name": name, "handle": handle, "type": "filter",
                         "hook": name, "prio": 0, "policy": policy}})
    };
    let mut objects = vec![
        json!({"table": {"family": "inet", "name": "filter", "handle": 1}}),
        chain("input", 1, "drop"),
        chain("forward", 2, "drop"),
        chain("output", 3, "accept"),
    ];
    for (name, rules) in [("input", &host.ruleset.input), ("forward", &host.ruleset.forward)] {
        let rules = rules.iter().zip(&mut handles);
        objects.extend(rules.map(|(shown, handle)| rule("inet", "filter", name, handle + 1, shown)));
    }
    objects
}

fn nat_table(host: &HostState) -> Vec<Value> {
    let mut objects = vec![
        json!({"table": {"family": "ip", "name": "nat", "handle": 2}}),
        json!({"chain": {"family": "ip", "table": "nat", "name": "postrouting", "handle": 1, "type": "nat",
                         "hook": "postrouting", "prio": 100, "policy": "accept"}}),
    ];
    let rules = host.ruleset.postrouting.iter().zip(2_u32..);
    objects.extend(rules.map(|(shown, handle)| rule("ip", "nat", "postrouting", handle, shown)));
    objects
}

fn rule(family: &str, table: &str, chain: &str, handle: u32, rule: &Rule) -> Value {
    let verdict = match rule.verdict {
        Verdict::Accept => json!({"accept": null}),
        Verdict::Masquerade => json!({"masquerade": null}),
    };
    let expressions: Vec<Value> = rule.matches.iter().map(expression).chain([verdict]).collect();
    json!({"rule": {"family": family, "table": table, "chain": chain, "handle": handle, "expr": expressions}})
}

fn expression(matching: &Match) -> Value {
    let is = |left: Value, right: Value| json!({"match": {"op": "==", "left": left, "right": right}});
    let payload = |protocol: &str, field: &str| json!({"payload": {"protocol": protocol, "field": field}});
    let meta = |key: &str| json!({"meta": {"key": key}});
    match matching {
        Match::Loopback => is(meta("iif"), json!("lo")),
        Match::Established => json!({"match": {
            "op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"],
        }}),
        Match::Vrrp => is(payload("ip", "protocol"), json!("vrrp")),
        Match::SourceIn(network) => is(payload("ip", "saddr"), prefix(network)),
        Match::SourceOneOf(addresses) => is(
            payload("ip", "saddr"),
            match addresses.as_slice() {
                [one] => json!(one),
                many => json!({"set": many}),
            },
        ),
        Match::Destination(address) => is(payload("ip", "daddr"), json!(address)),
        Match::Port(Protocol::Tcp, port) => is(payload("tcp", "dport"), json!(port)),
        Match::Port(Protocol::Udp, port) => is(payload("udp", "dport"), json!(port)),
        Match::FromInterface(name) => is(meta("iifname"), json!(name)),
        Match::ToInterface(name) => is(meta("oifname"), json!(name)),
    }
}

fn prefix(network: &Ipv4Net) -> Value {
    json!({"prefix": {"addr": network.network(), "len": network.prefix_len()}})
}
