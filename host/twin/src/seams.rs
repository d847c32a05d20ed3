//! The twin's side of the seams.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use fabric_model::Slug;
use fabric_model::site::Protocol;
use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::{BoxStream, Clock, Datagram, Dial, Entropy, Pending, Ssh, SshWrite};
use fabric_wire::ssh::{AuthProbe, ChangeCommand, CommandOutput, ReadCommand};
use fabric_wire::{Deadline, WireError};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::dns;
use crate::net::{Landing, Origin, Service};
use crate::ssh;
use crate::state::State;
use crate::world::{World, lock};
use crate::{dns_stream, web};

/// How many bytes a played connection holds before its writer waits: a socket buffer.
const BUFFER: usize = 64 << 10;

impl World {
    /// Opens a connection and starts the service behind it.
    fn open(self: &Arc<Self>, origin: &Origin, to: SocketAddr) -> Result<BoxStream, WireError> {
        let landing = self.state().connect(origin, to, Protocol::Tcp)?;
        if landing.service == Service::Frozen {
            return Ok(Box::new(Silent));
        }
        let (near, far) = tokio::io::duplex(BUFFER);
        let s3 = self.s3_at(to).filter(|_| matches!(landing.service, Service::Daemon { .. }));
        match s3 {
            Some(server) => self.serve_store(server, far),
            None => self.serve(landing, far),
        }
        Ok(Box::new(near))
    }

    fn serve_store(self: &Arc<Self>, server: Slug, stream: DuplexStream) {
        let world = Arc::clone(self);
        tokio::spawn(async move {
            // A client that goes away ends its own service only.
            let _gone: io::Result<()> = world.serve_s3(&server, stream).await;
        });
    }

    fn serve(self: &Arc<Self>, landing: Landing, stream: DuplexStream) {
        let world = Arc::clone(self);
        tokio::spawn(async move {
            // A client that goes away ends its own service only.
            let _gone: io::Result<()> = match &landing.service {
                service if dns::speaks_dns(service) => dns_stream::serve(&world, &landing, stream).await,
                Service::Api { node } => world.serve_api(node, stream).await,
                Service::Web => web::serve(stream).await,
                Service::NodeSsh => ssh::banner(stream).await,
                Service::Daemon { unit, .. } if unit == "ssh" => ssh::banner(stream).await,
                _ => web::idle(stream).await,
            };
        });
    }
}

/// Nothing takes time here, so a deadline matters only when it is over before the call.
fn in_time(deadline: Deadline) -> Result<(), WireError> {
    if deadline.left().is_zero() { Err(WireError::Timeout) } else { Ok(()) }
}

/// The seams over one world, as one client has them: his are the sessions.
#[derive(Debug)]
pub(crate) struct TwinSeams {
    world: Arc<World>,
    sessions: Mutex<BTreeMap<String, Session>>,
}

/// A session that was opened before.
#[derive(Clone, Debug)]
struct Session {
    path: Vec<String>,
    faulted: u64,
}

impl TwinSeams {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world, sessions: Mutex::default() }
    }

    /// Makes one operation, unless it comes too late or is held.
    async fn make<T>(
        &self,
        deadline: Deadline,
        changes: bool,
        operation: impl FnOnce() -> Result<T, WireError> + Send,
    ) -> Result<T, WireError> {
        in_time(deadline)?;
        let ticket = self.world.control.enter(changes).await?;
        let outcome = operation();
        self.world.control.leave(ticket).await;
        outcome
    }

    /// A session to a host: the one that stands, as long as its packets pass, or a new one.
    fn session(&self, state: &State, host: &SshHost) -> Result<Vec<String>, WireError> {
        let (key, faulted) = (session_key(host), self.world.faulted());
        let standing = lock(&self.sessions).get(&key).filter(|session| session.faulted == faulted).cloned();
        if let Some(session) = standing
            && ssh::still(state, host)
        {
            return Ok(session.path);
        }
        lock(&self.sessions).remove(&key);
        let path = ssh::session(state, host)?;
        lock(&self.sessions).insert(key, Session { path: path.clone(), faulted });
        Ok(path)
    }
}

/// Sessions are kept by host, account and way.
fn session_key(host: &SshHost) -> String {
    format!("{host:?}")
}

impl Dial for TwinSeams {
    fn dial(&self, to: SocketAddr, deadline: Deadline) -> Pending<'_, BoxStream> {
        Box::pin(self.make(deadline, false, move || self.world.open(&Origin::Runner, to)))
    }
}

impl Datagram for TwinSeams {
    fn exchange<'a>(&'a self, to: SocketAddr, request: &'a [u8], deadline: Deadline) -> Pending<'a, Vec<u8>> {
        Box::pin(self.make(deadline, false, move || {
            let state = self.world.state();
            let landing = state.connect(&Origin::Runner, to, Protocol::Udp)?;
            let answers = dns::answer(&state, &landing, Protocol::Udp, request);
            answers.and_then(|answers| answers.into_iter().next()).ok_or(WireError::Timeout)
        }))
    }
}

impl Ssh for TwinSeams {
    fn read<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ReadCommand,
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        Box::pin(self.read_argv(host, command.argv(), deadline))
    }

    fn forward<'a>(
        &'a self,
        host: &'a SshHost,
        to: SocketAddr,
        deadline: Deadline,
    ) -> Pending<'a, BoxStream> {
        Box::pin(self.make(deadline, false, move || {
            let state = self.world.state();
            self.session(&state, host).map_err(|error| error.on_the_way(&format!("host `{}`", host.name)))?;
            ssh::may_forward(&state, host)?;
            self.world.open(&Origin::Host(host.name.to_string()), to).map_err(ssh::forwarded)
        }))
    }

    fn probe_authentication<'a>(
        &'a self,
        host: &'a SshHost,
        user: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, AuthProbe> {
        Box::pin(self.make(deadline, false, move || ssh::probe(&self.world.state(), host, user)))
    }
}

impl TwinSeams {
    /// Runs the argv of a reading command.
    pub(crate) async fn read_argv(
        &self,
        host: &SshHost,
        argv: Vec<String>,
        deadline: Deadline,
    ) -> Result<CommandOutput, WireError> {
        self.make(deadline, false, move || {
            let state = self.world.state();
            let path = self.session(&state, host)?;
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            Ok(ssh::run(&state, host.name.as_str(), &argv, self.world.now(), path))
        })
        .await
    }

    pub(crate) fn forget_sessions(&self, host: &SshHost) {
        lock(&self.sessions).retain(|key, _| !key.contains(&format!("{:?}", host.name)));
    }
}

impl SshWrite for TwinSeams {
    fn change<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ChangeCommand,
        input: &'a [u8],
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        Box::pin(self.make(deadline, true, move || {
            let path = self.session(&self.world.state(), host)?;
            let (output, stands) = self.world.change(host, &command.argv(), input, path);
            // What cuts the session off has happened, and nobody hears of it.
            if stands { Ok(output) } else { Err(WireError::Timeout) }
        }))
    }

    fn forget<'a>(&'a self, host: &'a SshHost) -> Pending<'a, ()> {
        self.forget_sessions(host);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Clock for TwinSeams {
    fn now(&self) -> SystemTime {
        self.world.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(Arc::clone(&self.world.clock).sleep(duration))
    }
}

impl Entropy for TwinSeams {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), WireError> {
        self.world.fill(bytes);
        Ok(())
    }
}

/// A connection to a frozen host: open, and every use of it runs into the time limit at once.
#[derive(Debug)]
struct Silent;

impl AsyncRead for Silent {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Silent {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
