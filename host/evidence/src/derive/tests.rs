use std::time::SystemTime;

use fabric_model::Digest;

use super::*;
use crate::event::Principal;

pub(super) fn lines(events: Vec<Event>) -> Vec<Line> {
    let (digest, at) = (Digest::of(b""), Stamp::of(SystemTime::UNIX_EPOCH));
    let line = |(seq, event)| Line { at, digest, event, prev: digest, seq };
    (0..).zip(events).map(line).collect()
}

pub(super) fn started() -> Event {
    let zero = Digest::of(b"");
    let head = serde_json::json!({
        "run_id": "r", "version": "0", "mode": "run", "act": "observe", "started": "2026-01-01T00:00:00.000Z",
        "site": {"name": "s", "realm": "lab", "digest": zero},
        "script": {"path": "p", "digest": zero, "title": "t", "kind": "acceptance", "reach": "observe"},
        "modules": [], "policy": zero, "trust": zero,
        "principal": {"fingerprint": "0".repeat(40), "roles": []},
        "params": {}, "host": {"hostname": "h", "user": "u"}, "boundary": "b",
    });
    Event::RunStarted { head: serde_json::from_value(head).expect("a head") }
}

pub(super) fn begun(check: u64) -> Event {
    Event::CheckBegun { check, place: Place::default(), title: String::new() }
}

pub(super) fn ended(check: u64, verdict: CheckVerdict) -> Event {
    Event::CheckEnded { check, verdict, took_ms: 1 }
}

pub(super) fn failed() -> CheckVerdict {
    let nothing = fabric_model::Value::Null;
    CheckVerdict::Fail { what: String::new(), expected: nothing.clone(), observed: nothing }
}

#[test]
fn events_out_of_place_tell_no_run() {
    let over = || Event::RunEnded { exits: vec![Exit::Done] };
    let stray = Event::CallDenied {
        call_id: 1,
        fault: FaultRecord::from(&fabric_model::Fault::new(
            fabric_model::Code::DeniedByRule,
            fabric_model::Stage::Gate,
            "x",
        )),
    };
    let cases = [
        (vec![], NoStory::Empty),
        (vec![begun(1)], NoStory::Start(0)),
        (vec![started(), started()], NoStory::Start(1)),
        (vec![started(), over(), begun(1)], NoStory::AfterEnd(2)),
        (vec![started(), over(), over()], NoStory::AfterEnd(2)),
        (vec![started(), ended(1, CheckVerdict::Pass)], NoStory::NotOpen(1, "check")),
        (vec![started(), stray], NoStory::NotOpen(1, "call")),
    ];
    for (events, why) in cases {
        assert_eq!(records(&lines(events)).expect_err("no run"), why);
    }
}

pub(super) fn recovered() -> Event {
    let by = Principal { fingerprint: "0".repeat(40).parse().expect("a fingerprint"), roles: vec![] };
    Event::Recovered { by, torn_bytes: 0, torn_digest: None, vouched: None }
}

#[test]
fn what_was_recovered_is_aborted_whatever_its_journal_says() {
    for (said, exits) in [
        (vec![Exit::Done], vec![Exit::Unrecovered]),
        (vec![Exit::Denied, Exit::ChecksFailed], vec![Exit::Denied, Exit::Unrecovered, Exit::ChecksFailed]),
    ] {
        let events = vec![started(), Event::RunEnded { exits: said }, recovered()];
        let (run, _) = records(&lines(events)).expect("a run");
        assert_eq!((run.outcome, run.exits), (RunOutcome::Aborted, exits));
    }
}

#[test]
fn a_rehearsal_is_on_the_twin_and_nothing_else_is() {
    let told = |mode, realm| {
        let mut start = started();
        if let Event::RunStarted { head } = &mut start {
            (head.mode, head.site.realm) = (mode, realm);
        }
        records(&lines(vec![start])).map(drop)
    };
    for realm in [Realm::Real, Realm::Lab] {
        assert_eq!(told(Mode::Run, realm), Ok(()));
        assert_eq!(told(Mode::Rehearse, realm), Err(NoStory::Contradiction(Mode::Rehearse, realm)));
    }
    assert_eq!(told(Mode::Rehearse, Realm::Twin), Ok(()));
    assert_eq!(told(Mode::Run, Realm::Twin), Err(NoStory::Contradiction(Mode::Run, Realm::Twin)));
}

#[test]
fn an_offline_run_names_its_recording_and_no_other_run_does() {
    let told = |mode, realm, recording: Option<Digest>, act| {
        let mut start = started();
        if let Event::RunStarted { head } = &mut start {
            (head.mode, head.site.realm, head.recording, head.act) = (mode, realm, recording, act);
        }
        records(&lines(vec![start])).map(drop)
    };
    let named = Some(Digest::of(b"a recording"));
    for realm in [Realm::Real, Realm::Lab, Realm::Twin] {
        for act in [Act::Observe, Act::Plan] {
            assert_eq!(told(Mode::Offline, realm, named, act), Ok(()));
            assert_eq!(told(Mode::Offline, realm, None, act), Err(NoStory::Offline));
        }
        assert_eq!(told(Mode::Offline, realm, named, Act::Execute), Err(NoStory::Offline));
    }
    assert_eq!(told(Mode::Rehearse, Realm::Twin, named, Act::Observe), Err(NoStory::Offline));
    assert_eq!(told(Mode::Run, Realm::Real, named, Act::Observe), Err(NoStory::Offline));
}

#[test]
fn a_fault_is_hidden_by_no_check_that_is_not_open() {
    let fault = FaultRecord::from(&fabric_model::Fault::new(
        fabric_model::Code::PortTimeout,
        fabric_model::Stage::Observe,
        "x",
    ));
    let call = |call_id, check| {
        [
            Event::CallRequested {
                call_id,
                place: Place::default(),
                check,
                primitive: "dns.query".to_owned(),
                arguments_digest: Digest::of(b""),
                arguments: fabric_model::Value::Null,
            },
            Event::CallFinished {
                call_id,
                outcome: CallOutcome::Fault(fault.clone()),
                transport: None,
                basis: None,
                took_ms: 1,
            },
        ]
    };
    let mut events = vec![started(), begun(1), begun(2)];
    events.extend(call(10, Some(1)));
    events.push(ended(1, CheckVerdict::Pass));
    for (call_id, check) in [(11, Some(1)), (12, Some(2)), (13, Some(99)), (14, None)] {
        events.extend(call(call_id, check));
    }
    let (run, _) = records(&lines(events)).expect("a run");
    assert_eq!(run.faults.iter().map(|f| f.call_id).collect::<Vec<_>>(), [11, 13, 14]);
}

#[test]
fn a_number_given_twice_hides_no_failed_check() {
    let events =
        vec![started(), begun(1), ended(1, failed()), begun(1), begun(1), ended(1, CheckVerdict::Pass)];
    let (run, checks) = records(&lines(events)).expect("a run");
    assert_eq!(run.counts, Counts { pass: 1, fail: 1, error: 1, skip: 0, deferred: 0 });
    assert_eq!(checks.checks.len(), 3);
}

#[test]
fn a_host_that_says_done_is_overruled_by_what_happened() {
    let events = vec![started(), begun(1), ended(1, failed()), Event::RunEnded { exits: vec![Exit::Done] }];
    let (run, _) = records(&lines(events)).expect("a run");
    assert_eq!((run.exits.as_slice(), run.code), ([Exit::ChecksFailed].as_slice(), 1));
    let (run, _) = records(&lines(vec![started(), Event::RunEnded { exits: vec![] }])).expect("a run");
    assert_eq!(run.exit, Exit::Done);
}
