//! Making labels, and signing those that others made.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_model::{Digest, Slug};

use super::read::place;
use super::{Act, FORMAT, GENESIS, Label, Signed, Standing, shelf};
use crate::canonical;
use crate::key::KeyError;
use crate::log::{self, Entry, PacketEntry};
use crate::packet::{PacketError, at};
use crate::regular;
use crate::signature;
use crate::signer::Signer;
use crate::stamp::Stamp;
use crate::statement;
use crate::trust::Trust;
use crate::verify::{self, Finding, Verified};

/// The longest reason, in characters.
const REASON_LIMIT: usize = 2_000;

/// What was added, and what the labels come to now.
#[derive(Debug)]
pub struct Added {
    /// The number of the label.
    pub seq: u64,
    /// The packet with it.
    pub verified: Verified,
}

/// Why nothing was added.
#[derive(Debug, thiserror::Error)]
pub enum NotLabelled {
    /// The packet or its labels do not verify.
    #[error("the packet does not verify: {} findings", .0.len())]
    Unverified(Vec<Finding>),
    /// It is not the packet of its place in the log.
    #[error("the log beside it does not tell of this packet")]
    Unlisted,
    /// The label would be none.
    #[error("{}", .0.message)]
    Refused(Finding),
    /// There is no such label.
    #[error("the packet has no label {0}")]
    Unknown(u64),
    /// One certificate signs once.
    #[error("you signed this label already, as {0}")]
    SignedBefore(Slug),
    /// The reason is none.
    #[error("a reason has 1 to {REASON_LIMIT} characters")]
    Reason,
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nothing can be written.
    #[error(transparent)]
    Packet(#[from] PacketError),
}

/// Adds a label to the packet in `dir`, signed by who makes it. Nothing that is there is replaced.
///
/// # Errors
/// When the packet does not verify, what is said does not fit what was said before, or the role is none in which it is said.
pub fn add(
    dir: &Path,
    act: Act,
    reason: &str,
    signer: &Signer,
    role: &Slug,
    trust: &Trust,
    now: SystemTime,
) -> Result<Added, NotLabelled> {
    if reason.trim().is_empty() || reason.chars().count() > REASON_LIMIT {
        return Err(NotLabelled::Reason);
    }
    let desk = Desk::at(dir, trust, now)?;
    let before = &desk.verified.labels;
    let seq = before.labels.len() as u64;
    let label = Label {
        act,
        at: Stamp::of(now),
        by: signer.fingerprint().clone(),
        format: FORMAT,
        manifest: desk.verified.manifest,
        prev: before.labels.last().map_or_else(|| Digest::of(GENESIS), |last| last.digest),
        reason: reason.to_owned(),
        run_id: desk.verified.run.head.run_id.clone(),
        seq,
    };
    let bytes = canonical::bytes(&label).map_err(|error| io_at(dir, io::Error::from(error)))?;
    let intent = label.act.intent();
    let armored = signer.sign(&bytes, role.as_str(), intent, now)?;
    let own = statement::verify(&bytes, &armored, intent, trust, now).map_err(NotLabelled::Refused)?;
    desk.would_follow(Signed { signers: vec![own], label, digest: Digest::of(&bytes), lacking: Vec::new() })?;
    shelf(&desk.runs, &desk.packet, seq).put(&bytes, signer.fingerprint(), &armored)?;
    desk.finish(seq)
}

/// Signs a label that somebody else made.
///
/// # Errors
/// When there is none of this number, this certificate has signed it, or the packet does not verify.
pub fn countersign(
    dir: &Path,
    seq: u64,
    signer: &Signer,
    role: &Slug,
    trust: &Trust,
    now: SystemTime,
) -> Result<Added, NotLabelled> {
    let desk = Desk::at(dir, trust, now)?;
    let signed = desk.verified.labels.label(seq).ok_or(NotLabelled::Unknown(seq))?;
    if let Some(own) = signed.signers.iter().find(|one| one.fingerprint == *signer.fingerprint()) {
        return Err(NotLabelled::SignedBefore(own.role.clone()));
    }
    if !signed.lacking.contains(role) {
        let message = format!("label {seq} needs no signature as `{role}`");
        return Err(NotLabelled::Refused(Finding::whole("label.role", message)));
    }
    let shelf = shelf(&desk.runs, &desk.packet, seq);
    let path = shelf.statement();
    let bytes = at(&path, regular::read_up_to(&path, signature::FILE_LIMIT * 4))?;
    if Digest::of(&bytes) != signed.digest {
        return Err(io_at(&path, io::Error::other("it was changed meanwhile")).into());
    }
    let intent = signed.label.act.intent();
    let armored = signer.sign(&bytes, role.as_str(), intent, now)?;
    statement::verify(&bytes, &armored, intent, trust, now).map_err(NotLabelled::Refused)?;
    shelf.add(signer.fingerprint(), &armored)?;
    desk.finish(seq)
}

/// A packet that somebody is about to label, and the lock of the folder in which it lies.
struct Desk<'a> {
    _lock: File,
    dir: &'a Path,
    runs: PathBuf,
    packet: String,
    trust: &'a Trust,
    now: SystemTime,
    verified: Verified,
}

impl<'a> Desk<'a> {
    fn at(dir: &'a Path, trust: &'a Trust, now: SystemTime) -> Result<Self, NotLabelled> {
        let Some((runs, packet)) = place(dir) else {
            return Err(io_at(dir, io::Error::other("it has no name that a label could stand under")).into());
        };
        let lock = log::lock(&runs).map_err(|error| io_at(&runs, error))?;
        let verified = verified(dir, trust, now)?;
        let path = runs.join(log::NAME);
        let lines = at(&path, log::load(&runs))?;
        let of_this = |entry: &PacketEntry| entry.folder == packet && entry.manifest == verified.manifest;
        if !lines.iter().filter_map(|line| line.entry.packet()).any(of_this) {
            return Err(NotLabelled::Unlisted);
        }
        Ok(Self { _lock: lock, dir, runs, packet, trust, now, verified })
    }

    /// That the labels would still tell a story with this one.
    fn would_follow(&self, signed: Signed) -> Result<(), NotLabelled> {
        let labels = [self.verified.labels.labels.as_slice(), &[signed]].concat();
        let (_, findings) = Standing::of(labels, self.trust, |label| label.seq.to_string());
        findings.into_iter().next().map_or(Ok(()), |finding| Err(NotLabelled::Refused(finding)))
    }

    /// Enters every signature that the log does not tell of yet: this one, and that of a writer who was killed before.
    fn finish(self, seq: u64) -> Result<Added, NotLabelled> {
        let path = self.runs.join(log::NAME);
        let verified = verified(self.dir, self.trust, self.now)?;
        let lines = at(&path, log::load(&self.runs))?;
        for label in &verified.labels.labels {
            let shelf = shelf(&self.runs, &self.packet, label.label.seq);
            for signer in &label.signers {
                let file = shelf.signature(&signer.fingerprint);
                let entry = log::LabelEntry {
                    at: signer.at,
                    folder: self.packet.clone(),
                    label: label.digest,
                    number: label.label.seq,
                    signature: Digest::of(&at(&file, regular::read_up_to(&file, signature::FILE_LIMIT))?),
                    signer: signer.fingerprint.clone(),
                };
                let entry = Entry::Label(entry);
                if !lines.iter().any(|line| line.entry == entry) {
                    at(&path, log::append(&self.runs, entry))?;
                }
            }
        }
        Ok(Added { seq, verified })
    }
}

/// What the trust file demands beside the seal may be missing: labels are part of what is added.
fn verified(dir: &Path, trust: &Trust, now: SystemTime) -> Result<Verified, NotLabelled> {
    verify::verify(dir, &trust.without_requirements(), now).map_err(NotLabelled::Unverified)
}

fn io_at(path: &Path, source: io::Error) -> PacketError {
    PacketError::Io { path: path.to_owned(), source }
}
