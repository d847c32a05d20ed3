//! From the journal to `run.json` and `checks.json`.
//!
//! The two records hold nothing that the journal does not say: whoever writes a packet derives them here, and whoever verifies
//! one derives them again and compares. So the three files cannot tell different stories.

use std::collections::{BTreeMap, BTreeSet};

use fabric_model::check::{Basis, Place, Status};
use fabric_model::exit::Exit;

use crate::event::{CallOutcome, CheckVerdict, Event, FaultRecord, RunHead, Target, WorkerEnd};
use crate::journal::Line;
use crate::record::{
    CheckRecord, ChecksRecord, Counts, DenialRecord, FORMAT, Recovery, RunOutcome, RunRecord, StrayFault,
};
use crate::stamp::Stamp;

/// Why a journal, although its chain holds, tells no run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoStory {
    /// There is no line.
    #[error("the journal is empty")]
    Empty,
    /// The first event is another one, or a second run starts.
    #[error("line {0}: `run_started` stands first and only there")]
    Start(u64),
    /// Something follows the end.
    #[error(
        "line {0}: nothing follows `run_ended` but `recovered`, and nothing but that follows `recovered`"
    )]
    AfterEnd(u64),
    /// An event names a call or check that does not exist or is already over.
    #[error("line {0}: no open {1} has this number")]
    NotOpen(u64, &'static str),
}

/// Derives both records.
///
/// # Errors
/// When the events do not add up to one run.
pub fn records(lines: &[Line]) -> Result<(RunRecord, ChecksRecord), NoStory> {
    let (first, rest) = lines.split_first().ok_or(NoStory::Empty)?;
    let Event::RunStarted { head } = &first.event else { return Err(NoStory::Start(first.seq)) };
    let mut story = Story::new(head, first.at);
    for line in rest {
        story.tell(line)?;
    }
    Ok(story.end())
}

struct Call<'a> {
    place: &'a Place,
    check: Option<u64>,
    primitive: &'a str,
    over: bool,
}

struct OpenCheck<'a> {
    place: &'a Place,
    title: &'a str,
    started: Stamp,
    ended: Option<(&'a CheckVerdict, u64)>,
    targets: BTreeSet<&'a Target>,
    transports: BTreeSet<&'a str>,
    basis: BTreeSet<Basis>,
}

struct Story<'a> {
    head: &'a RunHead,
    last: Stamp,
    /// By number, in the order of their beginning: numbers come from the script's process, which may give one twice, and no check may
    /// vanish behind another.
    calls: BTreeMap<u64, Vec<Call<'a>>>,
    checks: BTreeMap<u64, Vec<OpenCheck<'a>>>,
    denials: Vec<DenialRecord>,
    faults: Vec<StrayFault>,
    worker: Option<&'a WorkerEnd>,
    exits: Option<&'a [Exit]>,
    recovery: Option<Recovery>,
}

impl<'a> Story<'a> {
    fn new(head: &'a RunHead, at: Stamp) -> Self {
        Self {
            head,
            last: at,
            calls: BTreeMap::new(),
            checks: BTreeMap::new(),
            denials: Vec::new(),
            faults: Vec::new(),
            worker: None,
            exits: None,
            recovery: None,
        }
    }

    fn tell(&mut self, line: &'a Line) -> Result<(), NoStory> {
        let recovered = matches!(line.event, Event::Recovered { .. });
        if !recovered && (self.recovery.is_some() || self.exits.is_some()) {
            return Err(NoStory::AfterEnd(line.seq));
        }
        match &line.event {
            Event::RunStarted { .. } => return Err(NoStory::Start(line.seq)),
            Event::CallRequested { call_id, place, check, primitive, .. } => {
                let call = Call { place, check: *check, primitive, over: false };
                self.calls.entry(*call_id).or_default().push(call);
            }
            Event::CallDenied { call_id, fault } => self.denied(line.seq, *call_id, fault)?,
            Event::CallGranted { call_id, targets, .. } => {
                let check = self.open_call(line.seq, *call_id)?.check;
                if let Some(check) = self.check_of(check) {
                    check.targets.extend(targets);
                }
            }
            Event::CallFinished { call_id, outcome, transport, basis, .. } => {
                let call = self.open_call(line.seq, *call_id)?;
                call.over = true;
                let (place, primitive, check) = (call.place, call.primitive, call.check);
                if let (CallOutcome::Fault(fault), None) = (outcome, check) {
                    self.faults.push(StrayFault {
                        call_id: *call_id,
                        place: place.clone(),
                        primitive: primitive.to_owned(),
                        fault: fault.clone(),
                    });
                }
                if let Some(check) = self.check_of(check) {
                    check.transports.extend(transport.as_deref());
                    check.basis.extend(*basis);
                }
            }
            Event::CheckBegun { check, place, title } => self.begun(line.at, *check, place, title),
            Event::CheckEnded { check, verdict, took_ms } => {
                let open = self
                    .checks
                    .get_mut(check)
                    .and_then(|all| all.iter_mut().rev().find(|c| c.ended.is_none()));
                open.ok_or(NoStory::NotOpen(line.seq, "check"))?.ended = Some((verdict, *took_ms));
            }
            Event::WorkerEnded { how } => self.worker = Some(how),
            Event::RunEnded { exits } => self.exits = Some(exits),
            Event::Recovered { by, torn_bytes, torn_digest } => {
                self.recovery = Some(Recovery {
                    at: line.at,
                    by: by.clone(),
                    torn_bytes: *torn_bytes,
                    torn_digest: *torn_digest,
                });
            }
            Event::Printed { .. } | Event::Unknown => {}
        }
        if !recovered {
            self.last = line.at;
        }
        Ok(())
    }

    fn open_call(&mut self, seq: u64, call_id: u64) -> Result<&mut Call<'a>, NoStory> {
        let open = self.calls.get_mut(&call_id).and_then(|all| all.iter_mut().rev().find(|c| !c.over));
        open.ok_or(NoStory::NotOpen(seq, "call"))
    }

    fn check_of(&mut self, check: Option<u64>) -> Option<&mut OpenCheck<'a>> {
        check.and_then(|id| self.checks.get_mut(&id)).and_then(|all| all.last_mut())
    }

    fn denied(&mut self, seq: u64, call_id: u64, fault: &FaultRecord) -> Result<(), NoStory> {
        let call = self.open_call(seq, call_id)?;
        call.over = true;
        let denial = DenialRecord {
            call_id,
            place: call.place.clone(),
            check: call.check,
            primitive: call.primitive.to_owned(),
            fault: fault.clone(),
        };
        self.denials.push(denial);
        Ok(())
    }

    fn begun(&mut self, at: Stamp, id: u64, place: &'a Place, title: &'a str) {
        let check = OpenCheck {
            place,
            title,
            started: at,
            ended: None,
            targets: BTreeSet::new(),
            transports: BTreeSet::new(),
            basis: BTreeSet::new(),
        };
        self.checks.entry(id).or_default().push(check);
    }

    /// Exits that follow from the events alone, the most severe first. What only the host knows, such as an interrupt or a
    /// fault of its own, it adds.
    fn implied_exits(&self) -> Vec<Exit> {
        let counts = self.counts();
        let mut exits = Vec::new();
        if !self.denials.is_empty() {
            exits.push(Exit::Denied);
        }
        match self.worker {
            Some(WorkerEnd::Limit { .. }) => exits.push(Exit::Limit),
            Some(WorkerEnd::Threw { .. } | WorkerEnd::Died { .. }) => exits.push(Exit::Script),
            Some(WorkerEnd::Finished | WorkerEnd::Stopped { .. }) | None => {}
        }
        if counts.fail > 0 {
            exits.push(Exit::ChecksFailed);
        } else if counts.error + counts.skip > 0 {
            exits.push(Exit::NotMeasurable);
        }
        exits
    }

    /// What the host said, and what follows anyway: a host that forgets a denial does not make the run a clean one.
    fn exits(&self) -> Vec<Exit> {
        let mut exits = self.implied_exits();
        exits.extend(self.exits.map_or(&[Exit::Unrecovered][..], |said| said));
        exits.sort_unstable();
        exits.dedup();
        if exits.is_empty() {
            exits.push(Exit::Done);
        }
        if exits.len() > 1 {
            exits.retain(|exit| *exit != Exit::Done);
        }
        exits
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for check in self.checks.values().flatten() {
            counts.add(status(check.ended.map(|(verdict, _)| verdict)));
        }
        counts
    }

    fn end(self) -> (RunRecord, ChecksRecord) {
        let outcome = if self.exits.is_some() { RunOutcome::Completed } else { RunOutcome::Aborted };
        let exits = self.exits();
        let exit = exits.iter().copied().reduce(Exit::worst).unwrap_or(Exit::Bug);
        let run = RunRecord {
            format: FORMAT,
            head: self.head.clone(),
            ended: self.last,
            outcome,
            counts: self.counts(),
            exits,
            exit,
            code: exit.code(),
            denials: self.denials,
            faults: self.faults,
            worker: self.worker.cloned(),
            recovery: self.recovery,
        };
        let last = self.last;
        let mut checks: Vec<CheckRecord> = self
            .checks
            .into_iter()
            .flat_map(|(id, all)| all.into_iter().map(move |check| check.record(id, last)))
            .collect();
        checks.sort_by(|a, b| (&a.place, a.id).cmp(&(&b.place, b.id)));
        (run, ChecksRecord { format: FORMAT, checks })
    }
}

/// A check that never ended could not find out.
fn status(verdict: Option<&CheckVerdict>) -> Status {
    match verdict {
        Some(CheckVerdict::Pass) => Status::Pass,
        Some(CheckVerdict::Fail { .. }) => Status::Fail,
        Some(CheckVerdict::Error { .. }) | None => Status::Error,
        Some(CheckVerdict::Skip { .. }) => Status::Skip,
    }
}

impl OpenCheck<'_> {
    fn record(self, id: u64, last: Stamp) -> CheckRecord {
        let took_ms = self.ended.map_or_else(|| last.millis_since(self.started), |(_, took)| took);
        let verdict = self.ended.map(|(verdict, _)| verdict);
        let mut record = CheckRecord {
            id,
            place: self.place.clone(),
            title: self.title.to_owned(),
            status: status(verdict),
            what: None,
            expected: None,
            observed: None,
            message: None,
            fault: None,
            targets: self.targets.into_iter().cloned().collect(),
            transports: self.transports.into_iter().map(str::to_owned).collect(),
            basis: self.basis.into_iter().collect(),
            started: self.started,
            took_ms,
        };
        match verdict {
            Some(CheckVerdict::Pass) => {}
            Some(CheckVerdict::Fail { what, expected, observed }) => {
                record.what = Some(what.clone());
                record.expected = Some(expected.clone());
                record.observed = Some(observed.clone());
            }
            Some(CheckVerdict::Error { fault, message }) => {
                record.message = Some(message.clone());
                record.fault.clone_from(fault);
            }
            Some(CheckVerdict::Skip { reason }) => record.message = Some(reason.clone()),
            None => record.message = Some("the run ended before this check did".to_owned()),
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use fabric_model::Digest;

    use super::*;

    fn lines(events: Vec<Event>) -> Vec<Line> {
        let (digest, at) = (Digest::of(b""), Stamp::of(SystemTime::UNIX_EPOCH));
        let line = |(seq, event)| Line { at, digest, event, prev: digest, seq };
        (0..).zip(events).map(line).collect()
    }

    fn started() -> Event {
        let zero = Digest::of(b"");
        let head = serde_json::json!({
            "run_id": "r", "version": "0", "mode": "run", "started": "2026-01-01T00:00:00.000Z",
            "site": {"name": "s", "realm": "lab", "digest": zero},
            "script": {"path": "p", "digest": zero, "title": "t", "kind": "acceptance", "reach": "observe"},
            "modules": [], "policy": zero, "trust": zero,
            "principal": {"fingerprint": "0".repeat(40), "roles": []},
            "params": {}, "host": {"hostname": "h", "user": "u"}, "boundary": "b",
        });
        Event::RunStarted { head: serde_json::from_value(head).expect("a head") }
    }

    fn begun(check: u64) -> Event {
        Event::CheckBegun { check, place: Place::default(), title: String::new() }
    }

    fn ended(check: u64, verdict: CheckVerdict) -> Event {
        Event::CheckEnded { check, verdict, took_ms: 1 }
    }

    fn failed() -> CheckVerdict {
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

    #[test]
    fn a_number_given_twice_hides_no_failed_check() {
        let events =
            vec![started(), begun(1), ended(1, failed()), begun(1), begun(1), ended(1, CheckVerdict::Pass)];
        let (run, checks) = records(&lines(events)).expect("a run");
        assert_eq!(run.counts, Counts { pass: 1, fail: 1, error: 1, skip: 0 });
        assert_eq!(checks.checks.len(), 3);
    }

    #[test]
    fn a_host_that_says_done_is_overruled_by_what_happened() {
        let events =
            vec![started(), begun(1), ended(1, failed()), Event::RunEnded { exits: vec![Exit::Done] }];
        let (run, _) = records(&lines(events)).expect("a run");
        assert_eq!((run.exits.as_slice(), run.code), ([Exit::ChecksFailed].as_slice(), 1));
        let (run, _) = records(&lines(vec![started(), Event::RunEnded { exits: vec![] }])).expect("a run");
        assert_eq!(run.exit, Exit::Done);
    }
}
