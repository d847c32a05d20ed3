//! The frames between a twin's process and its clients. Both ends are the same executable.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use fabric_model::change::HostSpec;
use fabric_model::{Digest, door};
use fabric_wire::WireError;
use fabric_wire::endpoint::SshHost;
use fabric_wire::ssh::{AuthProbe, ChangeCommand, CommandOutput};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::control::{Hold, Operations};
use crate::fault::TwinFault;
use crate::history::Made;

/// What a client asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Ask {
    Hello,
    /// A use of a seam, by which client, with so many milliseconds left.
    Use {
        client: u64,
        left_ms: u64,
        seam: Use,
    },
    Forget {
        client: u64,
        host: HostSpec,
    },
    Sleep {
        millis: u64,
    },
    Inject {
        fault: TwinFault,
    },
    Heal {
        fault: TwinFault,
    },
    ProxmoxRequests,
    Changes,
    Digest,
    Advance {
        millis: u64,
    },
    Hold {
        hold: Hold,
    },
    Release,
    /// Answered once an operation is held.
    Held,
    IsHeld,
    RefuseNetwork {
        on: bool,
    },
    Operations {
        among: Operations,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "use", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Use {
    Dial { to: SocketAddr },
    Exchange { to: SocketAddr, request: Vec<u8> },
    Read { host: HostSpec, argv: Vec<String> },
    Change { host: HostSpec, command: ChangeCommand, input: Vec<u8> },
    Forward { host: HostSpec, to: SocketAddr },
    Probe { host: HostSpec, user: String },
}

/// What a client is told, and the twin's time since it began, in nanoseconds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    pub(super) elapsed_ns: u64,
    pub(super) told: Result<Told, Failure>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "told", content = "with", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Told {
    Hello(Box<Hello>),
    /// The connection is open: what follows are its bytes.
    Open,
    Bytes(Vec<u8>),
    Output {
        status: u32,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
        path: Vec<String>,
    },
    Probe {
        accepted: bool,
        methods: Vec<String>,
        path: Vec<String>,
    },
    Done,
    Texts(Vec<String>),
    Made(Vec<Made>),
    Digest(Digest),
    Flag(bool),
    Number(u64),
}

/// What a client needs to know once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hello {
    /// A number of its own.
    pub(super) client: u64,
    /// Where its randomness begins.
    pub(super) seed: u64,
    pub(super) speed: u32,
    /// When the twin began, in nanoseconds since 1970.
    pub(super) began_ns: u64,
    /// Secrets by their handles.
    pub(super) secrets: BTreeMap<String, String>,
    /// Certificates as PEM.
    pub(super) authorities: BTreeMap<String, String>,
}

/// A [`WireError`] on its way, or another refusal as text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "failure", content = "with", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Failure {
    Refused,
    Timeout,
    Unreachable(String),
    Closed,
    ForwardingRefused { host: String },
    HostKey { host: String, reason: String },
    Authentication(String),
    Permission(String),
    NotFound(String),
    Garbage(String),
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Refused => Self::Refused,
            WireError::Timeout => Self::Timeout,
            WireError::Unreachable(why) => Self::Unreachable(why),
            WireError::Closed => Self::Closed,
            WireError::ForwardingRefused { host } => Self::ForwardingRefused { host },
            WireError::HostKey { host, reason } => Self::HostKey { host, reason },
            WireError::Authentication(why) => Self::Authentication(why),
            WireError::Permission(why) => Self::Permission(why),
            WireError::NotFound(what) => Self::NotFound(what),
            // Of the clients above the seams; no seam gives them.
            other => Self::Garbage(other.to_string()),
        }
    }
}

impl From<Failure> for WireError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::Refused,
            Failure::Timeout => Self::Timeout,
            Failure::Unreachable(why) => Self::Unreachable(why),
            Failure::Closed => Self::Closed,
            Failure::ForwardingRefused { host } => Self::ForwardingRefused { host },
            Failure::HostKey { host, reason } => Self::HostKey { host, reason },
            Failure::Authentication(why) => Self::Authentication(why),
            Failure::Permission(why) => Self::Permission(why),
            Failure::NotFound(what) => Self::NotFound(what),
            Failure::Garbage(why) => Self::Garbage(why),
        }
    }
}

impl From<CommandOutput> for Told {
    fn from(output: CommandOutput) -> Self {
        let CommandOutput { status, stdout, stderr, path } = output;
        Self::Output { status, stdout, stderr, path }
    }
}

impl From<AuthProbe> for Told {
    fn from(probe: AuthProbe) -> Self {
        let AuthProbe { accepted, methods, path } = probe;
        Self::Probe { accepted, methods, path }
    }
}

pub(super) fn spec(host: &SshHost) -> HostSpec {
    HostSpec {
        name: host.name.clone(),
        address: host.address,
        user: host.user.clone(),
        jump: host.jump.iter().map(spec).collect(),
    }
}

pub(super) fn host(spec: HostSpec) -> SshHost {
    SshHost {
        name: spec.name,
        address: spec.address,
        user: spec.user,
        jump: spec.jump.into_iter().map(host).collect(),
    }
}

/// A length of time as a frame has it; some centuries fit.
pub(super) fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &impl Serialize) -> io::Result<()> {
    stream.write_all(&door::encode(frame).map_err(io::Error::other)?).await?;
    stream.flush().await
}

pub(super) async fn read<T: DeserializeOwned>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await?;
    let mut body = vec![0; door::frame_length(header).map_err(io::Error::other)?];
    stream.read_exact(&mut body).await?;
    serde_json::from_slice(&body).map_err(io::Error::other)
}
