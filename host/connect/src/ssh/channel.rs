//! Channels that close themselves, also when the call that opened them was given up.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use fabric_wire::WireError;
use fabric_wire::seam::Pending;
use russh::client::Msg;
use russh::{Channel, ChannelStream, Sig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::session::Session;

/// The opening of a channel, which goes on by itself when the caller gives it up: a channel that the server has opened and nobody
/// received would stay open on its side. What nobody receives is dropped, and so closed.
pub(super) struct Opening<T: Send + 'static> {
    running: Option<Pending<'static, T>>,
}

impl<T: Send + 'static> Opening<T> {
    pub(super) fn new(opening: impl Future<Output = Result<T, WireError>> + Send + 'static) -> Self {
        Self { running: Some(Box::pin(opening)) }
    }
}

impl<T: Send + 'static> Future for Opening<T> {
    type Output = Result<T, WireError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(running) = &mut self.running else { return Poll::Ready(Err(WireError::Closed)) };
        let opened = running.as_mut().poll(context);
        if opened.is_ready() {
            self.running = None;
        }
        opened
    }
}

impl<T: Send + 'static> Drop for Opening<T> {
    fn drop(&mut self) {
        if let (Some(opening), Ok(runtime)) = (self.running.take(), Handle::try_current()) {
            runtime.spawn(opening);
        }
    }
}

/// A channel for one command. It holds its place among the session's commands until the server has been told to close it.
pub(super) struct CommandChannel {
    open: Option<Open>,
}

struct Open {
    channel: Channel<Msg>,
    _place: (Running, OwnedSemaphorePermit),
}

/// Counts one running command.
struct Running(Arc<AtomicUsize>);

impl CommandChannel {
    pub(super) fn new(
        channel: Channel<Msg>,
        permit: OwnedSemaphorePermit,
        running: &Arc<AtomicUsize>,
    ) -> Self {
        running.fetch_add(1, Ordering::AcqRel);
        Self { open: Some(Open { channel, _place: (Running(running.clone()), permit) }) }
    }

    /// The channel, as long as [`Self::closed`] was not called.
    pub(super) fn get(&mut self) -> Option<&mut Channel<Msg>> {
        self.open.as_mut().map(|open| &mut open.channel)
    }

    /// The server has closed the channel: there is nothing left to tell it.
    pub(super) fn closed(mut self) {
        self.open = None;
    }
}

impl Drop for CommandChannel {
    fn drop(&mut self) {
        // Outside a runtime the session's task is gone, and the channel with it.
        if let (Some(open), Ok(runtime)) = (self.open.take(), Handle::try_current()) {
            runtime.spawn(async move {
                // An sshd keeps a closed channel's place until its process ends, so that has to end, too (RFC 4254, 6.9).
                let _ = open.channel.signal(Sig::KILL).await;
                let _ = open.channel.close().await;
            });
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A connection that a server forwards. It keeps the session alive that it goes through.
pub(super) struct Forwarded {
    stream: Option<ChannelStream<Msg>>,
    runtime: Handle,
    _session: Arc<Session>,
}

impl Forwarded {
    pub(super) fn new(channel: Channel<Msg>, session: Arc<Session>) -> Self {
        Self { stream: Some(channel.into_stream()), runtime: Handle::current(), _session: session }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut ChannelStream<Msg>>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        // The library's stream spawns its closing message when dropped, which outside a runtime would panic.
        let _entered = self.runtime.enter();
        self.stream = None;
    }
}

impl AsyncRead for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
