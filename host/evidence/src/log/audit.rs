//! Whether the packets beside a log are those that it tells of: none taken away, replaced, put in later or dated back.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use fabric_model::Digest;

use super::witness::{self, Witnessed};
use super::{Line, NAME, read};
use crate::manifest;
use crate::trust::Trust;
use crate::verify::{self, Finding};

/// A log that holds, with everything that lies beside it.
#[derive(Debug)]
pub struct Audited {
    /// Its lines.
    pub lines: Vec<Line>,
    /// The heads that somebody signed, the earliest first.
    pub witnessed: Vec<Witnessed>,
}

/// Holds the log in `folder` against the packets there. With `whole`, each packet is verified too.
///
/// # Errors
/// Everything that does not fit. A folder without a log, and without packets, holds.
pub fn audit(folder: &Path, trust: &Trust, now: SystemTime, whole: bool) -> Result<Audited, Vec<Finding>> {
    let bytes = match fs::read(folder.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|error| vec![Finding::new("log.chain", NAME, error.to_string())])?,
    };
    let lines = read(&bytes).map_err(|broken| vec![Finding::new("log.chain", NAME, broken.to_string())])?;
    let mut findings = Vec::new();
    let witnessed = witness::all(folder, trust, now, &mut findings);
    heads_fit(&lines, &witnessed, &mut findings);
    times_ascend(&lines, &mut findings);
    let mut listed = BTreeSet::new();
    for line in &lines {
        if listed.insert(line.entry.folder.as_str()) {
            is_there(folder, line, &mut findings);
        } else {
            findings.push(of(line, "log.duplicate", "the folder was entered before"));
        }
    }
    all_are_listed(folder, &listed, &mut findings);
    if whole {
        for line in &lines {
            is_sound(folder, line, trust, now, &mut findings);
        }
    }
    if findings.is_empty() { Ok(Audited { lines, witnessed }) } else { Err(findings) }
}

fn of(line: &Line, class: &'static str, message: impl Into<String>) -> Finding {
    Finding::new(class, &line.entry.folder, format!("line {}: {}", line.seq + 1, message.into()))
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
    for (before, line) in lines.iter().zip(lines.iter().skip(1)) {
        if line.entry.sealed < before.entry.sealed {
            let message = format!("sealed at {}, before the line above it", line.entry.sealed);
            findings.push(of(line, "log.back_dated", message));
        }
    }
}

/// That the packet lies where it was entered, with the same manifest.
fn is_there(folder: &Path, line: &Line, findings: &mut Vec<Finding>) {
    let manifest = folder.join(&line.entry.folder).join(manifest::NAME);
    let plain =
        !line.entry.folder.is_empty() && !line.entry.folder.contains('/') && line.entry.folder != "..";
    match fs::read(&manifest) {
        _ if !plain => findings.push(of(line, "log.chain", "its folder does not lie beside the log")),
        Err(_) => findings.push(of(line, "log.removed", "the packet is not there any more")),
        Ok(bytes) if Digest::of(&bytes) != line.entry.manifest => {
            findings.push(of(line, "log.replaced", "another packet lies in its place"));
        }
        Ok(_) => {}
    }
}

/// That every sealed packet was entered. A folder without a manifest is of a run that is alive or was killed.
fn all_are_listed(folder: &Path, listed: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
    let names = fs::read_dir(folder).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()
    });
    let mut names = match names {
        Ok(names) => names,
        // Before the first run there is no folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return findings.push(Finding::new("log.unlisted", ".", error.to_string())),
    };
    names.sort();
    for name in names.iter().filter(|name| !listed.contains(name.as_str())) {
        if verify::has_manifest(&folder.join(name)) {
            findings.push(Finding::new(
                "log.unlisted",
                name,
                "a sealed packet that the log does not tell of",
            ));
        }
    }
}

/// That the packet verifies, is the run that was entered, and was signed when the log says.
fn is_sound(folder: &Path, line: &Line, trust: &Trust, now: SystemTime, findings: &mut Vec<Finding>) {
    let entry = &line.entry;
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
