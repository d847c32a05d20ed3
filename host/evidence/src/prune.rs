//! Which packets may go, why the others stay, and how one goes: a signed tombstone first, its line in the log, and then the packet.
//!
//! A packet goes when it verifies, no hold is on it, and it is older than every rule of the trust file that is for it asks. So whatever is
//! unclear keeps it. Whoever is killed in between leaves a state that the next who prunes finishes.

mod tombstone;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_model::{Digest, Slug};

use crate::canonical;
use crate::key::KeyError;
use crate::log::audit;
use crate::log::{self, Entry, PacketEntry, PrunedEntry};
use crate::packet::{PacketError, at};
use crate::severity::Severity;
use crate::signer::Signer;
use crate::stamp::Stamp;
use crate::statement;
use crate::statement::shelf;
use crate::trust::Trust;
use crate::verify::{self, Finding};

pub use tombstone::{Buried, NAME, Tombstone};

/// The folder of tombstones, beside the packets.
pub const FOLDER: &str = "pruned";

/// Where packets lie while they are deleted, in the folder of tombstones.
const GOING: &str = ".packets";

/// The intent of a tombstone's signature.
const PRUNE: &str = "prune";

/// A packet of the log, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its line of the log.
    pub entry: PacketEntry,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may go.
    Due(Ground),
    /// It has its tombstone, and what is left of it has to go.
    Unfinished,
    /// It stays, for each of these reasons: fragments.
    Kept(Vec<String>),
}

/// Why a packet may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// Until when it was to be kept.
    pub kept_until: Stamp,
    /// The severity in effect.
    pub severity: Option<Severity>,
    /// The digest of its last label.
    pub labels: Option<Digest>,
}

/// Why nothing was pruned, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum NotPruned {
    /// The log cannot be relied on.
    #[error("the log does not hold: {} findings", .0.len())]
    Log(Vec<Finding>),
    /// A packet that was named stays.
    #[error("`{folder}` stays: {}", reasons.join("; "))]
    Kept {
        /// Its folder.
        folder: String,
        /// Why: fragments.
        reasons: Vec<String>,
    },
    /// The log has no such packet, or it is gone already.
    #[error("the log has no packet `{0}` that is still there")]
    Unknown(String),
    /// Pruning takes another role.
    #[error("nobody prunes as {0}: the trust file does not say so")]
    Role(Slug),
    /// Another tombstone lies where this one would.
    #[error("{path}: {message}")]
    Tombstone {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The key cannot sign, or not so that it counts.
    #[error("{}", .0.message)]
    Signature(Finding),
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nothing can be written or deleted.
    #[error(transparent)]
    Packet(#[from] PacketError),
}

/// Judges every packet of the log in `runs` that is still there, in the order of the log.
///
/// # Errors
/// What is wrong with the log where it cannot be relied on: then nothing may go.
pub fn judge(runs: &Path, trust: &Trust, now: SystemTime) -> Result<Vec<Judged>, Vec<Finding>> {
    let mut findings = Vec::new();
    let audited = audit::examine(runs, trust, now, &mut findings);
    let fatal = |finding: &Finding| ["log.chain", "log.head", "log.rewritten"].contains(&finding.class);
    let Some(audited) = audited.filter(|_| !findings.iter().any(fatal)) else { return Err(findings) };
    let gone: BTreeSet<&str> = audited.pruned.iter().map(|tombstone| tombstone.folder.as_str()).collect();
    let mut seen = BTreeSet::new();
    let mut judged = Vec::new();
    for entry in audited.packets().filter(|entry| seen.insert(entry.folder.as_str())) {
        let fate = match gone.contains(entry.folder.as_str()) {
            false => fate(runs, entry, &findings, trust, now),
            true if fs::symlink_metadata(going(runs, &entry.folder)).is_ok() => Fate::Unfinished,
            true => continue,
        };
        judged.push(Judged { entry: entry.clone(), fate });
    }
    Ok(judged)
}

/// What becomes of a packet that has no tombstone, or lies in its place all the same.
fn fate(runs: &Path, entry: &PacketEntry, findings: &[Finding], trust: &Trust, now: SystemTime) -> Fate {
    let about = findings.iter().filter(|finding| finding.path.as_ref() == Some(&entry.folder));
    let mut reasons: Vec<String> = about.map(ToString::to_string).collect();
    let dir = runs.join(&entry.folder);
    if !fs::symlink_metadata(&dir).is_ok_and(|found| found.is_dir()) {
        reasons.push("it is no folder".to_owned());
        return Fate::Kept(reasons);
    }
    let verified = match verify::verify(&dir, trust, now) {
        Ok(verified) if verified.run.head.run_id == entry.run_id => verified,
        Ok(_) => {
            reasons.push("it is the packet of another run".to_owned());
            return Fate::Kept(reasons);
        }
        Err(found) => {
            let first = found.first().map(ToString::to_string).unwrap_or_default();
            reasons.push(format!("it does not verify, {} findings, the first: {first}", found.len()));
            return Fate::Kept(reasons);
        }
    };
    let labels = &verified.labels;
    reasons.extend(labels.held().map(|hold| match hold.release {
        None => format!("it is held as {}", hold.id),
        Some(label) => format!("it is held as {}, until label {label} is signed by all who must", hold.id),
    }));
    // The later of what the signature and what the log say of the seal: neither alone makes a packet older.
    let sealed = verified.sealed().max(entry.sealed);
    let kept_until = trust.kept_until(&verified.run, labels, sealed);
    match kept_until {
        None => reasons.push("the trust file has no `[[retain]]` that is for it".to_owned()),
        Some(until) if Stamp::of(now) < until => reasons.push(format!("it is kept until {until}")),
        Some(_) => {}
    }
    let last = labels.labels.last().map(|label| label.digest);
    match kept_until {
        Some(kept_until) if reasons.is_empty() => {
            Fate::Due(Ground { kept_until, severity: labels.severity, labels: last })
        }
        _ => Fate::Kept(reasons),
    }
}

/// What is left of the packet that lay in this folder, where the log says that it was pruned.
///
/// # Errors
/// When the log is no chain, or the tombstone does not account for the packet.
pub fn buried(runs: &Path, folder: &str, trust: &Trust, now: SystemTime) -> Result<Option<Buried>, Finding> {
    let lines = log::load(runs).map_err(|error| Finding::new("log.chain", log::NAME, error.to_string()))?;
    let of_this = || lines.iter().map(|line| &line.entry).filter(|entry| entry.folder() == folder);
    let end = of_this().find_map(|entry| if let Entry::Pruned(end) = entry { Some(end) } else { None });
    match (of_this().find_map(Entry::packet), end) {
        (Some(entry), Some(end)) => Tombstone::of_entry(runs, entry, end, trust, now)
            .map(Some)
            .map_err(|message| Finding::new("log.tombstone", folder, message)),
        _ => Ok(None),
    }
}

/// Of what was judged, the packets of these folders; everything where none is named.
///
/// # Errors
/// When one of them is not there, or stays.
pub fn named(judged: Vec<Judged>, folders: &[String]) -> Result<Vec<Judged>, NotPruned> {
    for folder in folders {
        let one = judged.iter().find(|one| one.entry.folder == *folder);
        let one = one.ok_or_else(|| NotPruned::Unknown(folder.clone()))?;
        if let Fate::Kept(reasons) = &one.fate {
            return Err(NotPruned::Kept { folder: folder.clone(), reasons: reasons.clone() });
        }
    }
    let wanted = |one: &Judged| folders.is_empty() || folders.contains(&one.entry.folder);
    Ok(judged.into_iter().filter(wanted).collect())
}

/// Prunes every packet that may go, or those of these folders, and finishes what was left unfinished. Gives what is gone now.
///
/// # Errors
/// When one that was named stays: then nothing goes. Else the first that cannot be pruned; those before it are gone.
pub fn prune(
    runs: &Path,
    folders: &[String],
    trust: &Trust,
    signer: &Signer,
    role: &Slug,
    reason: &str,
    now: SystemTime,
) -> Result<Vec<Judged>, NotPruned> {
    if !trust.pruners().contains(role) {
        return Err(NotPruned::Role(role.clone()));
    }
    // Nobody declares a hold between the judgement and the end.
    let _lock = at(runs, log::lock(runs))?;
    let judged = judge(runs, trust, now).map_err(NotPruned::Log)?;
    let mut gone = named(judged, folders)?;
    gone.retain(|judged| !matches!(judged.fate, Fate::Kept(_)));
    for Judged { entry, fate } in &gone {
        if let Fate::Due(ground) = fate {
            let end = tombstone(runs, entry, ground, trust, signer, role, reason, now)?;
            entered(runs, entry, &end)?;
            set_aside(runs, entry)?;
        }
        let going = going(runs, &entry.folder);
        // What was set aside is a folder of ours; links in it are deleted and not followed.
        at(&going, fs::remove_dir_all(&going))?;
    }
    Ok(gone)
}

/// The tombstone that is there, from somebody who was killed, or a new one: its digest, and who signed it.
#[expect(clippy::too_many_arguments, reason = "what is said, by whom, and of what")]
fn tombstone(
    runs: &Path,
    entry: &PacketEntry,
    ground: &Ground,
    trust: &Trust,
    signer: &Signer,
    role: &Slug,
    reason: &str,
    now: SystemTime,
) -> Result<(Tombstone, Digest), NotPruned> {
    let shelf = tombstone::shelf(runs, &entry.folder);
    if fs::symlink_metadata(shelf.path()).is_ok() {
        return Tombstone::read(runs, entry, trust, now)
            .map(|buried| (buried.tombstone, buried.digest))
            .map_err(|message| NotPruned::Tombstone { path: shelf.path(), message });
    }
    let tombstone = Tombstone {
        at: Stamp::of(now),
        by: signer.fingerprint().clone(),
        folder: entry.folder.clone(),
        format: tombstone::FORMAT,
        kept_until: ground.kept_until,
        labels: ground.labels,
        manifest: entry.manifest,
        reason: reason.to_owned(),
        run_id: entry.run_id.clone(),
        severity: ground.severity,
    };
    let bytes = at(&shelf.path(), canonical::bytes(&tombstone).map_err(io::Error::from))?;
    let armored = signer.sign(&bytes, role.as_str(), PRUNE, now)?;
    statement::verify(&bytes, &armored, PRUNE, trust, now).map_err(NotPruned::Signature)?;
    shelf.put(&bytes, signer.fingerprint(), &armored)?;
    Ok((tombstone, Digest::of(&bytes)))
}

fn entered(runs: &Path, entry: &PacketEntry, end: &(Tombstone, Digest)) -> Result<(), PacketError> {
    let path = runs.join(log::NAME);
    let (tombstone, digest) = end;
    let line = Entry::Pruned(PrunedEntry {
        at: tombstone.at,
        folder: entry.folder.clone(),
        tombstone: *digest,
        signer: tombstone.by.clone(),
    });
    if at(&path, log::load(runs))?.iter().any(|known| known.entry == line) {
        return Ok(());
    }
    at(&path, log::append(runs, line)).map(drop)
}

/// The packet leaves its place in one step, so that nobody ever finds half of one there.
fn set_aside(runs: &Path, entry: &PacketEntry) -> Result<(), PacketError> {
    let going = going(runs, &entry.folder);
    let above = runs.join(FOLDER).join(GOING);
    at(&above, DirBuilder::new().recursive(true).mode(0o700).create(&above))?;
    shelf::is_real_folder(&above)?;
    at(&going, fs::rename(runs.join(&entry.folder), &going))?;
    shelf::synced(&above)?;
    shelf::synced(runs)
}

fn going(runs: &Path, folder: &str) -> PathBuf {
    runs.join(FOLDER).join(GOING).join(folder)
}
