//! The lint of rulesets: each finding planted, and the rulesets of the site without any.

use fabric_wire::nft::profile::{Inbound, WayOut, edge, edge_nat, guarded};
use fabric_wire::nft::{ControlPath, Draft, Ruleset, lint};
use serde_json::{Value, json};

fn control() -> ControlPath {
    ControlPath {
        from: vec!["192.168.11.10".parse().expect("an address")],
        to: None,
        interface: None,
        port: 22,
        vrrp_from: vec!["192.168.11.112".parse().expect("an address")],
    }
}

fn of(tables: Value) -> Result<Ruleset, String> {
    let draft = json!({ "replace": "ruleset", "tables": tables });
    serde_json::from_value(draft).map_err(|error| error.to_string())
}

fn base(hook: &str, policy: &str) -> Value {
    json!({ "type": "filter", "hook": hook, "priority": 0, "policy": policy })
}

/// An input chain with these rules, which drops by policy and lets VRRP in.
fn input(mut rules: Vec<Value>) -> Vec<Value> {
    rules.push(json!({ "when": { "protocol": ["vrrp"] }, "then": "accept" }));
    vec![json!({ "name": "input", "base": base("input", "drop"), "rules": rules })]
}

fn table(chains: Vec<Value>) -> Value {
    let sets = json!([
        { "name": "near", "of": { "ipv4": ["192.168.11.0/24"] } },
        { "name": "far", "of": { "ipv4": ["192.168.12.0/24"] } },
        { "name": "doors", "of": { "ports": [22, 53] } },
    ]);
    json!({ "family": "inet", "name": "filter", "sets": sets, "chains": chains })
}

fn established() -> Value {
    json!({ "when": { "state": ["established", "related"] }, "then": "accept" })
}

fn ssh() -> Value {
    json!({ "when": { "protocol": ["tcp"], "dport": { "list": [22] } }, "then": "accept" })
}

fn found(chains: Vec<Value>) -> Vec<String> {
    let ruleset = of(json!([table(chains)])).expect("a sound ruleset");
    lint(&ruleset, &control()).iter().map(ToString::to_string).collect()
}

const NEW: &str = "new connections of 192.168.11.10 to sshd";
const LATER: &str = "established connections of 192.168.11.10 to sshd";

#[test]
fn a_ruleset_that_lets_control_in_is_clean() {
    let with = |when: Value| found(input(vec![established(), json!({ "when": when, "then": "accept" })]));
    let clean: Vec<String> = Vec::new();
    assert_eq!(found(input(vec![established(), ssh()])), clean);
    assert_eq!(
        with(json!({ "source": { "set": "near" }, "protocol": ["tcp"], "dport": { "set": "doors" } })),
        clean
    );
    assert_eq!(with(json!({ "source": { "ipv4": ["192.168.11.10"] }, "state": ["new"] })), clean);
}

#[test]
fn each_way_to_cut_control_is_found() {
    let drop = |when: Value| json!({ "when": when, "then": "drop" });
    let cases = [
        (vec![established()], format!("{NEW} are dropped (inet filter, policy of chain input)")),
        (
            vec![ssh(), drop(json!({}))],
            "VRRP of 192.168.11.112 may be dropped, and both would hold the VIP (inet filter, chain input, rule 2)".to_owned(),
        ),
        (
            vec![json!({ "when": { "state": ["new"] }, "then": "accept" })],
            format!("{LATER} are dropped (inet filter, policy of chain input)"),
        ),
        (
            vec![
                established(),
                json!({ "when": { "source": { "set": "far" }, "protocol": ["tcp"], "dport": { "set": "doors" } }, "then": "accept" }),
            ],
            format!("{NEW} are dropped (inet filter, policy of chain input)"),
        ),
        (
            vec![drop(json!({ "source": { "ipv4": ["192.168.11.8/30"] } })), established(), ssh()],
            format!("{NEW} are dropped (inet filter, chain input, rule 1)"),
        ),
        (
            vec![
                established(),
                json!({ "when": { "protocol": ["tcp"], "dport": { "list": [22] }, "limit": { "rate": 9, "per": "minute" } }, "then": "accept" }),
            ],
            format!("{NEW} may be dropped (inet filter, policy of chain input)"),
        ),
        (
            vec![
                established(),
                json!({ "when": { "in": ["eth0"], "protocol": ["tcp"], "dport": { "list": [22] } }, "then": "accept" }),
            ],
            format!("{NEW} may be dropped (inet filter, policy of chain input)"),
        ),
        (
            vec![
                established(),
                json!({ "when": { "destination": { "ipv4": ["192.168.11.111"] } }, "then": "accept" }),
            ],
            format!("{NEW} may be dropped (inet filter, policy of chain input)"),
        ),
        (
            vec![
                established(),
                json!({ "when": { "protocol": ["tcp"], "sport": { "list": ["2000-3000"] } }, "then": "accept" }),
            ],
            format!("{NEW} may be dropped (inet filter, policy of chain input)"),
        ),
        (
            vec![established(), json!({ "when": { "in": ["lo"] }, "then": "accept" })],
            format!("{NEW} are dropped (inet filter, policy of chain input)"),
        ),
        (
            vec![json!({ "when": { "protocol": ["tcp"] }, "then": "reset" }), established(), ssh()],
            format!("{LATER} are dropped (inet filter, chain input, rule 1)"),
        ),
    ];
    for (rules, finding) in cases {
        let findings = found(input(rules.clone()));
        assert!(findings.contains(&finding), "{finding}\nis not in {findings:#?}\nof {rules:#?}");
    }
}

#[test]
fn what_is_known_of_the_way_decides_what_depends_on_it() {
    let rule = json!({ "when": { "in": ["eth0"], "destination": { "ipv4": ["192.168.11.111"] } }, "then": "accept" });
    let ruleset = of(json!([table(input(vec![established(), rule]))])).expect("a sound ruleset");
    let at = |address: &str, interface: &str| {
        let (to, interface) = (address.parse().ok(), interface.parse().ok());
        lint(&ruleset, &ControlPath { to, interface, ..control() }).len()
    };
    assert_eq!(at("192.168.11.111", "eth0"), 0);
    assert_eq!((at("192.168.11.111", "eth1"), at("192.168.11.112", "eth0")), (1, 1));
}

#[test]
fn jumps_are_followed_there_and_back() {
    let chains = |rules: Vec<Value>| {
        let mut all = input(vec![
            established(),
            json!({ "when": { "protocol": ["tcp"] }, "then": { "jump": "services" } }),
        ]);
        all.push(json!({ "name": "services", "rules": rules }));
        all
    };
    let back = |source: &str| json!({ "when": { "source": { "set": source } }, "then": "return" });
    assert_eq!(found(chains(vec![ssh()])), Vec::<String>::new());
    assert_eq!(found(chains(vec![back("far"), ssh()])), Vec::<String>::new());
    let cut = format!("{NEW} are dropped (inet filter, policy of chain input)");
    assert_eq!(found(chains(vec![back("near"), ssh()])), [cut]);
    let inside = format!("{NEW} are dropped (inet filter, chain services, rule 1)");
    assert!(found(chains(vec![json!({ "then": "drop" })])).contains(&inside));
}

#[test]
fn every_base_chain_of_the_way_is_asked() {
    let other = |hook: &str, rules: Value| {
        let mut chains = input(vec![established(), ssh()]);
        chains.push(json!({ "name": "other", "base": { "type": "filter", "hook": hook, "priority": -5, "policy": "drop" }, "rules": rules }));
        found(chains)
    };
    let policy = "(inet filter, policy of chain other)";
    assert!(other("input", json!([])).contains(&format!("{NEW} are dropped {policy}")));
    assert!(other("prerouting", json!([established()])).contains(&format!("{NEW} are dropped {policy}")));
    let replies = format!("replies to connections of 192.168.11.10 to sshd are dropped {policy}");
    assert_eq!(other("output", json!([])), [replies]);
    assert_eq!(other("output", json!([established()])), Vec::<String>::new());
    assert_eq!(other("forward", json!([])), Vec::<String>::new());
}

#[test]
fn control_that_is_led_elsewhere_is_found() {
    let mut chains = input(vec![established(), ssh()]);
    let nat = json!({ "type": "nat", "hook": "prerouting", "priority": -100, "policy": "accept" });
    let rule = json!({ "when": { "protocol": ["tcp"], "dport": { "list": ["1-1024"] } }, "then": { "dnat": { "to": "10.0.0.1" } } });
    chains.push(json!({ "name": "pre", "base": nat, "rules": [rule] }));
    let led =
        "new connections of 192.168.11.10 to sshd may be led elsewhere (inet filter, chain pre, rule 1)";
    assert_eq!(found(chains), [led]);
}

#[test]
fn vrrp_that_is_not_let_in_is_found_where_there_are_peers() {
    let chains =
        vec![json!({ "name": "input", "base": base("input", "drop"), "rules": [established(), ssh()] })];
    let ruleset = of(json!([table(chains)])).expect("a sound ruleset");
    assert_eq!(lint(&ruleset, &control()).len(), 1);
    assert_eq!(lint(&ruleset, &ControlPath { vrrp_from: Vec::new(), ..control() }), []);
}

#[test]
fn an_input_chain_that_accepts_by_policy_is_found_unless_it_only_drops_beside_others() {
    let chains =
        |rules: Value| vec![json!({ "name": "input", "base": base("input", "accept"), "rules": rules })];
    let open = "what no rule lets in comes in all the same (inet filter, policy of chain input)";
    assert_eq!(found(chains(json!([ssh()]))), [open]);
    assert_eq!(found(chains(json!([]))), [open]);
    let beside = |rules: Value| {
        let tables = json!({ "tables": [table(chains(rules))] });
        lint(&serde_json::from_value(tables).expect("a sound ruleset"), &control()).len()
    };
    let drop = json!({ "when": { "protocol": ["udp"] }, "then": "drop" });
    assert_eq!((beside(json!([drop])), beside(json!([ssh()]))), (0, 1));
}

#[test]
fn what_has_no_effect_is_found() {
    let narrow = json!({ "when": { "source": { "set": "near" }, "protocol": ["tcp"], "dport": { "list": [22] } }, "then": "drop" });
    let never = |place: &str| format!("it never has an effect (inet filter, {place})");
    assert_eq!(found(input(vec![established(), ssh(), narrow.clone()])), [never("chain input, rule 3")]);
    let wide = json!({ "when": { "protocol": ["tcp"], "dport": { "set": "doors" } }, "then": "accept" });
    assert_eq!(found(input(vec![established(), ssh(), wide])), Vec::<String>::new());
    let mut chains = input(vec![established(), ssh()]);
    chains.push(json!({ "name": "forgotten", "rules": [narrow] }));
    assert_eq!(found(chains), [never("chain forgotten")]);
}

#[test]
fn the_profiles_of_the_site_are_clean_and_those_without_a_way_in_are_refused() {
    let inbound: Inbound = serde_json::from_value(json!({
        "control": ["192.168.11.0/24", "fd00::/64"], "ssh_port": 22, "vrrp_peers": ["192.168.11.112"],
        "services": [{ "protocol": "udp", "ports": [53], "at": "192.168.11.100", "from": ["10.0.0.0/8", "fd00::/64"] }],
    }))
    .expect("what comes in");
    // A service at an IPv4 address is not reached from IPv6.
    assert!(guarded(&inbound).is_err());
    let mut services = inbound.services.clone();
    services.iter_mut().for_each(|service| service.from = Vec::new());
    let inbound = Inbound { services, ..inbound };
    let way_out: WayOut =
        serde_json::from_value(json!({ "subnet": "10.10.100.0/24", "inside": "eth1", "outside": "eth0" }))
            .expect("a way");
    for ruleset in [guarded(&inbound), edge(&inbound, &way_out)] {
        assert_eq!(lint(&ruleset.expect("a ruleset"), &control()), []);
    }
    let nat = Draft { tables: vec![edge_nat(&way_out).expect("a table")], ..Draft::default() };
    assert_eq!(lint(&Ruleset::try_from(nat).expect("a ruleset"), &control()), []);
    assert!(guarded(&Inbound { control: Vec::new(), ..inbound }).is_err());
}

#[test]
fn what_the_kernel_would_refuse_is_refused_here() {
    let nat = json!({ "type": "nat", "hook": "postrouting", "priority": 100, "policy": "accept" });
    let nat_chain = |rules: Value| vec![json!({ "name": "post", "base": nat, "rules": rules })];
    let cases = [
        (
            input(vec![json!({ "when": { "dport": { "list": [22] } }, "then": "accept" })]),
            "ports need exactly one protocol",
        ),
        (
            input(vec![json!({ "when": { "source": { "set": "nowhere" } }, "then": "accept" })]),
            "there is no set `nowhere`",
        ),
        (
            input(vec![json!({ "when": { "source": { "set": "doors" } }, "then": "accept" })]),
            "there is no set `doors`",
        ),
        (input(vec![json!({ "then": { "jump": "nowhere" } })]), "there is no chain `nowhere`"),
        (input(vec![json!({ "then": { "jump": "input" } })]), "there is no chain `input`"),
        (input(vec![json!({ "then": "masquerade" })]), "`masquerade` cannot stand"),
        (input(vec![json!({ "then": "continue" })]), "it does nothing"),
        (input(vec![json!({ "then": "reset" })]), "only TCP can be reset"),
        (input(vec![json!({ "when": { "state": [] }, "then": "accept" })]), "the list `state` is empty"),
        (input(vec![json!({ "when": { "out": ["eth0"] }, "then": "accept" })]), "`out` cannot stand"),
        (
            input(vec![
                json!({ "when": { "source": { "ipv4": ["10.0.0.1"] }, "icmp6": ["echo-request"] }, "then": "accept" }),
            ]),
            "IPv4 and IPv6 at once",
        ),
        (nat_chain(json!([{ "then": "reject" }])), "`reject` cannot stand"),
        (
            nat_chain(json!([{ "then": { "snat": { "to": "10.0.0.1", "port": 5 } } }])),
            "ports need exactly one protocol",
        ),
        (
            vec![
                json!({ "name": "a", "rules": [{ "then": { "jump": "b" } }] }),
                json!({ "name": "b", "rules": [{ "then": { "jump": "a" } }] }),
            ],
            "jump in a circle",
        ),
        (vec![json!({ "name": "a" }), json!({ "name": "a" })], "two with this name"),
        (vec![json!({ "name": "fwd" })], "reserved word"),
        (vec![json!({ "name": "a", "policy": "drop" })], "unknown field `policy`"),
    ];
    for (chains, reason) in cases {
        let refused = of(json!([table(chains.clone())])).expect_err("it is refused");
        assert!(refused.contains(reason), "{refused}\nis not because {reason}\n{chains:#?}");
    }
}

/// Beside other tables, with nobody named who controls the host.
fn found_from_anywhere(policy: &str, rules: Value) -> Vec<String> {
    let chains = json!([{ "name": "input", "base": base("input", policy), "rules": rules }]);
    let tables = json!([{ "family": "inet", "name": "extra", "chains": chains }]);
    let ruleset: Ruleset = serde_json::from_value(json!({ "tables": tables })).expect("a sound ruleset");
    let nobody = ControlPath { from: Vec::new(), vrrp_from: Vec::new(), ..control() };
    lint(&ruleset, &nobody).iter().map(ToString::to_string).collect()
}

#[test]
fn with_nobody_named_the_way_must_stay_open_to_everybody() {
    let drop = |when: Value| found_from_anywhere("accept", json!([{ "when": when, "then": "drop" }]));
    let clean: Vec<String> = Vec::new();
    assert_eq!(drop(json!({ "protocol": ["vrrp"] })), clean);
    assert_eq!(drop(json!({ "protocol": ["tcp"], "dport": { "list": [53] } })), clean);
    let place = "(inet extra, chain input, rule 1)";
    let of = |family: &str, word: &str| {
        let what = |phase: &str| {
            format!("{phase} connections of any {family} address to sshd {word} dropped {place}")
        };
        vec![what("new"), what("established")]
    };
    let ssh = || json!({ "protocol": ["tcp"], "dport": { "list": [22] } });
    assert_eq!(drop(ssh()), [of("IPv4", "are"), of("IPv6", "are")].concat());
    // From one network only: whether that is where control comes from, nobody knows.
    let mut from = ssh();
    from["source"] = json!({ "ipv4": ["192.168.12.0/24"] });
    assert_eq!(drop(from), of("IPv4", "may be"));
    // Nor is it enough to let one network in.
    let accept = json!([{ "when": { "source": { "ipv4": ["192.168.11.0/24"] } }, "then": "accept" }]);
    assert!(!found_from_anywhere("drop", accept).is_empty());
}
