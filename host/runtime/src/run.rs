//! A run, from the command to the sealed packet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fabric_evidence::event::{
    Act, FileRecord, HostRecord, Mode, Principal as PrincipalRecord, RunHead, ScriptRecord, SiteRecord,
    WorkerEnd,
};
use fabric_evidence::packet::Sealed;
use fabric_evidence::{Event, PacketFolder, Stamp, derive};
use fabric_gate::{Gate, Policy};
use fabric_model::check::{Status, Verdict};
use fabric_model::door::{self, Limits, Outcome, Start};
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_model::{Digest, Fault, Slug, Value};
use fabric_primitives::registry::REGISTRY;
use tokio::signal::unix::{SignalKind, signal};

use crate::boundary;
use crate::call::{Desk, OWN_CALLS};
use crate::conduct::Misconduct;
use crate::door::{Closed, Door, end_check, lock};
use crate::home::Operator;
use crate::ledger::Ledger;
use crate::recorder::Recorder;
use crate::redacted;
use crate::refusal::Refusal;
use crate::run_id;
use crate::script::Script;
use crate::site;
use crate::watch::Watch;
use crate::worker::Worker;
use crate::world::World;

/// Everything that a run needs.
pub struct Run {
    /// The script.
    pub script: Script,
    /// Parameters as the command line gives them.
    pub params: BTreeMap<String, String>,
    /// The world it acts in.
    pub world: Arc<World>,
    /// The policy's file name and text.
    pub policy: (String, String),
    /// Who runs it.
    pub operator: Operator,
    /// `run` or `rehearse`.
    pub mode: Mode,
    /// The folder in which its packet is made.
    pub runs: PathBuf,
    /// The longest that the script may take.
    pub time_limit: Duration,
    /// Who watches.
    pub watch: Arc<dyn Watch>,
}

/// A run that is over.
pub struct Finished {
    /// The exit that won.
    pub exit: Exit,
    /// Its sealed packet.
    pub sealed: Sealed,
    /// What the gate refused.
    pub denials: Vec<Fault>,
    /// How the script ended.
    pub worker: WorkerEnd,
}

/// Performs a run with a worker of its own.
///
/// # Errors
/// As [`run_with`].
pub async fn run(run: Run) -> Result<Finished, Refusal> {
    run_with(Worker::start()?, run).await
}

/// Performs a run with a worker that was started before the files of the run were read, so that both load at the same time.
///
/// # Errors
/// Only before the run began. From then on every end has a packet.
pub async fn run_with(worker: Worker, run: Run) -> Result<Finished, Refusal> {
    let (policy_file, policy_text) = &run.policy;
    // A rehearsal is bound by its twin, and counts for nothing: there the policy of a fresh checkout will do.
    if run.world.site().site.realm != Realm::Twin {
        boundary::of_one_writer(Path::new(policy_file))?;
    }
    let policy = Policy::parse(policy_file, policy_text)
        .map_err(|errors| Refusal::in_file(Exit::Configuration, policy_file, errors))?;
    let gate = Gate::new(policy, run.script.needs()?, run.operator.principal());
    let params = run.script.params(&run.params)?;
    let now = run.world.seams.clock.now();
    run.operator
        .signer
        .usable_at(now)
        .map_err(|error| Refusal::new(Exit::Authentication, error.to_string()).hint(error.hint()))?;

    let head = head(&run, &params)?;
    derive::consistent(&head).map_err(|error| Refusal::new(Exit::Configuration, error.to_string()))?;
    let packet = PacketFolder::create(&run.runs.join(head.run_id.as_str()))
        .map_err(|error| Refusal::new(Exit::Configuration, error.to_string()))?;
    run.watch.started(&redacted::head(&run.world.redactor, head.clone()));
    let recorder = Recorder::new(packet, Arc::clone(&run.world.seams.clock), Arc::clone(&run.world.redactor));
    recorder.begin(head, &run.operator.started)?;
    let desk = Arc::new(Desk {
        gate,
        world: Arc::clone(&run.world),
        recorder,
        own_calls: AtomicU64::new(OWN_CALLS),
        bug: AtomicBool::new(false),
    });
    let closed = converse(&run, &desk, worker, params).await;
    seal(&run, desk, closed).await
}

/// How the conversation with the worker ended, and what the checks came to.
struct Conversation {
    end: WorkerEnd,
    exits: Vec<Exit>,
}

async fn converse(
    run: &Run,
    desk: &Arc<Desk>,
    worker: Worker,
    params: BTreeMap<String, Value>,
) -> Conversation {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let Worker { process, mut reader, mut writer } = worker;
    let mut stopped = pin!(stopped(run.time_limit));
    let start = start(run, params);
    let begun = tokio::select! {
        begun = writer.write(&start) => begun.map_err(|broken| Stop::Closed(Closed::Broke(broken))),
        stop = &mut stopped => Err(stop),
    };
    let mut door = Door::open(Arc::clone(desk), Arc::clone(&ledger), Arc::clone(&run.watch), writer);
    let closed = match begun {
        Err(stop) => stop,
        Ok(()) => tokio::select! {
            closed = door.serve(&mut reader) => Stop::Closed(closed),
            stop = &mut stopped => stop,
        },
    };
    // Calls still under way end here: none of them can change anything.
    door.close().await;
    let orderly = matches!(closed, Stop::Closed(Closed::Ended(_)));
    let status = if orderly { process.reap().await } else { process.stop().await };
    let end = closed.worker_end(run, &status.map(|s| s.to_string()).unwrap_or_else(|e| e.to_string()));
    // One line that cannot be written is no reason to leave out the rest: a packet that says what it can is worth more than none.
    let mut unrecorded = false;
    let open = lock(&ledger).still_open();
    for check in open {
        let verdict =
            Verdict::Error { fault: None, message: "the script ended within this check".to_owned() };
        unrecorded |= end_check(desk, &ledger, &*run.watch, check, verdict).is_err();
    }
    let end = redacted::worker_end(&run.world.redactor, end);
    unrecorded |= desk.recorder.record(&Event::WorkerEnded { how: end.clone() }).is_err();
    let mut exits = closed.exits();
    if unrecorded {
        exits.push(Exit::Bug);
    }
    exits.extend(exits_of(&lock(&ledger)));
    Conversation { end, exits }
}

/// Why the conversation ended.
enum Stop {
    Closed(Closed),
    TimedOut,
    Interrupted,
}

impl Stop {
    fn worker_end(&self, run: &Run, status: &str) -> WorkerEnd {
        match self {
            Self::Closed(Closed::Broke(broken)) => {
                WorkerEnd::Died { message: format!("the script's process is gone ({status}; {broken})") }
            }
            Self::Closed(closed) => closed.worker_end(),
            Self::TimedOut => {
                WorkerEnd::Limit { message: format!("a run takes at most {} s", run.time_limit.as_secs()) }
            }
            Self::Interrupted => WorkerEnd::Stopped { message: "interrupted by the operator".to_owned() },
        }
    }

    fn exits(&self) -> Vec<Exit> {
        match self {
            Self::Closed(Closed::Ended(Outcome::Finished)) => vec![],
            Self::Closed(
                Closed::Ended(Outcome::Limit { .. })
                | Closed::Misbehaved(Misconduct::TooManyCalls)
                | Closed::TooMuch,
            )
            | Self::TimedOut => {
                vec![Exit::Limit]
            }
            Self::Closed(
                // A GameDay whose steady state does not hold is a failed one, and every check says for itself what failed.
                Closed::Ended(Outcome::Aborted { .. }),
            ) => vec![Exit::ChecksFailed],
            Self::Closed(
                Closed::Ended(Outcome::Threw { .. })
                | Closed::Broke(_)
                | Closed::Misbehaved(Misconduct::Protocol(_)),
            ) => vec![Exit::Script],
            Self::Closed(Closed::Unrecorded(_)) => vec![Exit::Bug],
            Self::Interrupted => vec![Exit::Interrupted],
        }
    }
}

fn exits_of(ledger: &Ledger) -> Vec<Exit> {
    let mut exits = Vec::new();
    if ledger.any(Status::Fail) {
        exits.push(Exit::ChecksFailed);
    }
    if ledger.any(Status::Error) || ledger.any(Status::Skip) {
        exits.push(Exit::NotMeasurable);
    }
    exits
}

/// What ends a run from outside: its time, or somebody.
async fn stopped(time_limit: Duration) -> Stop {
    tokio::select! {
        () = tokio::time::sleep(time_limit) => Stop::TimedOut,
        () = signalled(SignalKind::interrupt()) => Stop::Interrupted,
        () = signalled(SignalKind::terminate()) => Stop::Interrupted,
        () = signalled(SignalKind::hangup()) => Stop::Interrupted,
    }
}

async fn signalled(kind: SignalKind) {
    // Without a handler the signal would end the host; then `recover` seals what is left.
    match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

async fn seal(run: &Run, desk: Arc<Desk>, talk: Conversation) -> Result<Finished, Refusal> {
    let desk = last_holder(desk).await?;
    let denials = desk.gate.denials();
    let denials: Vec<Fault> =
        denials.into_iter().map(|fault| run.world.redactor.redact_fault(fault)).collect();
    let Conversation { end, mut exits } = talk;
    if !denials.is_empty() {
        exits.push(Exit::Denied);
    }
    if desk.bugs() {
        exits.push(Exit::Bug);
    }
    if exits.is_empty() {
        exits.push(Exit::Done);
    }
    exits.sort_unstable();
    exits.dedup();
    desk.recorder.record(&Event::RunEnded { exits })?;
    let Desk { recorder, .. } = desk;
    let now = recorder.now();
    let role = run.operator.principal().roles.first().map_or("none", Slug::as_str).to_owned();
    let sealed = recorder
        .into_packet()
        .seal(&run.operator.signer, &role, "seal", now)
        .map_err(|error| Refusal::new(Exit::Bug, format!("the packet cannot be sealed: {error}")))?;
    run.operator.started.forget(&sealed.run.head.run_id);
    // What follows from the journal may be worse than what was known here, never better.
    Ok(Finished { exit: sealed.run.exit, sealed, denials, worker: end })
}

/// Waits until every call that was under way has let go.
async fn last_holder(mut desk: Arc<Desk>) -> Result<Desk, Refusal> {
    for _ in 0..1000 {
        desk = match Arc::try_unwrap(desk) {
            Ok(desk) => return Ok(desk),
            Err(shared) => shared,
        };
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(Refusal::new(Exit::Bug, "a call holds on to the journal; `fabric recover` seals the packet"))
}

fn start(run: &Run, params: BTreeMap<String, Value>) -> Start {
    Start {
        version: door::VERSION,
        path: run.script.path.clone(),
        source: run.script.source.clone(),
        modules: run.script.modules.clone(),
        params,
        primitives: REGISTRY.iter().map(|primitive| primitive.name()).collect(),
        site: site::value(run.world.site()),
        limits: Limits::default(),
    }
}

fn head(run: &Run, params: &BTreeMap<String, Value>) -> Result<RunHead, Refusal> {
    let seams = &run.world.seams;
    let now = seams.clock.now();
    let script = &run.script;
    Ok(RunHead {
        // Random even on the twin, whose entropy repeats itself so that rehearsals are alike.
        run_id: run_id::new(now, &script.path, &fabric_connect::SystemEntropy)?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: run.mode,
        act: Act::Observe,
        started: Stamp::of(now),
        site: SiteRecord {
            name: run.world.site().site.name.clone(),
            realm: run.world.site().site.realm,
            digest: run.world.file.digest,
        },
        script: ScriptRecord {
            path: script.path.clone(),
            digest: script.digest(),
            title: script.header.title.clone(),
            kind: script.header.kind.as_str().to_owned(),
            reach: script.header.reach,
        },
        modules: script
            .modules
            .iter()
            .map(|(path, text)| FileRecord { path: path.clone(), digest: Digest::of(text.as_bytes()) })
            .collect(),
        policy: Digest::of(run.policy.1.as_bytes()),
        trust: run.operator.trust_digest,
        principal: principal(&run.operator),
        params: params.clone(),
        host: HostRecord { hostname: hostname(), user: user() },
        boundary: boundary::of_files([
            Path::new(&run.policy.0),
            run.world.file.path.as_path(),
            run.operator.trust_path.as_path(),
        ]),
        recovered_from: None,
    })
}

/// The operator as a packet names him.
pub(crate) fn principal(operator: &Operator) -> PrincipalRecord {
    PrincipalRecord { fingerprint: operator.signer.fingerprint().clone(), roles: operator.principal().roles }
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn user() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}

#[cfg(test)]
mod tests;
