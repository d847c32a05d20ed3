//! Taking back what a run left changed, from its journal and under the grants of its changes.
//!
//! A recovery is a run of its own with a packet of its own. It may be killed like any other: the marker stands until everything is
//! verified, so that the next recovery goes on where this one ended.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fabric_connect::SystemEntropy;
use fabric_evidence::event::{Act, HostRecord, PacketLink, RunHead};
use fabric_evidence::journal::{self, Torn};
use fabric_evidence::manifest;
use fabric_evidence::packet::{JOURNAL, Sealed};
use fabric_evidence::{Event, FaultRecord, PacketFolder, Stamp, signature, verify};
use fabric_gate::Authentic;
use fabric_model::change::{Intent, TargetSpec, Undone};
use fabric_model::exit::Exit;
use fabric_model::{Code, Digest, Fault, Kind, Resource, Slug, Stage};
use fabric_redact::Redactor;
use fabric_wire::Deadline;
use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::Clock;

use crate::boundary;
use crate::change::lock::Locks;
use crate::change::pending::{self, Marker, Pending, PendingSite};
use crate::change::store::UndoStore;
use crate::change::targets;
use crate::change::undo::{self, Ground, Known};
use crate::home::Operator;
use crate::recorder::Recorder;
use crate::refusal::Refusal;
use crate::run::{hostname, principal, user};
use crate::run_id;
use crate::seal;
use crate::site;
use crate::wall;
use crate::watch::Watch;
use crate::world::World;

/// How long taking the lock of one target may take.
const LOCK_TIME: Duration = Duration::from_secs(10);

/// The shortest reason with which a run is given up, in characters: two words.
pub const REASON_LENGTH: usize = 12;

/// A world that is being opened again.
pub type Reopening = Pin<Box<dyn Future<Output = Result<Arc<World>, Refusal>>>>;

/// What a recovery works with.
pub struct Recovery<'a> {
    /// Whose runs are recovered.
    pub operator: &'a Operator,
    /// The folder in which the packet of the recovery is made.
    pub runs: &'a Path,
    /// Opens the world of a run again.
    pub reopen: &'a dyn Fn(PendingSite) -> Reopening,
    /// Who watches.
    pub watch: Arc<dyn Watch>,
}

/// What a recovery came to.
#[derive(Debug)]
pub struct Restoration {
    /// Its packet.
    pub sealed: Sealed,
    /// What is left, for people: one line each. Nothing where everything is restored.
    pub left: Vec<String>,
}

/// The runs of an operator that may have left something, in the order of their names.
///
/// # Errors
/// When one of their markers cannot be read.
pub fn unrecovered(operator: &Operator) -> Result<Vec<Marker>, Refusal> {
    pending::pending(operator.home.folder()).map_err(refused)
}

/// Takes back what a run left changed, in reverse order. None where the run is alive, is being recovered by somebody else, or left
/// nothing.
///
/// # Errors
/// When its packet is not sealed yet, is gone, or was changed since; when its site cannot be opened; or when nothing can be recorded.
/// Nothing is taken back then.
pub async fn take_back(recovery: &Recovery<'_>, run_id: &Slug) -> Result<Option<Restoration>, Refusal> {
    let Some(mut pending) = resume(recovery, run_id)? else { return Ok(None) };
    let story = Story::read(&mut pending, recovery.operator)?;
    let world = (recovery.reopen)(pending.marker().site.clone()).await?;
    let store = UndoStore::open(&recovery.operator.home, run_id).map_err(refused)?;
    let (clock, redactor) = (Arc::clone(&world.seams.clock), Arc::clone(&world.redactor));
    let (recorder, own_id) = begin(recovery, &story, world.file.digest, (clock, redactor))?;
    let (writing, watch) = (world.writing(), &*recovery.watch);
    let ground = Ground {
        world: &world,
        writing: &writing,
        recorder: &recorder,
        store: &store,
        run_id: &own_id,
        watch,
    };
    let mut left = undo_all(&ground, &story, &mut pending, &recovery.operator.home).await?;
    left.extend(unlock(&ground, &story, pending.marker(), &recovery.operator.home).await?);
    let sealed = end(recovery, recorder, &left)?;
    if left.is_empty() {
        pending.done().map_err(refused)?;
    }
    Ok(Some(Restoration { sealed, left }))
}

/// Gives up what a run left changed: its targets stay as they are, and other runs may change them again. `approve` is asked with the
/// marker and the reason whether that is allowed.
///
/// # Errors
/// When the reason is too short, it is not approved, or it cannot be recorded; or as [`take_back`].
pub async fn abandon(
    recovery: &Recovery<'_>,
    run_id: &Slug,
    reason: &str,
    approve: impl FnOnce(&Marker, &str) -> Result<(), Refusal>,
) -> Result<Option<Restoration>, Refusal> {
    if reason.trim().chars().count() < REASON_LENGTH {
        let message = format!("giving up a run needs a reason of at least {REASON_LENGTH} characters");
        return Err(Refusal::new(Exit::Usage, message).hint("Say why with `--reason TEXT`."));
    }
    let Some(mut pending) = resume(recovery, run_id)? else { return Ok(None) };
    let story = Story::read(&mut pending, recovery.operator)?;
    approve(pending.marker(), reason)?;
    // What is given up may be just this: a site that can no longer be opened.
    let world = (recovery.reopen)(pending.marker().site.clone()).await;
    let ways: (Arc<dyn Clock>, Arc<Redactor>) = match &world {
        Ok(world) => (Arc::clone(&world.seams.clock), Arc::clone(&world.redactor)),
        Err(_) => (Arc::new(fabric_connect::SystemClock), Arc::default()),
    };
    let (recorder, _) = begin(recovery, &story, story.head.site.digest, ways)?;
    let mut left = Vec::new();
    for sealed in story.open(pending.marker()) {
        let (run_id, change) = (story.head.run_id.clone(), sealed.intent.change);
        let message =
            format!("take back `{}`: the operator gave it up: {}", sealed.intent.summary, reason.trim());
        let fault = Fault::new(Code::ChangeNotRestored, Stage::Undo, message);
        recorder.record(&Event::UndoBegun { run_id: run_id.clone(), change })?;
        let fault = Some(FaultRecord::from(&fault));
        recorder.record(&Event::UndoEnded { run_id, change, undone: Undone::Failed, seen: None, fault })?;
        left.push(format!("given up: {}", sealed.intent.summary));
    }
    if let Ok(world) = &world {
        let locks = Locks::new(&recovery.operator.home, &pending.marker().site, run_id);
        for host in hosts(&story, pending.marker(), world) {
            if let Err(fault) = locks.drop_there(&world.seams, &world.writing(), &host).await {
                left.push(fault.message);
            }
        }
    }
    let sealed = end(recovery, recorder, &left)?;
    pending.done().map_err(refused)?;
    Ok(Some(Restoration { sealed, left }))
}

fn resume(recovery: &Recovery<'_>, run_id: &Slug) -> Result<Option<Pending>, Refusal> {
    Pending::resume(recovery.operator.home.folder(), run_id).map_err(refused)
}

/// An intent as the journal holds it.
struct SealedIntent {
    intent: Intent,
    seal: String,
}

/// What the journal of a run says of its changes.
struct Story {
    head: RunHead,
    link: PacketLink,
    intents: Vec<SealedIntent>,
    /// Changes that were made or refused, as the run heard.
    answered: BTreeSet<u32>,
    /// Changes that the run itself took back.
    restored: BTreeSet<u32>,
    /// Whether its changes stay.
    committed: bool,
}

impl Story {
    /// Reads the packet of a run. The first time that it is sealed, its manifest is entered in the marker; from then on it must be that
    /// one. What secrets keep from being sealed has its first line witnessed, as whatever is sealed by `recover`: undoing does not wait.
    fn read(pending: &mut Pending, operator: &Operator) -> Result<Self, Refusal> {
        let marker = pending.marker().clone();
        let journal = file(&marker, JOURNAL)?;
        let unsealed = marker.sealed.is_none() && !verify::has_manifest(&marker.packet);
        let torn = if unsealed { Torn::AcceptLast } else { Torn::Refuse };
        let chain = journal::read(&journal, torn).map_err(|broken| altered(&marker, &broken.to_string()))?;
        let digest = if unsealed {
            let first = chain.lines.first().map(|line| line.digest);
            if !first.is_some_and(|first| operator.started.knows(&marker.run_id, first)) {
                return Err(altered(&marker, "it is not sealed, and its run did not begin like this"));
            }
            Digest::of(&journal)
        } else {
            sealed_by(&marker, &journal)?
        };
        let mut events = chain.lines.into_iter().map(|line| line.event);
        let head = match events.next() {
            Some(Event::RunStarted { head }) if head.run_id == marker.run_id => *head,
            _ => return Err(altered(&marker, "its journal is that of another run")),
        };
        let link = PacketLink { run_id: head.run_id.clone(), manifest: digest };
        let mut story = Self {
            head,
            link,
            intents: Vec::new(),
            answered: BTreeSet::new(),
            restored: BTreeSet::new(),
            committed: false,
        };
        for event in events {
            match event {
                Event::ChangeIntended { intent, seal } => {
                    story.intents.push(SealedIntent { intent: *intent, seal });
                }
                Event::ChangeApplied { change, effect, .. } if effect == "done" => {
                    story.answered.insert(change);
                }
                Event::UndoEnded { change, undone, .. } if undone.is_restored() => {
                    story.restored.insert(change);
                }
                Event::Committed { .. } => story.committed = true,
                _ => {}
            }
        }
        if marker.sealed.is_none() && !unsealed {
            pending.sealed(digest).map_err(refused)?;
        }
        Ok(story)
    }

    /// The changes that are neither taken back nor meant to stay, the last one first.
    fn open<'s>(&'s self, marker: &'s Marker) -> impl Iterator<Item = &'s SealedIntent> {
        let settled = |change: &u32| {
            self.committed || self.restored.contains(change) || marker.restored.contains(change)
        };
        self.intents.iter().rev().filter(move |sealed| !settled(&sealed.intent.change))
    }
}

/// The digest of the manifest that lists this journal.
fn sealed_by(marker: &Marker, journal: &[u8]) -> Result<Digest, Refusal> {
    let manifest = file(marker, manifest::NAME)?;
    let digest = Digest::of(&manifest);
    let listed =
        manifest::Manifest::parse(&manifest).map_err(|_| altered(marker, "its manifest is broken"))?;
    let listed = listed.files().any(|(path, listed)| path == JOURNAL && listed == Digest::of(journal));
    if !listed || marker.sealed.is_some_and(|sealed| sealed != digest) {
        return Err(altered(marker, "it is not the packet that was sealed"));
    }
    Ok(digest)
}

fn file(marker: &Marker, name: &str) -> Result<Vec<u8>, Refusal> {
    let path = marker.packet.join(name);
    fs::read(&path).map_err(|error| {
        let run = &marker.run_id;
        Refusal::new(Exit::Unrecovered, format!("run {run} cannot be recovered: {}: {error}", path.display()))
            .hint("Put its packet back: the journal in it says what was changed.")
            .hint(format!(
                "If it is lost, restore the targets by hand and call `fabric recover --abandon {run}`."
            ))
    })
}

fn altered(marker: &Marker, why: &str) -> Refusal {
    let (packet, run) = (marker.packet.display(), &marker.run_id);
    Refusal::new(Exit::Unrecovered, format!("{packet}: {why}"))
        .hint("Nothing was changed: what a changed packet says may be somebody else's wish.")
        .hint(format!("Restore the targets by hand and call `fabric recover --abandon {run}`."))
}

/// Begins the packet of a recovery.
fn begin(
    recovery: &Recovery<'_>,
    story: &Story,
    site: Digest,
    (clock, redactor): (Arc<dyn Clock>, Arc<Redactor>),
) -> Result<(Recorder, Slug), Refusal> {
    let operator = recovery.operator;
    let now = clock.now();
    operator
        .signer
        .usable_at(wall::now())
        .map_err(|error| Refusal::new(Exit::Authentication, error.to_string()).hint(error.hint()))?;
    let own_id = run_id::new(now, "recover", &SystemEntropy)?;
    let mut head = RunHead {
        run_id: own_id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        act: Act::Recover,
        started: Stamp::of(now),
        trust: operator.trust_digest,
        principal: principal(operator),
        host: HostRecord { hostname: hostname(), user: user() },
        boundary: boundary::of_files([operator.trust_path.as_path()]),
        confinement: None,
        recovered_from: Some(story.link.clone()),
        recording: None,
        ..story.head.clone()
    };
    head.site.digest = site;
    let packet = PacketFolder::create(&recovery.runs.join(own_id.as_str()))
        .map_err(|error| Refusal::new(Exit::Configuration, error.to_string()))?;
    recovery.watch.started(&crate::redacted::head(&redactor, head.clone()));
    let recorder = Recorder::new(packet, clock, redactor);
    recorder.begin(head, &operator.started)?;
    Ok((recorder, own_id))
}

/// Takes back what is open. Gives what is left.
async fn undo_all(
    ground: &Ground<'_>,
    story: &Story,
    pending: &mut Pending,
    home: &crate::Home,
) -> Result<Vec<String>, Refusal> {
    let (mut left, mut lost) = (Vec::new(), BTreeSet::<IpAddr>::new());
    let marker = pending.marker().clone();
    let mut locks = Locks::new(home, &marker.site, &story.head.run_id);
    for sealed in story.open(&marker) {
        let intent = &sealed.intent;
        let authentic = match ground.store.key().open(intent.clone(), &sealed.seal) {
            Ok(authentic) => authentic,
            Err(forged) => {
                let message = format!("take back `{}`: {forged}", intent.summary);
                let fault = Fault::new(Code::ChangeNotRestored, Stage::Undo, message)
                    .hint("Nothing was done. Find out who wrote it, and look at the target by hand.");
                left.push(fault.message.clone());
                undo::give_up(ground, intent, fault);
                continue;
            }
        };
        if let Some(fault) = locked_by_another(ground, &mut locks, &authentic).await {
            left.push(fault.message.clone());
            lost.extend(targets::addresses(ground.world.site(), &intent.targets));
            undo::give_up(ground, intent, fault);
            continue;
        }
        let known = Known { waited: false, unanswered: !story.answered.contains(&intent.change) };
        let undone = undo::undo(ground, &authentic, known, &mut lost).await;
        if undone.is_restored() {
            pending.restored(intent.change)?;
        } else {
            left.push(format!("{}: {}", intent.summary, undone.as_str()));
        }
    }
    Ok(left)
}

/// Takes the locks of a change's targets in the name of the run that made it, which most often holds them still. Whatever else keeps a
/// target from being asked, undoing it will meet and wait for.
async fn locked_by_another(ground: &Ground<'_>, locks: &mut Locks, authentic: &Authentic) -> Option<Fault> {
    for recorded in &authentic.intent().targets {
        let Ok(target) = targets::from_spec(ground.world, recorded) else { continue };
        let (seams, deadline) = (&ground.world.seams, Deadline::after(LOCK_TIME));
        if let Err(fault) = locks.take(seams, ground.writing, &target, deadline).await
            && fault.code == Code::GuardLocked
        {
            return Some(fault);
        }
    }
    None
}

/// Gives back the locks that the run holds on hosts. Gives what is left of them.
async fn unlock(
    ground: &Ground<'_>,
    story: &Story,
    marker: &Marker,
    home: &crate::Home,
) -> Result<Vec<String>, Refusal> {
    let locks = Locks::new(home, &marker.site, &story.head.run_id);
    let mut left = Vec::new();
    for host in hosts(story, marker, ground.world) {
        if let Err(fault) = locks.drop_there(&ground.world.seams, ground.writing, &host).await {
            let message = format!("give back the lock of `{}`: {}", host.name, fault.message);
            let fault = Fault { code: Code::GuardLocked, stage: Stage::Undo, message, ..fault };
            ground.recorder.record(&Event::GuardRefused { fault: FaultRecord::from(&fault) })?;
            left.push(ground.world.redactor.redact_fault(fault).message);
        }
    }
    Ok(left)
}

/// The hosts on which the run may hold a lock: those of its intents as they were written down, and those that it had not come to
/// change, as the site names them.
fn hosts(story: &Story, marker: &Marker, world: &World) -> Vec<SshHost> {
    let intended = story.intents.iter().flat_map(|sealed| &sealed.intent.targets);
    let mut hosts: Vec<SshHost> = intended
        .filter_map(|recorded| match &recorded.target {
            TargetSpec::Ssh(host) => Some(targets::ssh_host(host)),
            TargetSpec::Api { .. } | TargetSpec::Endpoint { .. } => None,
        })
        .collect();
    for target in &marker.targets {
        let name = match &target.resource {
            Resource::Named { kind: Kind::Host, name, .. } | Resource::File { host: name, .. } => name,
            _ => continue,
        };
        hosts.extend(site::ssh_host(world.site(), name));
    }
    let mut seen = BTreeSet::new();
    hosts.retain(|host| seen.insert(host.name.clone()));
    hosts
}

/// Seals the packet of a recovery.
fn end(recovery: &Recovery<'_>, recorder: Recorder, left: &[String]) -> Result<Sealed, Refusal> {
    let exit = if left.is_empty() { Exit::Done } else { Exit::Incomplete };
    let redactor = recorder.redactor();
    recorder.record(&Event::RunEnded { exits: vec![exit] })?;
    seal::seal(recorder.into_packet(), recovery.operator, signature::RECOVER, redactor, &[exit])
}

/// A marker or store that cannot be read leaves things as they are.
fn refused(fault: Fault) -> Refusal {
    let exit = match fault.code {
        Code::GuardUnrecovered | Code::GuardLocked => Exit::Unrecovered,
        Code::GuardSigner => Exit::Authentication,
        _ => return fault.into(),
    };
    Refusal { exit, message: fault.message, diagnostics: Vec::new(), hints: fault.hints }
}

#[cfg(test)]
mod tests;
