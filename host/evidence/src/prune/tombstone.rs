//! What stands in the place of a packet that was pruned: which it was, who pruned it, when and on what ground.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_model::{Digest, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FOLDER, PRUNE};
use crate::canonical;
use crate::fingerprint::Fingerprint;
use crate::label::{self, Standing};
use crate::log::{PacketEntry, PrunedEntry};
use crate::severity::Severity;
use crate::stamp::Stamp;
use crate::statement::shelf::Shelf;
use crate::trust::Trust;
use crate::verify::{Finding, SignedBy};

/// The file with what is signed.
pub const NAME: &str = "tombstone.json";

/// The only format so far.
pub(super) const FORMAT: u32 = 1;

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// When the packet was pruned.
    pub at: Stamp,
    /// By whom. His signature is beside it.
    pub by: Fingerprint,
    /// The folder in which it lay, beside the log.
    pub folder: String,
    /// 1.
    pub format: u32,
    /// Until when it was to be kept.
    pub kept_until: Stamp,
    /// The digest of its last label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Digest>,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// Why, in words.
    pub reason: String,
    /// The run.
    pub run_id: Slug,
    /// Its severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// A tombstone that accounts for its packet, with who signed it and the labels that stayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buried {
    /// What it says.
    pub tombstone: Tombstone,
    /// The digest of its file.
    pub(super) digest: Digest,
    /// Who signed it, each certificate once.
    pub signers: Vec<SignedBy>,
    /// What the packet's labels come to.
    pub labels: Standing,
}

impl Buried {
    /// Every signature of the tombstone and of the labels, in the folder of packets: where it lies, and whose it is.
    pub fn signatures(&self, runs: &Path) -> Vec<(PathBuf, &SignedBy)> {
        let folder = &self.tombstone.folder;
        let own = self.signers.iter().map(|by| (shelf(runs, folder).signature(&by.fingerprint), by));
        let labels = self.labels.labels.iter().flat_map(|signed| {
            let shelf = label::shelf(runs, folder, signed.label.seq);
            signed.signers.iter().map(move |by| (shelf.signature(&by.fingerprint), by))
        });
        own.chain(labels).collect()
    }
}

pub(super) fn shelf(runs: &Path, packet: &str) -> Shelf {
    Shelf::new(&runs.join(FOLDER), packet.to_owned(), NAME, "log.tombstone")
}

impl Tombstone {
    /// The tombstone of a packet as the log tells of it.
    ///
    /// # Errors
    /// Why it is none that accounts for the packet, as a fragment.
    pub(crate) fn of_entry(
        runs: &Path,
        entry: &PacketEntry,
        end: &PrunedEntry,
        trust: &Trust,
        now: SystemTime,
    ) -> Result<Buried, String> {
        let buried = Self::read(runs, entry, trust, now)?;
        if buried.digest != end.tombstone || buried.tombstone.by != end.signer {
            return Err("its tombstone is not the one that was entered".to_owned());
        }
        Ok(buried)
    }

    /// The tombstone of a packet: signed by somebody who may prune, for a packet that could go by what its labels say.
    pub(super) fn read(
        runs: &Path,
        entry: &PacketEntry,
        trust: &Trust,
        now: SystemTime,
    ) -> Result<Buried, String> {
        let mut findings = Vec::new();
        let shelf = shelf(runs, &entry.folder);
        let bytes = shelf.bytes(&mut findings).ok_or_else(|| first(&findings))?;
        let tombstone: Self = canonical::read(&bytes).map_err(|error| error.to_string())?;
        let signers = shelf.signers(&bytes, PRUNE, trust, now, &mut findings);
        // Its labels stay, and say whether it was held and how long it was to be kept.
        let dir = runs.join(&entry.folder);
        let labels = label::beside(&dir, &entry.run_id, entry.manifest, trust, now, &mut findings);
        if !findings.is_empty() {
            return Err(first(&findings));
        }
        let may = |role: &Slug| trust.pruners().contains(role);
        let days =
            labels.severity.and_then(|severity| trust.level(severity)).map_or(0, |level| level.retain_days);
        let least = labels.retain_until.into_iter().fold(entry.sealed.plus_days(days), Stamp::max);
        let wrong = if tombstone.format != FORMAT {
            "its tombstone has a format that this version does not know"
        } else if tombstone.manifest != entry.manifest
            || tombstone.folder != entry.folder
            || tombstone.run_id != entry.run_id
        {
            "its tombstone is that of another packet"
        } else if !signers.iter().any(|signer| signer.fingerprint == tombstone.by && may(&signer.role)) {
            "its tombstone is not signed by somebody who may prune"
        } else if labels.held().next().is_some() {
            "it was pruned although it is held"
        } else if tombstone.at < tombstone.kept_until || tombstone.kept_until < least {
            "it was pruned before its retention was over"
        } else if tombstone
            .labels
            .is_some_and(|known| labels.labels.iter().all(|label| label.digest != known))
        {
            "its tombstone knows labels that are not there"
        } else {
            return Ok(Buried { tombstone, digest: Digest::of(&bytes), signers, labels });
        };
        Err(wrong.to_owned())
    }
}

fn first(findings: &[Finding]) -> String {
    findings.first().map(ToString::to_string).unwrap_or_default()
}
