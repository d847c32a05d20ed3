//! Signing keys: one Ed25519 key that certifies and signs, in a file that only its owner can read.
//!
//! Ed25519 is the one secret-key algorithm that is used in this process: its implementation runs in constant time
//! (docs/decisions/0001-openpgp-backend.md).

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sequoia_openpgp as openpgp;

use openpgp::Cert;
use openpgp::cert::{CertBuilder, CipherSuite};
use openpgp::crypto::KeyPair;
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use openpgp::serialize::SerializeInto as _;
use openpgp::types::{KeyFlags, PublicKeyAlgorithm, RevocationStatus};

use crate::fingerprint::Fingerprint;
use crate::signature;

/// The largest key file that is read, in bytes. One of ours has under 1 KiB; one with many certifications, some hundred.
const FILE_LIMIT: u64 = 1 << 20;

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
            Self::OpenPgp(_) => "This is a bug; please report it with the command line.".to_owned(),
        }
    }
}

fn openpgp_failed(error: impl std::fmt::Display) -> KeyError {
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
    cert.fingerprint().to_hex().to_ascii_lowercase().parse().map_err(openpgp_failed)
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

/// Somebody who can sign. Printing it shows the fingerprint alone.
#[derive(Clone)]
pub struct Signer {
    cert: Cert,
    pair: KeyPair,
    fingerprint: Fingerprint,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.fingerprint)
    }
}

impl Signer {
    /// Reads a secret key file.
    ///
    /// # Errors
    /// When the file is open to others, or does not hold one unprotected Ed25519 key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        // Of the open file: what is checked is what is read.
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        file.take(FILE_LIMIT).read_to_end(&mut bytes).map_err(failed)?;
        let cert = Cert::from_bytes(&bytes)
            .map_err(|e| KeyError::Unreadable { path: path.to_owned(), reason: e.to_string() })?;
        Self::of(cert).map_err(|error| match error {
            Reason::Unusable(reason) => KeyError::Unusable { path: path.to_owned(), reason },
            Reason::Other(error) => error,
        })
    }

    /// The signer with a certificate that was just generated.
    ///
    /// # Errors
    /// When the certificate holds no usable secret key.
    pub fn from_cert(cert: Cert) -> Result<Self, KeyError> {
        Self::of(cert).map_err(|error| match error {
            Reason::Unusable(reason) => KeyError::OpenPgp(reason.to_owned()),
            Reason::Other(error) => error,
        })
    }

    fn of(cert: Cert) -> Result<Self, Reason> {
        let key = cert.primary_key().key().clone();
        if !matches!(key.pk_algo(), PublicKeyAlgorithm::EdDSA | PublicKeyAlgorithm::Ed25519) {
            return Err(Reason::Unusable("the primary key is not an Ed25519 key"));
        }
        let secret = key.parts_into_secret().map_err(|_| Reason::Unusable("it holds no secret key"))?;
        if !secret.has_unencrypted_secret() {
            return Err(Reason::Unusable("the secret key is protected by a passphrase"));
        }
        let pair = secret.into_keypair().map_err(|e| Reason::Other(openpgp_failed(e)))?;
        let fingerprint = fingerprint(&cert).map_err(Reason::Other)?;
        Ok(Self { cert, pair, fingerprint })
    }

    /// The primary fingerprint of the certificate.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The certificate, public part.
    ///
    /// # Errors
    /// Never for a loaded key.
    pub fn public_armored(&self) -> Result<Vec<u8>, KeyError> {
        public_armored(&self.cert)
    }

    /// Whether a signature made now would count: asked before a run begins, so that no run ends without a seal.
    ///
    /// # Errors
    /// When the certificate is expired, revoked, not yet valid, or not meant for signing.
    pub fn usable_at(&self, now: SystemTime) -> Result<(), KeyError> {
        let not_now = |reason| KeyError::NotNow { fingerprint: self.fingerprint.clone(), reason };
        let policy = StandardPolicy::at(now);
        let valid = self
            .cert
            .with_policy(&policy, now)
            .map_err(|_| not_now("has no valid binding at this time: the clock may be wrong"))?;
        if matches!(valid.revocation_status(), RevocationStatus::Revoked(_)) {
            return Err(not_now("is revoked"));
        }
        valid.alive().map_err(|_| not_now("is expired or not yet valid"))?;
        if valid.primary_key().for_signing() { Ok(()) } else { Err(not_now("is not meant for signing")) }
    }

    /// A detached, armored signature over `manifest`.
    ///
    /// # Errors
    /// When the key cannot sign at this time.
    pub fn sign(
        &self,
        manifest: &[u8],
        role: &str,
        intent: &str,
        now: SystemTime,
    ) -> Result<Vec<u8>, KeyError> {
        self.usable_at(now)?;
        signature::sign(&mut self.pair.clone(), manifest, role, intent, now).map_err(openpgp_failed)
    }
}

enum Reason {
    Unusable(&'static str),
    Other(KeyError),
}
