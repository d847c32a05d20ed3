//! The nftables reader over a ruleset that `nft` 1.0.6 printed.

use fabric_wire::WireError;
use fabric_wire::ssh::{CommandOutput, NftMatch, NftRule, NftRuleset, nft_ruleset};

const EDGE: &str = include_str!("nft/edge.json");

fn read(text: &str) -> Result<NftRuleset, WireError> {
    let stdout = text.as_bytes().to_vec();
    nft_ruleset(&CommandOutput { status: 0, stdout, stderr: Vec::new(), path: Vec::new() })
}

fn edge() -> NftRuleset {
    read(EDGE).expect("the recorded ruleset is complete")
}

fn is(left: &str, op: &str, right: &[&str]) -> NftMatch {
    NftMatch { left: left.into(), op: op.into(), right: right.iter().map(|&r| r.into()).collect() }
}

fn masquerades(rule: &NftRule, network: &str) -> bool {
    rule.chain_type.as_deref() == Some("nat")
        && rule.hook.as_deref() == Some("postrouting")
        && rule.matches == [is("oifname", "==", &["eth0"]), is("ip saddr", "==", &[network])]
        && rule.statements.first().is_some_and(|s| s.name == "masquerade")
        && rule.other.is_empty()
}

#[test]
fn a_masquerade_rule_is_found_by_plain_comparison() {
    assert_eq!(edge().rules.iter().filter(|rule| masquerades(rule, "10.10.100.0/24")).count(), 1);
    assert_eq!(edge().rules.iter().filter(|rule| masquerades(rule, "10.10.101.0/24")).count(), 0);
}

#[test]
fn a_rule_for_another_subnet_is_not_mistaken_for_it() {
    let wrong = EDGE.replace("10.10.100.0", "10.10.10.0");
    let ruleset = read(&wrong).expect("still a ruleset");
    assert!(!ruleset.rules.iter().any(|rule| masquerades(rule, "10.10.100.0/24")));
}

#[test]
fn a_rule_that_is_narrowed_by_something_untyped_says_so() {
    let limit = r#"{"limit": {"rate": 1, "burst": 5, "per": "second"}}, {"masquerade": null}"#;
    let narrowed = EDGE.replace(r#"{"masquerade": null}"#, limit);
    let ruleset = read(&narrowed).expect("still a ruleset");
    assert!(!ruleset.rules.iter().any(|rule| masquerades(rule, "10.10.100.0/24")));
    let masked = edge().rules.into_iter().find(|rule| rule.handle == 9).expect("the rule with masked flags");
    assert_eq!((masked.matches.len(), masked.other.len()), (0, 1));
}

#[test]
fn every_kind_of_right_side_becomes_text() {
    let ruleset = edge();
    let all: Vec<&NftMatch> = ruleset.rules.iter().flat_map(|rule| &rule.matches).collect();
    for expected in [
        is("ct state", "in", &["established", "related"]),
        is("udp dport", "==", &["53", "1000-1010", "5353"]),
        is("ip daddr", "!=", &["1.2.3.4", "10.0.0.0/8"]),
        is("ip saddr . tcp dport", "==", &["1.1.1.1 . 22", "2.2.2.2 . 23"]),
        is("ip saddr", "==", &["@s"]),
        is("meta mark", "==", &["1"]),
        is("fib daddr type", "==", &["local"]),
    ] {
        assert!(all.contains(&&expected), "{expected:?}");
    }
    let set = ruleset.sets.first().expect("one named set");
    assert_eq!(set.elements, ["10.1.0.0/16", "10.2.0.1-10.2.0.9"]);
}

#[test]
fn actions_carry_their_arguments() {
    let ruleset = edge();
    let all: Vec<_> = ruleset.rules.iter().flat_map(|rule| &rule.statements).collect();
    let dnat = all.iter().find(|s| s.name == "dnat" && s.port.is_some()).expect("dnat to a port");
    assert_eq!((dnat.address.as_deref(), dnat.port.as_deref()), (Some("10.1.1.1"), Some("8080")));
    assert!(all.iter().any(|s| s.name == "jump" && s.target.as_deref() == Some("other")));
}

#[test]
fn a_base_chain_has_a_policy_and_a_regular_one_has_none() {
    let ruleset = edge();
    let policy = |name: &str| {
        let chain = ruleset.chains.iter().find(|c| c.name == name).expect("the chain is listed");
        (chain.hook.clone(), chain.policy.clone())
    };
    assert_eq!(policy("input"), (Some("input".into()), Some("drop".into())));
    assert_eq!(policy("other"), (None, None));
}

#[test]
fn counters_do_not_make_two_readings_differ() {
    let later = EDGE.replace(r#""packets": 0, "bytes": 0"#, r#""packets": 7, "bytes": 420"#);
    assert_ne!(later, EDGE);
    assert_eq!(read(&later), read(EDGE));
}

#[test]
fn an_empty_ruleset_is_an_answer_and_anything_else_is_garbage() {
    assert_eq!(read(r#"{"nftables": []}"#), Ok(NftRuleset::default()));
    let orphan = r#"{"nftables":[{"rule":{"family":"ip","table":"t","chain":"c","handle":1,"expr":[]}}]}"#;
    for bad in ["", "[]", "{}", r#"{"nftables":[{"table":{}}]}"#, orphan] {
        assert!(matches!(read(bad), Err(WireError::Garbage(_))), "{bad}");
    }
}
