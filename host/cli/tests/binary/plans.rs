//! Plans: what is executed is what was planned, where it was planned, in the world that the plan rests on; and how such runs end.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use fabric_model::Digest;
use fabric_twin::{Hold, Moment, Operations, TwinFault};

use crate::drill::{Drill, ONE, OPEN, TWO, stopped, text};
use crate::scene::{eventually, json};

const FAILOVER: &str = "gamedays/vip-failover-stop.rhai";

const HOLDER: &str = "during(#{ title: \"holder\", fault: || unit::stop(#{ host: \"holder(vip:dns)\", unit: \"keepalived\" }) }, || {});";

fn stop(host: &str, unit: &str) -> String {
    format!("unit::stop(#{{ host: \"{host}\", unit: \"{unit}\" }});")
}

/// A drill with a plan of this script.
fn planned(kind: &str, body: &str) -> (Drill, String) {
    let drill = Drill::new(OPEN);
    drill.script(kind, body);
    let plan = drill.plan();
    (drill, plan)
}

fn assert_stale(drill: &Drill, plan: &str, args: &[&str], says: &str) {
    let before = drill.changes();
    let refused = drill.execute(plan, args);
    drill.assert_refused_at_once(
        &before,
        &refused,
        10,
        "plan.stale",
        &[says, "Make a new plan with a dry run"],
    );
}

#[test]
fn a_gameday_that_moves_a_vip_is_planned_twice_alike_and_executed_from_its_plan() {
    let drill = Drill::new(OPEN);
    drill.scene.adopt("gamedays");
    fs::copy(drill.scene.path(FAILOVER), drill.scene.path("drill.rhai")).expect("room");
    let plan = drill.plan();
    assert_eq!(drill.plan(), plan, "two dry runs make the same plan");
    let ran = drill.execute(&plan, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stdout.contains("hypothesis pass, injection confirmed, restoration restored"),
        "{}",
        ran.all()
    );
    assert_eq!(drill.plan(), plan, "the world is the one before");
    let shown = drill.scene.fabric(&["plan", "show", &plan]);
    assert_eq!(shown.code, Some(0), "{}", shown.all());
    for part in ["holder(vip:dns) = dns-edge-1", "self-heals in 60 s", "felt by"] {
        assert!(shown.stdout.contains(part), "`{part}` is not in: {}", shown.all());
    }
}

#[test]
fn a_plan_is_stale_once_the_world_it_rests_on_is_another() {
    let (drill, plan) = planned("gameday", HOLDER);
    let moved = TwinFault::VipMoved { vip: "dns".to_owned(), host: "dns-edge-2".to_owned() };
    drill.inject(moved.clone());
    assert_stale(&drill, &plan, &[], "`holder(vip:dns)` was dns-edge-1 in the plan, and is dns-edge-2 now");
    drill.heal(&moved);
    let (drill, plan) = planned("gameday", ONE);
    let down = stopped("dns-edge-1", "keepalived");
    drill.inject(down.clone());
    assert_stale(&drill, &plan, &[], "before change 0");
    drill.heal(&down);
    assert_eq!(drill.execute(&plan, &[]).code, Some(0), "as it was when the plan was made");
}

#[test]
fn a_later_change_that_rests_on_another_world_is_found_before_the_first_is_made() {
    let both = format!(
        "during(#{{ title: \"both\", fault: || {{ {} {} }} }}, || {{}});",
        stop("dns-edge-1", "keepalived"),
        stop("dns-edge-2", "unbound")
    );
    let (drill, plan) = planned("gameday", &both);
    drill.inject(stopped("dns-edge-2", "unbound"));
    assert_stale(&drill, &plan, &[], "before change 1");
}

#[test]
fn a_plan_is_stale_once_script_policy_or_parameters_are_others() {
    let (drill, plan) = planned("gameday", ONE);
    assert_stale(&drill, &plan, &["--param", "note=x"], "the set of parameters is another");
    for (file, what) in [("policy.toml", "policy"), ("fabric.toml", "site file")] {
        let good = drill.scene.read(file);
        drill.scene.write(file, &format!("{good}\n# changed\n"));
        assert_stale(&drill, &plan, &[], &format!("the {what} is another"));
        drill.scene.write(file, &good);
    }
    drill.script("gameday", &format!("{ONE} // changed"));
    assert_stale(&drill, &plan, &[], "the script is another");
    drill.script("gameday", ONE);
    assert_eq!(drill.execute(&plan, &[]).code, Some(0));
}

#[test]
fn a_plan_that_was_changed_is_refused_also_with_a_manifest_that_fits() {
    let (drill, plan) = planned("gameday", ONE);
    let packet = drill.scene.packet();
    let (file, manifest) = (packet.join("artifacts/plan.json"), packet.join("manifest.sha256"));
    let good = fs::read_to_string(&file).expect("the packet has it");
    let bad = good.replacen("dns-edge-1", "dns-edge-2", 1);
    assert_ne!(good, bad);
    let listed = fs::read_to_string(&manifest).expect("the packet has it");
    let digest = |text: &str| Digest::of(text.as_bytes()).to_string();
    for path in [&file, &manifest] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
    fs::write(&file, &bad).expect("it is ours");
    let refused = |named: &str| {
        let refused = drill.execute(named, &[]);
        let says = ["does not verify", "Make a new plan"];
        drill.assert_refused_at_once(&[], &refused, 10, "plan.altered", &says);
    };
    refused(&plan);
    fs::write(&manifest, listed.replace(&digest(&good), &digest(&bad))).expect("it is ours");
    refused(&plan);
    refused(&digest(&bad));
    refused(text(&packet));
    fs::write(&file, &good).expect("it is ours");
    fs::write(&manifest, listed).expect("it is ours");
    assert_eq!(drill.execute(&plan, &[]).code, Some(0), "as it was made");
    drill.execute(&digest("nothing"), &[]).refused(5, &["no packet holds the plan"]);
}

/// The script looks at something that the plan does not rest on, and goes another way.
fn turning(on: &str) -> String {
    format!(
        "let more = unit::state(#{{ host: \"minio-edge-1\", unit: \"haproxy\" }}).active_state {on} \"active\";
during(#{{ title: \"t\", heal_after_s: 3600, fault: || {{ {} if more {{ {} }} }} }}, || {{}});",
        stop("dns-edge-1", "keepalived"),
        stop("dns-edge-1", "unbound")
    )
}

#[test]
fn a_script_that_makes_one_change_more_or_fewer_than_planned_is_refused_and_undone() {
    for (on, says) in [
        ("!=", "the plan has no change 1"),
        ("==", "the script ended before change 1 of the plan (stop unbound.service"),
    ] {
        let (drill, plan) = planned("gameday", &turning(on));
        drill.inject(stopped("minio-edge-1", "haproxy"));
        let ran = drill.execute(&plan, &[]);
        let record = drill.assert_refused(&ran, 10, "plan.stale", &[says]);
        assert_eq!(record["verdicts"]["restoration"], "restored", "{}", ran.all());
        assert_eq!(drill.times("stop", "dns-edge-1", "keepalived"), 1);
        assert_eq!(drill.times("stop", "dns-edge-1", "unbound"), 0);
        drill.assert_restored();
    }
}

#[test]
fn an_operation_that_makes_fewer_changes_than_planned_keeps_none() {
    let operation = format!(
        "let more = unit::state(#{{ host: \"minio-edge-1\", unit: \"haproxy\" }}).active_state == \"active\";\n{}\nif more {{ {} }}",
        stop("dns-edge-1", "keepalived"),
        stop("dns-edge-1", "unbound")
    );
    let (drill, plan) = planned("operation", &operation);
    drill.inject(stopped("minio-edge-1", "haproxy"));
    let ran = drill.execute(&plan, &[]);
    let record = drill.assert_refused(&ran, 10, "plan.stale", &["ended before change 1"]);
    assert_eq!(record["verdicts"]["restoration"], "restored", "{}", ran.all());
    drill.assert_restored();
}

#[test]
fn a_change_out_of_place_is_refused_in_the_dry_run_and_in_the_run() {
    let change = stop("dns-edge-1", "keepalived");
    let within = |place: &str| format!("during(#{{ title: \"t\", fault: || {{}} }}, || {{ {place} }});");
    for (kind, body) in [
        ("gameday", change.clone()),
        ("gameday", within(&format!("par([1], |n| {{ {change} }});"))),
        ("gameday", within(&format!("check(\"c\", || {{ {change} }});"))),
        ("gameday", within(&format!("abort_when(\"a\", || {{ {change} false }});"))),
        ("operation", format!("par([1], |n| {{ {change} }});")),
        ("operation", format!("check(\"c\", || {{ {change} }});")),
    ] {
        let drill = Drill::new(OPEN);
        drill.script(kind, &body);
        for args in [&["--dry-run"][..], &[]] {
            let ran = crate::scene::ran(drill.command(args).output());
            assert!(!matches!(ran.code, Some(0) | None), "{body}: {}", ran.all());
            let journal = fs::read_to_string(drill.scene.path(ran.packet()).join("journal.jsonl"));
            let journal = journal.expect("the packet has it");
            assert!(journal.contains("change.out_of_place"), "{body} {args:?}: {}", ran.all());
            assert_eq!(drill.changes(), [""; 0], "{body}");
        }
    }
}

#[test]
fn an_operation_that_succeeds_keeps_its_changes_and_leaves_no_timer_and_no_lock() {
    let (drill, plan) = planned("operation", &stop("dns-edge-1", "keepalived"));
    let ran = drill.execute(&plan, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.contains("restoration committed"), "{}", ran.all());
    drill.advance(Duration::from_secs(7200));
    assert!(drill.is_stopped("dns-edge-1", "keepalived"), "no timer takes it back: {:#?}", drill.changes());
    assert!(!drill.marked());
    // Somebody else can have the host, and sees what stays.
    assert_stale(&drill, &plan, &[], "before change 0");
    let other = drill.person("other", &["site-dev"]);
    drill.script("operation", &stop("dns-edge-1", "unbound"));
    let ran = crate::scene::ran(drill.command(&["--home", text(&other.home)]).output());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}

#[test]
fn an_operation_that_fails_is_undone() {
    let body = format!("{}\ncheck(\"it helps\", || false);", stop("dns-edge-1", "keepalived"));
    let (drill, plan) = planned_failing(&body);
    let ran = drill.execute(&plan, &[]);
    assert_eq!(ran.code, Some(13), "{}", ran.all());
    assert!(ran.stdout.contains("restoration restored"), "{}", ran.all());
    assert_eq!(drill.times("stop", "dns-edge-1", "keepalived"), 1);
    drill.assert_restored();
}

/// A drill with a plan of an operation whose check fails in the dry run too.
fn planned_failing(body: &str) -> (Drill, String) {
    let drill = Drill::new(OPEN);
    drill.script("operation", body);
    let planned = crate::scene::ran(drill.command(&["--dry-run", "--output", "json"]).output());
    let plan = json(&planned.stdout)["run"]["plan"].as_str().map(str::to_owned);
    (drill, plan.unwrap_or_else(|| panic!("{}", planned.all())))
}

#[test]
fn a_change_that_fails_before_it_has_an_effect() {
    let (drill, plan) = planned("operation", &stop("dns-edge-1", "keepalived"));
    // The first change takes the lock; the second arms the timer, of which no answer comes back in time.
    drill.hold(Hold { nth: 2, among: Operations::Changes, moment: Moment::Before });
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| drill.execute(&plan, &[]));
        drill.held();
        run.join().expect("it ends by itself")
    });
    drill.release();
    assert_eq!(run.code, Some(12), "{}", run.all());
    assert_eq!(drill.times("stop", "dns-edge-1", "keepalived"), 0);
    drill.assert_restored();
}

#[test]
fn a_change_that_cannot_be_taken_back_is_told_and_recovered_later() {
    // As long as the target may heal itself, the host waits for it.
    let (drill, plan) = planned("gameday", &TWO.replace("heal_after_s: 3600", "heal_after_s: 60"));
    let run = drill.start(&plan, &[]);
    drill.refuse_network(true);
    run.interrupt();
    let ran = run.end();
    assert_eq!(ran.code, Some(14), "{}", ran.all());
    for part in ["LEFT", "take back what is left with `fabric recover`"] {
        assert!(ran.all().contains(part), "`{part}` is not in: {}", ran.all());
    }
    assert!(drill.marked());
    drill.refuse_network(false);
    let recovered = drill.scene.fabric(&["recover"]);
    assert_eq!(recovered.code, Some(0), "{}", recovered.all());
    assert!(!drill.marked());
    // Its own timer took it back, so nobody else sent a command.
    assert_eq!(drill.plan(), plan, "the world is the one before");
}

#[test]
fn an_interrupt_undoes_what_was_changed_and_a_second_one_does_not_skip_that() {
    for times in [1, 2, 5] {
        let (drill, plan) = planned("gameday", TWO);
        let run = drill.start(&plan, &[]);
        for _ in 0..times {
            run.interrupt();
        }
        let ran = run.end();
        assert_eq!(ran.code, Some(130), "{times}: {}", ran.all());
        assert!(ran.stdout.contains("restoration restored"), "{}", ran.all());
        drill.assert_restored();
    }
    // While the undoing is under way.
    let (drill, plan) = planned("gameday", TWO);
    let run = drill.start(&plan, &[]);
    drill.hold(Hold { nth: 1, among: Operations::Changes, moment: Moment::Before });
    run.interrupt();
    drill.held();
    run.interrupt();
    run.interrupt();
    drill.release();
    let ran = run.end();
    assert_eq!(ran.code, Some(130), "{}", ran.all());
    eventually("it is restored", || !drill.is_stopped("dns-edge-1", "keepalived"));
    drill.assert_restored();
}
