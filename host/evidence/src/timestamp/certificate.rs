//! The certificate that a token was signed with: that it is for timestamps and nothing else, and leads to a trusted authority.

use std::time::SystemTime;

use cms::cert::x509::Certificate;
use cms::cert::x509::ext::pkix::ExtendedKeyUsage;
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid as _;
use der::{Decode as _, Encode as _};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, KeyUsage, ring as by_ring};

use super::digest::{OF_SHA256, OF_SHA384, OF_SHA512};
use super::{Authority, Refused};

/// `id-kp-timeStamping`.
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

type Verifier = &'static dyn SignatureVerificationAlgorithm;

/// What chains may be signed with: nothing with SHA-1, and no RSA key under 2,048 bits.
const OF_CHAINS: &[Verifier] = &[
    by_ring::ECDSA_P256_SHA256,
    by_ring::ECDSA_P256_SHA384,
    by_ring::ECDSA_P384_SHA256,
    by_ring::ECDSA_P384_SHA384,
    by_ring::ED25519,
    by_ring::RSA_PKCS1_2048_8192_SHA256,
    by_ring::RSA_PKCS1_2048_8192_SHA384,
    by_ring::RSA_PKCS1_2048_8192_SHA512,
];

/// What a token may be signed with: CMS names either the whole algorithm, or the key's alone and the digest elsewhere.
fn verifiers(algorithm: ObjectIdentifier, digest: ObjectIdentifier) -> Vec<Verifier> {
    match (algorithm, digest) {
        (RSA | RSA_WITH_SHA256, OF_SHA256) => vec![by_ring::RSA_PKCS1_2048_8192_SHA256],
        (RSA | RSA_WITH_SHA384, OF_SHA384) => vec![by_ring::RSA_PKCS1_2048_8192_SHA384],
        (RSA | RSA_WITH_SHA512, OF_SHA512) => vec![by_ring::RSA_PKCS1_2048_8192_SHA512],
        (ECDSA_WITH_SHA256, OF_SHA256) => vec![by_ring::ECDSA_P256_SHA256, by_ring::ECDSA_P384_SHA256],
        (ECDSA_WITH_SHA384, OF_SHA384) => vec![by_ring::ECDSA_P256_SHA384, by_ring::ECDSA_P384_SHA384],
        (ED25519, OF_SHA512) => vec![by_ring::ED25519],
        _ => Vec::new(),
    }
}

/// The algorithm as CMS names it where the digest stands elsewhere, with the parameters that belong to it (RFC 3370, RFC 5754).
pub(super) fn spelled(algorithm: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    match algorithm {
        RSA | RSA_WITH_SHA256 | RSA_WITH_SHA384 | RSA_WITH_SHA512 => {
            AlgorithmIdentifierOwned { oid: RSA, parameters: Some(der::Any::null()) }
        }
        other => AlgorithmIdentifierOwned { oid: other, parameters: None },
    }
}

/// Whether `signature` over `signed` is by the key of this certificate.
pub(super) fn signed(
    certificate: &Certificate,
    algorithm: ObjectIdentifier,
    digest: ObjectIdentifier,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), Refused> {
    let verifiers = verifiers(algorithm, digest);
    if verifiers.is_empty() {
        let message = format!("it is signed in a way that does not count here ({algorithm} with {digest})");
        return Err(Refused::new("timestamp.bad", message));
    }
    let der = encoded(certificate)?;
    let certificate = EndEntityCert::try_from(&der).map_err(unreadable)?;
    let good = verifiers.iter().any(|one| certificate.verify_signature(*one, signed, signature).is_ok());
    if good {
        Ok(())
    } else {
        Err(Refused::new("timestamp.bad", "the signature is not by the key that it names"))
    }
}

/// That the certificate is for timestamps alone, and says so critically (RFC 3161, 2.3): a key that signs other things too could be
/// made to sign what looks like a token.
pub(super) fn is_for_timestamps_alone(certificate: &Certificate) -> Result<(), Refused> {
    let wrong = |message: &str| Err(Refused::new("timestamp.usage", message));
    let extensions = certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
    let mut usages = extensions.iter().filter(|extension| extension.extn_id == ExtendedKeyUsage::OID);
    let (Some(usage), None) = (usages.next(), usages.next()) else {
        return wrong("the authority's certificate does not say what it is for");
    };
    let purposes = ExtendedKeyUsage::from_der(usage.extn_value.as_bytes());
    match purposes {
        Ok(purposes) if purposes.0 != [TIME_STAMPING] => {
            wrong("the authority's certificate is not for timestamps and nothing else")
        }
        Ok(_) if !usage.critical => {
            wrong("that the certificate is for timestamps alone is not marked critical")
        }
        Ok(_) => Ok(()),
        Err(_) => wrong("the authority's certificate does not say what it is for"),
    }
}

/// The authority that a chain from this certificate leads to, as of that time, and the certificates between the two.
pub(super) fn leads_to<'a>(
    certificate: &Certificate,
    others: &[CertificateDer<'_>],
    authorities: &'a [Authority],
    time: SystemTime,
) -> Result<(&'a Authority, Vec<CertificateDer<'static>>), Refused> {
    let der = encoded(certificate)?;
    let end = EndEntityCert::try_from(&der).map_err(unreadable)?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut why = "the trust file names no authority".to_owned();
    for authority in authorities {
        let path = end.verify_for_usage(
            OF_CHAINS,
            authority.anchors.as_slice(),
            others,
            UnixTime::since_unix_epoch(since),
            KeyUsage::required(TIME_STAMPING.as_bytes()),
            None,
            None,
        );
        match path {
            Ok(path) if authority.counts_at(time) => {
                let between = path.intermediate_certificates().map(|one| one.der().into_owned()).collect();
                return Ok((authority, between));
            }
            Ok(_) => {
                let message =
                    format!("the trust file does not take tokens of `{}` of that time", authority.name);
                return Err(Refused::new("timestamp.time", message));
            }
            Err(error) => why = format!("no chain leads to `{}`: {error}", authority.name),
        }
    }
    Err(Refused::new("timestamp.untrusted", why))
}

/// A certificate's bytes.
pub(super) fn encoded(certificate: &Certificate) -> Result<CertificateDer<'static>, Refused> {
    certificate
        .to_der()
        .map(CertificateDer::from)
        .map_err(|error| Refused::new("timestamp.form", error.to_string()))
}

fn unreadable(error: webpki::Error) -> Refused {
    Refused::new("timestamp.form", format!("the authority's certificate cannot be read: {error}"))
}
