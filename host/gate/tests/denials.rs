//! What the gate refuses, in which order, and with which words.

use std::net::IpAddr;

use fabric_gate::{Alias, DENIAL_LIMIT, Gate, Granted, Needs, Policy, Principal};
use fabric_model::{Addressed, Class, Code, Fault, Resource, Slug, Stage};

const POLICY: &str = r#"format = 1
[[allow]]
name = "probes"
environments = ["lab"]
roles = ["operator"]
[allow.primitives]
"dns.query" = ["vip:dns", "host:dns-auth-*"]
"tcp.connect" = ["host:*", "name:*", "addr:10.0.0.0/24"]
"guest.destroy" = ["guest:canary-*", "guest:canary-1"]
[[allow]]
name = "anywhere"
environments = ["*"]
roles = ["*"]
[allow.primitives]
"guest.destroy" = ["guest:canary-2"]
"host.clock" = ["host:public"]
[[deny]]
name = "no-vault"
environments = ["*"]
roles = ["*"]
[deny.primitives]
"tcp.*" = [
  "host:other",
  "host:vault-*",
]
[[deny_address]]
name = "metadata"
networks = ["169.254.0.0/16"]
[[deny_address]]
name = "one"
networks = ["10.0.0.66"]
[[allow]]
name = "reading"
environments = ["lab"]
roles = ["operator"]
[allow.primitives]
"project.text" = ["project:docs/a.md"]
"#;

const EVERYTHING: &[(&str, &str)] = &[
    ("dns.query", "vip:*"),
    ("dns.query", "host:*"),
    ("tcp.connect", "host:*"),
    ("tcp.connect", "host:*/*"),
    ("tcp.connect", "name:*"),
    ("tcp.connect", "addr:0.0.0.0/0"),
    ("guest.destroy", "guest:canary-1"),
    ("guest.destroy", "guest:canary-2"),
    ("guest.destroy", "guest:canary-3"),
    ("host.clock", "host:*"),
    ("project.text", "project:*/*"),
];

struct Target(Vec<IpAddr>);

impl Addressed for Target {
    fn addresses(&self) -> Vec<IpAddr> {
        self.0.clone()
    }
}

fn target(addresses: &[&str]) -> Target {
    Target(addresses.iter().map(|a| a.parse().expect("an address")).collect())
}

fn gate_for(roles: &[&str], reach: Class, needs: &[(&str, &str)]) -> Gate {
    let policy = Policy::parse("policy.toml", POLICY).expect("a policy");
    let declared = needs.iter().zip(4..).map(|((primitive, pattern), line)| {
        (primitive.parse().expect("a primitive"), pattern.parse().expect("a pattern"), line)
    });
    let needs = Needs::new("acceptance/dns.rhai", reach, declared.collect());
    let roles = roles.iter().map(|role| role.parse().expect("a role")).collect();
    Gate::new(policy, needs, Principal { fingerprint: "ABCD".into(), roles })
}

fn gate() -> Gate {
    gate_for(&["operator"], Class::Destroy, EVERYTHING)
}

fn ask(
    gate: &Gate,
    primitive: &str,
    class: Class,
    resource: &str,
    environment: &str,
) -> Result<Granted<Resource>, Fault> {
    let environment: Slug = environment.parse().expect("an environment");
    let resource = resource.parse().expect("a resource");
    gate.request(&primitive.parse().expect("a primitive"), class, resource, &environment)
}

fn observe(gate: &Gate, primitive: &str, resource: &str) -> Result<Granted<Resource>, Fault> {
    ask(gate, primitive, Class::Observe, resource, "lab")
}

fn alias(resource: &str, environment: &str, address: &str, exact: bool) -> Alias {
    Alias {
        address: address.parse().expect("an address"),
        resource: resource.parse().expect("a resource"),
        environment: environment.parse().expect("an environment"),
        exact,
    }
}

fn hint(fault: &Fault) -> &str {
    fault.hints.first().expect("every denial has a hint")
}

#[test]
fn a_grant_names_the_rule_and_the_line_that_grants() {
    let granted = observe(&gate(), "dns.query", "host:dns-auth-1").expect("granted");
    assert_eq!(granted.to_string(), "host:dns-auth-1");
    assert_eq!(granted.rule().to_string(), "`probes` (policy.toml:7)");
}

#[test]
fn a_stronger_class_than_the_reach_is_refused_first() {
    let gate = gate_for(&["operator"], Class::Observe, &[]);
    let denied =
        ask(&gate, "guest.destroy", Class::Destroy, "guest:canary-1", "lab").expect_err("over the reach");
    assert_eq!((denied.code, denied.stage), (Code::DeniedUndeclared, Stage::Gate));
    assert!(denied.message.contains("of class destroy, and the script reaches observe only"), "{denied}");
    assert_eq!(
        hint(&denied),
        "Set `reach = \"destroy\"` in the header of acceptance/dns.rhai, if the script should do that."
    );
}

#[test]
fn an_undeclared_call_is_refused_although_the_policy_grants_it() {
    let gate =
        gate_for(&["operator"], Class::Observe, &[("dns.query", "host:dns-auth-1"), ("dns.query", "host:x")]);
    let denied = observe(&gate, "dns.query", "vip:dns").expect_err("undeclared");
    assert_eq!(denied.code, Code::DeniedUndeclared);
    assert_eq!(
        denied.message,
        "`dns.query` on `vip:dns` in environment `lab` as `operator` is not declared by the script"
    );
    assert_eq!(
        hint(&denied),
        "In acceptance/dns.rhai, line 4, write `// \"dns.query\" = [\"host:dns-auth-1\", \"host:x\", \"vip:dns\"]`."
    );
    let denied = observe(&gate, "tcp.connect", "host:a").expect_err("undeclared");
    assert_eq!(
        hint(&denied),
        "Add `// \"tcp.connect\" = [\"host:a\"]` below `[needs]` in the header of acceptance/dns.rhai."
    );
}

#[test]
fn a_deny_rule_wins_and_is_named_with_file_and_line() {
    let denied = observe(&gate(), "tcp.connect", "host:vault-1").expect_err("denied by rule");
    assert_eq!(denied.code, Code::DeniedByRule);
    assert!(denied.message.ends_with("is denied by rule `no-vault`"), "{denied}");
    assert!(hint(&denied).starts_with("Rule `no-vault` (policy.toml:24) denies it"), "{denied:?}");
}

#[test]
fn a_deny_rule_holds_for_parts_and_for_principals_without_a_role() {
    for roles in [&["operator"][..], &[]] {
        let gate = gate_for(roles, Class::Observe, EVERYTHING);
        let denied = observe(&gate, "tcp.connect", "host:vault-1/eth0").expect_err("denied by rule");
        assert_eq!(denied.code, Code::DeniedByRule);
    }
}

#[test]
fn an_ungranted_resource_is_answered_with_the_line_that_would_grant_it() {
    let denied = observe(&gate(), "dns.query", "host:web-1").expect_err("not granted");
    assert_eq!(denied.code, Code::DeniedResource);
    assert_eq!(
        denied.message,
        "`dns.query` on `host:web-1` in environment `lab` as `operator` is not granted"
    );
    assert_eq!(
        hint(&denied),
        "In policy.toml, line 7, rule `probes`: \
         `\"dns.query\" = [\"vip:dns\", \"host:dns-auth-*\", \"host:web-1\"]` would grant it."
    );
}

#[test]
fn an_ungranted_primitive_is_answered_with_the_rule_it_could_go_under() {
    let gate = gate_for(&["operator"], Class::Observe, &[("unit.state", "host:*/*")]);
    let denied = observe(&gate, "unit.state", "host:a/ssh").expect_err("not granted");
    assert_eq!(
        hint(&denied),
        "In policy.toml, `\"unit.state\" = [\"host:a/ssh\"]` below `[allow.primitives]` of rule `probes` would grant it."
    );
}

#[test]
fn the_whole_rule_that_would_grant_is_a_policy_that_grants() {
    let text = POLICY.split("[[allow]]").next().expect("the first line");
    let gate_of = |text: &str| {
        let policy = Policy::parse("policy.toml", text).expect("a policy");
        let needs = vec![("dns.query".parse().expect("one"), "vip:dns".parse().expect("one"), 1)];
        let principal =
            Principal { fingerprint: String::new(), roles: vec!["operator".parse().expect("one")] };
        Gate::new(policy, Needs::new("a.rhai", Class::Observe, needs), principal)
    };
    let denied = observe(&gate_of(text), "dns.query", "vip:dns").expect_err("nothing is granted");
    let (_, rule) = hint(&denied).split_once(":\n").expect("the rule");
    assert!(observe(&gate_of(&format!("{text}{rule}\n")), "dns.query", "vip:dns").is_ok(), "{rule}");
}

#[test]
fn a_principal_without_a_role_is_told_so() {
    let gate = gate_for(&[], Class::Observe, EVERYTHING);
    let denied = observe(&gate, "dns.query", "vip:dns").expect_err("nobody");
    assert!(denied.message.contains("as nobody (no role)"), "{denied}");
    assert_eq!(hint(&denied), "Give the certificate ABCD a role in the trust file: it has none.");
}

#[test]
fn another_environment_or_role_is_refused() {
    assert!(ask(&gate(), "dns.query", Class::Observe, "vip:dns", "prod").is_err());
    let gate = gate_for(&["auditor"], Class::Observe, EVERYTHING);
    assert!(observe(&gate, "dns.query", "vip:dns").is_err());
    assert!(observe(&gate, "host.clock", "host:public").is_ok());
}

#[test]
fn what_destroys_is_granted_by_names_alone() {
    let destroy = |name| ask(&gate(), "guest.destroy", Class::Destroy, name, "lab");
    assert!(destroy("guest:canary-1").is_ok());
    let denied = destroy("guest:canary-3").expect_err("a wildcard alone");
    assert!(
        denied
            .hints
            .iter()
            .any(|h| h == "`guest:canary-*` does not count: what destroys must be named in full."),
        "{denied:?}"
    );
    // Granted to everybody everywhere, which is a wildcard as well.
    assert_eq!(destroy("guest:canary-2").expect_err("a wildcard").code, Code::DeniedResource);
    let gate = gate_for(&["operator"], Class::Destroy, &[("guest.destroy", "guest:*")]);
    let denied = ask(&gate, "guest.destroy", Class::Destroy, "guest:canary-1", "lab")
        .expect_err("declared by wildcard");
    assert_eq!(denied.code, Code::DeniedUndeclared);
}

#[test]
fn a_target_keeps_the_rule_of_its_request() {
    let gate = gate();
    let granted = observe(&gate, "tcp.connect", "name:example.com").expect("granted");
    let to = gate.target(&granted, target(&["192.0.2.1", "2001:db8::1"]), &[]).expect("granted");
    assert_eq!(to.rule(), granted.rule());
    assert!(gate.denials().is_empty());
}

#[test]
fn a_name_that_leads_to_a_denied_address_is_refused() {
    let gate = gate();
    let granted = observe(&gate, "tcp.connect", "name:example.com").expect("granted");
    for addresses in [&["169.254.169.254"][..], &["192.0.2.1", "169.254.1.1"], &["::ffff:169.254.169.254"]] {
        let denied = gate.target(&granted, target(addresses), &[]).map(|_| ()).expect_err("denied address");
        assert_eq!((denied.code, denied.stage), (Code::DeniedAddress, Stage::Gate));
        assert!(denied.message.contains("`name:example.com` in environment `lab` as `operator`"), "{denied}");
        assert!(hint(&denied).starts_with("Rule `metadata` (policy.toml:28)"), "{denied:?}");
    }
}

#[test]
fn a_raw_address_leads_to_itself_alone() {
    let gate = gate();
    let granted = observe(&gate, "tcp.connect", "addr:10.0.0.1").expect("granted");
    assert!(gate.target(&granted, target(&["10.0.0.1"]), &[]).is_ok());
    assert!(gate.target(&granted, target(&["::ffff:10.0.0.1"]), &[]).is_ok());
    for other in [&["10.0.0.2"][..], &["10.0.0.1", "10.0.0.2"], &[]] {
        let denied = gate.target(&granted, target(other), &[]).map(|_| ()).expect_err("another target");
        assert_eq!(denied.code, Code::DeniedAddress);
    }
}

#[test]
fn a_denied_raw_address_is_refused_on_the_request_already() {
    let denied = observe(&gate(), "tcp.connect", "addr:10.0.0.66").expect_err("denied");
    assert_eq!(denied.code, Code::DeniedAddress);
    let denied = observe(&gate(), "tcp.connect", "addr:::ffff:10.0.0.66").expect_err("denied");
    assert_eq!(denied.code, Code::DeniedAddress);
}

#[test]
fn an_address_in_the_place_of_a_name_is_refused() {
    for disguised in ["name:10.0.0.1", "name:10.0.0.1.", "name:2001:db8::1"] {
        let denied = observe(&gate(), "tcp.connect", disguised).expect_err("an address");
        assert_eq!(denied.code, Code::DeniedResource, "{disguised}");
        assert!(hint(&denied).starts_with("Ask for `addr:"), "{denied:?}");
    }
}

#[test]
fn a_target_without_an_address_is_refused() {
    let gate = gate();
    let granted = observe(&gate, "tcp.connect", "host:a").expect("granted");
    assert!(gate.target(&granted, target(&[]), &[]).is_err());
}

#[test]
fn what_lies_on_this_machine_has_no_address() {
    let gate = gate();
    let granted = observe(&gate, "project.text", "project:docs/a.md").expect("granted");
    assert!(gate.target(&granted, target(&[]), &[]).is_ok());
    assert!(gate.target(&granted, target(&["10.0.0.1"]), &[]).is_err());
    assert!(observe(&gate, "project.text", "project:docs/b.md").is_err());
}

#[test]
fn every_denial_stays_on_record_whether_or_not_it_was_caught() {
    let gate = gate();
    let granted = observe(&gate, "tcp.connect", "host:a").expect("granted");
    let _caught = observe(&gate, "dns.query", "host:a");
    let _caught = gate.target(&granted, target(&["169.254.1.1"]), &[]).is_ok();
    let _granted = observe(&gate, "dns.query", "vip:dns");
    let codes: Vec<Code> = gate.denials().iter().map(|fault| fault.code).collect();
    assert_eq!(codes, [Code::DeniedResource, Code::DeniedAddress]);
}

#[test]
fn a_script_that_asks_in_a_loop_is_counted() {
    let gate = gate();
    for _ in 0..DENIAL_LIMIT + 5 {
        let _caught = observe(&gate, "dns.query", "host:a");
    }
    assert_eq!(gate.denials().len(), DENIAL_LIMIT);
    assert_eq!(gate.denial_count(), DENIAL_LIMIT as u64 + 5);
}

#[test]
fn a_deny_rule_holds_under_every_name_that_the_site_has_for_the_target() {
    let gate = gate();
    let vault = [alias("host:vault-1", "prod", "10.0.0.9", true)];
    for (asked, addresses) in [
        ("name:example.com", &["10.0.0.9"][..]),
        ("addr:10.0.0.9", &["10.0.0.9"]),
        // On the way: the host itself has another address.
        ("host:a", &["10.0.0.1", "10.0.0.9"]),
    ] {
        let granted = observe(&gate, "tcp.connect", asked).expect("granted");
        let denied = gate.target(&granted, target(addresses), &vault).map(|_| ()).expect_err("denied");
        assert_eq!(denied.code, Code::DeniedByRule, "{asked}");
        let why =
            "leads to 10.0.0.9, which is `host:vault-1` in environment `prod` and denied by rule `no-vault`";
        assert!(denied.message.ends_with(why), "{denied}");
        assert!(
            hint(&denied).starts_with("Rule `no-vault` (policy.toml:24) denies `host:vault-1`"),
            "{denied:?}"
        );
    }
    assert_eq!(gate.denial_count(), 3);
}

#[test]
fn an_alias_is_judged_in_its_own_environment() {
    let policy = format!(
        "{POLICY}[[deny]]\nname = \"prod\"\nenvironments = [\"prod\"]\nroles = [\"*\"]\n[deny.primitives]\n\"*\" = [\"host:a\"]\n"
    );
    let policy = Policy::parse("policy.toml", &policy).expect("a policy");
    let needs = vec![("tcp.connect".parse().expect("one"), "host:*".parse().expect("one"), 1)];
    let principal = Principal { fingerprint: String::new(), roles: vec!["operator".parse().expect("one")] };
    let gate = Gate::new(policy, Needs::new("a.rhai", Class::Observe, needs), principal);
    let granted = observe(&gate, "tcp.connect", "host:b").expect("granted");
    let through = |environment| {
        gate.target(&granted, target(&["10.0.0.1"]), &[alias("host:a", environment, "10.0.0.1", true)])
            .is_ok()
    };
    assert!(through("lab"));
    assert!(!through("prod"));
}

#[test]
fn a_name_or_address_leads_to_the_site_only_where_the_site_s_own_name_is_granted() {
    let gate = gate();
    for asked in ["name:example.com", "addr:10.0.0.7"] {
        let granted = observe(&gate, "tcp.connect", asked).expect("granted");
        let to = |resource, environment, exact| {
            let aliases = [alias(resource, environment, "::ffff:10.0.0.7", exact)];
            gate.target(&granted, target(&["10.0.0.7"]), &aliases).map(|_| ())
        };
        assert!(to("host:a", "lab", true).is_ok(), "declared and granted");
        let denied = to("vip:dns", "lab", true).expect_err("not declared");
        assert_eq!(denied.code, Code::DeniedAddress);
        assert!(denied.message.contains("leads to ::ffff:10.0.0.7, the site's `vip:dns`"), "{denied}");
        assert!(hint(&denied).starts_with("Ask for `vip:dns` by this name"), "{denied:?}");
        assert!(
            denied
                .hints
                .iter()
                .any(|h| h.contains("\"vip:dns\"]` below `[needs]`") || h.contains("write `//")),
            "{denied:?}"
        );
        assert!(to("host:a", "prod", true).is_err(), "not granted in its environment");
        let both = [alias("host:a", "lab", "10.0.0.7", false), alias("host:a/eth1", "lab", "10.0.0.7", true)];
        let denied =
            gate.target(&granted, target(&["10.0.0.7"]), &both).map(|_| ()).expect_err("the host alone");
        assert!(denied.message.contains("`host:a/eth1`"), "{denied}");
    }
    // What the site has a name for is asked for by that name.
    let granted = observe(&gate, "tcp.connect", "host:a").expect("granted");
    assert!(
        gate.target(&granted, target(&["10.0.0.7"]), &[alias("vip:dns", "lab", "10.0.0.7", true)]).is_ok()
    );
}
