//! Heads of a log that somebody signed: the log up to there is what he saw.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_model::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Line;
use crate::canonical::{self, NotCanonical, count};
use crate::key::KeyError;
use crate::packet::{PacketError, write_new};
use crate::regular;
use crate::signature;
use crate::signer::Signer;
use crate::statement;
use crate::trust::Trust;
use crate::verify::{Finding, SignedBy};

/// The folder of heads, beside the log.
pub const FOLDER: &str = "log.heads";

/// The intent of a head's signature.
pub const WITNESS: &str = "witness";

/// The largest head that is read, in bytes.
const FILE_LIMIT: u64 = 1 << 10;

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// 1.
    pub format: u32,
    /// The digest of the line.
    pub head: Digest,
    /// Its number.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub seq: u64,
}

/// Why no head was signed.
#[derive(Debug, thiserror::Error)]
pub enum NotSigned {
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The files cannot be written.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// The folder cannot be made.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Signs the head of a log: `log.heads/SEQ-FINGERPRINT.json` and its signature.
///
/// # Errors
/// When this certificate has signed this head already, cannot sign now, or the files cannot be written.
pub fn sign(
    folder: &Path,
    last: &Line,
    signer: &Signer,
    role: &str,
    now: SystemTime,
) -> Result<PathBuf, NotSigned> {
    let head = Head { format: 1, head: last.digest, seq: last.seq };
    let bytes = canonical::bytes(&head).map_err(io::Error::from)?;
    let armored = signer.sign(&bytes, role, WITNESS, now)?;
    let heads = folder.join(FOLDER);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&heads)?;
    let statement = heads.join(format!("{:08}-{}.json", last.seq, signer.fingerprint()));
    write_new(&statement, &bytes)?;
    write_new(&signature_of(&statement), &armored)?;
    Ok(statement)
}

fn signature_of(statement: &Path) -> PathBuf {
    let mut name = statement.as_os_str().to_owned();
    name.push(".asc");
    PathBuf::from(name)
}

/// A head with whoever signed it.
#[derive(Clone, Debug)]
pub struct Witnessed {
    /// What he saw.
    pub head: Head,
    /// Who, and when.
    pub by: SignedBy,
}

/// Reads the heads beside a log, and says of each what is wrong with it.
pub(super) fn all(
    folder: &Path,
    trust: &Trust,
    now: SystemTime,
    findings: &mut Vec<Finding>,
) -> Vec<Witnessed> {
    let mut found = Vec::new();
    let heads = folder.join(FOLDER);
    let listed = fs::read_dir(&heads).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = match listed {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return found,
        Err(error) => {
            findings.push(Finding::new("log.head", FOLDER, error.to_string()));
            return found;
        }
    };
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
        match one(path, trust, now) {
            Ok(head) => found.push(head),
            Err(message) => findings.push(Finding::new("log.head", &path.display().to_string(), message)),
        }
    }
    found
}

fn one(path: &Path, trust: &Trust, now: SystemTime) -> Result<Witnessed, String> {
    let bytes = regular::read_up_to(path, FILE_LIMIT).map_err(|error| error.to_string())?;
    let armored = regular::read_up_to(&signature_of(path), signature::FILE_LIMIT)
        .map_err(|error| format!("its signature: {error}"))?;
    let head: Head = canonical::read(&bytes).map_err(|error: NotCanonical| error.to_string())?;
    let by =
        statement::verify(&bytes, &armored, WITNESS, trust, now).map_err(|finding| finding.to_string())?;
    Ok(Witnessed { head, by })
}
