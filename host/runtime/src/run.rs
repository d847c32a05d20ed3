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
use fabric_evidence::recording::{FORMAT, Recording};
use fabric_evidence::{Event, FaultRecord, PacketFolder, Stamp, derive, plan as artifact, signature};
use fabric_gate::{Gate, Policy};
use fabric_model::check::{Status, Verdict};
use fabric_model::confinement::{Confinement, Lack, Layer};
use fabric_model::door::{self, Limits, Outcome, Start};
use fabric_model::exit::Exit;
use fabric_model::plan::{Plan, PlannedScript, PlannedSite};
use fabric_model::protection::{Protection, stands};
use fabric_model::site::Realm;
use fabric_model::{Class, Code, Digest, Fault, Value};
use fabric_primitives::registry::REGISTRY;
use fabric_redact::Redactor;
use tokio::signal::unix::{SignalKind, signal};

use crate::boundary::{self, Boundary};
use crate::call::{Desk, OWN_CALLS};
use crate::change::{self, Changes, Origin};
use crate::conduct::Misconduct;
use crate::door::{Closed, Door, end_check, lock};
use crate::guard::{Claims, FoundPlan};
use crate::home::{Home, Operator};
use crate::ledger::Ledger;
use crate::premises::Premises;
use crate::recorder::Recorder;
use crate::recording::{self, Answers, Source};
use crate::redacted;
use crate::refusal::Refusal;
use crate::run_id;
use crate::script::Script;
use crate::seal;
use crate::site;
use crate::wall;
use crate::watch::Watch;
use crate::worker::{Unbelieved, Worker};
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
    /// `run`, `rehearse` or `offline`.
    pub mode: Mode,
    /// Where the answers to its calls come from.
    pub answers: Source,
    /// What it takes to change things; without it a script that changes things is only planned.
    pub execution: Option<Execution>,
    /// The folder in which its packet is made.
    pub runs: PathBuf,
    /// The longest that the script may take.
    pub time_limit: Duration,
    /// Who watches.
    pub watch: Arc<dyn Watch>,
}

/// What it takes to change things.
pub struct Execution {
    /// The plan that is executed, or why what was named is none; a rehearsal needs none.
    pub plan: Option<Result<FoundPlan, Fault>>,
    /// What the operator says for the guards.
    pub claims: Claims,
    /// The operator's own folder, which keeps what an undo needs.
    pub home: Home,
}

/// A run that is over.
pub struct Finished {
    /// The exit that won.
    pub exit: Exit,
    /// Its sealed packet.
    pub sealed: Sealed,
    /// What the gate refused.
    pub denials: Vec<Fault>,
    /// What the guards refused before anything was changed.
    pub refused: Vec<Fault>,
    /// The digest of the plan that it made.
    pub plan: Option<Digest>,
    /// What the site answered, where that was to be kept and the script came to an end of its own.
    pub recording: Option<Recording>,
    /// How the script ended.
    pub worker: WorkerEnd,
    /// What knows the secrets that the run met.
    pub redactor: Arc<Redactor>,
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
/// Before the run began, and when its packet cannot be sealed: then `fabric recover` takes the folder up.
pub async fn run_with(mut worker: Worker, run: Run) -> Result<Finished, Refusal> {
    let (policy_file, policy_text) = &run.policy;
    // A rehearsal is bound by its twin, an offline run by its recording, and neither counts for anything: there the policy of a fresh
    // checkout will do.
    if run.world.site().site.realm != Realm::Twin && run.mode != Mode::Offline {
        boundary::of_one_writer(Path::new(policy_file))?;
    }
    let policy = Policy::parse(policy_file, policy_text)
        .map_err(|errors| Refusal::in_file(Exit::Configuration, policy_file, errors))?;
    let confined = worker.confined().await;
    let confinement = match &confined {
        Ok(confinement) => confinement.clone(),
        Err(unbelieved) => Confinement::of(vec![Lack::of(Layer::Word, unbelieved.to_string())]),
    };
    policy
        .admits_worker(confinement.reduced().as_deref())
        .map_err(|fault| Refusal { hints: fault.hints, ..Refusal::new(Exit::Denied, fault.message) })?;
    let gate = Gate::new(policy, run.script.needs()?, run.operator.principal());
    let params = run.script.params(&run.params)?;
    let now = wall::now();
    run.operator
        .signer
        .usable_at(now)
        .map_err(|error| Refusal::new(Exit::Authentication, error.to_string()).hint(error.hint()))?;

    let act = act(&run);
    let head = head(&run, act, &params, confinement)?;
    derive::consistent(&head).map_err(|error| Refusal::new(Exit::Configuration, error.to_string()))?;
    let packet = PacketFolder::create(&run.runs.join(head.run_id.as_str()))
        .map_err(|error| Refusal::new(Exit::Configuration, error.to_string()))?;
    run.watch.started(&redacted::head(&run.world.redactor, head.clone()));
    let (clock, redactor) = (Arc::clone(&run.world.seams.clock), Arc::clone(&run.world.redactor));
    let recorder = Arc::new(Recorder::new(packet, clock, redactor));
    let begun = head.clone();
    recorder.begin(head, &run.operator.started)?;
    if let Source::Recording(recorded) = &run.answers
        && let Some(difference) = recording::difference(&recorded.recording, &begun)
    {
        run.watch.warned(&difference);
    }
    let changes = match act {
        Act::Plan => Ok(Changes::plan(origin(&run, &params))),
        Act::Execute => change::executing(&run, &begun, &recorder).map(Changes::execute),
        Act::Observe | Act::Recover => Ok(Changes::Observe),
    };
    let (changes, refused) = match changes {
        Ok(changes) => (changes, None),
        Err(refused) => (Changes::Observe, Some(refused)),
    };
    let desk = Arc::new(Desk {
        gate,
        world: Arc::clone(&run.world),
        local: Arc::new(Premises::of(&run)),
        recorder,
        watch: Arc::clone(&run.watch),
        own_calls: AtomicU64::new(OWN_CALLS),
        changes,
        answers: Answers::from(&run.answers),
        bug: AtomicBool::new(false),
    });
    let closed = match (refused, confined) {
        (Some(refused), _) => refuse(&desk, worker, refused).await?,
        (None, Err(unbelieved)) => disbelieve(&desk, worker, &unbelieved).await?,
        (None, Ok(_)) => converse(&run, &desk, worker, params).await,
    };
    end(&run, desk, closed).await
}

/// What a run does: a script that changes things is planned, unless the operator says that he means it.
fn act(run: &Run) -> Act {
    match (run.script.header.reach, &run.execution) {
        (Class::Observe, _) => Act::Observe,
        (Class::Change | Class::Destroy, None) => Act::Plan,
        (Class::Change | Class::Destroy, Some(_)) => Act::Execute,
    }
}

/// Ends a run that the guards do not let change anything, before its script is even handed over.
async fn refuse(desk: &Desk, worker: Worker, refused: Vec<Fault>) -> Result<Conversation, Refusal> {
    // It was started early, and has been given nothing.
    let _ended = worker.process.stop().await;
    let mut exits = Vec::new();
    for fault in &refused {
        desk.recorder.record(&Event::GuardRefused { fault: FaultRecord::from(fault) })?;
        desk.watch.denied(fault);
        exits.push(exit_of(fault));
    }
    let end = WorkerEnd::Stopped { message: "the guards of the policy let it change nothing".to_owned() };
    desk.recorder.record(&Event::WorkerEnded { how: end.clone() })?;
    Ok(Conversation { end, exits, deferred: Vec::new(), refused })
}

/// Ends a run whose worker is not known to be confined, before its script is handed over.
async fn disbelieve(desk: &Desk, worker: Worker, unbelieved: &Unbelieved) -> Result<Conversation, Refusal> {
    let status = worker.process.stop().await;
    let status = status.map(|status| status.to_string()).unwrap_or_else(|error| error.to_string());
    let message = format!("the script's process was given no script: {unbelieved} ({status})");
    let end = WorkerEnd::Died { message };
    desk.recorder.record(&Event::WorkerEnded { how: end.clone() })?;
    Ok(Conversation { end, exits: vec![Exit::Script], deferred: Vec::new(), refused: Vec::new() })
}

/// How the conversation with the worker ended, and what the checks came to.
struct Conversation {
    end: WorkerEnd,
    exits: Vec<Exit>,
    /// Titles of the checks that a dry run put off.
    deferred: Vec<String>,
    /// Why the guards let nothing be changed.
    refused: Vec<Fault>,
}

async fn converse(
    run: &Run,
    desk: &Arc<Desk>,
    worker: Worker,
    params: BTreeMap<String, Value>,
) -> Conversation {
    let planning = matches!(desk.changes, Changes::Plan(_));
    let ledger = Arc::new(Mutex::new(Ledger::of_run(planning)));
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
            fault = desk.changes.revoked() => Stop::Revoked(fault),
            fault = desk.answers.missed() => Stop::Unanswered(fault),
        },
    };
    // What may change something is waited for, and at the end of a script also what only looks.
    let orderly = matches!(closed, Stop::Closed(Closed::Ended(_)));
    let recorded = door.close(orderly).await;
    // A script that went on over a missing answer, or to its end, has proved nothing.
    let closed = desk.answers.first_missed().map_or(closed, Stop::Unanswered);
    let closed = closed.within(desk.changes.depth().await);
    let mut unrecorded = !recorded;
    if let Stop::Revoked(fault) = &closed {
        unrecorded |= desk.changes.revoke(desk, fault).await.is_err();
    }
    let status = if orderly { process.reap().await } else { process.stop().await };
    // Nothing that the script has come to keeps the host from putting things back.
    let unwound = desk.changes.unwind(desk, closed.succeeded() && lock(&ledger).nothing_failed()).await;
    let end = closed.worker_end(run, &status.map(|s| s.to_string()).unwrap_or_else(|e| e.to_string()));
    // One line that cannot be written is no reason to leave out the rest: a packet that says what it can is worth more than none.
    unrecorded |= unwound.is_err();
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
    exits.extend(desk.changes.exits().await);
    let deferred = lock(&ledger).deferred().to_vec();
    Conversation { end, exits, deferred, refused: Vec::new() }
}

/// Why the conversation ended.
enum Stop {
    Closed(Closed),
    TimedOut,
    Interrupted,
    /// The guards have taken back their leave.
    Revoked(Fault),
    /// The recording does not answer what the script asks.
    Unanswered(Fault),
}

impl Stop {
    /// The same, seen with the scopes of changes that are still open: a script that is at its end has left them without ending them,
    /// and what it was to find out in them is not found out.
    fn within(self, scopes: usize) -> Self {
        match self {
            Self::Closed(Closed::Ended(Outcome::Finished)) if scopes > 0 => {
                let message = "the script ended within a `during`".to_owned();
                Self::Closed(Closed::Ended(Outcome::Threw { message }))
            }
            other => other,
        }
    }

    /// Whether the script ran to its end.
    fn succeeded(&self) -> bool {
        matches!(self, Self::Closed(Closed::Ended(Outcome::Finished)))
    }

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
            Self::Revoked(fault) => WorkerEnd::Stopped { message: fault.message.clone() },
            Self::Unanswered(fault) => {
                WorkerEnd::Stopped { message: format!("{}\n{}", fault.message, fault.hints.join("\n")) }
            }
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
            // Whose fault that is follows from the journal.
            Self::Closed(Closed::Ended(Outcome::Threw { .. })) => vec![],
            Self::Closed(Closed::Broke(_) | Closed::Misbehaved(Misconduct::Protocol(_))) => {
                vec![Exit::Script]
            }
            Self::Closed(Closed::Unrecorded(_)) => vec![Exit::Bug],
            Self::Interrupted => vec![Exit::Interrupted],
            Self::Revoked(fault) => vec![exit_of(fault)],
            Self::Unanswered(_) => vec![Exit::NotFound],
        }
    }
}

/// The exit that a refused change leads to.
pub(crate) fn exit_of(fault: &Fault) -> Exit {
    derive::refused(fault.code.as_str()).unwrap_or(match fault.code {
        Code::SiteSecret => Exit::Authentication,
        _ => Exit::Bug,
    })
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
        () = tokio::time::sleep(time_limit), if stands(Protection::TimeLimit) => Stop::TimedOut,
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

async fn end(run: &Run, desk: Arc<Desk>, talk: Conversation) -> Result<Finished, Refusal> {
    let desk = last_holder(desk).await?;
    let denials = desk.gate.denials();
    let denials: Vec<Fault> =
        denials.into_iter().map(|fault| run.world.redactor.redact_fault(fault)).collect();
    let Conversation { end, mut exits, deferred, refused } = talk;
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
    let Desk { recorder, changes, answers, .. } = desk;
    if end == WorkerEnd::Finished
        && let Some(unused) = answers.unused()
    {
        run.watch.warned(&unused);
    }
    // The way of a script that did not come to its end is not known, so there is nothing to execute.
    let plan = match changes.into_plan(&deferred) {
        Some(plan) if end == WorkerEnd::Finished => Some(lay_down(&recorder, &plan)?),
        _ => None,
    };
    recorder.record(&Event::RunEnded { exits: exits.clone() }).map_err(|fault| unsealed(&exits, fault))?;
    let recorder = Arc::try_unwrap(recorder).map_err(|_| held())?;
    let redactor = Arc::clone(&run.world.redactor);
    let sealed = seal::seal(recorder.into_packet(), &run.operator, signature::SEAL, redactor, &exits)?;
    let recording = answers.into_recording(|| blank(&sealed.run.head)).filter(|_| repeatable(&end));
    // What follows from the journal may be worse than what was known here, never better.
    let redactor = Arc::clone(&run.world.redactor);
    Ok(Finished { exit: sealed.run.exit, sealed, denials, refused, worker: end, plan, recording, redactor })
}

/// A recording of this run without answers, of what its packet says: that is redacted.
fn blank(head: &RunHead) -> Recording {
    Recording {
        format: FORMAT,
        script: head.script.clone(),
        modules: head.modules.clone(),
        site: head.site.clone(),
        policy: head.policy,
        params: head.params.clone(),
        entries: Vec::new(),
    }
}

/// Whether the same script with the same answers ends so again. What was cut short somewhere does not.
fn repeatable(end: &WorkerEnd) -> bool {
    match end {
        WorkerEnd::Finished | WorkerEnd::Threw { .. } | WorkerEnd::Aborted { .. } => true,
        WorkerEnd::Limit { .. } | WorkerEnd::Died { .. } | WorkerEnd::Stopped { .. } => false,
    }
}

/// A run whose last line cannot be written. Its changes are taken back all the same; what it came to is said here, and nowhere else.
fn unsealed(exits: &[Exit], fault: Fault) -> Refusal {
    let exit = exits.iter().fold(Exit::Bug, |worst, exit| worst.worst(*exit));
    let message = format!("the packet is not sealed: {}: {}", exit.meaning(), fault.message);
    let refusal = Refusal { hints: fault.hints, ..Refusal::new(exit, message) };
    refusal.hint("`fabric recover` then seals the packet, looks at what the run changed, and takes back what is left of that.")
}

/// Puts the plan of a dry run into its packet.
fn lay_down(recorder: &Recorder, plan: &Plan) -> Result<Digest, Refusal> {
    let unwritable = |error: String| Refusal::new(Exit::Bug, format!("the plan cannot be written: {error}"));
    let bytes = artifact::to_bytes(plan).map_err(|error| unwritable(error.to_string()))?;
    let digest = artifact::digest(plan).map_err(|error| unwritable(error.to_string()))?;
    recorder.artifact(artifact::PATH, &bytes)?;
    let changes = u32::try_from(plan.changes.len()).unwrap_or(u32::MAX);
    recorder.record(&Event::PlanMade { plan: digest, changes })?;
    Ok(digest)
}

/// What the plan of this run is made from.
fn origin(run: &Run, params: &BTreeMap<String, Value>) -> Origin {
    let (script, site) = (&run.script, run.world.site());
    Origin {
        script: PlannedScript {
            path: script.path.clone(),
            digest: script.digest(),
            title: script.header.title.clone(),
            kind: script.header.kind.as_str().to_owned(),
        },
        modules: script
            .modules
            .iter()
            .map(|(path, text)| (path.clone(), Digest::of(text.as_bytes())))
            .collect(),
        policy: Digest::of(run.policy.1.as_bytes()),
        site: PlannedSite {
            name: site.site.name.clone(),
            realm: site.site.realm,
            digest: run.world.file.digest,
        },
        params: params.clone(),
    }
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
    Err(held())
}

fn held() -> Refusal {
    Refusal::new(Exit::Bug, "a call holds on to the journal; `fabric recover` seals the packet")
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

fn head(
    run: &Run,
    act: Act,
    params: &BTreeMap<String, Value>,
    confinement: Confinement,
) -> Result<RunHead, Refusal> {
    let seams = &run.world.seams;
    let now = seams.clock.now();
    let script = &run.script;
    Ok(RunHead {
        // Random even on the twin, whose entropy repeats itself so that rehearsals are alike.
        run_id: run_id::new(wall::now(), &script.path, &fabric_connect::SystemEntropy)?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: run.mode,
        act,
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
        boundary: Boundary::of_run(run, now).words(Some(&confinement)),
        confinement: Some(confinement),
        recovered_from: None,
        recording: match &run.answers {
            Source::Recording(recorded) => Some(recorded.digest),
            Source::Site | Source::Kept => None,
        },
    })
}

/// The operator as a packet names him.
pub(crate) fn principal(operator: &Operator) -> PrincipalRecord {
    PrincipalRecord { fingerprint: operator.signer.fingerprint().clone(), roles: operator.principal().roles }
}

pub(crate) fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

pub(crate) fn user() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}

#[cfg(test)]
mod tests;
