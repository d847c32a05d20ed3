//! The host's side of the door: takes frames from the worker until it is done, dead or stopped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fabric_evidence::document::Documents;
use fabric_evidence::{CheckVerdict, Event, WorkerEnd};
use fabric_model::check::{Place, Verdict};
use fabric_model::door::{Broken, FromWorker, Outcome, Reply, ScopeEnded};
use fabric_model::protection::stands;
use fabric_model::{Class, Code, Digest, Fault, Stage, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};

use crate::call::{self, Call, Desk};
use crate::change::scope::Asked;
use crate::conduct::{Conduct, Misconduct};
use crate::ledger::Ledger;
use crate::watch::Watch;
use crate::worker::{FrameReader, FrameWriter};

/// The most calls and waits at the same time, so that a script cannot open more connections than a host has patience for. One
/// is over when its reply has been taken, so that a worker which reads none cannot fill the host's memory with them.
const CALLS_IN_FLIGHT: usize = 64;

/// The largest journal, in bytes: half of what a verifier reads. The longest suite writes 2 MiB.
const JOURNAL_LIMIT: u64 = 128 << 20;

/// The longest wait between two polls, in milliseconds.
const WAIT_LIMIT_MS: u64 = 60_000;

/// One open door.
pub(crate) struct Door {
    pub(crate) desk: Arc<Desk>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) watch: Arc<dyn Watch>,
    /// Calls that only look. They are waited for when the script is at its end, so that a denial is on record also where nobody waits
    /// for the answer any more; otherwise they are given up when the door closes.
    looking: JoinSet<Result<(), Fault>>,
    /// Waits between two polls; they are given up when the door closes.
    waits: JoinSet<Result<(), Fault>>,
    /// Calls that may change something; they are waited for, because what they do is not over when nobody waits for it.
    changing: JoinSet<Result<(), Fault>>,
    in_flight: Arc<Semaphore>,
    documents: Documents,
    conduct: Arc<Mutex<Conduct>>,
    replies: mpsc::UnboundedSender<(Reply, OwnedSemaphorePermit)>,
}

/// Why the door was closed.
pub(crate) enum Closed {
    /// The worker said so.
    Ended(Outcome),
    /// The worker broke the protocol or died.
    Broke(Broken),
    /// The worker said what it may not.
    Misbehaved(Misconduct),
    /// The script made the journal longer than anybody can verify.
    TooMuch,
    /// The journal cannot be written.
    Unrecorded(Fault),
}

impl Door {
    /// Opens the door; replies go out through `writer` in the order in which they are ready.
    pub(crate) fn open(
        desk: Arc<Desk>,
        ledger: Arc<Mutex<Ledger>>,
        watch: Arc<dyn Watch>,
        mut writer: FrameWriter,
    ) -> Self {
        let (replies, mut outgoing) = mpsc::unbounded_channel::<(Reply, OwnedSemaphorePermit)>();
        tokio::spawn(async move {
            while let Some((reply, _in_flight)) = outgoing.recv().await {
                // A worker that is gone needs no reply; its reader says that it is gone.
                if writer.write(&reply).await.is_err() {
                    return;
                }
            }
        });
        let in_flight = Arc::new(Semaphore::new(CALLS_IN_FLIGHT));
        let (looking, waits, changing) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
        let (documents, conduct) = (Documents::default(), Arc::default());
        Self { desk, ledger, watch, looking, waits, changing, in_flight, documents, conduct, replies }
    }

    /// Serves the worker until it ends.
    pub(crate) async fn serve(&mut self, reader: &mut FrameReader) -> Closed {
        loop {
            tokio::select! {
                frame = reader.read::<FromWorker>() => match frame {
                    Ok(FromWorker::End { outcome }) => return Closed::Ended(outcome),
                    Ok(_) if self.desk.recorder.length() > JOURNAL_LIMIT => return Closed::TooMuch,
                    Ok(frame) => if let Some(closed) = self.take(frame).await { return closed },
                    Err(broken) => return Closed::Broke(broken),
                },
                Some(done) = self.looking.join_next() => if let Some(closed) = ended(done) { return closed },
                Some(done) = self.waits.join_next() => if let Some(closed) = ended(done) { return closed },
                Some(done) = self.changing.join_next() => if let Some(closed) = ended(done) { return closed },
            }
        }
    }

    /// Ends the calls that are still under way, and returns once none of them can write or send anything any more: whether all of it
    /// could be recorded. Every call and every step of a change has its deadline, so waiting for those ends.
    pub(crate) async fn close(mut self, at_its_end: bool) -> bool {
        self.waits.shutdown().await;
        if !at_its_end {
            self.looking.shutdown().await;
        }
        let mut recorded = true;
        while let Some(done) = self.looking.join_next().await {
            recorded &= ended(done).is_none();
        }
        while let Some(done) = self.changing.join_next().await {
            recorded &= ended(done).is_none();
        }
        recorded
    }

    async fn take(&mut self, frame: FromWorker) -> Option<Closed> {
        if let Err(misconduct) = held(&self.conduct).allow(&frame)
            && stands(misconduct.protection())
        {
            return Some(Closed::Misbehaved(misconduct));
        }
        let taken = match frame {
            FromWorker::Call { call_id, place, check, in_condition, primitive, arguments } => {
                self.call(Call { id: call_id, place, check, in_condition, primitive, arguments }).await;
                Ok(())
            }
            FromWorker::Wait { call_id, millis } => {
                self.wait(call_id, millis.min(WAIT_LIMIT_MS)).await;
                Ok(())
            }
            FromWorker::Document { call_id, place, name, content } => {
                self.document(call_id, place, &name, content).await
            }
            FromWorker::CheckBegin { check, place, title } => {
                let title = self.desk.world.redactor.redact(&title);
                self.ledger().begin(check, title.clone(), self.desk.recorder.now());
                let event = Event::CheckBegun { check, place, title: title.clone() };
                self.desk.recorder.record(&event).map(|()| self.watch.check_begun(&title))
            }
            FromWorker::CheckEnd { check, verdict } => {
                end_check(&self.desk, &self.ledger, &*self.watch, check, verdict)
            }
            FromWorker::ScopeBegin { call_id, place, title, watch } => {
                let title = self.desk.world.redactor.redact(&title);
                self.begin_scope(call_id, Asked { scope: call_id, place, title, watch }).await;
                Ok(())
            }
            FromWorker::ScopeEnd { call_id, scope, ended } => {
                self.end_scope(call_id, scope, ended).await;
                Ok(())
            }
            FromWorker::Human { place, role, name, text } => {
                let redactor = &self.desk.world.redactor;
                let (role, name, text) =
                    (redactor.redact(&role), redactor.redact(&name), redactor.redact(&text));
                let step =
                    Event::HumanStep { place, role: role.clone(), name: name.clone(), text: text.clone() };
                self.desk.recorder.record(&step).map(|()| self.watch.human(&role, &name, &text))
            }
            FromWorker::Print { place, text } => {
                let text = self.desk.world.redactor.redact(&text);
                let event = Event::Printed { place, text: text.clone() };
                // Written before it is shown, here and below: nobody sees what the record lacks.
                self.desk.recorder.record(&event).map(|()| self.watch.printed(&text))
            }
            FromWorker::Confined { .. } | FromWorker::End { .. } => Ok(()),
        };
        taken.err().map(Closed::Unrecorded)
    }

    async fn call(&mut self, call: Call) {
        let Some(permit) = self.admit().await else { return };
        let (desk, ledger) = (Arc::clone(&self.desk), Arc::clone(&self.ledger));
        let (watch, replies) = (Arc::clone(&self.watch), self.replies.clone());
        let conduct = Arc::clone(&self.conduct);
        let tasks = match call::class_of(&call.primitive) {
            Some(Class::Change | Class::Destroy) => &mut self.changing,
            Some(Class::Observe) | None => &mut self.looking,
        };
        tasks.spawn(async move {
            let answer = desk.perform(&call).await?;
            if let Err(fault) = &answer.reply
                && fault.is_denial()
            {
                watch.denied(fault);
            }
            if let Some(check) = call.check {
                lock(&ledger).note(check, answer.call, answer.reply.as_ref().err());
            }
            held(&conduct).call_is_over(call.check, call.id);
            // The receiver is gone only when the worker is.
            let _ = replies.send((Reply { call_id: call.id, result: answer.reply }, permit));
            Ok(())
        });
    }

    /// Waiting here stops reading frames, which is the back-pressure: the worker waits in turn.
    async fn admit(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore while the door is open.
        Arc::clone(&self.in_flight).acquire_owned().await.ok()
    }

    async fn begin_scope(&mut self, call_id: u64, asked: Asked) {
        let Some(permit) = self.admit().await else { return };
        let (desk, replies) = (Arc::clone(&self.desk), self.replies.clone());
        self.changing.spawn(async move {
            let result = desk.changes.begin_scope(&desk, asked).await?;
            let _ = replies.send((Reply { call_id, result }, permit));
            Ok(())
        });
    }

    async fn end_scope(&mut self, call_id: u64, scope: u64, ended: ScopeEnded) {
        let Some(permit) = self.admit().await else { return };
        let (desk, replies) = (Arc::clone(&self.desk), self.replies.clone());
        self.changing.spawn(async move {
            let result = desk.changes.end_scope(&desk, scope, &ended).await?;
            let _ = replies.send((Reply { call_id, result }, permit));
            Ok(())
        });
    }

    /// Puts a document of the script into the packet. The file is there before the journal names it, so that a host that is killed
    /// between the two leaves no line without its file.
    async fn document(
        &mut self,
        call_id: u64,
        place: Place,
        name: &str,
        content: Value,
    ) -> Result<(), Fault> {
        let Some(permit) = self.admit().await else { return Ok(()) };
        let redactor = &self.desk.world.redactor;
        let content = redactor.redact_value(content);
        let result = match self.documents.admit(&redactor.redact(name), &content) {
            Ok((artifact, bytes)) => {
                self.desk.recorder.artifact(&artifact, &bytes)?;
                let digest = Digest::of(&bytes);
                self.desk.recorder.record(&Event::DocumentKept { place, artifact, digest })?;
                Ok(Value::Text(digest.to_string()))
            }
            Err(unfit) => Err(Fault::new(Code::ScriptArgument, Stage::Record, unfit.to_string())),
        };
        // The receiver is gone only when the worker is.
        let _ = self.replies.send((Reply { call_id, result }, permit));
        Ok(())
    }

    async fn wait(&mut self, call_id: u64, millis: u64) {
        let Some(permit) = self.admit().await else { return };
        let (replies, clock) = (self.replies.clone(), Arc::clone(&self.desk.world.seams.clock));
        self.waits.spawn(async move {
            clock.sleep(Duration::from_millis(millis)).await;
            let _ = replies.send((Reply { call_id, result: Ok(Value::Null) }, permit));
            Ok(())
        });
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }
}

/// Why the door closes after a call, if it does: its journal line could not be written, or our own code panicked, and the worker would
/// wait for its reply for ever.
fn ended(done: Result<Result<(), Fault>, JoinError>) -> Option<Closed> {
    match done {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => Some(Closed::Unrecorded(fault)),
        Err(panic) => {
            let message = format!("a call ended in a panic: {panic}");
            Some(Closed::Unrecorded(Fault::new(Code::BugInternal, Stage::Record, message)))
        }
    }
}

/// Ends one check: in the ledger, in the journal, and for whoever watches.
///
/// # Errors
/// When the journal cannot be written.
pub(crate) fn end_check(
    desk: &Desk,
    ledger: &Mutex<Ledger>,
    watch: &dyn Watch,
    check: u64,
    verdict: Verdict,
) -> Result<(), Fault> {
    let verdict = desk.world.redactor.redact_verdict(verdict);
    let Some(ended) = lock(ledger).end(check, verdict, desk.recorder.now()) else { return Ok(()) };
    let took_ms = u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX);
    let verdict = CheckVerdict::from(ended.verdict.clone());
    desk.recorder.record(&Event::CheckEnded { check, verdict, took_ms })?;
    watch.check_ended(&ended);
    Ok(())
}

pub(crate) fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    held(ledger)
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Closed {
    /// What the journal says of it.
    pub(crate) fn worker_end(&self) -> WorkerEnd {
        match self {
            Self::Ended(outcome) => WorkerEnd::from(outcome.clone()),
            Self::Broke(broken) => WorkerEnd::Died { message: broken.to_string() },
            Self::Misbehaved(limit @ Misconduct::TooManyCalls) => {
                WorkerEnd::Limit { message: limit.to_string() }
            }
            Self::Misbehaved(broken @ Misconduct::Protocol(_)) => {
                WorkerEnd::Died { message: broken.to_string() }
            }
            Self::TooMuch => {
                WorkerEnd::Limit { message: format!("a journal has at most {} MiB", JOURNAL_LIMIT >> 20) }
            }
            Self::Unrecorded(fault) => WorkerEnd::Stopped { message: fault.message.clone() },
        }
    }
}
