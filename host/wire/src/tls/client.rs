//! The strict client: a stream for data, or an error.

use std::io;
use std::sync::Arc;

use rustls::client::Resumption;
use tokio_rustls::TlsConnector;

use super::authority::{Authority, configure, server_name};
use super::certificate::Problem;
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::seam::{BoxStream, Clock};

/// A stream to a server whose certificate has verified.
pub type TlsStream = tokio_rustls::client::TlsStream<BoxStream>;

/// Speaks TLS over `stream` to a server that must prove to be `name`, a DNS name or an address.
///
/// # Errors
/// [`WireError::Tls`] when the certificate does not verify or the handshake fails; [`WireError::Timeout`].
pub async fn client(
    stream: BoxStream,
    name: &str,
    authority: &Authority,
    clock: Arc<dyn Clock>,
    deadline: Deadline,
) -> Result<TlsStream, WireError> {
    let mut config = configure(clock)?.with_webpki_verifier(authority.verifier()?).with_no_client_auth();
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let name = server_name(name)?;
    deadline.bound(async { connector.connect(name, stream).await.map_err(|e| broken(&e)) }).await
}

/// What a failed handshake means. That the other side went away in the middle of it is a failure of TLS too: it did accept the
/// connection.
pub(super) fn broken(error: &io::Error) -> WireError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (inner, error.kind()) {
        (Some(error @ rustls::Error::InvalidCertificate(_)), _) => {
            WireError::Tls(format!("the certificate does not verify ({}): {error}", word(Problem::of(error))))
        }
        (Some(error), _) => WireError::Tls(error.to_string()),
        (None, io::ErrorKind::TimedOut) => WireError::Timeout,
        (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            WireError::Tls("the other side closed the connection during the handshake".into())
        }
        (None, _) => WireError::Tls(error.to_string()),
    }
}

fn word(problem: Problem) -> &'static str {
    match problem {
        Problem::Expired => "expired",
        Problem::NotYetValid => "not yet valid",
        Problem::UnknownIssuer => "unknown issuer",
        Problem::WrongName => "wrong name",
        Problem::BadUsage => "bad usage",
        Problem::Revoked => "revoked",
        Problem::Other => "other",
    }
}
