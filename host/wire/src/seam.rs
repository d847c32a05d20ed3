//! The seams: the only ways out of the process. Everything above them is shared by the real world and the twin.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::deadline::Deadline;
use crate::endpoint::SshHost;
use crate::error::WireError;
use crate::ssh::{AuthProbe, ChangeCommand, CommandOutput, ReadCommand};

/// A boxed future; the seams are used as trait objects.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, WireError>> + Send + 'a>>;

/// A connected byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connected byte stream of whatever origin.
pub type BoxStream = Box<dyn Stream>;

/// Opens TCP connections.
pub trait Dial: Send + Sync {
    /// Connects to an address that the gate has checked.
    fn dial(&self, to: SocketAddr, deadline: Deadline) -> Pending<'_, BoxStream>;
}

/// Exchanges UDP datagrams.
pub trait Datagram: Send + Sync {
    /// Sends `request` once and gives the first datagram that comes back from that very address and port. Repeating is the
    /// caller's business. Answers over 65,535 bytes do not exist.
    fn exchange<'a>(&'a self, to: SocketAddr, request: &'a [u8], deadline: Deadline) -> Pending<'a, Vec<u8>>;
}

/// Reaches hosts over SSH. Sessions are pooled per host and jump path; channels run concurrently.
pub trait Ssh: Send + Sync {
    /// Runs one reading command. There is no way to run anything else.
    fn read<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ReadCommand,
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput>;

    /// Opens a TCP connection from the host to `to`, without running anything there. [`WireError::Refused`] and
    /// [`WireError::Timeout`] are about `to` alone; a host that refuses, hangs or goes away is [`WireError::Unreachable`].
    fn forward<'a>(&'a self, host: &'a SshHost, to: SocketAddr, deadline: Deadline)
    -> Pending<'a, BoxStream>;

    /// Tries to authenticate as `user` with the operator's key over a connection of its own, and opens no session.
    fn probe_authentication<'a>(
        &'a self,
        host: &'a SshHost,
        user: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, AuthProbe>;
}

/// Changes hosts over SSH. Whoever only observes is not handed one.
pub trait SshWrite: Send + Sync {
    /// Runs one changing command, with `input` as its standard input. There is no way to run anything else. Once it was sent, a
    /// failure says nothing about whether it took effect.
    fn change<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ChangeCommand,
        input: &'a [u8],
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput>;

    /// Gives up the pooled sessions to a host and to whatever is reached through it, so that what is asked next needs a new
    /// connection.
    fn forget<'a>(&'a self, host: &'a SshHost) -> Pending<'a, ()>;
}

/// The ways to change something. A dry run has none.
#[derive(Clone)]
pub struct Writing {
    /// Hosts.
    pub ssh: Arc<dyn SshWrite>,
    /// The rest, as far as the typed clients above it write: Proxmox.
    pub dial: Arc<dyn Dial>,
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> SystemTime;

    /// Waits. On a twin, time may run faster than elsewhere.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// Gives random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with unpredictable ones.
    ///
    /// # Errors
    /// When the system gives none.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), WireError>;
}

/// The ways out, as one run holds them.
#[derive(Clone)]
pub struct Seams {
    /// TCP.
    pub dial: Arc<dyn Dial>,
    /// UDP.
    pub datagram: Arc<dyn Datagram>,
    /// SSH.
    pub ssh: Arc<dyn Ssh>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// How a stream reaches its target.
#[derive(Clone, Debug)]
pub enum Route {
    /// From this machine.
    Direct,
    /// From a host, over SSH.
    Via(SshHost),
}

impl Seams {
    /// Opens a TCP connection along a route.
    ///
    /// # Errors
    /// Those of [`Dial::dial`] and [`Ssh::forward`].
    pub async fn open(
        &self,
        route: &Route,
        to: SocketAddr,
        deadline: Deadline,
    ) -> Result<BoxStream, WireError> {
        match route {
            Route::Direct => self.dial.dial(to, deadline).await,
            Route::Via(host) => self.ssh.forward(host, to, deadline).await,
        }
    }
}
