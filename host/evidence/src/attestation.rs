//! `statement.dsse.json`: what a packet says, as an in-toto statement for programs that read those and know nothing of packets.
//!
//! It follows from the sealed core, byte for byte: its subjects are the manifest's files, its predicate is taken from the records. Its
//! signature is a plain Ed25519 one by the very key that signed the manifest, so that it needs no trust of its own.

mod envelope;
mod key;
mod predicate;

use std::fs;
use std::path::{Path, PathBuf};

use fabric_model::Digest;
use serde::{Deserialize, Serialize};

use crate::canonical::{self, NotCanonical};
use crate::key::{KeyError, openpgp_failed};
use crate::manifest::{self, Manifest};
use crate::packet::{PacketError, at};
use crate::record::{ChecksRecord, RunRecord};
use crate::sidecar::{self, NotAdded};
use crate::signer::Signer;
use crate::verify::Verified;
use envelope::{Envelope, NotAnEnvelope};
use predicate::Sha256;

pub use key::{PublicKey, public_keys};
pub use predicate::{Exercise, PlanMade, Run, TestResult};

/// The type of the statement's content, which its signature covers (DSSE, in-toto attestation specification 1.0).
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What every statement of in-toto, version 1, says of itself.
pub(crate) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The largest statement that is read, in bytes: that of a packet with 100,000 files.
pub(crate) const FILE_LIMIT: u64 = 64 << 20;

/// A statement of in-toto.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Statement<P> {
    #[serde(rename = "_type")]
    pub(crate) of_type: String,
    pub(crate) subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub(crate) predicate_type: String,
    pub(crate) predicate: P,
}

impl<P> Statement<P> {
    pub(crate) fn new(subject: Vec<Subject>, predicate_type: &str, predicate: P) -> Self {
        let (of_type, predicate_type) = (STATEMENT_TYPE.to_owned(), predicate_type.to_owned());
        Self { of_type, subject, predicate_type, predicate }
    }
}

/// What a statement is about: something of this name and digest.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subject {
    name: String,
    digest: Sha256,
}

impl Subject {
    pub(crate) fn new(name: &str, sha256: Digest) -> Self {
        Self { name: name.to_owned(), digest: Sha256 { sha256 } }
    }

    pub(crate) fn sha256(&self) -> Digest {
        self.digest.sha256
    }
}

/// Why a statement proves nothing. [`Refused::class`] is stable; `evidence/SPEC.md` lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) class: &'static str,
    pub(crate) message: String,
}

/// What the packet of these records and this manifest says, in the one spelling.
pub(crate) fn statement(
    run: &RunRecord,
    checks: &ChecksRecord,
    manifest: &Manifest,
    manifest_digest: Digest,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut subject: Vec<Subject> = manifest
        .files()
        .chain([(manifest::NAME, manifest_digest)])
        .map(|(name, sha256)| Subject::new(name, sha256))
        .collect();
    subject.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let (predicate_type, predicate) = predicate::of(run, checks);
    canonical::bytes(&Statement::new(subject, predicate_type, predicate))
}

/// Puts the statement beside a sealed core; nothing where the signer's key is not in this process, because cards sign no statements.
pub(crate) fn add(dir: &Path, signer: &Signer, statement: &[u8]) -> Result<Option<PathBuf>, PacketError> {
    let Some(bytes) = envelope_of(statement, signer)? else { return Ok(None) };
    let path = dir.join(manifest::STATEMENT);
    sidecar::appear(&path, &bytes)?;
    Ok(Some(path))
}

/// The envelope of a statement; none where the signer's key is not in this process.
pub(crate) fn envelope_of(statement: &[u8], signer: &Signer) -> Result<Option<Vec<u8>>, KeyError> {
    let signature = signer.sign_plainly(&envelope::pre_authentication(PAYLOAD_TYPE, statement))?;
    let bytes = signature.map(|by| Envelope::of(statement, &by.key, &by.bytes).to_bytes());
    bytes.transpose().map_err(openpgp_failed)
}

/// The packet's statement by the key of `signer`, for a packet that has none.
///
/// # Errors
/// When it has one, the key cannot sign one, or the file cannot be written.
pub fn attest(dir: &Path, verified: &Verified, signer: &Signer) -> Result<Option<PathBuf>, NotAdded> {
    if verified.has_statement {
        return Err(NotAdded::Exists(dir.join(manifest::STATEMENT)));
    }
    let changed = || NotAdded::Changed(dir.to_owned());
    let bytes = at(dir, fs::read(dir.join(manifest::NAME)))?;
    let manifest = Manifest::parse(&bytes).map_err(|_| changed())?;
    if Digest::of(&bytes) != verified.manifest {
        return Err(changed());
    }
    let statement = statement(&verified.run, &verified.checks, &manifest, verified.manifest)
        .map_err(|error| PacketError::from(NotCanonical::Shape(error)))?;
    Ok(add(dir, signer, &statement)?)
}

/// Checks the envelope of a statement against what it must say and the keys that signed that.
pub(crate) fn check(bytes: &[u8], expected: &[u8], keys: &[&PublicKey]) -> Result<(), Refused> {
    let refused = |class, message: &str| Refused { class, message: message.to_owned() };
    let envelope = Envelope::read(bytes).map_err(|error| match error {
        NotAnEnvelope::Type(found) => {
            let message = format!("its content is of type `{}`, not `{PAYLOAD_TYPE}`", found.escape_debug());
            Refused { class: "statement.type", message }
        }
        other => Refused { class: "statement.form", message: other.to_string() },
    })?;
    let key = keys
        .iter()
        .find(|key| key.fingerprint().to_string() == envelope.key)
        .ok_or_else(|| refused("statement.signer", "no signature of the same is by its key"))?;
    let signed = envelope::pre_authentication(PAYLOAD_TYPE, &envelope.payload);
    if !key.has_signed(&signed, &envelope.signature) {
        return Err(refused("statement.bad", "the signature is not good"));
    }
    if envelope.payload != expected {
        return Err(refused("statement.differs", "it does not say what was signed beside it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
