//! What the SSH library reports, in the words of the seam.

use std::io::ErrorKind;

use fabric_wire::WireError;
use russh::{AlgorithmKind, ChannelOpenFailure};

use super::host_key::{TrustedKeys, printable};

/// A failure of the connection itself.
pub(super) fn io(error: &std::io::Error) -> WireError {
    match error.kind() {
        ErrorKind::ConnectionRefused => WireError::Refused,
        ErrorKind::TimedOut => WireError::Timeout,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::UnexpectedEof => WireError::Closed,
        _ => WireError::Unreachable(error.to_string()),
    }
}

/// A failure on an established or starting session.
pub(super) fn session(error: &russh::Error) -> WireError {
    use russh::Error;
    match error {
        Error::IO(error) => io(error),
        Error::Disconnect | Error::HUP | Error::SendError | Error::RecvError => WireError::Closed,
        Error::ConnectionTimeout | Error::KeepaliveTimeout | Error::InactivityTimeout | Error::Elapsed(_) => {
            WireError::Timeout
        }
        Error::NoCommonAlgo { kind, theirs, .. } => {
            let theirs = printable(&theirs.join(","));
            WireError::Garbage(format!("there is no {kind:?} algorithm in common; the server has {theirs}"))
        }
        Error::Version => WireError::Garbage("the port does not speak SSH 2".to_owned()),
        other => WireError::Garbage(printable(&other.to_string())),
    }
}

/// A failure of the key exchange, in which the server also has to prove who it is.
pub(super) fn handshake(error: &russh::Error, trusted: &TrustedKeys) -> WireError {
    let untrusted = |reason: String| WireError::HostKey { host: trusted.host.clone(), reason };
    match error {
        russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. } => untrusted(format!(
            "it has no key of a pinned type: it has {}, but pinned is {}",
            printable(&theirs.join(", ")),
            trusted.pins()
        )),
        russh::Error::WrongServerSig => untrusted("it does not hold the key that it offers".to_owned()),
        other => session(other),
    }
}

/// A refusal to open a forwarded connection through `host`. The server sends the same code whether the target refused or did not
/// answer it, and its text is free; so both are a refusal.
pub(super) fn forward(error: &russh::Error, host: &str) -> WireError {
    match error {
        russh::Error::ChannelOpenFailure(failure) => match failure {
            ChannelOpenFailure::ConnectFailed => WireError::Refused,
            ChannelOpenFailure::AdministrativelyProhibited | ChannelOpenFailure::UnknownChannelType => {
                WireError::ForwardingRefused { host: host.to_owned() }
            }
            ChannelOpenFailure::ResourceShortage | ChannelOpenFailure::Other { .. } => {
                WireError::Unreachable(format!("`{host}` has no resources left to forward a connection"))
            }
        },
        other => session(other),
    }
}
