//! Several runs at once, and runs that were killed: one changes a target, the others are refused, and nothing is done twice.

use std::process::{Child, Stdio};

use rustix::process::Signal;

use crate::drill::{Drill, ONE, OPEN, TWO, stopped, text};
use crate::scene::{Ran, eventually, is_alive, kill, ran};

/// How often the race is run.
const ROUNDS: usize = 20;

/// How a run of a race may be refused: the lock is held, or the world is no longer that of the plan.
const REFUSED: [i32; 2] = [8, 10];

/// The rest of a script that waits for [`go_on`](Drill::go_on).
const WAITING: &str = "|| { poll_until(#{ timeout_ms: 600000, every_ms: 1000 }, || unit::state(#{ host: \"dns-edge-1\", unit: \"dnsdist\" }).active_state != \"active\"); });";

const ELSEWHERE: &str = "during(#{ title: \"elsewhere\", fault: || unit::stop(#{ host: \"minio-edge-1\", unit: \"haproxy\" }) }, || {});";

#[test]
fn of_two_operators_who_start_a_plan_at_once_one_runs_and_nothing_is_done_twice() {
    let drill = Drill::new(OPEN);
    let other = drill.person("other", &["site-dev"]);
    // Whoever gets in stays until the other has had his answer.
    drill.script("gameday", &ONE.replace("|| {});", WAITING));
    let plan = drill.plan();
    let start = |home: &std::path::Path| -> Child {
        let mut command = drill.command(&["--plan", &plan, "--home", text(home)]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
    };
    for round in 1..=ROUNDS {
        let racing = [start(&drill.scene.home()), start(&other.home)];
        let pids = racing.each_ref().map(|child| i32::try_from(child.id()).expect("a process number"));
        eventually("one is refused", || pids.into_iter().any(|pid| !is_alive(pid)));
        drill.go_on();
        let ended: Vec<Ran> = racing.map(|child| ran(child.wait_with_output())).into_iter().collect();
        let told = || ended.iter().map(Ran::all).collect::<Vec<_>>().join("\n---\n");
        let won = ended.iter().filter(|ran| ran.code == Some(0)).count();
        let refused = ended.iter().filter(|ran| ran.code.is_some_and(|code| REFUSED.contains(&code))).count();
        assert_eq!((won, refused), (1, 1), "round {round}: {}", told());
        for verb in ["stop", "start"] {
            assert_eq!(
                drill.times(verb, "dns-edge-1", "keepalived"),
                round,
                "{verb} in round {round}: {}",
                told()
            );
        }
        drill.heal(&stopped("dns-edge-1", "dnsdist"));
    }
    drill.assert_restored();
}

#[test]
fn a_target_that_a_live_run_changes_is_locked_for_everybody_and_others_are_not() {
    let drill = Drill::new(OPEN);
    let other = drill.person("other", &["site-dev"]);
    drill.script("gameday", TWO);
    let plan = drill.plan();
    let run = drill.start(&plan, &[]);
    let before = drill.changes();
    // A plan of its own, so that it is not stale.
    drill.script("gameday", &ONE.replace("keepalived", "unbound"));
    let own = ran(drill.command(&[]).output());
    drill.assert_refused_at_once(&before, &own, 8, "guard.locked", &["Wait until"]);
    // From another machine: only the target itself knows.
    let elsewhere = ran(drill.command(&["--home", text(&other.home)]).output());
    assert_eq!(elsewhere.code, Some(8), "{}", elsewhere.all());
    drill.assert_refused(&elsewhere, 8, "guard.locked", &["dns-edge-1", "fabric recover"]);
    assert_eq!(drill.times("stop", "dns-edge-1", "unbound"), 0);
    drill.script("gameday", ELSEWHERE);
    let free = ran(drill.command(&["--home", text(&other.home)]).output());
    assert_eq!(free.code, Some(0), "{}", free.all());
    run.interrupt();
    assert_eq!(run.end().code, Some(130));
    drill.script("gameday", &ONE.replace("keepalived", "unbound"));
    let after = ran(drill.command(&["--home", text(&other.home)]).output());
    assert_eq!(after.code, Some(0), "the lock is given back: {}", after.all());
}

#[test]
fn targets_of_a_killed_run_are_closed_until_it_is_recovered_and_others_are_not() {
    let drill = Drill::new(OPEN);
    let other = drill.person("other", &["site-dev"]);
    drill.script("gameday", TWO);
    let plan = drill.plan();
    let run = drill.start(&plan, &[]);
    kill(run.pid(), Signal::KILL);
    assert_eq!(run.end().code, None);
    drill.script("gameday", &ONE.replace("keepalived", "unbound"));
    let refused = ran(drill.command(&[]).output());
    drill.assert_refused(&refused, 8, "guard.unrecovered", &["was killed", "fabric recover"]);
    // Its lock does not pass to anybody.
    let elsewhere = ran(drill.command(&["--home", text(&other.home)]).output());
    drill.assert_refused(&elsewhere, 8, "guard.locked", &["fabric recover"]);
    assert_eq!(drill.times("stop", "dns-edge-1", "unbound"), 0);
    drill.script("gameday", ELSEWHERE);
    let free = ran(drill.command(&[]).output());
    assert_eq!(free.code, Some(0), "{}", free.all());
    let recovered = drill.scene.fabric(&["recover"]);
    assert_eq!(recovered.code, Some(0), "{}", recovered.all());
    drill.assert_restored();
    drill.script("gameday", &ONE.replace("keepalived", "unbound"));
    let after = ran(drill.command(&[]).output());
    assert_eq!(after.code, Some(0), "{}", after.all());
}
