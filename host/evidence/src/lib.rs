//! Evidence packets: what they hold, how they are sealed, and how anybody verifies one without trusting who wrote it.
//!
//! `evidence/SPEC.md` is the specification. The journal is the only source; `run.json` and `checks.json` are derived from it and
//! `report.md` and `report.html` from those; the manifest lists them all, and what is signed is the manifest. No network, no clock.

pub mod archive;
pub mod attestation;
pub mod canonical;
pub mod chart;
pub mod derive;
pub mod document;
pub mod event;
pub mod exact;
pub mod fingerprint;
pub mod head;
pub mod journal;
pub mod key;
pub mod label;
pub mod log;
pub mod manifest;
mod markup;
pub mod orphan;
pub mod packet;
pub mod plan;
pub mod probe;
pub mod prune;
pub mod record;
pub mod recording;
mod regular;
pub mod report;
pub mod scan;
pub mod severity;
pub mod sidecar;
pub mod signature;
pub mod signer;
mod spread;
pub mod stamp;
pub mod statement;
mod sums;
mod survey;
pub mod timestamp;
pub mod trust;
pub mod vault;
pub mod verify;

pub use event::{
    CallOutcome, CheckVerdict, Event, FaultRecord, Principal, RuleRecord, RunHead, Target, WorkerEnd,
    arguments_digest,
};
pub use fingerprint::Fingerprint;
pub use journal::Journal;
pub use packet::PacketFolder;
pub use record::{CheckRecord, ChecksRecord, RunRecord};
pub use recording::Recording;
pub use severity::Severity;
pub use signer::Signer;
pub use stamp::Stamp;
pub use trust::Trust;
pub use verify::{Finding, Verified, verify};
