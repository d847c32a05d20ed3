//! A policy with a guarded production, and a situation in which all of its guards are met. Each test spoils one thing.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use fabric_gate::{Approval, Decision, Policy, Principal, Situation, Touch, Window};
use fabric_model::{Class, Code, Digest, Fault, Slug};

pub(crate) const POLICY: &str = r#"format = 1

[[guard]]
name = "production"
environments = ["samakia-prod", "samakia-dns"]
roles = ["*"]
kinds = ["gameday", "operation"]
reason_min = 12
window = { max_minutes = 60 }
plan_max_age_minutes = 120
approvals = { count = 1, roles = ["approver"], max_minutes = 240 }
boundary = "enforced"
confinement = "full"
budget = { changes_per_run = 3, changes_per_hour = 5, targets_per_run = 2 }
[guard.primitives]
"*" = ["host:*", "guest:*"]

[[guard]]
name = "stand-ins"
environments = ["lab", "twin"]
roles = ["*"]
ci = "allow"
[guard.primitives]
"*" = ["host:*", "guest:*"]

[[guard]]
name = "guests"
environments = ["samakia-prod"]
roles = ["*"]
approvals = { count = 2, roles = ["approver", "security"] }
[guard.primitives]
"proxmox.*" = ["guest:*"]

[[guard]]
name = "bare"
environments = ["samakia-dev"]
roles = ["operator"]
[guard.primitives]
"unit.stop" = ["host:dev-*"]

[[authority]]
name = "site"
environments = ["samakia-prod", "samakia-dns"]
folder = "/srv/fabric/authority"
thaw_roles = ["approver"]
"#;

/// The line of a text of the policy, counted from 1.
pub(crate) fn line(of: &str) -> usize {
    let found = POLICY.lines().position(|line| line.starts_with(of));
    found.unwrap_or_else(|| panic!("`{of}` is no line of the policy")) + 1
}

pub(crate) const EXECUTOR: &str = "1111111111111111111111111111111111111111";
pub(crate) const APPROVER: &str = "2222222222222222222222222222222222222222";
pub(crate) const SECOND: &str = "3333333333333333333333333333333333333333";

pub(crate) fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

pub(crate) fn instant(text: &str) -> SystemTime {
    Window::parse(text, text).expect("a time").start
}

pub(crate) fn slug(text: &str) -> Slug {
    text.parse().expect("a name")
}

pub(crate) fn principal(fingerprint: &str, roles: &[&str]) -> Principal {
    Principal { fingerprint: fingerprint.to_owned(), roles: roles.iter().map(|role| slug(role)).collect() }
}

pub(crate) fn touch(primitive: &str, resource: &str, environment: &str) -> Touch {
    Touch {
        primitive: primitive.parse().expect("a primitive"),
        class: Class::Change,
        resource: resource.parse().expect("a resource"),
        environment: slug(environment),
    }
}

/// An approval of the situation by somebody else, given ten minutes ago for two hours.
pub(crate) fn approval(by: &str, role: &str, nonce: &str) -> Approval {
    let now = instant("2026-05-04T03:30:00Z");
    Approval {
        approver: principal(by, &["approver", "security"]),
        role: slug(role),
        plan: Digest::of(b"plan"),
        environments: vec![slug("samakia-prod")],
        executor: EXECUTOR.to_owned(),
        window: Some(window()),
        nonce: nonce.to_owned(),
        made: now - minutes(10),
        expires: now + minutes(110),
        used: false,
    }
}

pub(crate) fn window() -> Window {
    Window::parse("2026-05-04T03:00:00Z", "2026-05-04T04:00:00Z").expect("a window")
}

/// One change of production with every guard met.
pub(crate) fn met() -> Situation {
    let now = instant("2026-05-04T03:30:00Z");
    Situation {
        now,
        kind: "gameday".to_owned(),
        touches: vec![touch("unit.stop", "host:prod-1/keepalived", "samakia-prod")],
        ci: None,
        reason: Some("quarterly failover drill".to_owned()),
        window: Some(window()),
        executor: principal(EXECUTOR, &["operator"]),
        plan: Digest::of(b"plan"),
        planned: now - minutes(20),
        approvals: vec![approval(APPROVER, "approver", "a1")],
        unsound: Vec::new(),
        freezes: Vec::new(),
        recent: BTreeMap::new(),
        rewritable: None,
        unconfined: None,
    }
}

pub(crate) fn policy() -> Policy {
    Policy::parse("policy.toml", POLICY).expect("a policy")
}

pub(crate) fn decide(situation: &Situation) -> Decision {
    policy().decide(situation)
}

/// The one refusal of a situation: of this code, by this line of the policy, with this in its remedy.
#[track_caller]
pub(crate) fn refused(situation: &Situation, code: Code, rule: Option<usize>, remedy: &str) -> Fault {
    let decision = decide(situation);
    let [fault] = decision.refused.as_slice() else { panic!("not one refusal: {:#?}", decision.refused) };
    assert_eq!(fault.code, code, "{fault:?}");
    let hints = fault.hints.concat();
    assert!(hints.contains(remedy), "{hints}");
    if let Some(line) = rule {
        assert!(hints.contains(&format!("(policy.toml:{line})")), "line {line}: {hints}");
    }
    assert!(!decision.is_met());
    fault.clone()
}
