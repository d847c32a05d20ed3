//! The authority that a certificate must come from.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::error::WireError;
use crate::seam::Clock;

/// The certificates of an authority. Only these are trusted; `keyUsage` on them is not looked at, which suits the authority of
/// a Proxmox VE cluster, since some carry none.
#[derive(Clone)]
pub struct Authority(Arc<RootCertStore>);

impl Authority {
    /// Reads the certificates of a PEM file.
    ///
    /// # Errors
    /// [`WireError::Tls`] when the file holds no certificate, or one that cannot be read.
    pub fn from_pem(pem: &[u8]) -> Result<Self, WireError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let unreadable = |e: &dyn fmt::Display| {
                WireError::Tls(format!("a certificate of the authority cannot be read: {e}"))
            };
            let certificate = certificate.map_err(|e| unreadable(&e))?;
            roots.add(certificate).map_err(|e| unreadable(&e))?;
        }
        if roots.is_empty() {
            return Err(WireError::Tls("the authority's file holds no certificate".into()));
        }
        Ok(Self(Arc::new(roots)))
    }

    pub(super) fn verifier(&self) -> Result<Arc<WebPkiServerVerifier>, WireError> {
        WebPkiServerVerifier::builder_with_provider(self.0.clone(), provider())
            .build()
            .map_err(|e| WireError::Tls(format!("the authority cannot be used: {e}")))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({} certificates)", self.0.len())
    }
}

/// A configuration that judges validity by the seams' clock, so that a recorded or simulated world has its own time.
pub(super) fn configure(
    clock: Arc<dyn Clock>,
) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, WireError> {
    ClientConfig::builder_with_details(provider(), Arc::new(SeamTime(clock)))
        .with_safe_default_protocol_versions()
        .map_err(|e| WireError::Tls(e.to_string()))
}

/// The name that the server's certificate must bear: a DNS name or an IP address.
pub(super) fn server_name(name: &str) -> Result<ServerName<'static>, WireError> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| WireError::Tls(format!("`{name}` is neither a DNS name nor an address")))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

struct SeamTime(Arc<dyn Clock>);

impl fmt::Debug for SeamTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeamTime")
    }
}

impl TimeProvider for SeamTime {
    fn current_time(&self) -> Option<UnixTime> {
        self.0.now().duration_since(UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}
