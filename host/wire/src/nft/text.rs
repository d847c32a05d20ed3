//! A ruleset in nft's language (nft(8)). What stands here is one transaction: it takes the place of what it manages, or of nothing.

use std::fmt::Write as _;

use super::conditions::{Addresses, Conditions, PortsOf};
use super::element::{Networks4, Networks6, Ports};
use super::ruleset::{Chain, Family, Replace, Rule, Ruleset, Set, SetOf, Table, Translation, Verdict};
use super::sound::{family_of, only_protocol};

/// The ruleset as a script for `nft --file`. Loading it twice is the same as loading it once.
pub fn script(ruleset: &Ruleset) -> String {
    let mut text = String::new();
    if ruleset.replace() == Replace::Ruleset {
        text += "flush ruleset\n";
    }
    for table in ruleset.tables() {
        if ruleset.replace() == Replace::Tables {
            text += &gone(table.family, table.name.as_str());
        }
        text += &definition(table);
    }
    text
}

/// A script that brings back what was there before a ruleset was loaded, from the text that the host listed then (`nft --stateless list
/// ruleset`): everything, or the tables that the ruleset manages, whichever it takes the place of.
pub fn restoring(ruleset: &Ruleset, listed: &str) -> String {
    match ruleset.replace() {
        Replace::Ruleset => format!("flush ruleset\n{listed}"),
        Replace::Tables => ruleset.tables().iter().fold(String::new(), |mut text, table| {
            text += &gone(table.family, table.name.as_str());
            text += &listed_table(listed, table);
            text
        }),
    }
}

/// Declares a table, so that it can be deleted whether or not it was there.
fn gone(family: Family, name: &str) -> String {
    let family = family.as_str();
    format!("table {family} {name}\ndelete table {family} {name}\n")
}

/// The lines of one table: `nft` begins a table in the first column, and ends it there with a brace.
fn listed_table(listed: &str, table: &Table) -> String {
    let head = format!("table {table} {{");
    let mut lines = listed.lines().skip_while(|line| *line != head).peekable();
    let mut text = String::new();
    if lines.peek().is_some() {
        for line in lines {
            text += line;
            text.push('\n');
            if line == "}" {
                break;
            }
        }
    }
    text
}

fn definition(table: &Table) -> String {
    let mut text = format!("table {table} {{\n");
    for set in &table.sets {
        text += &set_text(set);
    }
    for chain in &table.chains {
        text += &chain_text(table, chain);
    }
    text + "}\n"
}

fn set_text(set: &Set) -> String {
    let (of, elements) = match &set.of {
        SetOf::Ipv4(networks) => ("ipv4_addr", networks.words()),
        SetOf::Ipv6(networks) => ("ipv6_addr", networks.words()),
        SetOf::Ports(ports) => ("inet_service", port_words(ports)),
    };
    let elements = elements.join(", ");
    format!(
        "\tset {} {{\n\t\ttype {of}\n\t\tflags interval\n\t\telements = {{ {elements} }}\n\t}}\n",
        set.name
    )
}

fn chain_text(table: &Table, chain: &Chain) -> String {
    let mut text = format!("\tchain {} {{\n", chain.name);
    if let Some(base) = chain.base {
        let (chain_type, hook, policy) = (base.chain_type.as_str(), base.hook.as_str(), base.policy.as_str());
        let _ =
            writeln!(text, "\t\ttype {chain_type} hook {hook} priority {}; policy {policy};", base.priority);
    }
    for rule in &chain.rules {
        let _ = writeln!(text, "\t\t{}", rule_text(table, rule));
    }
    text + "\t}\n"
}

fn rule_text(table: &Table, rule: &Rule) -> String {
    let mut words = condition_words(table, &rule.when);
    if rule.counter {
        words.push("counter".to_owned());
    }
    if let Some(prefix) = &rule.log {
        words.push(format!("log prefix \"{prefix}: \""));
    }
    words.extend(verdict(table, &rule.then));
    if let Some(comment) = &rule.comment {
        words.push(format!("comment \"{comment}\""));
    }
    words.join(" ")
}

fn condition_words(table: &Table, when: &Conditions) -> Vec<String> {
    let mut words = Vec::new();
    let quoted = |interface: &super::name::Interface| format!("\"{interface}\"");
    if let Some(interfaces) = &when.inward {
        words.push(format!("iifname {}", any(interfaces.iter().map(quoted).collect())));
    }
    if let Some(interfaces) = &when.outward {
        words.push(format!("oifname {}", any(interfaces.iter().map(quoted).collect())));
    }
    let sides = [("saddr", &when.source), ("daddr", &when.destination)];
    for (side, addresses) in
        sides.into_iter().filter_map(|(side, addresses)| Some((side, addresses.as_ref()?)))
    {
        let family = family_of(table, addresses).map_or("ip", Family::as_str);
        words.push(format!("{family} {side} {}", address_words(addresses)));
    }
    let ports = [("sport", &when.sport), ("dport", &when.dport)];
    let mut of_port = ports.into_iter().filter_map(|(side, ports)| Some((side, ports.as_ref()?))).peekable();
    if of_port.peek().is_some() {
        let protocol = only_protocol(when).map_or("th", super::conditions::Protocol::as_str);
        words.extend(of_port.map(|(side, ports)| format!("{protocol} {side} {}", port_list(ports))));
    } else if let Some(protocols) = &when.protocol {
        let numbers = protocols.iter().map(|protocol| protocol.number().to_string()).collect();
        words.push(format!("meta l4proto {}", any(numbers)));
    }
    if let Some(types) = &when.icmp {
        words.push(format!("icmp type {}", any(types.iter().map(|of| of.as_str().to_owned()).collect())));
    }
    if let Some(types) = &when.icmp6 {
        words.push(format!("icmpv6 type {}", any(types.iter().map(|of| of.as_str().to_owned()).collect())));
    }
    if let Some(states) = &when.state {
        let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
        words.push(format!("ct state {}", states.join(",")));
    }
    if let Some(limit) = &when.limit {
        words.push(format!("limit rate {}/{} burst {} packets", limit.rate, limit.per.as_str(), limit.burst));
    }
    words
}

fn verdict(table: &Table, verdict: &Verdict) -> Option<String> {
    let translated = |name: &str, translation: &Translation| {
        let family = if table.family == Family::Inet {
            format!(" {}", Family::of(translation.to).as_str())
        } else {
            String::new()
        };
        let to = match (translation.to, translation.port) {
            (to, None) => to.to_string(),
            (to, Some(port)) => std::net::SocketAddr::new(to, port).to_string(),
        };
        format!("{name}{family} to {to}")
    };
    Some(match verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Reject => "reject".to_owned(),
        Verdict::Reset => "reject with tcp reset".to_owned(),
        Verdict::Return => "return".to_owned(),
        Verdict::Continue => return None,
        Verdict::Jump(target) => format!("jump {target}"),
        Verdict::Masquerade => "masquerade".to_owned(),
        Verdict::Snat(translation) => translated("snat", translation),
        Verdict::Dnat(translation) => translated("dnat", translation),
    })
}

fn address_words(addresses: &Addresses) -> String {
    match addresses {
        Addresses::Ipv4(networks) => any(Networks4::words(networks)),
        Addresses::Ipv6(networks) => any(Networks6::words(networks)),
        Addresses::Set(name) => format!("@{name}"),
    }
}

fn port_list(ports: &PortsOf) -> String {
    match ports {
        PortsOf::List(ports) => any(port_words(ports)),
        PortsOf::Set(name) => format!("@{name}"),
    }
}

fn port_words(ports: &Ports) -> Vec<String> {
    ports.iter().map(|range| range.to_string()).collect()
}

/// One value, or a set of them.
fn any(words: Vec<String>) -> String {
    match words.as_slice() {
        [one] => one.clone(),
        _ => format!("{{ {} }}", words.join(", ")),
    }
}
