//! What the lines of a log tell of.

use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_model::{Digest, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::count;
use crate::fingerprint::Fingerprint;
use crate::stamp::Stamp;

/// One event in the life of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// It was sealed.
    Packet(PacketEntry),
    /// Somebody signed a label of it.
    Label(LabelEntry),
    /// Its retention was over, and it is deleted.
    Pruned(PrunedEntry),
}

impl Entry {
    /// The packet's folder, beside the log.
    pub fn folder(&self) -> &str {
        match self {
            Self::Packet(entry) => &entry.folder,
            Self::Label(entry) => &entry.folder,
            Self::Pruned(entry) => &entry.folder,
        }
    }

    /// The packet, where the line is that of its seal.
    pub fn packet(&self) -> Option<&PacketEntry> {
        if let Self::Packet(entry) = self { Some(entry) } else { None }
    }
}

/// One sealed packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PacketEntry {
    /// The run.
    pub run_id: Slug,
    /// The packet's folder, beside the log.
    pub folder: String,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// When it was sealed.
    pub sealed: Stamp,
    /// By whom.
    pub signer: Fingerprint,
    /// The site.
    pub site: Slug,
    /// What kind of place that is.
    pub realm: Realm,
    /// The script as the operator wrote its path.
    pub script: String,
    /// How the run ended.
    pub exit: Exit,
}

/// One signature of a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelEntry {
    /// When it was signed.
    pub at: Stamp,
    /// The packet's folder, beside the log.
    pub folder: String,
    /// The digest of the label.
    pub label: Digest,
    /// Its number.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub number: u64,
    /// The digest of the signature's file.
    pub signature: Digest,
    /// Who signed.
    pub signer: Fingerprint,
}

/// One packet that was pruned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrunedEntry {
    /// When.
    pub at: Stamp,
    /// The packet's folder, beside the log.
    pub folder: String,
    /// The digest of the tombstone, which says on what ground.
    pub tombstone: Digest,
    /// Who signed that.
    pub signer: Fingerprint,
}
