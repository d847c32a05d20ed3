//! Reading the labels of a packet: every one, in its order, or what is wrong with them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_model::{Digest, Slug};

use super::{FOLDER, FORMAT, GENESIS, Label, Signed, Standing, shelf};
use crate::canonical;
use crate::fingerprint::Fingerprint;
use crate::statement::shelf::names;
use crate::trust::Trust;
use crate::verify::Finding;

/// The labels of the packet in `dir`, which lie beside it.
pub(crate) fn beside(
    dir: &Path,
    run_id: &Slug,
    manifest: Digest,
    trust: &Trust,
    now: SystemTime,
    findings: &mut Vec<Finding>,
) -> Standing {
    let Some((runs, packet)) = place(dir) else { return Standing::default() };
    let folder = format!("{FOLDER}/{packet}");
    let listed = match names(&runs.join(&folder)) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Standing::default(),
        Err(error) => {
            findings.push(Finding::new("label.form", &folder, error.to_string()));
            return Standing::default();
        }
    };
    let mut signed = Vec::new();
    let mut prev = Digest::of(GENESIS);
    for (name, seq) in listed.iter().zip(0..) {
        let shown = format!("{folder}/{name}");
        if *name != format!("{seq:04}") {
            let numbered = name.parse::<u64>().is_ok_and(|number| number > seq);
            let (class, message) = match numbered {
                true => ("label.chain", format!("label {seq} is missing")),
                false => ("label.form", "no such folder belongs there".to_owned()),
            };
            findings.push(Finding::new(class, &shown, message));
            break;
        }
        let shelf = shelf(&runs, &packet, seq);
        let Some(bytes) = shelf.bytes(findings) else { break };
        let label = match of_this(&bytes, run_id, manifest, prev, seq) {
            Ok(label) => label,
            Err((class, message)) => {
                findings.push(Finding::new(class, &shown, message));
                break;
            }
        };
        let signers = shelf.signers(&bytes, label.act.intent(), trust, now, findings);
        prev = Digest::of(&bytes);
        signed.push(Signed { label, digest: prev, signers, lacking: Vec::new() });
    }
    let named = |label: &Label| format!("{folder}/{:04}", label.seq);
    let (standing, wrong) = Standing::of(signed, trust, named);
    findings.extend(wrong);
    standing
}

/// Where the signature of a label by this certificate lies; nothing for a folder without a name.
pub fn signature_path(dir: &Path, seq: u64, by: &Fingerprint) -> Option<PathBuf> {
    place(dir).map(|(runs, packet)| shelf(&runs, &packet, seq).signature(by))
}

/// Every signature of every label beside the packets of a folder, with the packet that it is about. What is wrong with a label the
/// verification of its packet says.
pub(crate) fn signatures(runs: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let labels = runs.join(FOLDER);
    for packet in names(&labels).unwrap_or_default() {
        for seq in names(&labels.join(&packet)).unwrap_or_default() {
            let folder = labels.join(&packet).join(seq);
            let files = names(&folder).unwrap_or_default();
            let signatures = files.iter().filter(|file| file.ends_with(".asc"));
            found.extend(signatures.map(|file| (packet.clone(), folder.join(file))));
        }
    }
    found
}

/// The folder in which a packet lies, and its name there.
pub(super) fn place(dir: &Path) -> Option<(PathBuf, String)> {
    // `.` and `..` have no name of their own.
    let found = if dir.file_name().is_none() { dir.canonicalize().ok()? } else { dir.to_owned() };
    Some((found.parent()?.to_owned(), found.file_name()?.to_str()?.to_owned()))
}

/// A label of this packet that follows from the one before.
fn of_this(
    bytes: &[u8],
    run_id: &Slug,
    manifest: Digest,
    prev: Digest,
    seq: u64,
) -> Result<Label, (&'static str, String)> {
    let label: Label = canonical::read(bytes).map_err(|error| ("label.form", error.to_string()))?;
    if label.format != FORMAT {
        Err(("label.form", format!("format {}, which this version does not know", label.format)))
    } else if label.manifest != manifest || label.run_id != *run_id {
        let message = format!("it is about {} with the manifest {}", label.run_id, label.manifest);
        Err(("label.packet", message))
    } else if label.seq != seq || label.prev != prev {
        Err(("label.chain", "it does not follow from the label before".to_owned()))
    } else {
        Ok(label)
    }
}
