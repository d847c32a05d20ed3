//! The policy file.

use std::sync::LazyLock;

use fabric_gate::{Gate, Needs, Pattern, Policy, Principal};
use fabric_model::{Class, PrimitiveName, Resource, Slug};

use super::header::stand_in;

/// Calls that every sound policy is asked about.
const ASKED: [(&str, Class, &str); 5] = [
    ("dns.query", Class::Observe, "vip:dns"),
    ("unit.stop", Class::Change, "host:edge-1/keepalived"),
    ("file.put", Class::Change, "file:edge-1/etc/x.conf"),
    ("proxmox.guest_stop", Class::Destroy, "guest:edge-1"),
    ("tcp.connect", Class::Observe, "addr:10.0.0.1"),
];

static CALLS: LazyLock<Vec<(PrimitiveName, Class, Resource)>> = LazyLock::new(|| {
    let calls = ASKED.iter().filter_map(|(primitive, class, resource)| {
        Some((primitive.parse().ok()?, *class, resource.parse().ok()?))
    });
    calls.collect()
});

/// The text of a policy. What it says of a call before is what the gate answers then.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let policy = match Policy::parse("policy.toml", text) {
        Ok(policy) => policy,
        Err(errors) => return stand_in(text, &errors),
    };
    let lines = 1..=text.matches('\n').count() + 1;
    assert!(policy.primitives().all(|(_, line)| lines.contains(&line)));
    assert!(policy.areas().all(|(_, line)| lines.contains(&line)));
    assert_eq!(CALLS.len(), ASKED.len());
    let names = ["lab", "prod", "operator"];
    let names: Vec<Slug> = names.iter().filter_map(|name| name.parse().ok()).collect();
    for (primitive, class, resource) in CALLS.iter() {
        for environment in &names {
            let explained = policy.explain(primitive, *class, resource, environment, &names);
            let declared = vec![(primitive.clone(), Pattern::from(resource), 1)];
            let needs = Needs::new("s.rhai", Class::Destroy, declared);
            let principal = Principal { fingerprint: "f".to_owned(), roles: names.clone() };
            let answer = Gate::new(policy.clone(), needs, principal).request(
                primitive,
                *class,
                resource.clone(),
                environment,
            );
            let granted = explained.allowed.is_some() && explained.denied.is_none();
            // Raw addresses are denied by rows of their own as well, which are explained where they are met.
            let raw = matches!(resource, Resource::Addr(_)) && answer.is_err();
            assert!(answer.is_ok() == granted || raw, "{primitive} on {resource}: {explained:?}, {answer:?}");
        }
    }
}
