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
    /// A call or check begins with a number that was used before.
    #[error("line {0}: this number was given to an earlier {1}")]
    Reused(u64, &'static str),
    /// The exits do not follow from what happened.
    #[error("line {0}: {1}")]
    Exits(u64, &'static str),
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
    calls: BTreeMap<u64, Call<'a>>,
    checks: BTreeMap<u64, OpenCheck<'a>>,
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
                if self.calls.insert(*call_id, call).is_some() {
                    return Err(NoStory::Reused(line.seq, "call"));
                }
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
            Event::CheckBegun { check, place, title } => self.begun(line, *check, place, title)?,
            Event::CheckEnded { check, verdict, took_ms } => {
                let open = self.checks.get_mut(check).filter(|c| c.ended.is_none());
                open.ok_or(NoStory::NotOpen(line.seq, "check"))?.ended = Some((verdict, *took_ms));
            }
            Event::WorkerEnded { how } => self.worker = Some(how),
            Event::RunEnded { exits } => {
                self.exits_follow(exits).map_err(|why| NoStory::Exits(line.seq, why))?;
                self.exits = Some(exits);
            }
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
        self.calls.get_mut(&call_id).filter(|c| !c.over).ok_or(NoStory::NotOpen(seq, "call"))
    }

    fn check_of(&mut self, check: Option<u64>) -> Option<&mut OpenCheck<'a>> {
        check.and_then(|id| self.checks.get_mut(&id))
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

    fn begun(&mut self, line: &Line, id: u64, place: &'a Place, title: &'a str) -> Result<(), NoStory> {
        let check = OpenCheck {
            place,
            title,
            started: line.at,
            ended: None,
            targets: BTreeSet::new(),
            transports: BTreeSet::new(),
            basis: BTreeSet::new(),
        };
        match self.checks.insert(id, check) {
            Some(_) => Err(NoStory::Reused(line.seq, "check")),
            None => Ok(()),
        }
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

    fn exits_follow(&self, exits: &[Exit]) -> Result<(), &'static str> {
        if exits.is_empty() {
            return Err("a run ends with at least one exit");
        }
        if !exits.is_sorted_by(|a, b| a < b) {
            return Err("the exits are not sorted from the most severe, each once");
        }
        if exits.contains(&Exit::Done) && exits.len() > 1 {
            return Err("a run is not done where another exit holds");
        }
        if !self.implied_exits().iter().all(|exit| exits.contains(exit)) {
            return Err("an exit is missing that follows from a denial, a check or the script's end");
        }
        Ok(())
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for check in self.checks.values() {
            counts.add(status(check.ended.map(|(verdict, _)| verdict)));
        }
        counts
    }

    fn end(self) -> (RunRecord, ChecksRecord) {
        let (outcome, exits) = match self.exits {
            Some(exits) => (RunOutcome::Completed, exits.to_vec()),
            None => {
                let mut exits = self.implied_exits();
                exits.push(Exit::Unrecovered);
                exits.sort_unstable();
                (RunOutcome::Aborted, exits)
            }
        };
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
        let mut checks: Vec<CheckRecord> =
            self.checks.into_iter().map(|(id, check)| check.record(id, self.last)).collect();
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
