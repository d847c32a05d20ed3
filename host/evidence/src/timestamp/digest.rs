//! The digests that a token may be built on.

use der::asn1::ObjectIdentifier;
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};

const OF_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
/// SHA-256.
pub(super) const OF_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// SHA-384.
pub(super) const OF_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
/// SHA-512.
pub(super) const OF_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

fn strong(algorithm: &ObjectIdentifier) -> Option<&'static Algorithm> {
    match *algorithm {
        OF_SHA256 => Some(&SHA256),
        OF_SHA384 => Some(&SHA384),
        OF_SHA512 => Some(&SHA512),
        _ => None,
    }
}

/// Whether `found` is the digest of `bytes`; nothing for an algorithm that is not known, or not strong enough for a signature.
pub(super) fn matches(algorithm: &ObjectIdentifier, bytes: &[u8], found: &[u8]) -> Option<bool> {
    strong(algorithm).map(|algorithm| digest(algorithm, bytes).as_ref() == found)
}

/// The same where the digest only names a certificate whose signature is checked anyhow: RFC 2634 knows SHA-1 alone.
pub(super) fn names(algorithm: Option<&ObjectIdentifier>, certificate: &[u8], found: &[u8]) -> bool {
    let algorithm = match algorithm {
        None => Some(&SHA1_FOR_LEGACY_USE_ONLY),
        Some(&OF_SHA1) => Some(&SHA1_FOR_LEGACY_USE_ONLY),
        Some(other) => strong(other),
    };
    algorithm.is_some_and(|algorithm| digest(algorithm, certificate).as_ref() == found)
}
