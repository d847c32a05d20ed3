//! From the journal to `run.json` and `checks.json`.
//!
//! The two records hold nothing that the journal does not say: whoever writes a packet derives them here, and whoever verifies
//! one derives them again and compares. So the three files cannot tell different stories.

mod changes;
mod disorder;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use fabric_model::check::{Basis, Place, Status};
use fabric_model::exit::Exit;
use fabric_model::protection::{Protection, stands};
use fabric_model::site::Realm;

use self::changes::Changes;
use crate::event::{Act, CallOutcome, CheckVerdict, Event, FaultRecord, Mode, RunHead, Target, WorkerEnd};
use crate::journal::Line;
use crate::record::{
    CheckRecord, ChecksRecord, Counts, DenialRecord, DocumentRecord, FORMAT, Recovery, RunOutcome, RunRecord,
    StrayFault, Verdicts,
};
use crate::stamp::Stamp;

pub use disorder::Disorder;
pub use verdict::refused;

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
    /// A rehearsal elsewhere than on the twin, or a run on the twin that does not say that it is a rehearsal.
    #[error("line 0: mode `{}` contradicts realm `{}`: a rehearsal is on the twin, and no other run is", .0.as_str(), .1.as_str())]
    Contradiction(Mode, Realm),
    /// An offline run that names no recording or claims to change something, or another run that names one.
    #[error(
        "line 0: a run is offline, on a named recording and without a change, or it is not offline and names none"
    )]
    Offline,
    /// Events about changes in an order in which they cannot have happened.
    #[error("line {0}: {1}")]
    Disorder(u64, Disorder),
}

/// Derives both records.
///
/// # Errors
/// When the events do not add up to one run.
pub fn records(lines: &[Line]) -> Result<(RunRecord, ChecksRecord), NoStory> {
    let (first, rest) = lines.split_first().ok_or(NoStory::Empty)?;
    let Event::RunStarted { head } = &first.event else { return Err(NoStory::Start(first.seq)) };
    consistent(head)?;
    let mut story = Story::new(head, first.at);
    for line in rest {
        story.tell(line)?;
    }
    Ok(story.end())
}

/// Whether a head says the same by its mode as by its realm and recording: none alone may make a rehearsal or an offline run pass for a
/// run.
///
/// # Errors
/// When it does not.
pub fn consistent(head: &RunHead) -> Result<(), NoStory> {
    let (mode, realm) = (head.mode, head.site.realm);
    // What answers an offline run is a recording, of whichever realm.
    if mode == Mode::Offline {
        let changes = matches!(head.act, Act::Execute | Act::Recover);
        return if head.recording.is_some() && !changes { Ok(()) } else { Err(NoStory::Offline) };
    }
    if head.recording.is_some() {
        return Err(NoStory::Offline);
    }
    if (mode == Mode::Rehearse) == (realm == Realm::Twin) {
        Ok(())
    } else {
        Err(NoStory::Contradiction(mode, realm))
    }
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
    documents: Vec<DocumentRecord>,
    changes: Changes<'a>,
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
            documents: Vec::new(),
            changes: Changes::new(head),
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
                if let CallOutcome::Fault(fault) = outcome
                    && self.check_of(check).is_none_or(|check| check.ended.is_some())
                {
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
            Event::DocumentKept { place, artifact, digest } => self.documents.push(DocumentRecord {
                at: line.at,
                place: place.clone(),
                artifact: artifact.clone(),
                digest: *digest,
            }),
            Event::WorkerEnded { how } => self.worker = Some(how),
            Event::RunEnded { exits } => self.exits = Some(exits),
            Event::Recovered { by, torn_bytes, torn_digest, vouched } => {
                self.recovery = Some(Recovery {
                    at: line.at,
                    by: by.clone(),
                    torn_bytes: *torn_bytes,
                    torn_digest: *torn_digest,
                    vouched: vouched.clone(),
                });
            }
            about_changes => self
                .changes
                .tell(line.at, about_changes)
                .map_err(|disorder| NoStory::Disorder(line.seq, disorder))?,
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
        if !self.denials.is_empty() && stands(Protection::DenialLatch) {
            exits.push(Exit::Denied);
        }
        match self.worker {
            Some(WorkerEnd::Limit { .. }) => exits.push(Exit::Limit),
            // What a script throws because a change was refused or failed is told by the exits of changes.
            Some(WorkerEnd::Threw { .. }) if self.change_failed() => {}
            Some(WorkerEnd::Threw { .. } | WorkerEnd::Died { .. }) => exits.push(Exit::Script),
            Some(WorkerEnd::Aborted { .. }) => exits.push(Exit::ChecksFailed),
            Some(WorkerEnd::Finished | WorkerEnd::Stopped { .. }) | None => {}
        }
        if counts.fail > 0 {
            exits.push(Exit::ChecksFailed);
        } else if counts.error + counts.skip > 0 {
            exits.push(Exit::NotMeasurable);
        }
        if let Some(verdicts) = self.verdicts() {
            exits.extend(verdict::exits(self.head, &self.changes, verdicts));
        }
        exits
    }

    /// Whether a change was refused, or not made to its end.
    fn change_failed(&self) -> bool {
        let changes = &self.changes;
        !changes.refusals.is_empty() || changes.changes.iter().any(|change| !change.is_made())
    }

    /// Whether the host that ran it also ended it. What was recovered did not, whatever its journal says: whoever seals it did
    /// not see it happen.
    fn outcome(&self) -> RunOutcome {
        match (self.exits, &self.recovery) {
            (Some(_), None) => RunOutcome::Completed,
            _ => RunOutcome::Aborted,
        }
    }

    /// What the host said, and what follows anyway: a host that forgets a denial does not make the run a clean one.
    fn exits(&self) -> Vec<Exit> {
        let mut exits = self.implied_exits();
        exits.extend(self.exits.unwrap_or_default());
        if self.outcome() == RunOutcome::Aborted {
            exits.push(Exit::Unrecovered);
        }
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

    fn verdicts(&self) -> Option<Verdicts> {
        verdict::verdicts(self.head, &self.changes, self.counts(), self.worker)
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for check in self.checks.values().flatten() {
            counts.add(status(check.ended.map(|(verdict, _)| verdict)));
        }
        counts
    }

    fn end(self) -> (RunRecord, ChecksRecord) {
        let outcome = self.outcome();
        let exits = self.exits();
        let exit = exits.iter().copied().reduce(Exit::worst).unwrap_or(Exit::Bug);
        let verdicts = self.verdicts();
        let counts = self.counts();
        let told = self.changes;
        let run = RunRecord {
            format: FORMAT,
            head: self.head.clone(),
            ended: self.last,
            outcome,
            counts,
            exits,
            exit,
            code: exit.code(),
            denials: self.denials,
            faults: self.faults,
            worker: self.worker.cloned(),
            recovery: self.recovery,
            plan: told.plan,
            plan_made_in: told.plan_made_in,
            planned: told.planned,
            guards: told.guards,
            refusals: told.refusals,
            changes: told.changes,
            undone: told.undone,
            scopes: told.scopes,
            probes: told.probes,
            holders: told.holders,
            human: told.human,
            documents: self.documents,
            verdicts,
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
        Some(CheckVerdict::Deferred { .. }) => Status::Deferred,
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
            Some(CheckVerdict::Skip { reason } | CheckVerdict::Deferred { reason }) => {
                record.message = Some(reason.clone())
            }
            None => record.message = Some("the run ended before this check did".to_owned()),
        }
        record
    }
}

#[cfg(test)]
mod change_tests;
#[cfg(test)]
mod tests;
