//! What is added to a packet after it was sealed: signatures of others, and timestamps of signatures. The sealed core stays as it is.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::fingerprint::Fingerprint;
use crate::key::KeyError;
use crate::manifest;
use crate::packet::{PacketError, at, write_new};
use crate::signature::COUNTERSIGN;
use crate::signer::Signer;
use crate::timestamp;

/// Why nothing was added.
#[derive(Debug, thiserror::Error)]
pub enum NotAdded {
    /// It is there already, and nothing in a packet is replaced.
    #[error("{0} exists already, and nothing in a sealed packet is replaced")]
    Exists(PathBuf),
    /// It is not what was verified a moment ago.
    #[error("{0} was changed meanwhile")]
    Changed(PathBuf),
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file cannot be written.
    #[error(transparent)]
    Packet(#[from] PacketError),
}

/// Signs what somebody else sealed. Whether the packet verifies, and whether the signer may, the caller has asked.
///
/// # Errors
/// When this certificate has signed it already, cannot sign now, or the file cannot be written.
pub fn countersign(dir: &Path, signer: &Signer, role: &str, now: SystemTime) -> Result<PathBuf, NotAdded> {
    let own = signature_path(dir, signer.fingerprint());
    if own.exists() {
        return Err(NotAdded::Exists(own));
    }
    let manifest = dir.join(manifest::NAME);
    let bytes = at(&manifest, fs::read(&manifest))?;
    let armored = signer.sign(&bytes, role, COUNTERSIGN, now)?;
    Ok(add_signature(dir, signer.fingerprint(), &armored)?)
}

/// Puts query and answer of a timestamp beside the signature that they are about. Whether they prove anything, the caller has asked.
///
/// # Errors
/// When it has one already, or the files cannot be written.
pub fn add_timestamp(signature: &Path, query: &[u8], answer: &[u8]) -> Result<PathBuf, NotAdded> {
    let beside = |ending: &str| {
        let mut name = signature.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let (asked, answered) = (beside(timestamp::QUERY), beside(timestamp::ANSWER));
    if answered.exists() {
        return Err(NotAdded::Exists(answered));
    }
    // A query that was left alone by an earlier try proves nothing, and is replaced.
    appear(&asked, query)?;
    appear(&answered, answer)?;
    Ok(answered)
}

/// Where the signature of a certificate lies.
pub fn signature_path(dir: &Path, fingerprint: &Fingerprint) -> PathBuf {
    dir.join(format!("{}{fingerprint}.asc", manifest::SIGNATURES))
}

/// Writes a signature under its name: a packet with one is a sealed one.
pub(crate) fn add_signature(
    dir: &Path,
    fingerprint: &Fingerprint,
    armored: &[u8],
) -> Result<PathBuf, PacketError> {
    let folder = dir.join(manifest::SIGNATURES);
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => at(&folder, made)?,
    }
    let path = signature_path(dir, fingerprint);
    appear(&path, armored)?;
    at(dir, File::open(dir).and_then(|dir| dir.sync_all()))?;
    Ok(path)
}

/// The file appears whole and read-only under its name, in one step.
pub(crate) fn appear(path: &Path, bytes: &[u8]) -> Result<(), PacketError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let unfinished = folder.join("unfinished");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => at(&unfinished, removed)?,
    }
    write_new(&unfinished, bytes)?;
    at(path, fs::rename(&unfinished, path))?;
    at(folder, File::open(folder).and_then(|folder| folder.sync_all()))
}
