//! Rulesets put to the real `nft` and the running kernel, each in a network namespace of its own.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the promise is about a program that is not ours"
)]

mod namespace;
mod random;

use fabric_wire::nft::profile::{Inbound, Service, WayOut, edge, guarded};
use fabric_wire::nft::{Draft, Held, Replace, Ruleset, Word, document, held, restoring, script};
use proptest::prelude::*;

use namespace::Namespace;

/// Random rulesets that are tried: some hundred ms each.
const CASES: u32 = 40;

const LOAD: [&str; 2] = ["--file", "-"];
const LOAD_JSON: [&str; 3] = ["--json", "--file", "-"];

fn inbound() -> Inbound {
    Inbound {
        control: vec!["192.168.11.0/24".parse().expect("a network"), "fd00::/64".parse().expect("a network")],
        ssh_port: 22,
        vrrp_peers: vec![
            "192.168.11.112".parse().expect("an address"),
            "10.10.100.12".parse().expect("an address"),
        ],
        services: vec![dns("udp"), dns("tcp")],
    }
}

fn dns(protocol: &str) -> Service {
    let service = serde_json::json!({ "protocol": protocol, "ports": [53], "at": "192.168.11.100" });
    serde_json::from_value(service).expect("a service")
}

fn way_out() -> WayOut {
    let way = serde_json::json!({ "subnet": "10.10.100.0/24", "inside": "eth1", "outside": "eth0" });
    serde_json::from_value(way).expect("a way out")
}

/// Loads both forms and holds what the kernel then lists against each other and against what was wanted.
fn loads_alike(ruleset: &Ruleset) -> Result<(), TestCaseError> {
    let (by_text, by_json) = (Namespace::fresh(), Namespace::fresh());
    let (text, json) = (script(ruleset), document(ruleset).to_string());
    let accepted = |result: Result<String, String>, what: &str| {
        result.map_err(|error| TestCaseError::fail(format!("{error}\nof {what}")))
    };
    accepted(by_text.nft(&["--check", "--file", "-"], &text), &text)?;
    accepted(by_json.nft(&["--json", "--check", "--file", "-"], &json), &json)?;
    prop_assert_eq!(held(&by_text.listed()).expect("a ruleset"), Held::default(), "a check changes nothing");
    // Twice: what is there already is taken the place of.
    for _ in 0..2 {
        accepted(by_text.nft(&LOAD, &text), &text)?;
        accepted(by_json.nft(&LOAD_JSON, &json), &json)?;
        prop_assert_eq!(by_text.listed_without_handles(), by_json.listed_without_handles());
        let now = held(&by_text.listed()).expect("a ruleset");
        prop_assert_eq!(now, Held::once_loaded(ruleset));
    }
    Ok(())
}

#[test]
fn the_kernel_holds_what_a_profile_says() {
    for ruleset in [guarded(&inbound()), edge(&inbound(), &way_out())] {
        loads_alike(&ruleset.expect("a ruleset")).expect("both forms are the same to the kernel");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_kernel_takes_every_ruleset_in_both_forms_and_gives_it_back(bytes in prop::collection::vec(any::<u8>(), 0..800)) {
        loads_alike(&random::ruleset(&bytes))?;
    }

    #[test]
    fn the_order_in_which_sets_and_chains_are_written_means_nothing(bytes in prop::collection::vec(any::<u8>(), 0..800)) {
        let ruleset = random::ruleset(&bytes);
        let mut draft = Draft::from(ruleset.clone());
        draft.tables.reverse();
        for table in &mut draft.tables {
            table.sets.reverse();
            table.chains.rotate_left(2);
        }
        let turned = Ruleset::try_from(draft).expect("still sound");
        prop_assert_eq!(script(&turned), script(&ruleset));
        prop_assert_eq!(document(&turned), document(&ruleset));
        let json = serde_json::to_value(&ruleset).expect("a ruleset is data");
        prop_assert_eq!(serde_json::from_value::<Ruleset>(json).expect("it reads back"), ruleset);
    }
}

#[test]
fn a_changed_rule_is_seen_in_what_the_kernel_holds() {
    let namespace = Namespace::fresh();
    let wanted = edge(&inbound(), &way_out()).expect("a ruleset");
    let planted = script(&wanted).replace("10.10.100.0/24 masquerade", "10.10.10.0/24 masquerade");
    assert_ne!(planted, script(&wanted), "the defect is planted");
    namespace.nft(&LOAD, &planted).expect("another ruleset");
    assert_ne!(held(&namespace.listed()).expect("a ruleset"), Held::once_loaded(&wanted));
}

#[test]
fn what_no_type_can_say_keeps_a_table_from_being_taken_for_another() {
    let namespace = Namespace::fresh();
    let wanted = guarded(&inbound()).expect("a ruleset");
    let narrowed = script(&wanted).replacen("tcp dport 22", "tcp flags syn tcp dport 22", 1);
    namespace.nft(&LOAD, &narrowed).expect("a rule with flags");
    let before = held(&namespace.listed()).expect("a ruleset");
    assert_ne!(before, Held::once_loaded(&wanted));
    namespace.nft(&LOAD, &narrowed).expect("the same again, under other handles");
    assert_eq!(held(&namespace.listed()).expect("a ruleset"), before);
}

const OTHERS: &str = "table inet others {\n\tset seen {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n\t}\n\tchain pre {\n\t\ttype filter hook prerouting priority raw; policy accept;\n\t\tmeta mark 0x7 counter accept\n\t}\n}\n";

fn of_tables(ruleset: Ruleset) -> Ruleset {
    Ruleset::try_from(Draft { replace: Replace::Tables, ..Draft::from(ruleset) }).expect("still sound")
}

#[test]
fn tables_of_others_stay_unless_everything_is_asked_for() {
    let namespace = Namespace::fresh();
    namespace.nft(&LOAD, OTHERS).expect("a table of others");
    let everything = guarded(&inbound()).expect("a ruleset");
    let named = of_tables(everything.clone());
    namespace.nft(&LOAD, &script(&named)).expect("its own table");
    let now = held(&namespace.listed()).expect("a ruleset");
    assert_eq!((now.tables().len(), now.managed_by(&named)), (2, Held::once_loaded(&named)));
    namespace.nft(&LOAD, &script(&everything)).expect("everything");
    assert_eq!(held(&namespace.listed()).expect("a ruleset"), Held::once_loaded(&everything));
}

#[test]
fn what_was_there_comes_back_whole_and_nothing_else_is_touched() {
    let wanted = edge(&inbound(), &way_out()).expect("a ruleset");
    let old = "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tiif \"lo\" counter accept\n\t}\n}\n";
    for ruleset in [of_tables(wanted.clone()), wanted] {
        let namespace = Namespace::fresh();
        namespace.nft(&LOAD, &format!("{old}{OTHERS}")).expect("an old ruleset");
        let before = namespace.listed_without_handles();
        let kept =
            restoring(&ruleset, &namespace.nft(&["--stateless", "list", "ruleset"], "").expect("a text"));
        namespace.nft(&LOAD, &script(&ruleset)).expect("a new ruleset");
        assert_ne!(namespace.listed_without_handles(), before);
        for _ in 0..2 {
            namespace.nft(&LOAD, &kept).expect("the old ruleset again");
            let tables = |value: &serde_json::Value| held(value).expect("a ruleset");
            assert_eq!(tables(&namespace.listed_without_handles()), tables(&before));
        }
    }
}

#[test]
fn a_ruleset_that_the_kernel_refuses_changes_nothing() {
    let namespace = Namespace::fresh();
    let good = guarded(&inbound()).expect("a ruleset");
    namespace.nft(&LOAD, &script(&good)).expect("a ruleset");
    let broken = script(&good).replace("tcp dport 22", "tcp dport @nowhere");
    assert!(namespace.nft(&["--check", "--file", "-"], &broken).is_err());
    assert!(namespace.nft(&LOAD, &broken).is_err());
    assert_eq!(held(&namespace.listed()).expect("a ruleset"), Held::once_loaded(&good));
}

#[test]
fn fwd_is_no_name_for_nft_and_none_here() {
    let namespace = Namespace::fresh();
    assert!(namespace.nft(&["--check", "--file", "-"], "table inet t { chain fwd { } }\n").is_err());
    assert!("fwd".parse::<Word>().is_err());
}
