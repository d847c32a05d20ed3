//! Plans are found by their digest in the sealed packets of the dry runs that made them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::event::{Mode, PacketLink, Principal};
use fabric_evidence::packet::JOURNAL;
use fabric_evidence::{Trust, plan as artifact};
use fabric_model::exit::Exit;
use fabric_model::plan::Plan;
use fabric_model::{Code, Digest, Fault, Stage};

use crate::refusal::Refusal;

/// The largest plan that is read, in bytes: one of 10,000 changes has about 15 MiB.
const SIZE_LIMIT: u64 = 64 << 20;

/// Where a packet keeps its plan.
const PLAN: &str = "artifacts/plan.json";

/// A plan that was found in a sealed packet which verifies.
#[derive(Clone, Debug)]
pub struct FoundPlan {
    /// The plan.
    pub plan: Plan,
    /// Its digest.
    pub digest: Digest,
    /// The packet that it was made in.
    pub packet: PacketLink,
    /// When it was made.
    pub made: SystemTime,
    /// Who made it.
    pub by: Principal,
}

/// Why there is no plan to execute.
#[derive(Clone, Debug)]
pub enum NoPlan {
    /// `plan.altered`: something says that it is the plan, and is not what was made. A run that was to execute it ends with that in its
    /// packet.
    Altered(Fault),
    /// Nothing says so, or it cannot be read.
    Missing(Refusal),
}

impl From<NoPlan> for Refusal {
    fn from(none: NoPlan) -> Self {
        match none {
            NoPlan::Altered(fault) => {
                let message = fault.to_string();
                Self { exit: Exit::PlanStale, message, diagnostics: Vec::new(), hints: fault.hints }
            }
            NoPlan::Missing(refusal) => refusal,
        }
    }
}

/// Finds a plan by its digest below the folder of packets. Of several dry runs that made the same plan, the last one counts.
///
/// # Errors
/// `plan.altered` (exit 10) when the only packets that say they made it hold another file or do not verify; exit 5 when no
/// packet says so.
pub fn find_plan(runs: &Path, trust: &Trust, digest: Digest, now: SystemTime) -> Result<FoundPlan, NoPlan> {
    let mut found: Option<FoundPlan> = None;
    let mut altered: Option<NoPlan> = None;
    for dir in packets(runs).map_err(NoPlan::Missing)? {
        if !speaks_of(&dir, digest) {
            continue;
        }
        match plan_of(&dir, trust, now).and_then(|plan| same(plan, digest, &dir)) {
            Ok(plan) if found.as_ref().is_none_or(|other| other.made < plan.made) => found = Some(plan),
            Ok(_) => {}
            Err(none) => altered = Some(none),
        }
    }
    match (found, altered) {
        (Some(found), _) => Ok(found),
        (None, Some(none)) => Err(none),
        (None, None) => Err(NoPlan::Missing(
            Refusal::new(Exit::NotFound, format!("no packet holds the plan {digest}"))
                .hint("Make one with `fabric run`, which ends with the digest of its plan."),
        )),
    }
}

/// The plan of one packet.
///
/// # Errors
/// `plan.altered` (exit 10) when the packet does not verify or its plan is not what the digest says; exit 10 when it was made offline,
/// exit 5 when there is none.
pub fn plan_of(dir: &Path, trust: &Trust, now: SystemTime) -> Result<FoundPlan, NoPlan> {
    let shown = dir.display();
    let file = dir.join(PLAN);
    let bytes = read(&file).map_err(|error| {
        NoPlan::Missing(
            Refusal::new(Exit::NotFound, format!("the packet {shown} holds no plan: {error}"))
                .hint("Only the dry run of a script that changes something makes one."),
        )
    })?;
    // The plan is one of the files that the manifest lists and the signature covers.
    let verified = fabric_evidence::verify(dir, trust, now).map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        altered(format!("the packet {shown} does not verify: {}", findings.join("; ")))
    })?;
    if verified.run.head.mode == Mode::Offline {
        return Err(made_offline(dir));
    }
    let plan =
        artifact::read(&bytes).map_err(|error| altered(format!("{} is no plan: {error}", file.display())))?;
    let by = verified.run.head.principal;
    let sealed = verified.signers.iter().find(|signer| signer.fingerprint == by.fingerprint);
    Ok(FoundPlan {
        plan,
        digest: Digest::of(&bytes),
        packet: PacketLink { run_id: verified.run.head.run_id.clone(), manifest: verified.manifest },
        // By the operator's own clock: that of a twin, which the packet tells, runs ahead.
        made: sealed.map_or(verified.run.ended, |signer| signer.at).into(),
        by,
    })
}

fn same(found: FoundPlan, digest: Digest, dir: &Path) -> Result<FoundPlan, NoPlan> {
    if found.digest == digest {
        return Ok(found);
    }
    Err(altered(format!("the plan in {} has the digest {}, not {digest}", dir.display(), found.digest)))
}

/// Whether a packet holds this plan, or its journal says that it made it.
fn speaks_of(dir: &Path, digest: Digest) -> bool {
    let holds = || read(&dir.join(PLAN)).is_ok_and(|bytes| Digest::of(&bytes) == digest);
    let says = || {
        let journal = read(&dir.join(JOURNAL)).unwrap_or_default();
        let digest = digest.to_string();
        String::from_utf8_lossy(&journal)
            .lines()
            .any(|line| line.contains("plan_made") && line.contains(&digest))
    };
    dir.join(PLAN).is_file() && (holds() || says())
}

fn packets(runs: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let failed = |error: &io::Error| {
        Refusal::new(Exit::Configuration, format!("{} cannot be read: {error}", runs.display()))
    };
    let entries = match fs::read_dir(runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| failed(&error))?,
    };
    let mut packets = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed(&error))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            packets.push(entry.path());
        }
    }
    packets.sort();
    Ok(packets)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::symlink_metadata(file)?;
    if !metadata.is_file() || metadata.len() > SIZE_LIMIT {
        return Err(io::Error::other("it is no file, or too large a one"));
    }
    fs::read(file)
}

/// Nobody looked at the site when it was made, so there is nothing that it could rest on.
fn made_offline(dir: &Path) -> NoPlan {
    let message = format!(
        "the plan in {} was made offline, on the answers of a recording, and nobody executes such a plan",
        dir.display()
    );
    NoPlan::Missing(
        Refusal::new(Exit::PlanStale, message)
            .hint("Make a new plan with a dry run on the site itself: `fabric run` without `--offline`."),
    )
}

fn altered(message: String) -> NoPlan {
    NoPlan::Altered(
        Fault::new(Code::PlanAltered, Stage::Plan, message)
            .hint("Make a new plan with `fabric run`; this one is not what was made."),
    )
}
