//! Authorities and the certificates that they sign: for the twin's own servers, and as PEM for a lab's real ones.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

const DAY: Duration = Duration::from_secs(86_400);

/// What went wrong with keys or certificates; the text is the library's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate: {0}")]
pub struct CertificateError(String);

/// From when until when a certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: SystemTime,
    /// The last moment.
    pub until: SystemTime,
}

impl Validity {
    /// Two years around `now`, as Proxmox VE gives its nodes' certificates.
    pub fn current(now: SystemTime) -> Self {
        Self { from: now - DAY, until: now + 729 * DAY }
    }

    /// Two years that ended on the day before `now`.
    pub fn expired(now: SystemTime) -> Self {
        Self { from: now - 731 * DAY, until: now - DAY }
    }
}

/// A certificate authority with its own fresh P-256 key.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(..)")
    }
}

impl Authority {
    /// Makes a key and a self-signed certificate that holds ten years around now.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new(common_name: &str) -> Result<Self, CertificateError> {
        let now = SystemTime::now();
        let mut parameters =
            parameters(common_name, Validity { from: now - 1500 * DAY, until: now + 3650 * DAY });
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(unusable)?;
        let issuer = CertifiedIssuer::self_signed(parameters, key).map_err(unusable)?;
        Ok(Self { issuer })
    }

    /// The authority's certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a server certificate with a fresh key for these names, DNS names or addresses; the first is its common name. Gives
    /// certificate and private key as PEM.
    ///
    /// # Errors
    /// When a name is neither a DNS name nor an address.
    pub fn issue(&self, names: &[&str], validity: Validity) -> Result<(String, String), CertificateError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut leaf = CertificateParams::new(names.clone()).map_err(unusable)?;
        let about = parameters(names.first().map_or("server", String::as_str), validity);
        leaf.distinguished_name = about.distinguished_name;
        leaf.not_before = about.not_before;
        leaf.not_after = about.not_after;
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(unusable)?;
        let certificate = leaf.signed_by(&key, &self.issuer).map_err(unusable)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// A server configuration with a fresh certificate for these names, HTTP/1.1 only.
    ///
    /// # Errors
    /// Those of [`Authority::issue`].
    pub fn server(&self, names: &[&str], validity: Validity) -> Result<Arc<ServerConfig>, CertificateError> {
        let (certificate, key) = self.issue(names, validity)?;
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(unusable)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(unusable)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        Ok(Arc::new(config))
    }
}

fn parameters(common_name: &str, validity: Validity) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, "fabric twin");
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    parameters.not_before = validity.from.into();
    parameters.not_after = validity.until.into();
    parameters
}

fn unusable(error: impl ToString) -> CertificateError {
    CertificateError(error.to_string())
}
