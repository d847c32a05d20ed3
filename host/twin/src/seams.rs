//! The twin's side of the seams.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use fabric_model::site::Protocol;
use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::{BoxStream, Clock, Datagram, Dial, Entropy, Pending, Ssh};
use fabric_wire::ssh::{AuthProbe, CommandOutput, ReadCommand};
use fabric_wire::{Deadline, WireError};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::dns;
use crate::net::{Landing, Origin, Service};
use crate::ssh;
use crate::world::World;
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
        self.serve(landing, far);
        Ok(Box::new(near))
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

/// The seams over one world.
#[derive(Clone, Debug)]
pub(crate) struct TwinSeams(pub(crate) Arc<World>);

impl Dial for TwinSeams {
    fn dial(&self, to: SocketAddr, deadline: Deadline) -> Pending<'_, BoxStream> {
        Box::pin(async move {
            in_time(deadline)?;
            self.0.open(&Origin::Runner, to)
        })
    }
}

impl Datagram for TwinSeams {
    fn exchange<'a>(&'a self, to: SocketAddr, request: &'a [u8], deadline: Deadline) -> Pending<'a, Vec<u8>> {
        Box::pin(async move {
            in_time(deadline)?;
            let state = self.0.state();
            let landing = state.connect(&Origin::Runner, to, Protocol::Udp)?;
            let answers = dns::answer(&state, &landing, Protocol::Udp, request);
            answers.and_then(|answers| answers.into_iter().next()).ok_or(WireError::Timeout)
        })
    }
}

impl Ssh for TwinSeams {
    fn read<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ReadCommand,
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        Box::pin(async move {
            in_time(deadline)?;
            let state = self.0.state();
            let path = ssh::session(&state, host)?;
            let argv = command.argv();
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            Ok(ssh::run(&state, host.name.as_str(), &argv, self.now(), path))
        })
    }

    fn forward<'a>(
        &'a self,
        host: &'a SshHost,
        to: SocketAddr,
        deadline: Deadline,
    ) -> Pending<'a, BoxStream> {
        Box::pin(async move {
            in_time(deadline)?;
            let state = self.0.state();
            ssh::session(&state, host).map_err(|error| error.on_the_way(&format!("host `{}`", host.name)))?;
            ssh::may_forward(&state, host)?;
            self.0.open(&Origin::Host(host.name.to_string()), to).map_err(ssh::forwarded)
        })
    }

    fn probe_authentication<'a>(
        &'a self,
        host: &'a SshHost,
        user: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, AuthProbe> {
        Box::pin(async move {
            in_time(deadline)?;
            ssh::probe(&self.0.state(), host, user)
        })
    }
}

impl Clock for TwinSeams {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl Entropy for TwinSeams {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), WireError> {
        self.0.fill(bytes);
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
