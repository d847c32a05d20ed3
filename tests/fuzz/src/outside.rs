//! Seams whose other side sends the bytes of an input and nothing else, whatever it is sent.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::{BoxStream, Clock, Datagram, Dial, Entropy, Pending, Ssh};
use fabric_wire::ssh::{AuthProbe, CommandOutput, ReadCommand};
use fabric_wire::{Deadline, Seams, WireError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};

/// Where every peer listens.
pub(crate) const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)), 53);

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime without I/O");
}

/// Runs to its end what waits for nothing but bytes that are there.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// Long enough to be a finding where it is reached: all answers are there at once.
pub(crate) fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// The other side.
pub(crate) struct Outside(Vec<u8>);

impl Outside {
    /// Seams on which every question meets these bytes and then the end.
    pub(crate) fn answering(bytes: &[u8]) -> Seams {
        let outside = Arc::new(Self(bytes.to_vec()));
        Seams {
            dial: outside.clone(),
            datagram: outside.clone(),
            ssh: outside.clone(),
            clock: outside.clone(),
            entropy: outside,
        }
    }
}

impl Dial for Outside {
    fn dial(&self, _: SocketAddr, _: Deadline) -> Pending<'_, BoxStream> {
        let stream = Answering { bytes: self.0.clone(), sent: 0 };
        Box::pin(async move { Ok(Box::new(stream) as BoxStream) })
    }
}

impl Datagram for Outside {
    fn exchange<'a>(&'a self, _: SocketAddr, _: &'a [u8], _: Deadline) -> Pending<'a, Vec<u8>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

impl Ssh for Outside {
    fn read<'a>(&'a self, _: &'a SshHost, _: &'a ReadCommand, _: Deadline) -> Pending<'a, CommandOutput> {
        Box::pin(async { Err(WireError::Refused) })
    }

    fn forward<'a>(&'a self, _: &'a SshHost, _: SocketAddr, _: Deadline) -> Pending<'a, BoxStream> {
        Box::pin(async { Err(WireError::Refused) })
    }

    fn probe_authentication<'a>(&'a self, _: &'a SshHost, _: &'a str, _: Deadline) -> Pending<'a, AuthProbe> {
        Box::pin(async { Err(WireError::Refused) })
    }
}

impl Clock for Outside {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {})
    }
}

impl Entropy for Outside {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), WireError> {
        // The same for each question, so that an answer in the seeds can bear its id.
        bytes.fill(0x5a);
        Ok(())
    }
}

/// A stream that gives its bytes and ends, and takes whatever is written.
struct Answering {
    bytes: Vec<u8>,
    sent: usize,
}

impl AsyncRead for Answering {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = this.bytes.get(this.sent..).unwrap_or_default();
        let (now, _) = left.split_at(left.len().min(buffer.remaining()));
        buffer.put_slice(now);
        this.sent += now.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Answering {
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
