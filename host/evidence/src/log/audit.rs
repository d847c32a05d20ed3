//! Whether the packets and labels beside a log are those that it tells of: none taken away, replaced, put in later or dated back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use fabric_model::Digest;

use super::witness::{self, Witnessed};
use super::{Entry, LabelEntry, Line, NAME, PacketEntry, PrunedEntry, read};
use crate::label;
use crate::manifest;
use crate::prune::Tombstone;
use crate::regular;
use crate::signature;
use crate::statement::shelf;
use crate::trust::Trust;
use crate::verify::{self, Finding};

/// A log that holds, with everything that lies beside it.
#[derive(Debug)]
pub struct Audited {
    /// Its lines.
    pub lines: Vec<Line>,
    /// The heads that somebody signed, the earliest first.
    pub witnessed: Vec<Witnessed>,
    /// The tombstones of packets that are gone, in the order of the log.
    pub pruned: Vec<Tombstone>,
}

impl Audited {
    /// The packets that the log tells of, pruned ones included.
    pub fn packets(&self) -> impl Iterator<Item = &PacketEntry> {
        self.lines.iter().filter_map(|line| line.entry.packet())
    }
}

/// Holds the log in `folder` against what lies there. With `whole`, each packet is verified too.
///
/// # Errors
/// Everything that does not fit. A folder without a log, and without packets, holds.
pub fn audit(folder: &Path, trust: &Trust, now: SystemTime, whole: bool) -> Result<Audited, Vec<Finding>> {
    let mut findings = Vec::new();
    match examine(folder, trust, now, &mut findings) {
        Some(audited) if whole => {
            let pruned: BTreeSet<&str> =
                audited.pruned.iter().map(|tombstone| tombstone.folder.as_str()).collect();
            for line in &audited.lines {
                if let Some(entry) =
                    line.entry.packet().filter(|entry| !pruned.contains(entry.folder.as_str()))
                {
                    is_sound(folder, line, entry, trust, now, &mut findings);
                }
            }
            if findings.is_empty() { Ok(audited) } else { Err(findings) }
        }
        Some(audited) if findings.is_empty() => Ok(audited),
        _ => Err(findings),
    }
}

/// The same without verifying packets: what there is, and separately what is wrong with it. Nothing where the log is no chain.
pub(crate) fn examine(
    folder: &Path,
    trust: &Trust,
    now: SystemTime,
    findings: &mut Vec<Finding>,
) -> Option<Audited> {
    let bytes = match fs::read(folder.join(NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            findings.push(Finding::new("log.chain", NAME, error.to_string()));
            return None;
        }
    };
    let lines = match read(&bytes) {
        Ok(lines) => lines,
        Err(broken) => {
            findings.push(Finding::new("log.chain", NAME, broken.to_string()));
            return None;
        }
    };
    let witnessed = witness::all(folder, trust, now, findings);
    heads_fit(&lines, &witnessed, findings);
    times_ascend(&lines, findings);
    let pruned = things_are_there(folder, &lines, trust, now, findings);
    all_are_listed(folder, &lines, findings);
    Some(Audited { lines, witnessed, pruned })
}

fn of(line: &Line, class: &'static str, message: impl Into<String>) -> Finding {
    Finding::new(class, line.entry.folder(), format!("line {}: {}", line.seq + 1, message.into()))
}

/// A head that the log does not have any more says that the log was written anew, or that its end was cut off.
fn heads_fit(lines: &[Line], witnessed: &[Witnessed], findings: &mut Vec<Finding>) {
    for one in witnessed {
        let place = usize::try_from(one.head.seq).ok();
        if place.and_then(|place| lines.get(place)).map(|line| line.digest) != Some(one.head.head) {
            let message = format!(
                "`{}` signed another line {}, and the log does not have it",
                one.by.name,
                one.head.seq + 1
            );
            findings.push(Finding::new("log.rewritten", NAME, message));
        }
    }
}

fn times_ascend(lines: &[Line], findings: &mut Vec<Finding>) {
    let sealed = || lines.iter().filter_map(|line| Some((line, line.entry.packet()?.sealed)));
    for ((_, before), (line, at)) in sealed().zip(sealed().skip(1)) {
        if at < before {
            let message = format!("sealed at {at}, before the line above it");
            findings.push(of(line, "log.back_dated", message));
        }
    }
}

/// That each packet and label lies where it was entered, or has a tombstone; gives the tombstones of what is gone.
fn things_are_there(
    folder: &Path,
    lines: &[Line],
    trust: &Trust,
    now: SystemTime,
    findings: &mut Vec<Finding>,
) -> Vec<Tombstone> {
    let ends: BTreeMap<&str, &PrunedEntry> = lines
        .iter()
        .filter_map(|line| match &line.entry {
            Entry::Pruned(entry) => Some((entry.folder.as_str(), entry)),
            Entry::Packet(_) | Entry::Label(_) => None,
        })
        .collect();
    let mut listed = BTreeSet::new();
    let mut gone = Vec::new();
    for line in lines {
        if !is_plain(line.entry.folder()) {
            findings.push(of(line, "log.chain", "its folder does not lie beside the log"));
            continue;
        }
        match &line.entry {
            Entry::Packet(entry) if !listed.insert(entry.folder.as_str()) => {
                findings.push(of(line, "log.duplicate", "the folder was entered before"));
            }
            Entry::Packet(entry) => match is_there(folder, entry) {
                Ok(()) => {}
                Err(Absence::Other) => {
                    findings.push(of(line, "log.replaced", "another packet lies in its place"));
                }
                Err(Absence::Gone) => match ends.get(entry.folder.as_str()) {
                    None => findings.push(of(line, "log.removed", "the packet is not there any more")),
                    Some(end) => match Tombstone::of_entry(folder, entry, end, trust, now) {
                        Ok(buried) => gone.push(buried.tombstone),
                        Err(message) => findings.push(of(line, "log.tombstone", message)),
                    },
                },
            },
            Entry::Label(entry) => {
                if let Err(message) = label_is_there(folder, entry) {
                    findings.push(of(line, "log.label", message));
                }
            }
            Entry::Pruned(entry) if !listed.contains(entry.folder.as_str()) => {
                findings.push(of(line, "log.tombstone", "no packet of this folder was entered before"));
            }
            Entry::Pruned(_) => {}
        }
    }
    gone
}

/// Whether a name of the log is one of a folder that lies beside it.
fn is_plain(folder: &str) -> bool {
    !folder.is_empty() && !folder.contains('/') && !folder.starts_with('.')
}

enum Absence {
    Gone,
    Other,
}

fn is_there(folder: &Path, entry: &PacketEntry) -> Result<(), Absence> {
    let bytes = fs::read(folder.join(&entry.folder).join(manifest::NAME)).map_err(|_| Absence::Gone)?;
    if Digest::of(&bytes) == entry.manifest { Ok(()) } else { Err(Absence::Other) }
}

/// That the label and this signature of it are the ones that were entered.
fn label_is_there(folder: &Path, entry: &LabelEntry) -> Result<(), String> {
    let shelf = label::shelf(folder, &entry.folder, entry.number);
    let files = [(shelf.statement(), entry.label), (shelf.signature(&entry.signer), entry.signature)];
    for (path, digest) in files {
        let bytes = regular::read_up_to(&path, signature::FILE_LIMIT * 4)
            .map_err(|error| format!("label {}: {error}", entry.number))?;
        if Digest::of(&bytes) != digest {
            return Err(format!("label {} or the signature by {} is another", entry.number, entry.signer));
        }
    }
    Ok(())
}

/// That every sealed packet, and every signature of a label, was entered. A folder without a manifest is of a run that is alive or was
/// killed.
fn all_are_listed(folder: &Path, lines: &[Line], findings: &mut Vec<Finding>) {
    let mut packets = BTreeSet::new();
    let mut signatures = BTreeSet::new();
    for line in lines {
        match &line.entry {
            Entry::Packet(entry) => {
                packets.insert(entry.folder.as_str());
            }
            Entry::Label(entry) => {
                signatures.insert(label::shelf(folder, &entry.folder, entry.number).signature(&entry.signer));
            }
            Entry::Pruned(_) => {}
        }
    }
    let mut unlisted = |name: &str, message: &str| {
        findings.push(Finding::new("log.unlisted", name, message));
    };
    let names = match shelf::names(folder) {
        Ok(names) => names,
        // Before the first run there is no folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return unlisted(".", &error.to_string()),
    };
    for name in names.iter().filter(|name| !packets.contains(name.as_str())) {
        if verify::has_manifest(&folder.join(name)) {
            unlisted(name, "a sealed packet that the log does not tell of");
        }
    }
    for (packet, signature) in label::signatures(folder) {
        if !signatures.contains(&signature) {
            unlisted(&packet, "a signed label that the log does not tell of");
        }
    }
}

/// That the packet verifies, is the run that was entered, and was signed when the log says.
fn is_sound(
    folder: &Path,
    line: &Line,
    entry: &PacketEntry,
    trust: &Trust,
    now: SystemTime,
    findings: &mut Vec<Finding>,
) {
    match verify::verify(&folder.join(&entry.folder), trust, now) {
        Err(found) => {
            let first = found.first().map(ToString::to_string).unwrap_or_default();
            let message = format!("the packet does not verify, {} findings, the first: {first}", found.len());
            findings.push(of(line, "log.replaced", message));
        }
        Ok(verified) => {
            let sealer = verified.signers.iter().find(|signer| signer.fingerprint == entry.signer);
            // A signature has whole seconds.
            let signed_then = sealer.is_some_and(|signer| {
                entry.sealed.millis_since(signer.at) < 1000 && signer.at <= entry.sealed
            });
            if verified.run.head.run_id != entry.run_id || !signed_then {
                findings.push(of(
                    line,
                    "log.replaced",
                    "the packet is of another run, or was signed at another time",
                ));
            }
        }
    }
}
