//! Budgets, before the run and within it.

use fabric_gate::{Next, Situation, target_of};
use fabric_model::{Code, Slug};

use super::scene::{decide, line, met, refused, slug, touch};

fn changes(resources: &[&str]) -> Situation {
    let mut situation = met();
    situation.touches =
        resources.iter().map(|resource| touch("unit.stop", resource, "samakia-prod")).collect();
    situation
}

#[test]
fn a_plan_over_its_budget_is_refused() {
    let rule = Some(line("budget"));
    let mut situation = changes(&["host:a/x", "host:a/y", "host:b/x"]);
    assert!(decide(&situation).is_met());
    situation.recent.insert(slug("samakia-prod"), 2);
    assert!(decide(&situation).is_met());
    situation.recent.insert(slug("samakia-prod"), 3);
    let fault = refused(&situation, Code::GuardBudget, rule, "changes_per_hour");
    assert!(fault.message.contains("had 3 changes within the hour, and 3 more"), "{fault:?}");
    situation.recent = [(slug("samakia-dns"), 100)].into();
    assert!(decide(&situation).is_met(), "the changes of another environment are not counted");
    refused(
        &changes(&["host:a/x", "host:a/y", "host:a/z", "host:b/x"]),
        Code::GuardBudget,
        rule,
        "changes_per_run",
    );
    let fault =
        refused(&changes(&["host:a/x", "host:b/x", "host:c/x"]), Code::GuardBudget, rule, "targets_per_run");
    assert!(fault.message.contains("3 targets (a, b, c)"), "{fault:?}");
}

#[test]
fn a_budget_holds_within_the_run() {
    let decision = decide(&changes(&["host:a/x"]));
    let environment = slug("samakia-prod");
    let made = |targets: &[&str]| -> Vec<(Slug, String)> {
        targets.iter().map(|target| (slug("samakia-prod"), (*target).to_owned())).collect()
    };
    let (none, two, three) = (made(&[]), made(&["a", "b"]), made(&["a", "a", "b"]));
    let now = met().now;
    let next = Next { now, environment: &environment, target: "a", made: &none, recent: 4, freezes: &[] };
    decision.still(&next).expect("the fifth of the hour");
    for (next, says) in [
        (Next { recent: 5, ..next }, "within the hour"),
        (Next { recent: 0, made: &three, ..next }, "4 changes"),
        (Next { recent: 0, made: &two, target: "c", ..next }, "3 targets"),
    ] {
        let fault = decision.still(&next).expect_err(says);
        assert_eq!(fault.code, Code::GuardBudget);
        assert!(fault.message.contains(says), "{fault:?}");
        assert!(fault.hints.concat().contains(&format!("policy.toml:{}", line("budget"))), "{fault:?}");
    }
    let elsewhere = slug("lab");
    decision.still(&Next { environment: &elsewhere, recent: 99, ..next }).expect("no budget is for it");
}

#[test]
fn a_container_is_one_target_however_it_is_reached() {
    let target = |text: &str| target_of(&text.parse().expect("a resource"));
    assert_eq!(target("host:dns-edge-1/keepalived"), "dns-edge-1");
    assert_eq!(target("guest:dns-edge-1"), "dns-edge-1");
    assert_eq!(target("vip:dns-edge-1"), "vip:dns-edge-1");
    assert_eq!(target("addr:10.0.0.1"), "addr:10.0.0.1");
}
