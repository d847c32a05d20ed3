//! The matcher against a naive one, and what holds for every policy.

use std::net::{IpAddr, Ipv4Addr};

use fabric_gate::{Gate, Needs, Pattern, Policy, Principal};
use fabric_model::{Addressed, Class, Resource};
use proptest::prelude::*;

/// The definition of `*`, without any cleverness.
fn star(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            (0..=text.len()).any(|skip| text.get(skip..).is_some_and(|tail| star(rest, tail)))
        }
        ([p, pattern @ ..], [t, text @ ..]) => p == t && star(pattern, text),
        _ => false,
    }
}

/// The definition of a pattern over written resources, segment by segment.
fn oracle(pattern: &str, resource: &str) -> bool {
    let segments = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (p, r) = (segments(pattern), segments(resource));
    p.len() == r.len() && p.iter().zip(&r).all(|(p, r)| star(p.as_bytes(), r.as_bytes()))
}

// Few letters, so that matches are as common as misses.
const NAME: &str = "[ab][ab.]{0,5}";
const GLOB: &str = "[ab](\\*?[ab.]){0,3}\\*?|\\*([ab.]\\*?){0,3}";

fn resource() -> impl Strategy<Value = String> {
    prop_oneof![2 => ("host|vip", NAME, proptest::option::of(NAME)).prop_map(joined), 1 => file()]
}

fn file() -> impl Strategy<Value = String> {
    (NAME, proptest::collection::vec(NAME, 1..4))
        .prop_map(|(host, path)| format!("file:{host}/{}", path.join("/")))
}

fn pattern() -> impl Strategy<Value = String> {
    let named = ("host|vip", GLOB, proptest::option::of(GLOB)).prop_map(joined);
    let file =
        proptest::collection::vec(GLOB, 1..5).prop_map(|segments| format!("file:{}", segments.join("/")));
    prop_oneof![2 => named, 1 => file]
        .prop_filter("names begin with a letter", |text| text.parse::<Pattern>().is_ok())
}

fn joined((kind, name, part): (String, String, Option<String>)) -> String {
    match part {
        Some(part) => format!("{kind}:{name}/{part}"),
        None => format!("{kind}:{name}"),
    }
}

fn parsed(resource: &str) -> Resource {
    resource.parse().expect("a resource")
}

/// A rule in the policy's own words.
fn rule(effect: &str, number: usize, patterns: &[String]) -> String {
    let patterns: Vec<String> = patterns.iter().map(|p| format!("\"{p}\"")).collect();
    format!(
        "[[{effect}]]\nname = \"{effect}-{number}\"\nenvironments = [\"*\"]\nroles = [\"*\"]\n[{effect}.primitives]\n\
         \"a.b\" = [{}]\n",
        patterns.join(", ")
    )
}

fn grants(rules: &[String], resource: &str) -> bool {
    let policy = Policy::parse("p", &format!("format = 1\n{}", rules.concat())).expect("a policy");
    let own = Pattern::from(&parsed(resource));
    let needs = Needs::new("s", Class::Observe, vec![("a.b".parse().expect("a primitive"), own, 1)]);
    let principal = Principal { fingerprint: "F".into(), roles: vec!["r".parse().expect("a role")] };
    let environment = "lab".parse().expect("an environment");
    let gate = Gate::new(policy, needs, principal);
    gate.request(&"a.b".parse().expect("a primitive"), Class::Observe, parsed(resource), &environment).is_ok()
}

struct At(IpAddr);

impl Addressed for At {
    fn addresses(&self) -> Vec<IpAddr> {
        vec![self.0]
    }
}

proptest! {
    #[test]
    fn the_matcher_is_the_definition(pattern in pattern(), resource in resource()) {
        let read = pattern.parse::<Pattern>().expect("a pattern");
        prop_assert_eq!(read.matches(&parsed(&resource)), oracle(&pattern, &resource));
        let whole_host = pattern.starts_with("file:") && !pattern.contains('/');
        prop_assert_eq!(read.has_wildcard(), pattern.contains('*') || whole_host);
    }

    #[test]
    fn a_wildcard_never_crosses_a_slash(name in GLOB, resource in resource()) {
        prop_assume!(resource.contains('/'));
        for kind in ["host", "file"] {
            if let Ok(pattern) = format!("{kind}:{name}").parse::<Pattern>() {
                prop_assert!(!pattern.matches(&parsed(&resource)));
            }
        }
    }

    #[test]
    fn a_resource_is_its_own_pattern_and_no_other_resource_matches(one in resource(), other in resource()) {
        let pattern = Pattern::from(&parsed(&one));
        prop_assert!(pattern.matches(&parsed(&one)) && !pattern.has_wildcard());
        prop_assert_eq!(pattern.matches(&parsed(&other)), one == other);
        prop_assert_eq!(one.parse::<Pattern>().expect("also a pattern"), pattern);
    }

    #[test]
    fn what_prints_reads_back(pattern in pattern()) {
        let read = pattern.parse::<Pattern>().expect("a pattern");
        prop_assert_eq!(read.to_string().parse::<Pattern>(), Ok(read));
    }

    #[test]
    fn deny_wins_in_every_order(
        resource in resource(),
        allowing in proptest::collection::vec(pattern(), 1..4),
        denying in proptest::collection::vec(pattern(), 1..4),
        order in any::<proptest::sample::Index>(),
    ) {
        let mut rules: Vec<String> = allowing.iter().enumerate().map(|(n, p)| rule("allow", n, std::slice::from_ref(p))).collect();
        rules.extend(denying.iter().enumerate().map(|(n, p)| rule("deny", n, std::slice::from_ref(p))));
        let turns = order.index(rules.len());
        let expected = grants(&rules, &resource);
        rules.rotate_left(turns);
        prop_assert_eq!(grants(&rules, &resource), expected);
        rules.reverse();
        prop_assert_eq!(grants(&rules, &resource), expected);
        if denying.iter().any(|pattern| oracle(pattern, &resource)) {
            prop_assert!(!expected);
        }
        if !allowing.iter().any(|pattern| oracle(pattern, &resource)) {
            prop_assert!(!expected);
        }
    }

    #[test]
    fn a_denied_host_or_folder_leaves_no_file_open(file in file(), depth in 0..4usize) {
        let host = file.trim_start_matches("file:").split('/').next().unwrap_or_default();
        let folder = file.split('/').take(depth + 1).collect::<Vec<_>>().join("/");
        let granted = rule("allow", 0, std::slice::from_ref(&file));
        prop_assert!(grants(std::slice::from_ref(&granted), &file));
        for denied in [format!("host:{host}"), folder, "host:*".to_owned(), "file:*".to_owned()] {
            prop_assert!(!grants(&[granted.clone(), rule("deny", 0, std::slice::from_ref(&denied))], &file), "{}", denied);
        }
    }

    #[test]
    fn one_more_deny_rule_never_allows_more(
        resource in resource(),
        allowing in proptest::collection::vec(pattern(), 1..4),
        more in pattern(),
    ) {
        let mut rules = vec![rule("allow", 0, &allowing)];
        let before = grants(&rules, &resource);
        rules.push(rule("deny", 0, &[more]));
        prop_assert!(before || !grants(&rules, &resource));
    }

    #[test]
    fn a_mapped_address_is_treated_as_the_address_it_means(bits in any::<u32>(), denied in any::<u32>(), prefix in 0..=32u8) {
        let address = Ipv4Addr::from_bits(bits);
        let network = ipnet::Ipv4Net::new_assert(Ipv4Addr::from_bits(denied), prefix).trunc();
        let mapped = IpAddr::V6(address.to_ipv6_mapped());
        let pattern = format!("addr:{network}").parse::<Pattern>().expect("a pattern");
        prop_assert_eq!(pattern.matches(&Resource::Addr(mapped)), network.contains(&address));
        prop_assert_eq!(pattern.matches(&Resource::Addr(address.into())), network.contains(&address));

        let text = format!("format = 1\n[[deny_address]]\nname = \"n\"\nnetworks = [\"{network}\"]\n{}", rule("allow", 0, &["host:a".to_owned()]));
        let needs = vec![("a.b".parse().expect("a primitive"), "host:a".parse().expect("a pattern"), 1)];
        let principal = Principal { fingerprint: "F".into(), roles: vec!["r".parse().expect("a role")] };
        let gate = Gate::new(Policy::parse("p", &text).expect("a policy"), Needs::new("s", Class::Observe, needs), principal);
        let environment = "lab".parse().expect("an environment");
        let granted = gate
            .request(&"a.b".parse().expect("a primitive"), Class::Observe, parsed("host:a"), &environment)
            .expect("granted");
        prop_assert_eq!(gate.target(&granted, At(mapped), &[]).is_err(), network.contains(&address));
        prop_assert_eq!(gate.target(&granted, At(address.into()), &[]).is_err(), network.contains(&address));
    }
}
