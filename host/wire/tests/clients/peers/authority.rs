//! Certificates of the tests' own authorities, and a server that presents them.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::DuplexStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// An authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate in PEM.
    pub(crate) pem: String,
}

/// What a server certificate is like; the default is right in every respect.
pub(crate) struct Leaf {
    /// Its names.
    pub(crate) names: Vec<&'static str>,
    /// First and last year in which it is valid.
    pub(crate) years: (i32, i32),
    /// What it is for.
    pub(crate) usage: ExtendedKeyUsagePurpose,
}

impl Default for Leaf {
    fn default() -> Self {
        Self { names: vec!["n1"], years: (2026, 2027), usage: ExtendedKeyUsagePurpose::ServerAuth }
    }
}

impl Authority {
    /// An authority with a name, with or without the keyUsage extension.
    pub(crate) fn new(name: &str, key_usages: Vec<KeyUsagePurpose>) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = key_usages;
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server's configuration with a certificate of this authority.
    pub(crate) fn server(
        &self,
        leaf: Leaf,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let names: Vec<String> = leaf.names.into_iter().map(String::from).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = rcgen::date_time_ymd(leaf.years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(leaf.years.1, 1, 1);
        params.extended_key_usages = vec![leaf.usage];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a pair");
        Arc::new(config)
    }
}

/// Accepts TLS on a stream; none where the client turned away.
pub(crate) async fn accept(
    config: Arc<ServerConfig>,
    stream: DuplexStream,
) -> Option<TlsStream<DuplexStream>> {
    TlsAcceptor::from(config).accept(stream).await.ok()
}
