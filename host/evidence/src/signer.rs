//! Who signs: with an Ed25519 key in this process, or by a program that has the key and never shows it.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sequoia_openpgp as openpgp;

use openpgp::Cert;
use openpgp::crypto::{KeyPair, Signer as _, mpi};
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use openpgp::types::{HashAlgorithm, PublicKeyAlgorithm, RevocationStatus};

use crate::fingerprint::Fingerprint;
use crate::key::{self, KeyError, openpgp_failed};
use crate::signature;
use crate::verify::signatures;

/// The largest key file that is read, in bytes. One of ours has under 1 KiB; one with many certifications, some hundred.
const FILE_LIMIT: u64 = 1 << 20;

/// How far the time that a program states may lie from that of this process: people look for their cards meanwhile.
const CLOCKS_APART: Duration = Duration::from_secs(600);

/// Somebody who can sign. Printing it shows the fingerprint alone.
#[derive(Clone)]
pub struct Signer {
    cert: Cert,
    fingerprint: Fingerprint,
    hand: Hand,
}

#[derive(Clone)]
enum Hand {
    /// The key is in this process.
    Here(Box<KeyPair>),
    /// A program has it.
    Elsewhere(Arc<dyn Elsewhere>),
}

/// A program that signs and never shows its key: gpg with its agent, a card, a service of the site.
pub trait Elsewhere: Send + Sync {
    /// What people call it.
    fn name(&self) -> String;

    /// A detached OpenPGP signature over binary data, armored or not, with both notations, signed and not critical. What comes is
    /// believed in nothing: it is checked before it is used.
    ///
    /// # Errors
    /// Why there is none, in a few words without a period.
    fn sign(&self, request: &Request<'_>) -> Result<Vec<u8>, String>;
}

/// What is to be signed.
#[derive(Debug)]
pub struct Request<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// By which certificate.
    pub fingerprint: &'a Fingerprint,
    /// The notation of the role.
    pub role: &'a str,
    /// The notation of the intent.
    pub intent: &'a str,
}

/// An Ed25519 signature that is not OpenPGP's.
pub(crate) struct Plain {
    /// The key's own fingerprint.
    pub(crate) key: Fingerprint,
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

    /// The signer whose key a program has; `certificate` is its public part.
    ///
    /// # Errors
    /// When that is not one OpenPGP certificate of version 4.
    pub fn elsewhere(path: &Path, certificate: &[u8], program: Arc<dyn Elsewhere>) -> Result<Self, KeyError> {
        let cert = Cert::from_bytes(certificate)
            .map_err(|e| KeyError::Unreadable { path: path.to_owned(), reason: e.to_string() })?;
        let fingerprint = key::fingerprint(&cert)?;
        Ok(Self { cert: cert.strip_secret_key_material(), fingerprint, hand: Hand::Elsewhere(program) })
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
        let fingerprint = key::fingerprint(&cert).map_err(Reason::Other)?;
        Ok(Self { cert, fingerprint, hand: Hand::Here(Box::new(pair)) })
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
        key::public_armored(&self.cert)
    }

    /// Whether a signature made now would count: asked before a run begins, so that no run ends without a seal. Whether a program
    /// would sign it does not say: only asking for a signature would.
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
        let for_signing = match self.hand {
            Hand::Here(_) => valid.primary_key().for_signing(),
            Hand::Elsewhere(_) => valid.keys().alive().revoked(false).for_signing().next().is_some(),
        };
        if for_signing { Ok(()) } else { Err(not_now("is not meant for signing")) }
    }

    /// A detached, armored signature over `manifest`.
    ///
    /// # Errors
    /// When the key cannot sign at this time, or the program that has it did not sign what it was asked to.
    pub fn sign(
        &self,
        manifest: &[u8],
        role: &str,
        intent: &str,
        now: SystemTime,
    ) -> Result<Vec<u8>, KeyError> {
        self.usable_at(now)?;
        match &self.hand {
            Hand::Here(pair) => {
                signature::sign(&mut *pair.clone(), manifest, role, intent, now).map_err(openpgp_failed)
            }
            Hand::Elsewhere(program) => {
                let request = Request { bytes: manifest, fingerprint: &self.fingerprint, role, intent };
                program
                    .sign(&request)
                    .and_then(|answer| self.accepted(&answer, &request, now))
                    .map_err(|reason| KeyError::Elsewhere { program: program.name(), reason })
            }
        }
    }

    /// The answer of a program in the one spelling, if it is the signature that was asked for.
    fn accepted(&self, answer: &[u8], request: &Request<'_>, now: SystemTime) -> Result<Vec<u8>, String> {
        let signature = signature::adopt(answer).map_err(|error| error.to_string())?;
        for (name, asked) in [(signature::ROLE, request.role), (signature::INTENT, request.intent)] {
            let given = signature::notation(&signature, name).map_err(|error| error.to_string())?;
            if given != asked {
                return Err(format!("the notation `{name}` is `{}`, not `{asked}`", given.escape_debug()));
            }
        }
        let at = signature.signature_creation_time().ok_or("the signature says no time")?;
        let apart = now.duration_since(at).or_else(|_| at.duration_since(now)).unwrap_or_default();
        if apart > CLOCKS_APART {
            return Err("the time of the signature is not that of this machine".to_owned());
        }
        let armored = signature::armored(&signature).map_err(|error| error.to_string())?;
        signatures::good(&armored, request.bytes, &self.cert, at).map_err(|(_, message)| message)?;
        Ok(armored)
    }

    /// A plain Ed25519 signature (RFC 8032) over `message`, by the key that signs here; none where a program has it. No digest that
    /// OpenPGP signs is longer than 64 bytes, so a longer message can be taken for none.
    pub(crate) fn sign_plainly(&self, message: &[u8]) -> Result<Option<Plain>, KeyError> {
        let Hand::Here(pair) = &self.hand else { return Ok(None) };
        let mut pair = pair.clone();
        let key = key::fingerprint_of(&pair.public().fingerprint())?;
        // The library hands these bytes to the algorithm as they are.
        let signature = pair.sign(HashAlgorithm::SHA512, message).map_err(openpgp_failed)?;
        let bytes = match &signature {
            mpi::Signature::EdDSA { r, s } => {
                let half = |number: &mpi::MPI| number.value_padded(32).map_err(openpgp_failed).map(Vec::from);
                [half(r)?, half(s)?].concat()
            }
            mpi::Signature::Ed25519 { s } => s.to_vec(),
            _ => return Err(openpgp_failed("the key is not an Ed25519 key")),
        };
        Ok(Some(Plain { key, bytes }))
    }
}

enum Reason {
    Unusable(&'static str),
    Other(KeyError),
}
