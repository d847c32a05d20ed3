//! Looks at what a server presents, verified or not. Nothing here gives out a stream.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CipherSuite, DigitallySignedStruct, Error as TlsError, ProtocolVersion, SignatureScheme};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;

use super::authority::{Authority, configure, server_name};
use super::certificate::{self, Certificate, Problem};
use super::client::broken;
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::seam::{Route, Seams};

/// What a server presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Handshake {
    /// The protocol's version, `TLSv1.2` or `TLSv1.3`; older ones are not spoken.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// Whether the certificate verifies: issued by the named authority, for this name, valid now, meant for a server.
    pub verified: bool,
    /// What is wrong, where it does not.
    pub problem: Option<Problem>,
    /// The problem in words.
    pub detail: Option<String>,
    /// The certificates as sent, the server's own first.
    pub chain: Vec<Certificate>,
}

/// Makes a handshake with a server that should be `name`, a DNS name or an address, closes the connection, and reports. A
/// certificate that does not verify is part of the report.
///
/// # Errors
/// Those of the seams; [`WireError::Tls`] when there is no handshake to report: garbage, a cut connection, no version or cipher
/// in common, an authority that cannot be read.
pub async fn handshake(
    seams: &Seams,
    route: &Route,
    to: SocketAddr,
    name: &str,
    authority_pem: &[u8],
    deadline: Deadline,
) -> Result<Handshake, WireError> {
    let recorder = Arc::new(Recorder::new(Authority::from_pem(authority_pem)?.verifier()?));
    let mut config = configure(seams.clock.clone())?
        .dangerous()
        .with_custom_certificate_verifier(recorder.clone())
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let name = server_name(name)?;
    let exchange = async {
        let stream = seams.open(route, to, deadline).await?;
        let stream = connector.connect(name, stream).await.map_err(|e| broken(&e))?;
        let (_, session) = stream.get_ref();
        Ok((session.protocol_version(), session.negotiated_cipher_suite().map(|suite| suite.suite())))
    };
    let (version, suite) = deadline.bound(exchange).await?;
    recorder.report(version, suite)
}

/// Verifies as strictly as the client does, but lets the handshake go on to its end and keeps the verdict for the report.
/// The signature over the handshake is not negotiable: without it the chain could be anybody's.
#[derive(Debug)]
struct Recorder {
    strict: Arc<WebPkiServerVerifier>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    verdict: Result<(), TlsError>,
}

impl Recorder {
    fn new(strict: Arc<WebPkiServerVerifier>) -> Self {
        Self { strict, seen: Mutex::new(None) }
    }

    fn report(
        &self,
        version: Option<ProtocolVersion>,
        suite: Option<CipherSuite>,
    ) -> Result<Handshake, WireError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(seen), Some(version), Some(suite)) = (seen, version, suite) else {
            return Err(WireError::Tls("the handshake ended without a certificate".into()));
        };
        Ok(Handshake {
            version: format!("{version:?}").replace('_', "."),
            // rustls marks the suites of TLS 1.3 with a prefix of its own.
            cipher: format!("{suite:?}").replacen("TLS13_", "TLS_", 1),
            verified: seen.verdict.is_ok(),
            problem: seen.verdict.as_ref().err().map(Problem::of),
            detail: seen.verdict.as_ref().err().map(TlsError::to_string),
            chain: seen.chain.iter().map(certificate::read).collect::<Result<_, _>>()?,
        })
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verdict =
            self.strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let chain = std::iter::once(end_entity).chain(intermediates);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen {
            chain: chain.map(|der| der.clone().into_owned()).collect(),
            verdict: verdict.map(|_| ()),
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.strict.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.strict.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}
