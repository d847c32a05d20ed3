//! Keys that are made here: one Ed25519 key that certifies and signs, in a file that only its owner can read.
//!
//! Ed25519 is the one secret-key algorithm that is used in this process: its implementation runs in constant time
//! (docs/decisions/0001-openpgp-backend.md).

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sequoia_openpgp as openpgp;

use openpgp::Cert;
use openpgp::cert::{CertBuilder, CipherSuite};
use openpgp::serialize::SerializeInto as _;
use openpgp::types::KeyFlags;

use crate::fingerprint::Fingerprint;

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Group or others may read or write the file.
    #[error("key file {path} has mode {mode:04o}: others than its owner can use it")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not one OpenPGP certificate.
    #[error("key file {path} is not an OpenPGP key: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It holds no secret key, a protected one, or one of another algorithm.
    #[error("key file {path}: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// The key cannot sign now.
    #[error("the key {fingerprint} {reason}")]
    NotNow {
        /// Which key.
        fingerprint: Fingerprint,
        /// Why.
        reason: &'static str,
    },
    /// The program that holds the key did not sign.
    #[error("{program} did not sign: {reason}")]
    Elsewhere {
        /// Its name.
        program: String,
        /// Why.
        reason: String,
    },
    /// OpenPGP itself failed.
    #[error("openpgp: {0}")]
    OpenPgp(String),
}

impl KeyError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { path, .. } => {
                format!("Check that {} exists and belongs to this account.", path.display())
            }
            Self::Exposed { path, .. } => {
                format!(
                    "Run `chmod 600 {0}`, and replace the key if others may have read it.",
                    path.display()
                )
            }
            Self::Unreadable { .. } => "Name the secret key file that `fabric init` wrote.".to_owned(),
            Self::Unusable { .. } => {
                "Use an Ed25519 key without a passphrase, such as `fabric init` makes.".to_owned()
            }
            Self::NotNow { .. } => {
                "Make a new key with `fabric init` and enter it in the trust file.".to_owned()
            }
            Self::Elsewhere { .. } => {
                "Let it sign something by hand first: is the card in its reader, and the agent running?"
                    .to_owned()
            }
            Self::OpenPgp(_) => "This is a bug; please report it with the command line.".to_owned(),
        }
    }
}

pub(crate) fn openpgp_failed(error: impl std::fmt::Display) -> KeyError {
    KeyError::OpenPgp(error.to_string())
}

/// Makes a new Ed25519 certificate of version 4, so that gpg takes it. It does not expire: the trust file revokes.
///
/// # Errors
/// When the user id is not one, or there is no entropy.
pub fn generate(user_id: &str, now: SystemTime) -> Result<Cert, KeyError> {
    CertBuilder::new()
        .set_profile(openpgp::Profile::RFC4880)
        .map_err(openpgp_failed)?
        .set_cipher_suite(CipherSuite::Cv25519)
        .set_creation_time(now)
        .set_primary_key_flags(KeyFlags::empty().set_certification().set_signing())
        .add_userid(user_id)
        .generate()
        .map(|(cert, _revocation)| cert)
        .map_err(openpgp_failed)
}

/// The primary fingerprint.
///
/// # Errors
/// When the certificate is not of version 4.
pub fn fingerprint(cert: &Cert) -> Result<Fingerprint, KeyError> {
    fingerprint_of(&cert.fingerprint())
}

pub(crate) fn fingerprint_of(fingerprint: &openpgp::Fingerprint) -> Result<Fingerprint, KeyError> {
    fingerprint.to_hex().to_ascii_lowercase().parse().map_err(openpgp_failed)
}

/// Writes the secret key, armored, to a new file of mode 0600.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn write_secret(path: &Path, cert: &Cert) -> Result<(), KeyError> {
    let armored = cert.as_tsk().armored().to_vec().map_err(openpgp_failed)?;
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&armored)?;
        file.sync_all()
    };
    write().map_err(|source| KeyError::Io { path: path.to_owned(), source })
}

/// The public certificate, armored, as `certs/*.asc` in a trust folder holds it and `gpg --import` reads it.
///
/// # Errors
/// Never for a certificate that was generated or loaded.
pub fn public_armored(cert: &Cert) -> Result<Vec<u8>, KeyError> {
    cert.clone().strip_secret_key_material().armored().to_vec().map_err(openpgp_failed)
}
