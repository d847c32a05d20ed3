//! Each requirement of a row, met and not.

use fabric_gate::{Freeze, Next, Policy, Window};
use fabric_model::{Class, Code};

use super::scene::{decide, instant, line, met, minutes, principal, refused, slug, touch, window};

#[test]
fn production_is_open_when_its_guards_are_met() {
    let decision = decide(&met());
    assert!(decision.is_met(), "{:#?}", decision.refused);
    let rows: Vec<&str> = decision.met.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(rows, ["production"]);
    assert_eq!(decision.met[0].line, line("[[guard]]"));
    assert_eq!(decision.window_end, Some(window().end));
    let nonces: Vec<&str> = decision.consumed.iter().map(|one| one.nonce.as_str()).collect();
    assert_eq!(nonces, ["a1"]);
}

#[test]
fn all_refusals_come_at_once() {
    let mut situation = met();
    situation.reason = None;
    situation.window = None;
    situation.approvals.clear();
    situation.ci = Some("CI=true".to_owned());
    let codes: Vec<Code> = decide(&situation).refused.iter().map(|fault| fault.code).collect();
    for code in [Code::GuardReason, Code::GuardWindow, Code::GuardApproval, Code::GuardCi] {
        assert!(codes.contains(&code), "{code}: {codes:?}");
    }
    assert!(decide(&situation).met.is_empty());
}

#[test]
fn an_environment_without_a_guard_is_closed() {
    let mut situation = met();
    // Another spelling of production is another environment: it is not let past production's guards, it is let nowhere.
    for environment in ["prod", "samakia-staging", "samakia-production", "Samakia-prod"] {
        situation.touches = vec![touch("unit.stop", "host:prod-1/keepalived", environment)];
        let fault = refused(&situation, Code::GuardEnvironment, None, "[[guard]]");
        assert!(fault.hints.concat().contains(&format!("environments = [\"{environment}\"]")), "{fault:?}");
    }
}

#[test]
fn a_change_that_no_row_names_is_refused_beside_one_that_a_row_does() {
    let mut situation = met();
    situation.touches.push(touch("unit.stop", "host:dev-1/app", "samakia-staging"));
    refused(&situation, Code::GuardEnvironment, None, "samakia-staging");
    situation.touches[1] = touch("unit.stop", "vip:shared", "samakia-prod");
    let fault = refused(&situation, Code::GuardEnvironment, None, "\"unit.stop\" = [\"vip:shared\"]");
    assert!(fault.message.contains("vip:shared"), "{fault:?}");
}

#[test]
fn a_row_for_another_role_opens_nothing() {
    let mut situation = met();
    situation.touches = vec![touch("unit.stop", "host:dev-1/app", "samakia-dev")];
    assert!(decide(&situation).is_met());
    situation.executor = principal("44", &["auditor"]);
    refused(&situation, Code::GuardEnvironment, None, "samakia-dev");
    situation.executor = principal("44", &[]);
    refused(&situation, Code::GuardEnvironment, None, "samakia-dev");
}

#[test]
fn what_destroys_is_let_in_by_names_alone() {
    let mut situation = met();
    situation.touches[0].class = Class::Destroy;
    refused(&situation, Code::GuardEnvironment, None, "\"unit.stop\" = [\"host:prod-1/keepalived\"]");
}

#[test]
fn a_script_of_another_kind_is_refused() {
    let mut situation = met();
    situation.kind = "dr".to_owned();
    let fault = refused(&situation, Code::GuardEnvironment, Some(line("kinds")), "add \"dr\" to its `kinds`");
    assert!(fault.message.contains("kind `dr`"), "{fault:?}");
}

#[test]
fn ci_is_refused_unless_the_row_lets_it_in() {
    let mut situation = met();
    situation.ci = Some("GITHUB_ACTIONS=true".to_owned());
    let fault = refused(&situation, Code::GuardCi, Some(line("[[guard]]")), "fabric rehearse");
    assert!(fault.message.contains("GITHUB_ACTIONS=true"), "{fault:?}");
    situation.touches = vec![touch("unit.stop", "host:prod-1/keepalived", "lab")];
    assert!(decide(&situation).is_met());
}

#[test]
fn a_reason_is_there_and_long_enough() {
    let mut situation = met();
    let rule = Some(line("reason_min"));
    for (reason, says) in [
        (None, "there is no reason"),
        (Some("            "), "there is no reason"),
        (Some("  too short  "), "has 9 characters, fewer than 12"),
        (Some("elf ä zeich"), "has 11 characters"),
    ] {
        situation.reason = reason.map(str::to_owned);
        let fault = refused(&situation, Code::GuardReason, rule, "`--reason TEXT` with at least 12");
        assert!(fault.message.contains(says), "{fault:?}");
    }
    situation.reason = Some("twelve chars".to_owned());
    assert!(decide(&situation).is_met());
}

#[test]
fn a_window_is_there_short_and_open() {
    let mut situation = met();
    let rule = Some(line("window"));
    situation.window = None;
    situation.approvals[0].window = None;
    refused(&situation, Code::GuardWindow, rule, "--window-start");
    for (start, end, says, remedy) in [
        ("2026-05-04T03:00:00Z", "2026-05-04T04:00:01Z", "61 minutes long, more than 60", "no option raises"),
        ("2026-05-04T03:00:00Z", "2125-05-04T03:00:00Z", "minutes long, more than 60", "no option raises"),
        ("2026-05-04T04:00:00Z", "2026-05-04T03:00:00Z", "ends before it begins", "the earlier time"),
        ("2026-05-04T03:30:00Z", "2026-05-04T03:30:00Z", "ends before it begins", "the earlier time"),
        ("2026-05-04T03:31:00Z", "2026-05-04T04:00:00Z", "is not open", "when the window is open"),
        ("2026-05-04T03:00:00Z", "2026-05-04T03:30:00Z", "is not open", "a new window"),
    ] {
        let window = Window::parse(start, end).expect("a window");
        situation.window = Some(window);
        situation.approvals[0].window = Some(window);
        let fault = refused(&situation, Code::GuardWindow, None, remedy);
        assert!(fault.message.contains(says), "{fault:?}");
    }
}

#[test]
fn the_start_of_a_window_is_in_it_and_its_end_is_not() {
    let mut situation = met();
    situation.now = window().start;
    situation.planned = situation.now;
    situation.approvals[0].made = situation.now;
    assert!(decide(&situation).is_met(), "{:?}", decide(&situation).refused);
    situation.now = window().end;
    refused(&situation, Code::GuardWindow, None, "a new window");
}

#[test]
fn a_window_is_held_to_where_no_row_asks_for_one() {
    let mut situation = met();
    situation.touches = vec![touch("unit.stop", "host:prod-1/keepalived", "lab")];
    assert!(decide(&situation).is_met());
    situation.now = window().end + minutes(1);
    refused(&situation, Code::GuardWindow, None, "a new window");
}

#[test]
fn an_old_plan_is_stale() {
    let mut situation = met();
    situation.planned = situation.now - minutes(120);
    assert!(decide(&situation).is_met());
    let rule = Some(line("plan_max_age"));
    situation.planned = situation.now - minutes(121);
    refused(&situation, Code::PlanStale, rule, "Make a new plan with `fabric run`");
    situation.planned = situation.now + minutes(1);
    let fault = refused(&situation, Code::PlanStale, rule, "Make a new plan");
    assert!(fault.message.contains("in the future"), "{fault:?}");
}

#[test]
fn an_advisory_boundary_is_refused_where_it_must_be_enforced() {
    let mut situation = met();
    situation.rewritable = Some("the executor can rewrite policy.toml".to_owned());
    let fault = refused(&situation, Code::GuardBoundary, Some(line("boundary")), "`policy-admin`");
    assert!(fault.message.contains("can rewrite policy.toml"), "{fault:?}");
    situation.touches = vec![touch("unit.stop", "host:prod-1/keepalived", "lab")];
    assert!(decide(&situation).is_met());
}

#[test]
fn a_worker_that_is_not_fully_confined_is_refused_where_it_must_be() {
    let mut situation = met();
    situation.unconfined = Some("no Landlock (the kernel has none)".to_owned());
    let fault = refused(&situation, Code::GuardConfinement, Some(line("confinement")), "`fabric doctor`");
    assert!(fault.message.contains("no Landlock"), "{fault:?}");
    situation.touches = vec![touch("unit.stop", "host:prod-1/keepalived", "lab")];
    assert!(decide(&situation).is_met());
}

#[test]
fn a_policy_may_ask_every_run_for_a_worker_that_is_fully_confined() {
    let policy =
        |line: &str| Policy::parse("policy.toml", &format!("format = 1\n{line}\n")).expect("a policy");
    let lacking = Some("no Landlock");
    let asks = policy("confinement = \"full\"");
    assert!(asks.admits_worker(None).is_ok());
    let fault = asks.admits_worker(lacking).expect_err("it lacks something");
    assert_eq!(fault.code, Code::GuardConfinement);
    assert!(fault.hints.concat().contains("(policy.toml:2)"), "{fault:?}");
    for silent in ["", "confinement = \"reduced\""] {
        assert!(policy(silent).admits_worker(lacking).is_ok(), "{silent}");
    }
    assert!(Policy::parse("policy.toml", "format = 1\nconfinement = true\n").is_err());
}

#[test]
fn a_freeze_stops_every_change_of_its_environment() {
    let mut situation = met();
    let freeze = |environment: &str, until| Freeze {
        environment: slug(environment),
        reason: "release week".to_owned(),
        by: "Ada".to_owned(),
        until,
    };
    situation.freezes = vec![freeze("samakia-prod", Some(instant("2026-05-05T00:00:00Z")))];
    let fault = refused(&situation, Code::GuardFrozen, None, "fabric thaw samakia-prod --reason");
    assert!(fault.message.contains("until 2026-05-05T00:00:00Z by Ada: release week"), "{fault:?}");
    situation.freezes = vec![freeze("samakia-prod", None)];
    refused(&situation, Code::GuardFrozen, None, "fabric thaw");
    situation.freezes = vec![freeze("samakia-prod", Some(situation.now)), freeze("samakia-dns", None)];
    assert!(decide(&situation).is_met(), "one is over, the other is elsewhere");
}

#[test]
fn a_run_stops_when_its_window_closes_or_a_freeze_comes() {
    let decision = decide(&met());
    let environment = slug("samakia-prod");
    let next = Next {
        now: window().end - minutes(1),
        environment: &environment,
        target: "prod-1",
        made: &[],
        recent: 0,
        freezes: &[],
    };
    decision.still(&next).expect("it is open");
    let closed = decision.still(&Next { now: window().end, ..next }).expect_err("it is closed");
    assert_eq!(closed.code, Code::GuardWindowClosed);
    assert!(closed.hints.concat().contains("long enough for the whole plan"), "{closed:?}");
    let freezes =
        [Freeze { environment: environment.clone(), reason: "stop".into(), by: "Ada".into(), until: None }];
    let frozen = decision.still(&Next { freezes: &freezes, ..next }).expect_err("it is frozen");
    assert_eq!(frozen.code, Code::GuardFrozen);
}
