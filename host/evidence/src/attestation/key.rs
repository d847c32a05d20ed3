//! The public half of an Ed25519 signing key, for signatures that are not OpenPGP's.

use std::fmt;

use sequoia_openpgp as openpgp;

use base64ct::{Base64, Encoding as _};
use openpgp::Cert;
use openpgp::crypto::mpi;
use openpgp::packet::Key;
use openpgp::packet::key::{PublicParts, UnspecifiedRole};
use openpgp::parse::Parse as _;
use openpgp::types::Curve;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::fingerprint::Fingerprint;
use crate::key;

/// What precedes the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// An Ed25519 key of a certificate. Printed, it is PEM, as `openssl pkeyutl -verify -pubin` reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    fingerprint: Fingerprint,
    bytes: [u8; 32],
}

impl PublicKey {
    /// The key by itself, if it is one of Ed25519.
    pub(crate) fn of(key: &Key<PublicParts, UnspecifiedRole>) -> Option<Self> {
        let bytes = match key.mpis() {
            mpi::PublicKey::EdDSA { curve: Curve::Ed25519, q } => {
                q.decode_point(&Curve::Ed25519).ok()?.0.try_into().ok()?
            }
            mpi::PublicKey::Ed25519 { a } => *a,
            _ => return None,
        };
        Some(Self { fingerprint: key::fingerprint_of(&key.fingerprint()).ok()?, bytes })
    }

    /// The fingerprint of this key in its OpenPGP certificate, which need not be the primary one: the `keyid` of statements.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.bytes).verify(message, signature).is_ok()
    }
}

/// The Ed25519 keys of a certificate, the primary one first. Whether any of them counts, nobody was asked.
///
/// # Errors
/// Why the bytes are not one certificate.
pub fn public_keys(certificate: &[u8]) -> Result<Vec<PublicKey>, String> {
    let cert = Cert::from_bytes(certificate).map_err(|error| error.to_string())?;
    Ok(cert.keys().filter_map(|key| PublicKey::of(key.key())).collect())
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spki = [SPKI_PREFIX.as_slice(), &self.bytes].concat();
        write!(f, "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", Base64::encode_string(&spki))
    }
}
