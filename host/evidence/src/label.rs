//! Labels: what is said of a sealed packet later, beside it and never inside of it. Its severity, how long it is kept at least, and legal
//! holds.
//!
//! `labels/PACKET/0000/label.json` beside the packets' folders, with a detached signature of everybody who stands behind it. A label names
//! the packet by its manifest's digest and follows from the label before it; each signature has a line in the log. So one that is taken
//! away or replaced is found in the chain, and the last one, or a signature, in the log.

mod add;
mod read;
mod standing;

use std::path::Path;

use fabric_model::{Digest, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::count;
use crate::fingerprint::Fingerprint;
use crate::severity::Severity;
use crate::stamp::Stamp;
use crate::statement::shelf::Shelf;
use crate::verify::SignedBy;

pub use add::{Added, NotLabelled, add, countersign};
pub use read::signature_path;
pub(crate) use read::{beside, signatures};
pub use standing::{Hold, Standing};

/// The folder of labels, beside the packets.
pub const FOLDER: &str = "labels";

/// The file with what is signed.
pub const NAME: &str = "label.json";

/// The only format so far.
const FORMAT: u32 = 1;

/// Its digest stands as `prev` in the first label of a packet.
const GENESIS: &[u8] = b"fabric label format 1";

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// What it says.
    pub act: Act,
    /// When it was made, by the clock of whoever made it.
    pub at: Stamp,
    /// Who made it. His signature is one of those beside it.
    pub by: Fingerprint,
    /// 1.
    pub format: u32,
    /// The digest of the packet's manifest.
    pub manifest: Digest,
    /// The digest of the label before.
    pub prev: Digest,
    /// Why, in words.
    pub reason: String,
    /// The packet's run. A name, so that no label says where on somebody's disk it lay.
    pub run_id: Slug,
    /// The number of the label, counted from 0 for each packet.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub seq: u64,
}

/// What a label says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// How bad what it is about was.
    Classify {
        /// That.
        severity: Severity,
    },
    /// It is kept at least so long.
    Retain {
        /// Until then.
        until: Stamp,
    },
    /// It is not pruned before this hold is released.
    HoldDeclare {
        /// The name of the hold, the only one of that name for this packet.
        hold: Slug,
        /// When somebody is to look whether it is still needed. Nothing ends then.
        review: Stamp,
    },
    /// A hold is still needed.
    HoldExtend {
        /// Which.
        hold: Slug,
        /// The next time to look.
        review: Stamp,
    },
    /// A hold is over, once everybody signed whom the trust file demands.
    HoldRelease {
        /// Which.
        hold: Slug,
    },
    /// The release of a hold is void, whoever signed it or signs it later: the hold stands.
    HoldReleaseWithdraw {
        /// Which.
        hold: Slug,
    },
}

impl Act {
    /// The intent of its signatures, so that none of them can stand for another.
    pub fn intent(&self) -> &'static str {
        match self {
            Self::Classify { .. } => "classify",
            Self::Retain { .. } => "retain",
            Self::HoldDeclare { .. } => "hold-declare",
            Self::HoldExtend { .. } => "hold-extend",
            Self::HoldRelease { .. } => "hold-release",
            Self::HoldReleaseWithdraw { .. } => "hold-release-withdraw",
        }
    }
}

/// A label with everybody who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What it says.
    pub label: Label,
    /// The digest of its file.
    pub digest: Digest,
    /// Who signed, each certificate once.
    pub signers: Vec<SignedBy>,
    /// The roles in which the trust file demands further signatures.
    pub lacking: Vec<Slug>,
}

/// Where the label of this number lies, in the folder of packets.
pub(crate) fn shelf(runs: &Path, packet: &str, seq: u64) -> Shelf {
    Shelf::new(&runs.join(FOLDER), format!("{packet}/{seq:04}"), NAME, "label.form")
}
