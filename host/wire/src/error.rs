//! What can go wrong on the way to the other side and back.

use std::io;

use fabric_model::fault::{Code, Effect, Fault, Stage};

use crate::ssh::LOCK_UNIT;

/// The longest text of the other side that is passed on, in characters.
const TEXT_LIMIT: usize = 300;

/// The beginning of a text of the other side, on one line.
pub(crate) fn printable(text: &str) -> String {
    let kept = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    kept.take(TEXT_LIMIT).collect()
}

/// A failure of a seam or of a client above it. The variants keep apart what operators must keep apart: *refused* is an answer,
/// *unreachable* is none; a wrong host key is neither.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// There is no network at all: the run is offline, and nothing in it may come to this.
    #[error("an offline run has no network")]
    Offline,
    /// Nothing listens on the port, or a firewall rejects.
    #[error("the connection was refused")]
    Refused,
    /// No answer within the deadline.
    #[error("no answer within the deadline")]
    Timeout,
    /// There is no way to the target; the text says why.
    #[error("the target cannot be reached: {0}")]
    Unreachable(String),
    /// The other side closed the connection early.
    #[error("the connection was closed before the answer was complete")]
    Closed,
    /// An SSH server refuses to forward the connection.
    #[error("`{host}` refuses to forward connections")]
    ForwardingRefused {
        /// The server that refuses.
        host: String,
    },
    /// The host key is not the pinned one, is revoked, or none is pinned.
    #[error("the host key of `{host}` is not trusted: {reason}")]
    HostKey {
        /// The host as the site names it; behind a jump host, the target.
        host: String,
        /// Which of the three, with the SHA-256 fingerprint of the key offered.
        reason: String,
    },
    /// The server does not accept our credentials.
    #[error("the server refused the credentials: {0}")]
    Authentication(String),
    /// The credentials lack a right.
    #[error("the credentials lack a right: {0}")]
    Permission(String),
    /// The thing asked for is not there.
    #[error("not found: {0}")]
    NotFound(String),
    /// A unit of this name stands on the host already, so another was not made: somebody holds the lock, or a timer was left.
    #[error("the unit `{0}` exists already")]
    Exists(String),
    /// The TLS handshake failed or the certificate does not verify.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The answer is not what the protocol allows.
    #[error("the answer cannot be understood: {0}")]
    Garbage(String),
    /// The answer is over the limit.
    #[error("the answer is over the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer holds more items than the limit.
    #[error("the answer holds more than {limit} {items}")]
    TooMany {
        /// What is counted, in the plural.
        items: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A task of the Proxmox API ran and failed.
    #[error("the task `{task}` failed: {exit}")]
    Task {
        /// What it did, and to what: `vzstart 112`.
        task: String,
        /// How it ended, in the API's words.
        exit: String,
    },
    /// A command ran on the host and failed.
    #[error("`{command}` ended with status {status} on the host: {stderr}")]
    Command {
        /// The command's name.
        command: String,
        /// Its exit status.
        status: u32,
        /// The beginning of what it wrote to standard error.
        stderr: String,
    },
}

impl WireError {
    /// What a failure to reach a host on the way means to whoever wanted something behind it: `what` is that host. A wrong host
    /// key, a refused login or refused forwarding name the host themselves.
    #[must_use]
    pub fn on_the_way(self, what: &str) -> Self {
        match self {
            Self::Refused | Self::Timeout | Self::Unreachable(_) | Self::Closed => {
                Self::Unreachable(format!("{what}: {self}"))
            }
            other => other,
        }
    }

    /// What an error of a socket or stream means. A reset is an early close: the other side gave the connection up.
    pub fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Self::Unreachable("no route to host".into())
            }
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Unreachable(error.to_string()),
        }
    }

    /// The code under which scripts and evidence know it.
    pub fn code(&self) -> Code {
        match self {
            Self::Offline => Code::BugInternal,
            Self::Refused => Code::PortRefused,
            Self::Timeout => Code::PortTimeout,
            Self::Unreachable(_) => Code::PortUnreachable,
            Self::Closed => Code::PortClosed,
            Self::ForwardingRefused { .. } => Code::PortForwardingRefused,
            Self::HostKey { .. } => Code::PortHostKey,
            Self::Authentication(_) => Code::PortAuthentication,
            Self::Permission(_) => Code::PortPermission,
            Self::NotFound(_) => Code::PortNotFound,
            Self::Exists(unit) if unit == LOCK_UNIT => Code::GuardLocked,
            Self::Exists(_) => Code::ChangeTimer,
            Self::Tls(_) => Code::PortTls,
            Self::Garbage(_) => Code::PortGarbage,
            Self::TooLarge { .. } | Self::TooMany { .. } => Code::PortTooLarge,
            Self::Task { .. } | Self::Command { .. } => Code::RemoteCommand,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Offline => "This is a bug of fabric; please report the packet.",
            Self::Refused => "Check that the service listens on that port, and that no firewall rejects it.",
            Self::Timeout | Self::Unreachable(_) => {
                "Check that the target is up and that a route to it exists."
            }
            Self::Closed => "Look at the service's own log: it accepted the connection and gave it up.",
            Self::ForwardingRefused { .. } => "Allow TCP forwarding on that host, or probe through another.",
            Self::HostKey { .. } => {
                "Compare the fingerprint with the host's own over another path; if it is right, correct known_hosts."
            }
            Self::Authentication(_) => {
                "Check which key or token the site file names, and that the server knows it."
            }
            Self::Permission(_) => "Give the token the missing right, or use one that has it.",
            Self::NotFound(_) => "Compare the name with what the server has.",
            Self::Exists(_) => {
                "Look at who left it: another run that is at work, or one that `fabric recover` has to finish."
            }
            Self::Tls(_) => "Check that the service speaks TLS on that port, and which certificate it has.",
            Self::Garbage(_) => "Check which program answers on that port: it does not speak this protocol.",
            Self::TooLarge { .. } => "Raise the call's limit if the answer is meant to be this large.",
            Self::TooMany { .. } => "Ask for less: no honest answer has this many.",
            Self::Task { .. } => "Read the task's log in the Proxmox interface to see why.",
            Self::Command { .. } => "Run the command on the host by hand, as the site's account, to see why.",
        }
    }
}

impl From<WireError> for Fault {
    fn from(error: WireError) -> Self {
        let fault = Self::new(error.code(), Stage::Observe, error.to_string());
        let fault = Self { effect: Effect::None, ..fault };
        fault.hint(error.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_sockets_keep_apart_what_operators_keep_apart() {
        let of = |kind: io::ErrorKind| WireError::from_io(&kind.into());
        assert_eq!(of(io::ErrorKind::ConnectionRefused), WireError::Refused);
        assert_eq!(of(io::ErrorKind::TimedOut), WireError::Timeout);
        assert_eq!(of(io::ErrorKind::HostUnreachable), WireError::Unreachable("no route to host".into()));
        assert_eq!(of(io::ErrorKind::NetworkUnreachable), WireError::Unreachable("no route to host".into()));
        assert_eq!(of(io::ErrorKind::UnexpectedEof), WireError::Closed);
        assert_eq!(of(io::ErrorKind::ConnectionReset), WireError::Closed);
        assert!(matches!(of(io::ErrorKind::PermissionDenied), WireError::Unreachable(_)));
    }

    #[test]
    fn a_lock_that_is_held_is_a_guard_and_a_timer_that_was_left_is_none() {
        assert_eq!(WireError::Exists(LOCK_UNIT.into()).code(), Code::GuardLocked);
        assert_eq!(WireError::Exists("fabric-run-1.timer".into()).code(), Code::ChangeTimer);
    }
}
