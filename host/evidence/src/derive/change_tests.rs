//! Runs that change things: the order of their events, their verdicts and exits. Each invariant is broken once.

use fabric_model::change::{Heals, Standing, Undone};
use serde_json::json;

use super::tests::{begun, ended, failed, lines, recovered, started};
use super::*;
use crate::event::Act;
use crate::record::{Hypothesis, Injection, Restoration};

/// The first event of a run of this act, of a script of this kind.
fn start(act: Act, kind: &str) -> Event {
    let mut start = started();
    if let Event::RunStarted { head } = &mut start {
        head.act = act;
        kind.clone_into(&mut head.script.kind);
        if act == Act::Recover {
            let link = json!({"run_id": "killed", "manifest": fabric_model::Digest::of(b"")});
            head.recovered_from = Some(serde_json::from_value(link).expect("a link"));
        }
    }
    start
}

fn event(json: serde_json::Value) -> Event {
    serde_json::from_value(json).expect("an event")
}

fn guards_met() -> Event {
    event(json!({"kind": "guards_met", "rules": [{"file": "policy.toml", "line": 3}], "reason": "drill"}))
}

fn intent(run: &str, change: u32, scope: Option<u64>, heals: Heals) -> Event {
    event(json!({"kind": "change_intended", "seal": "00", "intent": {
        "run_id": run, "change": change, "call_id": 1, "scope": scope, "primitive": "unit.stop", "class": "change",
        "arguments": {}, "before": {}, "action": {}, "summary": "stop it", "after": {}, "inverse": null,
        "heals": heals, "cuts_control": false, "payloads": [],
        "targets": [{"role": "target", "resource": "host:a/keepalived", "environment": "lab", "rule": "r", "file": "p",
            "line": 1, "target": {"kind": "endpoint", "name": "a", "address": "10.0.0.1"}}],
    }}))
}

/// A change of the run `r` in scope 7.
fn intended(change: u32) -> Event {
    intent("r", change, Some(7), Heals::ByTimer { seconds: 60 })
}

fn applied(change: u32, effect: &str) -> Event {
    Event::ChangeApplied { change, effect: effect.to_owned(), fault: None }
}

fn confirmed(change: u32, standing: Standing) -> Event {
    Event::ChangeConfirmed { change, standing, seen: None }
}

fn undo(run: &str, change: u32, undone: Undone) -> [Event; 2] {
    let run_id: fabric_model::Slug = run.parse().expect("a word");
    let begun = Event::UndoBegun { run_id: run_id.clone(), change };
    [begun, Event::UndoEnded { run_id, change, undone, seen: None, fault: None }]
}

fn scope_begun() -> Event {
    Event::ScopeBegun { scope: 7, place: Place::default(), title: "t".to_owned() }
}

fn scope_ending() -> Event {
    Event::ScopeEnding { scope: 7, how: "finished".to_owned(), message: None }
}

fn scope_ended(restored: bool) -> Event {
    Event::ScopeEnded { scope: 7, restored }
}

fn over() -> [Event; 2] {
    [Event::WorkerEnded { how: WorkerEnd::Finished }, Event::RunEnded { exits: vec![] }]
}

fn refusal(code: &str) -> Event {
    event(
        json!({"kind": "guard_refused", "fault": {"code": code, "stage": "gate", "effect": "none", "retry": "never",
        "message": "m", "hints": []}}),
    )
}

/// A GameDay with one scope around these events.
fn gameday(events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut all = vec![start(Act::Execute, "gameday"), guards_met(), scope_begun()];
    all.extend(events);
    all
}

fn disorder(events: Vec<Event>) -> Disorder {
    match records(&lines(events)).expect_err("out of order") {
        NoStory::Disorder(_, disorder) => disorder,
        other => panic!("{other}"),
    }
}

fn told(events: Vec<Event>) -> RunRecord {
    records(&lines(events)).expect("a run").0
}

/// A passed check, the end of the scope with this restoration, and the end of the run.
fn to_the_end(change: u32, undone: Undone) -> Vec<Event> {
    let mut events = vec![begun(1), ended(1, CheckVerdict::Pass), scope_ending()];
    events.extend(undo("r", change, undone));
    events.push(scope_ended(undone.is_restored()));
    events.extend(over());
    events
}

#[test]
fn events_of_changes_stand_in_runs_that_may_have_them_and_nowhere_else() {
    let digest = fabric_model::Digest::of(b"");
    let made = || Event::PlanMade { plan: digest, changes: 0 };
    let planned =
        |change| Event::ChangePlanned { call_id: 1, change, summary: String::new(), heals: Heals::ByRecover };
    for (act, event, name) in [
        (Act::Observe, made(), "plan_made"),
        (Act::Execute, made(), "plan_made"),
        (Act::Execute, planned(0), "change_planned"),
        (Act::Plan, guards_met(), "guards_met"),
        (Act::Recover, guards_met(), "guards_met"),
        (Act::Plan, intended(0), "change_intended"),
        (Act::Recover, intended(0), "change_intended"),
        (Act::Plan, Event::Committed { changes: 0 }, "committed"),
        (Act::Observe, refusal("guard.frozen"), "guard_refused"),
    ] {
        assert_eq!(disorder(vec![start(act, "operation"), event]), Disorder::Act { event: name, act });
    }
    let plan = |events: [Event; 2]| [vec![start(Act::Plan, "gameday")], events.to_vec()].concat();
    assert_eq!(disorder(plan([made(), made()])), Disorder::SecondPlan);
    assert_eq!(disorder(plan([planned(0), planned(0)])), Disorder::Number { last: 0, got: 0 });
    assert_eq!(told(plan([planned(0), planned(2)])).planned.len(), 2);
}

#[test]
fn a_change_is_intended_after_the_guards_by_its_own_run_in_order_and_within_its_scope() {
    let unguarded = vec![start(Act::Execute, "gameday"), scope_begun(), intended(0)];
    assert_eq!(disorder(unguarded), Disorder::Unguarded);
    for (events, wanted) in [
        (vec![intended(1), intended(0)], Disorder::Number { last: 1, got: 0 }),
        (vec![intended(0), intended(0)], Disorder::Number { last: 0, got: 0 }),
        (vec![scope_ending(), intended(0)], Disorder::ScopeNotOpen(7)),
        (vec![intent("r", 0, Some(8), Heals::ByRecover)], Disorder::ScopeNotOpen(8)),
    ] {
        assert_eq!(disorder(gameday(events)), wanted);
    }
    let foreign = gameday([intent("other", 0, Some(7), Heals::ByRecover)]);
    assert!(matches!(disorder(foreign), Disorder::Intent(_)));
}

#[test]
fn what_happens_to_a_change_happens_to_one_that_was_intended_and_is_not_being_taken_back() {
    let armed = Event::TimerArmed { change: 1, timer: "t".to_owned(), left_s: 60, argv: "a".to_owned() };
    let disarmed = Event::TimerDisarmed { change: 1, timer: "t".to_owned(), fired: false };
    let [undo_begun, undo_ended] = undo("r", 1, Undone::Restored);
    for stray in [armed, disarmed, applied(1, "done"), confirmed(1, Standing::After), undo_begun] {
        assert_eq!(disorder(gameday([intended(0), stray])), Disorder::NotIntended(1));
    }
    assert_eq!(disorder(gameday([intended(1), undo_ended])), Disorder::UndoNotBegun(1));
    let [begun, ended] = undo("r", 0, Undone::Restored);
    for late in [applied(0, "done"), confirmed(0, Standing::After)] {
        assert_eq!(disorder(gameday([intended(0), begun.clone(), late])), Disorder::TakenBack(0));
    }
    assert_eq!(disorder(gameday([intended(0), begun, ended.clone(), ended])), Disorder::UndoNotBegun(0));
}

#[test]
fn only_a_run_that_follows_a_recovery_takes_back_what_another_one_changed() {
    let of = |run: &str| undo(run, 0, Undone::Restored);
    assert!(matches!(disorder(gameday(of("killed"))), Disorder::OtherRun(_)));
    let recover = |events: [Event; 2]| [vec![start(Act::Recover, "gameday")], events.to_vec()].concat();
    assert!(matches!(disorder(recover(of("yet-another"))), Disorder::OtherRun(_)));
    let mut events = recover(of("killed"));
    events.push(Event::RunEnded { exits: vec![] });
    let run = told(events);
    assert_eq!((run.undone.len(), run.exit), (1, Exit::Done));
    let verdicts = run.verdicts.expect("it changes things");
    assert_eq!((verdicts.hypothesis, verdicts.restoration), (Hypothesis::None, Restoration::Restored));
}

#[test]
fn a_scope_ends_once_after_it_began_and_only_then_is_it_undone() {
    let plan = |events: Vec<Event>| [vec![start(Act::Plan, "gameday")], events].concat();
    for events in [
        vec![scope_ending()],
        vec![scope_begun(), scope_ended(true)],
        vec![scope_begun(), scope_ending(), scope_ending()],
        vec![scope_begun(), scope_ending(), scope_ended(true), scope_ended(true)],
    ] {
        assert_eq!(disorder(plan(events)), Disorder::ScopeOrder(7));
    }
    let open = gameday([intended(0), confirmed(0, Standing::After), scope_ending(), scope_ended(true)]);
    assert_eq!(disorder(open), Disorder::ScopeNotRestored { scope: 7, change: 0 });
    let said = gameday([intended(0), confirmed(0, Standing::After), scope_ending(), scope_ended(false)]);
    assert_eq!(told(said).scopes.first().and_then(|scope| scope.restored), Some(false));
}

#[test]
fn changes_stay_only_where_an_operation_means_them_to() {
    let committed = |kind: &str, changes, after: Vec<Event>| {
        let intent = intent("r", 0, None, Heals::ByRecover);
        let made = [guards_met(), intent, applied(0, "done"), confirmed(0, Standing::After)];
        let committed = Event::Committed { changes };
        [vec![start(Act::Execute, kind)], made.to_vec(), vec![committed], after].concat()
    };
    for kind in ["gameday", "acceptance"] {
        assert_eq!(disorder(committed(kind, 1, vec![])), Disorder::Kind(kind.to_owned()));
    }
    let wrong = disorder(committed("operation", 2, vec![]));
    assert_eq!(wrong, Disorder::Committed { committed: 2, intended: 1 });
    let late = vec![intent("r", 1, None, Heals::ByRecover)];
    assert_eq!(disorder(committed("operation", 1, late)), Disorder::AfterCommit);
    let run = told(committed("operation", 1, over().to_vec()));
    assert_eq!(run.verdicts.map(|v| v.restoration), Some(Restoration::Committed));
    assert_eq!(run.exit, Exit::Done);
}

#[test]
fn the_three_verdicts_do_not_stand_for_each_other() {
    use Standing::{After, Before, Between};
    type Wanted = (Hypothesis, Injection, Restoration, Exit);
    let (pass, error) = (Hypothesis::Pass, Hypothesis::Error);
    let cases: [(Option<Standing>, Undone, Wanted); 8] = [
        (Some(After), Undone::Restored, (pass, Injection::Confirmed, Restoration::Restored, Exit::Done)),
        (Some(After), Undone::ByTimer, (error, Injection::Confirmed, Restoration::ByTimer, Exit::Done)),
        (
            Some(After),
            Undone::Conflict,
            (pass, Injection::Confirmed, Restoration::Incomplete, Exit::Incomplete),
        ),
        (
            Some(After),
            Undone::Failed,
            (pass, Injection::Confirmed, Restoration::Incomplete, Exit::Incomplete),
        ),
        (Some(Before), Undone::Already, (pass, Injection::Failed, Restoration::Restored, Exit::NoEffect)),
        (Some(Between), Undone::Restored, (pass, Injection::Unknown, Restoration::Restored, Exit::Undone)),
        (None, Undone::Restored, (pass, Injection::Unknown, Restoration::Restored, Exit::Undone)),
        (None, Undone::Failed, (pass, Injection::Unknown, Restoration::Incomplete, Exit::Incomplete)),
    ];
    for (standing, undone, wanted) in cases {
        let mut events = gameday([intended(0), applied(0, "done")]);
        events.extend(standing.map(|standing| confirmed(0, standing)));
        events.extend(to_the_end(0, undone));
        let run = told(events);
        let verdicts = run.verdicts.expect("it changes things");
        let got = (verdicts.hypothesis, verdicts.injection, verdicts.restoration, run.exit);
        assert_eq!(got, wanted, "{standing:?} {undone:?}");
    }
}

#[test]
fn the_hypothesis_is_that_of_the_checks_and_of_a_script_that_came_to_its_end() {
    let hypothesis = |act, verdict: Option<CheckVerdict>, how| {
        let mut events = vec![start(act, "gameday")];
        events.extend(verdict.into_iter().flat_map(|verdict| [begun(1), ended(1, verdict)]));
        events.push(Event::WorkerEnded { how });
        told(events).verdicts.expect("it may change things").hypothesis
    };
    let reason = String::new;
    let finished = WorkerEnd::Finished;
    for (verdict, how, wanted) in [
        (Some(CheckVerdict::Pass), finished.clone(), Hypothesis::Pass),
        (Some(failed()), finished.clone(), Hypothesis::Fail),
        (Some(CheckVerdict::Skip { reason: reason() }), finished.clone(), Hypothesis::Error),
        (Some(CheckVerdict::Deferred { reason: reason() }), finished.clone(), Hypothesis::None),
        (None, finished, Hypothesis::None),
        (Some(CheckVerdict::Pass), WorkerEnd::Aborted { reason: reason() }, Hypothesis::Fail),
        (Some(CheckVerdict::Pass), WorkerEnd::Died { message: reason() }, Hypothesis::Error),
    ] {
        assert_eq!(hypothesis(Act::Execute, verdict, how.clone()), wanted, "{how:?}");
    }
    assert_eq!(told(vec![start(Act::Observe, "acceptance")]).verdicts, None);
}

#[test]
fn a_timer_that_was_meant_to_fire_is_no_error_and_one_that_was_not_is() {
    let run = |cuts: bool| {
        let mut change = intended(0);
        if let Event::ChangeIntended { intent, .. } = &mut change {
            intent.cuts_control = cuts;
        }
        let timer = || "t".to_owned();
        let armed = Event::TimerArmed { change: 0, timer: timer(), left_s: 60, argv: "a".to_owned() };
        let fired = Event::TimerDisarmed { change: 0, timer: timer(), fired: true };
        let made = [change, armed, applied(0, "unknown"), confirmed(0, Standing::After), fired];
        told([gameday(made), to_the_end(0, Undone::ByTimer)].concat()).verdicts.expect("it changes things")
    };
    assert_eq!((run(true).hypothesis, run(true).restoration), (Hypothesis::Pass, Restoration::ByTimer));
    assert_eq!(run(false).hypothesis, Hypothesis::Error);
}

#[test]
fn a_change_of_which_nothing_more_is_said_may_be_left() {
    for (events, restoration) in [
        (vec![intended(0)], Restoration::Unknown),
        (vec![intended(0), applied(0, "done"), confirmed(0, Standing::After)], Restoration::Unknown),
        (vec![intended(0), undo("r", 0, Undone::Restored)[0].clone()], Restoration::Unknown),
        (vec![], Restoration::Nothing),
    ] {
        let mut events = gameday(events);
        events.push(recovered());
        let run = told(events);
        assert_eq!(run.verdicts.map(|v| v.restoration), Some(restoration));
        assert_eq!(run.exits.contains(&Exit::Incomplete), restoration == Restoration::Unknown);
        assert!(run.exits.contains(&Exit::Unrecovered));
    }
    // A restart leaves nothing to take back, once it was seen to have been made.
    let restart = intent("r", 0, Some(7), Heals::Nothing);
    let run = told(gameday([
        restart,
        applied(0, "done"),
        confirmed(0, Standing::After),
        scope_ending(),
        scope_ended(true),
    ]));
    assert_eq!(run.verdicts.map(|v| v.restoration), Some(Restoration::Nothing));
}

#[test]
fn an_operation_whose_changes_do_not_stay_has_failed_although_each_was_made() {
    let intent = intent("r", 0, None, Heals::ByRecover);
    let mut events = vec![start(Act::Execute, "operation"), guards_met(), intent, applied(0, "done")];
    events.push(confirmed(0, Standing::After));
    events.extend(undo("r", 0, Undone::Restored));
    events.extend(over());
    assert_eq!(told(events).exit, Exit::Undone);
}

#[test]
fn a_refusal_has_the_exit_of_its_kind() {
    for (code, exit) in [
        ("guard.frozen", Exit::Unrecovered),
        ("guard.locked", Exit::Unrecovered),
        ("guard.unrecovered", Exit::Unrecovered),
        ("guard.approval", Exit::Approval),
        ("guard.approval_used", Exit::Approval),
        ("plan.stale", Exit::PlanStale),
        ("plan.altered", Exit::PlanStale),
        ("guard.window", Exit::Denied),
        ("guard.ci", Exit::Denied),
    ] {
        let mut events = vec![start(Act::Execute, "gameday"), refusal(code)];
        events.extend(over());
        assert_eq!(told(events).exit, exit, "{code}");
    }
}
