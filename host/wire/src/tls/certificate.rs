//! What a certificate says, and what is wrong with it.

use std::net::IpAddr;

use fabric_model::Digest;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error as TlsError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{ASN1Time, FromDer as _, GeneralName, X509Certificate};

use crate::error::WireError;

/// One certificate of a chain. All texts are the server's and untrusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// The subject's distinguished name, `CN=…, O=…`.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The DNS names and IP addresses of the subjectAltName extension, sorted.
    pub names: Vec<String>,
    /// Valid from, RFC 3339 in UTC.
    pub not_before: String,
    /// Valid until, RFC 3339 in UTC.
    pub not_after: String,
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 over the certificate's DER.
    pub fingerprint_sha256: Digest,
    /// Whether it says of itself that it may issue certificates.
    pub is_ca: bool,
}

/// Why a certificate does not verify. Where several things are wrong, this is the first that verification meets: validity,
/// issuer, usage, name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// The named authority did not issue it, or only one of the same name did.
    UnknownIssuer,
    /// It is for another name.
    WrongName,
    /// It is not meant for a server.
    BadUsage,
    /// Its authority has revoked it.
    Revoked,
    /// Anything else; the detail says what.
    Other,
}

impl Problem {
    pub(super) fn of(error: &TlsError) -> Self {
        use CertificateError as E;
        let TlsError::InvalidCertificate(error) = error else { return Self::Other };
        match error {
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYetValid,
            // A foreign authority of the same name has another key, perhaps of another kind.
            E::UnknownIssuer
            | E::BadSignature
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::UnknownIssuer,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::WrongName,
            E::InvalidPurpose | E::InvalidPurposeContext { .. } => Self::BadUsage,
            E::Revoked => Self::Revoked,
            _ => Self::Other,
        }
    }
}

/// Reads one certificate.
///
/// # Errors
/// [`WireError::Tls`] when its bytes are no certificate.
pub(super) fn read(der: &CertificateDer<'_>) -> Result<Certificate, WireError> {
    let unreadable = |why: String| WireError::Tls(format!("a certificate cannot be read: {why}"));
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|e| unreadable(e.to_string()))?;
    if !rest.is_empty() {
        return Err(unreadable("there are bytes behind its end".into()));
    }
    let mut names = names(&certificate).map_err(unreadable)?;
    names.sort();
    let validity = certificate.validity();
    Ok(Certificate {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        names,
        not_before: rfc3339(validity.not_before).map_err(unreadable)?,
        not_after: rfc3339(validity.not_after).map_err(unreadable)?,
        serial: certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect(),
        fingerprint_sha256: Digest::of(der),
        is_ca: certificate.is_ca(),
    })
}

fn names(certificate: &X509Certificate<'_>) -> Result<Vec<String>, String> {
    let Some(extension) = certificate.subject_alternative_name().map_err(|e| e.to_string())? else {
        return Ok(Vec::new());
    };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    };
    Ok(extension.value.general_names.iter().filter_map(name).collect())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

fn rfc3339(time: ASN1Time) -> Result<String, String> {
    Timestamp::from_second(time.timestamp()).map(|time| time.to_string()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Vec<u8> {
        let mut params =
            rcgen::CertificateParams::new(vec!["b.example".into(), "10.0.0.1".into()]).expect("names");
        params.distinguished_name.push(rcgen::DnType::CommonName, "b");
        params.not_before = rcgen::date_time_ymd(2026, 1, 2);
        params.not_after = rcgen::date_time_ymd(2027, 1, 2);
        params.serial_number = Some(vec![1, 0xab].into());
        let key = rcgen::KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    #[test]
    fn a_certificate_says_what_it_was_made_with() {
        let read = read(&CertificateDer::from(sample())).expect("readable");
        assert_eq!(read.names, ["10.0.0.1", "b.example"]);
        assert_eq!(read.not_before, "2026-01-02T00:00:00Z");
        assert_eq!(read.not_after, "2027-01-02T00:00:00Z");
        assert_eq!(read.serial, "01ab");
        assert!(read.subject.contains("CN=b"), "{}", read.subject);
        assert!(!read.is_ca);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&CertificateDer::from(bytes));
        }

        #[test]
        fn no_damaged_certificate_panics(place in any::<proptest::sample::Index>(), byte in any::<u8>()) {
            let mut der = sample();
            let place = place.index(der.len());
            if let Some(slot) = der.get_mut(place) {
                *slot = byte;
            }
            let _ = read(&CertificateDer::from(der));
        }
    }
}
