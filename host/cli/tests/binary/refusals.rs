//! Refusals: each guard of a policy says no with its own exit, fault, rule and remedy, and nothing is changed.

use std::fs;
use std::time::SystemTime;

use fabric_evidence::Signer;
use fabric_evidence::approval::{About, Approval};
use fabric_model::Digest;

use crate::drill::{Drill, ONE, OPEN, Person, TWO, time, window};
use crate::scene::{Ran, ran};

/// The row of the site's policy for production, on the twin. Its boundary is left out: who runs tests owns his files.
const PRODUCTION: &str = "[[guard]]
name = \"production\"
environments = [\"twin\"]
roles = [\"*\"]
kinds = [\"gameday\", \"dr\", \"operation\"]
reason_min = 12
window = { max_minutes = 60 }
plan_max_age_minutes = 240
approvals = { count = 1, roles = [\"approver\"], max_minutes = 240 }
ci = \"deny\"
budget = { changes_per_run = 20, changes_per_hour = 40, targets_per_run = 4 }

[guard.primitives]
\"*\" = [\"host:*\", \"guest:*\"]
";

const REASON: [&str; 2] = ["--reason", "agreed in CAB 114"];

/// A row that asks for one thing.
fn row(asks: &str) -> String {
    format!(
        "[[guard]]\nname = \"row\"\nenvironments = [\"twin\"]\nroles = [\"*\"]\n{asks}\n\n[guard.primitives]\n\"*\" = [\"host:*\", \"guest:*\"]\n"
    )
}

/// A drill with a planned script of one change.
fn planned(guards: &str) -> (Drill, String) {
    let drill = Drill::new(guards);
    drill.script("gameday", ONE);
    let plan = drill.plan();
    (drill, plan)
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// Asserts that a plan of one change is refused under a row that asks for one thing, and goes through once that is met.
fn refuses(asks: &str, args: &[&str], code: i32, fault: &str, remedy: &[&str], met: &[&str]) {
    let (drill, plan) = planned(&row(asks));
    let before = drill.changes();
    let rule = drill.rule(asks);
    let refused = drill.execute(&plan, args);
    drill.assert_refused_at_once(&before, &refused, code, fault, &[&[rule.as_str()], remedy].concat());
    if !met.is_empty() {
        let ran = drill.execute(&plan, met);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert_eq!((drill.times("stop", "dns-edge-1", "keepalived"), drill.marked()), (1, false));
    }
}

#[test]
fn a_reason_that_is_missing_or_too_short() {
    let asks = "reason_min = 12";
    let remedy = ["Add `--reason TEXT` with at least 12 characters"];
    for args in [&[][..], &["--reason", "short"], &["--reason", "  spaces only    "]] {
        refuses(asks, args, 6, "guard.reason", &remedy, &[]);
    }
    refuses(asks, &[], 6, "guard.reason", &remedy, &REASON);
}

#[test]
fn a_window_that_is_missing_too_long_or_not_open() {
    let asks = "window = { max_minutes = 60 }";
    let open = window(-60, 600);
    refuses(asks, &[], 6, "guard.window", &["--window-start TIME"], &strs(&open));
    refuses(asks, &strs(&window(-60, 7200)), 6, "guard.window", &["Choose a shorter one"], &[]);
    // Held to wherever it is stated.
    let (drill, plan) = planned(OPEN);
    for (from, to, remedy) in [
        (600, 1200, "Run it when the window is open"),
        (-1200, -600, "Agree on a new window"),
        (60, -60, "the earlier time"),
    ] {
        let refused = drill.execute(&plan, &strs(&window(from, to)));
        drill.assert_refused_at_once(&[], &refused, 6, "guard.window", &[remedy]);
    }
    drill
        .execute(&plan, &["--window-start", "2026-05-04T03:00:00", "--window-end", "2026-05-04T04:00:00"])
        .refused(6, &[]);
}

#[test]
fn a_window_that_closes_during_the_run_stops_it_and_what_was_changed_is_undone() {
    let drill = Drill::new(&row("window = { max_minutes = 60 }"));
    drill.script("gameday", TWO);
    let plan = drill.plan();
    // Long enough for the first change on a slow machine.
    let run = drill.start(&plan, &strs(&window(-60, 20)));
    // The script only waits now: what it has changed must not stand until it goes on.
    let ran = run.end();
    let record = drill.assert_refused(&ran, 6, "guard.window_closed", &["long enough for the whole plan"]);
    assert_eq!(record["verdicts"]["restoration"], "restored");
    assert_eq!(drill.times("stop", "dns-edge-1", "unbound"), 0);
    drill.assert_restored();
}

#[test]
fn a_frozen_environment_until_it_is_thawed() {
    let (drill, plan) = planned(OPEN);
    let freeze =
        |until: &str| drill.scene.fabric(&["freeze", "twin", "--reason", "release week", "--until", until]);
    assert_eq!(freeze(&time(-5)).code, Some(2), "it would be over already");
    let frozen = freeze(&time(3600));
    assert_eq!(frozen.code, Some(0), "{}", frozen.all());
    let refused = drill.execute(&plan, &[]);
    drill.assert_refused_at_once(
        &[],
        &refused,
        8,
        "guard.frozen",
        &["release week", "fabric thaw twin --reason TEXT"],
    );
    let thawed = drill.scene.fabric(&["thaw", "twin", "--reason", "the release is out"]);
    assert_eq!(thawed.code, Some(0), "{}", thawed.all());
    assert_eq!(drill.execute(&plan, &[]).code, Some(0));
}

#[test]
fn what_lies_among_the_freezes_and_is_none_freezes_too() {
    let (drill, plan) = planned(OPEN);
    let folder = drill.scene.home().join("rehearsal/authority/freezes/twin");
    fs::create_dir_all(&folder).expect("it is ours");
    fs::write(folder.join("x.json"), "{}").expect("it is ours");
    let refused = drill.execute(&plan, &[]);
    drill.assert_refused_at_once(&[], &refused, 8, "guard.frozen", &["what cannot be understood freezes"]);
}

#[test]
fn a_freeze_that_comes_during_the_run_stops_it_and_what_was_changed_is_undone() {
    let drill = Drill::new(OPEN);
    drill.script("gameday", TWO);
    let plan = drill.plan();
    let run = drill.start(&plan, &[]);
    let frozen = drill.scene.fabric(&["freeze", "twin", "--reason", "incident 7", "--until", &time(3600)]);
    assert_eq!(frozen.code, Some(0), "{}", frozen.all());
    // The script only waits now: what it has changed must not stand until it goes on.
    let ran = run.end();
    drill.assert_refused(&ran, 8, "guard.frozen", &["incident 7", "fabric thaw twin"]);
    assert_eq!(drill.times("stop", "dns-edge-1", "unbound"), 0);
    drill.assert_restored();
}

#[test]
fn a_ci_job_by_whichever_sign() {
    let (drill, plan) = planned(&row("ci = \"deny\""));
    let rule = drill.rule("ci = \"deny\"");
    let executed =
        |name: &str, content: &str| ran(drill.command(&["--plan", &plan]).env(name, content).output());
    for (name, content) in
        [("CI", "true"), ("CI", "1"), ("CI", "yes"), ("GITHUB_ACTIONS", "true"), ("GITLAB_CI", "true")]
    {
        let refused = executed(name, content);
        drill.assert_refused_at_once(&[], &refused, 6, "guard.ci", &[name, &rule, "run it by hand"]);
    }
    for content in ["", "0", "false", "FALSE"] {
        assert_eq!(executed("CI", content).code, Some(0), "CI={content}");
    }
}

#[test]
fn an_environment_that_no_row_is_for() {
    for guards in ["", &OPEN.replace("\"twin\"", "\"samakia-dev\""), &OPEN.replace("host:*", "host:minio-*")]
    {
        let (drill, plan) = planned(guards);
        let refused = drill.execute(&plan, &[]);
        let row = "environments = [\\\"twin\\\"]";
        let record =
            drill.assert_refused(&refused, 6, "guard.environment", &["No row of policy.toml is for it"]);
        assert!(record["refusals"].to_string().contains(row), "the row that would open it: {record}");
        assert_eq!(drill.changes(), [""; 0], "nothing was changed");
    }
    let kinds = "kinds = [\"operation\"]";
    refuses(kinds, &[], 6, "guard.environment", &["to its `kinds`"], &[]);
}

#[test]
fn a_budget_that_is_used_up() {
    let asks = "budget = { changes_per_run = 1 }";
    let two_at_once = "during(#{ title: \"two\", fault: || { unit::stop(#{ host: \"dns-edge-1\", unit: \"keepalived\" }); unit::stop(#{ host: \"dns-edge-2\", unit: \"keepalived\" }); } }, || {});";
    for (asks, remedy) in [(asks, "changes_per_run"), ("budget = { targets_per_run = 1 }", "targets_per_run")]
    {
        let drill = Drill::new(&row(asks));
        let refused = drill.planned_and_executed("gameday", two_at_once, &[]);
        let rule = drill.rule(asks);
        drill.assert_refused_at_once(&[], &refused, 6, "guard.budget", &[&rule, remedy, "Split the script"]);
    }
    let asks = "budget = { changes_per_hour = 1 }";
    let (drill, plan) = planned(&row(asks));
    assert_eq!(drill.execute(&plan, &[]).code, Some(0));
    let before = drill.changes();
    let refused = drill.execute(&plan, &[]);
    let parts = [drill.rule(asks), "Wait until the hour is over".to_owned()];
    drill.assert_refused_at_once(&before, &refused, 6, "guard.budget", &strs(&parts));
}

#[test]
fn every_refusal_is_told_at_once() {
    let (drill, plan) = planned(PRODUCTION);
    let refused = drill.execute(&plan, &[]);
    for fault in ["guard.reason", "guard.window", "guard.approval"] {
        drill.assert_refused(&refused, 6, fault, &["policy.toml:"]);
    }
    assert_eq!(drill.changes(), [""; 0]);
}

#[test]
fn the_rows_of_production_let_a_run_through_that_meets_all_of_them() {
    let (drill, plan) = planned(PRODUCTION);
    let approver = drill.person("approver", &["approver"]);
    let window = window(-60, 1800);
    let approved = drill.approve(&approver, &plan, &strs(&window));
    assert_eq!(approved.code, Some(0), "{}", approved.all());
    let ran = drill.execute(&plan, &[&REASON[..], &strs(&window)].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let packet = drill.scene.path(ran.packet());
    assert_eq!(drill.scene.verify(&packet).code, Some(0));
    let record = crate::scene::json(&fs::read_to_string(packet.join("run.json")).expect("the packet has it"));
    let told = record.to_string();
    assert!(told.contains(&approver.fingerprint) && told.contains(REASON[1]), "{record:#}");
    assert_eq!(record["verdicts"]["restoration"], "restored");
    assert_eq!(drill.times("stop", "dns-edge-1", "keepalived"), 1);
    drill.assert_restored();
}

/// A drill whose plan needs one approval, and somebody who may give it.
fn unapproved() -> (Drill, String, Person) {
    let (drill, plan) = planned(&row(APPROVALS));
    let approver = drill.person("approver", &["approver"]);
    (drill, plan, approver)
}

const APPROVALS: &str = "approvals = { count = 1, roles = [\"approver\"] }";

/// Asserts that a plan is refused for want of an approval, with the command that gives one.
fn unapproved_is(drill: &Drill, ran: &Ran, plan: &str, fault: &str, says: &str) {
    let remedy = format!("fabric approve {plan} --environment twin --executor {}", drill.executor());
    let parts = [drill.rule(APPROVALS), remedy, says.to_owned()];
    let before: Vec<String> = Vec::new();
    drill.assert_refused_at_once(&before, ran, 9, fault, &strs(&parts));
}

#[test]
fn an_approval_that_is_missing_or_the_executors_own() {
    let (drill, plan, approver) = unapproved();
    unapproved_is(&drill, &drill.execute(&plan, &[]), &plan, "guard.approval", "0 of 1 approvals");
    let executor = Person { home: drill.scene.home(), fingerprint: drill.executor() };
    drill.approve(&executor, &plan, &[]).refused(9, &["nobody approves what he executes himself", "hint:"]);
    // Given as if somebody else were to execute it.
    let own = drill.approve(&executor, &plan, &["--executor", &approver.fingerprint]);
    assert_eq!(own.code, Some(0), "{}", own.all());
    unapproved_is(
        &drill,
        &drill.execute(&plan, &[]),
        &plan,
        "guard.approval_own",
        "that of the executor himself",
    );
}

#[test]
fn an_approval_for_another_executor_window_or_plan() {
    let (drill, plan, approver) = unapproved();
    let third = drill.person("third", &["operator"]);
    assert_eq!(drill.approve(&approver, &plan, &["--executor", &third.fingerprint]).code, Some(0));
    unapproved_is(&drill, &drill.execute(&plan, &[]), &plan, "guard.approval_other", "to execute");
    assert_eq!(drill.approve(&approver, &plan, &strs(&window(-60, 1800))).code, Some(0));
    unapproved_is(&drill, &drill.execute(&plan, &[]), &plan, "guard.approval_other", "is for the window");
    // A good approval of one plan, laid among those of another.
    assert_eq!(drill.approve(&approver, &plan, &[]).code, Some(0));
    let other = drill.plan_with(&["--param", "note=other"]);
    let (from, to) =
        (drill.approval(&plan, &approver.fingerprint), drill.approval(&other, &approver.fingerprint));
    fs::create_dir_all(to.parent().expect("a folder")).expect("it is ours");
    for suffix in ["json", "json.asc", "json.dsse"] {
        fs::copy(from.with_extension(suffix), to.with_extension(suffix)).expect("it is ours");
    }
    let refused = drill.execute(&other, &["--param", "note=other"]);
    unapproved_is(&drill, &refused, &other, "guard.approval_other", &format!("is for the plan {plan}"));
}

/// Signs an approval as somebody and lays it where it counts, whatever it says.
fn lay(drill: &Drill, approver: &Person, plan: &str, environment: &str, from_s: i64, to_s: i64) {
    let approval = Approval {
        approver: approver.fingerprint.parse().expect("a fingerprint"),
        environments: vec![environment.parse().expect("a word")],
        executor: drill.executor().parse().expect("a fingerprint"),
        expires: time(to_s).parse().expect("a time"),
        made: time(from_s).parse().expect("a time"),
        nonce: "0123456789abcdef".parse().expect("a word"),
        reason: "agreed".to_owned(),
        role: "approver".parse().expect("a word"),
        window: None,
    };
    let about = About { plan: plan.parse().expect("a digest"), packet: Digest::of(b"a manifest") };
    let signer = Signer::load(&approver.home.join("signing-key.asc")).expect("his key");
    let given = approval.give(about, &signer, SystemTime::now()).expect("it signs");
    let file = drill.approval(plan, &approver.fingerprint);
    fs::create_dir_all(file.parent().expect("a folder")).expect("it is ours");
    fs::write(&file, given.statement).expect("it is ours");
    fs::write(file.with_extension("json.asc"), given.signature).expect("it is ours");
    fs::write(file.with_extension("json.dsse"), given.envelope.expect("a key file")).expect("it is ours");
}

#[test]
fn an_approval_that_is_over_or_for_another_environment() {
    let (drill, plan, approver) = unapproved();
    let executed = || drill.execute(&plan, &[]);
    lay(&drill, &approver, &plan, "twin", -7200, -3600);
    unapproved_is(&drill, &executed(), &plan, "guard.approval_expired", "ended at");
    // Longer than a day counts for nothing, whatever it says of itself.
    lay(&drill, &approver, &plan, "twin", -90_000, 90_000);
    unapproved_is(&drill, &executed(), &plan, "guard.approval_expired", "ended at");
    lay(&drill, &approver, &plan, "samakia-prod", -60, 3600);
    unapproved_is(&drill, &executed(), &plan, "guard.approval_other", "is not for environment `twin`");
    lay(&drill, &approver, &plan, "twin", -60, 3600);
    assert_eq!(executed().code, Some(0), "the same for this environment counts");
}

#[test]
fn an_approval_that_was_used() {
    let (drill, plan, approver) = unapproved();
    assert_eq!(drill.approve(&approver, &plan, &[]).code, Some(0));
    let first = drill.execute(&plan, &[]);
    assert_eq!(first.code, Some(0), "{}", first.all());
    let before = drill.changes();
    let again = drill.execute(&plan, &[]);
    let parts = [drill.rule(APPROVALS), "was used before".to_owned(), format!("fabric approve {plan}")];
    drill.assert_refused_at_once(&before, &again, 9, "guard.approval_used", &strs(&parts));
    assert_eq!(drill.approve(&approver, &plan, &[]).code, Some(0));
    assert_eq!(drill.execute(&plan, &[]).code, Some(0), "approved anew");
}

#[test]
fn an_approval_that_was_changed_or_is_not_signed() {
    let (drill, plan, approver) = unapproved();
    assert_eq!(drill.approve(&approver, &plan, &[]).code, Some(0));
    let file = drill.approval(&plan, &approver.fingerprint);
    let good = fs::read_to_string(&file).expect("it was given");
    for bad in [good.replace("agreed", "argued"), good.replace("\"twin\"", "\"lab\""), String::new()] {
        assert_ne!(bad, good);
        fs::write(&file, bad).expect("it is ours");
        unapproved_is(
            &drill,
            &drill.execute(&plan, &[]),
            &plan,
            "guard.approval",
            "Find out who put it there",
        );
    }
    fs::write(&file, &good).expect("it is ours");
    let signature = file.with_extension("json.asc");
    let kept = fs::read(&signature).expect("it was given");
    fs::remove_file(&signature).expect("it is ours");
    unapproved_is(&drill, &drill.execute(&plan, &[]), &plan, "guard.approval", "it is not signed");
    fs::write(&signature, kept).expect("it is ours");
    assert_eq!(drill.execute(&plan, &[]).code, Some(0));
}

#[test]
fn one_key_in_two_roles() {
    let second = "approvals = { count = 1, roles = [\"security\"] }";
    let guards = row(APPROVALS) + "\n" + &row(second).replacen("\"row\"", "\"second\"", 1);
    let (drill, plan) = planned(&guards);
    let both = drill.person("both", &["approver", "security"]);
    drill.approve(&both, &plan, &[]).refused(2, &["you have several roles", "--role ROLE"]);
    for (role, missing) in [("approver", second), ("security", APPROVALS)] {
        let given = drill.approve(&both, &plan, &["--role", role]);
        assert_eq!(given.code, Some(0), "{}", given.all());
        let refused = drill.execute(&plan, &[]);
        let parts = [drill.rule(missing), "0 of 1 approvals".to_owned()];
        drill.assert_refused_at_once(&[], &refused, 9, "guard.approval", &strs(&parts));
    }
    // Nor under another name.
    let first = drill.person("first", &["approver"]);
    let (own, other) = (drill.approval(&plan, &both.fingerprint), drill.approval(&plan, &first.fingerprint));
    for suffix in ["json", "json.asc"] {
        fs::copy(own.with_extension(suffix), other.with_extension(suffix)).expect("it is ours");
    }
    let refused = drill.execute(&plan, &[]);
    drill.assert_refused_at_once(&[], &refused, 9, "guard.approval", &["belongs in"]);
    assert_eq!(drill.approve(&first, &plan, &[]).code, Some(0));
    assert_eq!(drill.execute(&plan, &[]).code, Some(0), "two keys in their roles");
}

#[test]
fn a_signer_who_is_missing_or_does_not_count() {
    let (drill, plan) = planned(OPEN);
    let (key, trust) = (drill.scene.home().join("signing-key.asc"), drill.scene.home().join("trust.toml"));
    let packets = drill.scene.packets().len();
    let refused = |says: &str| {
        drill.execute(&plan, &[]).refused(4, &[says, "hint:"]);
        assert_eq!((drill.scene.packets().len(), drill.changes().len()), (packets, 0));
    };
    let good = fs::read_to_string(&trust).expect("it is ours");
    fs::write(&trust, good.clone() + "revoked = true\n").expect("it is ours");
    refused("is revoked");
    let other = drill.person("other", &["approver"]);
    fs::write(&trust, fs::read_to_string(&trust).expect("it is ours").replace("revoked = true\n", ""))
        .expect("it is ours");
    let own = fs::read(&key).expect("it is ours");
    fs::write(&key, "-----BEGIN PGP PRIVATE KEY BLOCK-----\n").expect("it is ours");
    drill.execute(&plan, &[]).refused(4, &["signing-key.asc"]);
    fs::remove_file(&key).expect("it is ours");
    assert_eq!(drill.execute(&plan, &[]).code, Some(4));
    assert_eq!((drill.scene.packets().len(), drill.changes().len()), (packets, 0));
    fs::copy(other.home.join("signing-key.asc"), &key).expect("it is ours");
    let stranger = drill.execute(&plan, &[]);
    assert_ne!(stranger.code, Some(0), "a role that nothing is granted to: {}", stranger.all());
    assert_eq!(drill.changes(), [""; 0]);
    fs::write(&key, own).expect("it is ours");
    fs::write(&trust, good).expect("it is ours");
    assert_eq!(drill.execute(&plan, &[]).code, Some(0));
}

#[test]
fn a_reason_or_window_for_a_dry_run_of_the_site_is_a_wrong_command_line() {
    let drill = Drill::new(OPEN);
    drill.script("gameday", ONE);
    for args in [&["--reason", "agreed in CAB 114"][..], &strs(&window(-60, 60))] {
        drill
            .scene
            .fabric(&[&["run", "drill.rhai"], args].concat())
            .refused(2, &["Add `--execute --plan DIGEST`"]);
    }
}
