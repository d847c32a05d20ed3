//! What lies on this machine and that scripts may know of: files of the project, and sealed packets of earlier runs.

use std::collections::BTreeMap;

use fabric_model::site::Realm;
use fabric_model::{Fault, Slug};
use schemars::JsonSchema;
use serde::Serialize;

/// The largest file of the project that is read, in bytes. Contracts and checklists have some KiB.
pub const FILE_LIMIT: u64 = 1 << 20;

/// Reads what lies on this machine, and changes none of it.
pub trait Local: Send + Sync {
    /// The files of a folder that lies in the project's own, by name; folders, links and devices are left out.
    ///
    /// # Errors
    /// When there is no such folder, or it is a link.
    fn files(&self, folder: &Slug) -> Result<Vec<ProjectFile>, Fault>;

    /// The bytes of one of these files, at most [`FILE_LIMIT`].
    ///
    /// # Errors
    /// When there is no such file, it is a link, it is too large, or a secret stands in it.
    fn read(&self, folder: &Slug, file: &Slug) -> Result<Vec<u8>, Fault>;

    /// The latest packets of a script, the newest first: those that verify, and those that do not.
    ///
    /// # Errors
    /// When the log of packets cannot be read, or is no whole chain.
    fn packets(&self, script: &str, at_most: usize) -> Result<Packets, Fault>;

    /// What the trust file demands of packets of a realm.
    ///
    /// # Errors
    /// When there is no trust file.
    fn trust(&self, realm: Realm) -> Result<TrustFile, Fault>;
}

/// A file of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProjectFile {
    /// Its name.
    pub name: Slug,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Packets of one script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Packets {
    /// Those that verify, the newest first.
    pub verified: Vec<Packet>,
    /// Those that do not, the newest first: nothing of what they say is told.
    pub refused: Vec<RefusedPacket>,
}

/// A packet that verifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Packet {
    /// The run, which is the name of the packet's folder.
    pub run_id: String,
    /// The digest of its manifest: what stands for the whole packet elsewhere.
    pub manifest: String,
    /// The script's title, untrusted text.
    pub title: String,
    /// The digest of the script.
    pub script_digest: String,
    /// The site.
    pub site: String,
    /// `real`, `lab` or `twin`.
    pub realm: String,
    /// Whether a recording answered instead of a site.
    pub offline: bool,
    /// What the run could do: `observe`, `plan`, `execute` or `recover`.
    pub act: String,
    /// The parameters of the run that are texts.
    pub params: BTreeMap<String, String>,
    /// When it began.
    pub started: String,
    /// When it ended.
    pub ended: String,
    /// Seconds since it ended.
    pub age_s: u64,
    /// The exit code of the run: 0 where every check passed.
    pub code: u8,
    /// Whether it was sealed by somebody else after its host was killed.
    pub recovered: bool,
    /// How many checks passed.
    pub passed: u64,
    /// How many checks it has.
    pub checks: u64,
    /// Titles of the checks that did not pass, with what became of them.
    pub not_passed: Vec<NotPassed>,
    /// Who signed it.
    pub signers: Vec<PacketSigner>,
    /// The severity that labels beside it say, by whose signatures it counts; none where nobody classified it.
    pub severity: Option<String>,
    /// Every file of the sealed core with its digest.
    pub files: Vec<PacketFile>,
}

/// A check that did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotPassed {
    /// Its title, untrusted text.
    pub title: String,
    /// `fail`, `error`, `skip` or `deferred`.
    pub status: String,
}

/// A good signature of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PacketSigner {
    /// The name in the trust file.
    pub name: String,
    /// The primary fingerprint.
    pub fingerprint: String,
    /// The role.
    pub role: String,
    /// `seal`, `recover` or `countersign`.
    pub intent: String,
    /// When, as the signer says.
    pub at: String,
    /// Since when it has existed, as a timestamp authority says; nothing without a timestamp.
    pub attested: Option<String>,
    /// Seconds since then, or since the signer's own time.
    pub age_s: u64,
}

/// A file of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PacketFile {
    /// Its path in the packet.
    pub path: String,
    /// Its digest.
    pub sha256: String,
}

/// A packet that does not verify.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RefusedPacket {
    /// The run, as the log names it.
    pub run_id: String,
    /// The classes of what is wrong with it, such as `file.digest`.
    pub findings: Vec<String>,
}

/// What the operator's trust file says, as far as packets are concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrustFile {
    /// Its digest.
    pub sha256: String,
    /// Whose signatures count.
    pub principals: Vec<TrustedPrincipal>,
    /// What packets of the realm must have beside their seal.
    pub requirements: Vec<PacketRequirement>,
    /// What hangs on a severity, the least severe first.
    pub severities: Vec<SeverityLevel>,
    /// The timestamp authorities, by name.
    pub timestamp_authorities: Vec<String>,
}

/// Somebody whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrustedPrincipal {
    /// What people call him.
    pub name: String,
    /// The primary fingerprint.
    pub fingerprint: String,
    /// The roles in which he may sign; none when revoked.
    pub roles: Vec<String>,
}

/// What some packets must have beside their seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PacketRequirement {
    /// What the runs did that it is for; empty for anything.
    pub acts: Vec<String>,
    /// The kinds of their scripts; empty for any.
    pub kinds: Vec<String>,
    /// The roles in which others must have countersigned.
    pub countersigned_as: Vec<String>,
    /// Whether each signature needs a timestamp.
    pub timestamps: bool,
    /// Whether they need a severity that somebody signed.
    pub classified: bool,
}

/// What hangs on a severity that somebody signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeverityLevel {
    /// `S0` to `S4`.
    pub level: String,
    /// The roles in which a packet is classified so, each by a certificate of its own.
    pub classified_as: Vec<String>,
    /// The roles in which others must have countersigned.
    pub countersigned_as: Vec<String>,
    /// Whether each signature needs a timestamp.
    pub timestamps: bool,
    /// How long such a packet is kept at least.
    pub retain_days: u32,
}
