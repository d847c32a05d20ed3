//! What `nft --json list ruleset` prints (nftables 1.0.6, schema 1).

use serde_json::{Map, Value, json};

use super::ruleset::{Chain, Item, Key, Part, Rule, Ruleset, Set, Table, Values, Verdict};

/// The ruleset as one line of JSON.
pub(crate) fn json(ruleset: &Ruleset) -> String {
    let mut objects = vec![json!({"metainfo": {
        "version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1,
    }})];
    for (table, handle) in ruleset.tables.iter().zip(1_u32..) {
        objects.extend(shown(table, handle));
    }
    format!("{}\n", json!({"nftables": objects}))
}

/// A table, its sets and chains, then the rules of all chains: handles count in the order of creation.
fn shown(table: &Table, handle: u32) -> Vec<Value> {
    let (family, name) = (&table.family, &table.name);
    let mut handles = 1_u32..;
    let mut take = || handles.next().unwrap_or_default();
    let mut objects = vec![json!({"table": {"family": family, "name": name, "handle": handle}})];
    objects.extend(table.sets.iter().map(|set| shown_set(table, set, take())));
    objects.extend(table.chains.iter().map(|chain| shown_chain(table, chain, take())));
    for chain in &table.chains {
        objects.extend(chain.rules.iter().map(|rule| shown_rule(table, chain, rule, take())));
    }
    objects
}

fn shown_set(table: &Table, set: &Set, handle: u32) -> Value {
    let mut fields = Map::new();
    for (key, value) in [
        ("family", json!(table.family)),
        ("name", json!(set.name)),
        ("table", json!(table.name)),
        ("type", json!(set.kind)),
        ("handle", json!(handle)),
    ] {
        fields.insert(key.to_owned(), value);
    }
    if !set.flags.is_empty() {
        fields.insert("flags".to_owned(), json!(set.flags));
    }
    if !set.elements.is_empty() {
        fields.insert("elem".to_owned(), set.elements.iter().map(value).collect());
    }
    json!({"set": fields})
}

fn shown_chain(table: &Table, chain: &Chain, handle: u32) -> Value {
    let mut shown =
        json!({"family": table.family, "table": table.name, "name": chain.name, "handle": handle});
    if let (Some(base), Some(fields)) = (&chain.base, shown.as_object_mut()) {
        let policy = if base.drops { "drop" } else { "accept" };
        for (key, value) in [
            ("type", json!(base.kind)),
            ("hook", json!(base.hook)),
            ("prio", json!(base.priority)),
            ("policy", json!(policy)),
        ] {
            fields.insert(key.to_owned(), value);
        }
    }
    json!({"chain": shown})
}

fn shown_rule(table: &Table, chain: &Chain, rule: &Rule, handle: u32) -> Value {
    let expressions: Vec<Value> = rule.parts.iter().map(expression).collect();
    let mut shown = json!({
        "family": table.family, "table": table.name, "chain": chain.name, "handle": handle, "expr": expressions,
    });
    if let (Some(comment), Some(fields)) = (&rule.comment, shown.as_object_mut()) {
        fields.insert("comment".to_owned(), json!(comment));
    }
    json!({"rule": shown})
}

fn expression(part: &Part) -> Value {
    match part {
        Part::Match { key, negated, values } => {
            // A comparison with flags between commas is a test of bits.
            let op = match (negated, key) {
                (true, _) => "!=",
                (false, Key::State) => "in",
                (false, _) => "==",
            };
            json!({"match": {"op": op, "left": left(key), "right": right(values)}})
        }
        Part::Verdict(verdict) => shown_verdict(verdict),
        Part::Aside(text) => match text.split(' ').next() {
            Some("counter") => json!({"counter": {"packets": 0, "bytes": 0}}),
            word => json!({word.unwrap_or_default(): null}),
        },
    }
}

fn left(key: &Key) -> Value {
    let payload = |protocol: &str, field: &str| json!({"payload": {"protocol": protocol, "field": field}});
    let end = |source: bool, what: &str| format!("{}{what}", if source { 's' } else { 'd' });
    match key {
        Key::Interface { word, .. } => json!({"meta": {"key": word}}),
        Key::Address { source } => payload("ip", &end(*source, "addr")),
        Key::Port { carrier, source } => payload(carrier, &end(*source, "port")),
        Key::State => json!({"ct": {"key": "state"}}),
        Key::Protocol { word } | Key::Foreign(word) => match word.split_once(' ') {
            Some(("meta", key)) => json!({"meta": {"key": key}}),
            Some(("ct", key)) => json!({"ct": {"key": key}}),
            Some((protocol, field)) => payload(protocol, field),
            None => json!({"meta": {"key": word}}),
        },
    }
}

fn right(values: &Values) -> Value {
    let several = |items: &[Item]| items.iter().map(value).collect::<Vec<_>>();
    match values {
        Values::Listed(items) => match items.as_slice() {
            [one] => value(one),
            many => json!(several(many)),
        },
        Values::Braced(items) => json!({"set": several(items)}),
        Values::Named(name) => json!(format!("@{name}")),
    }
}

fn value(item: &Item) -> Value {
    match item {
        Item::Net(network) => json!({"prefix": {"addr": network.network(), "len": network.prefix_len()}}),
        Item::Address(address) => json!(address),
        Item::Addresses(first, last) => json!({"range": [first, last]}),
        Item::Number(number) => json!(number),
        Item::Numbers(first, last) => json!({"range": [first, last]}),
        Item::Word(word) => json!(word),
    }
}

fn shown_verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Accept => json!({"accept": null}),
        Verdict::Drop => json!({"drop": null}),
        Verdict::Reject(_) => json!({"reject": null}),
        Verdict::Return => json!({"return": null}),
        Verdict::Jump(chain) => json!({"jump": {"target": chain}}),
        Verdict::Goto(chain) => json!({"goto": {"target": chain}}),
        Verdict::Masquerade => json!({"masquerade": null}),
        Verdict::Translate(text) => json!({text.split(' ').next().unwrap_or("nat"): null}),
    }
}
