//! A stream that breaks off, lies or stays silent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use fabric_wire::BoxStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How a stream behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// As the peer does.
    True,
    /// It ends after so many bytes.
    Cut(usize),
    /// It gives these bytes and ends.
    Garbage(&'static [u8]),
    /// It gives nothing and does not end.
    Mute,
}

pub(crate) struct Spoilt {
    inner: BoxStream,
    mode: Mode,
    read: Arc<AtomicUsize>,
}

impl Spoilt {
    /// `read` counts the bytes that were read.
    pub(crate) fn new(inner: BoxStream, mode: Mode, read: Arc<AtomicUsize>) -> Self {
        Self { inner, mode, read }
    }
}

impl AsyncRead for Spoilt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = self.read.load(Ordering::Relaxed);
        let room = match self.mode {
            Mode::True => buffer.remaining(),
            Mode::Cut(after) => buffer.remaining().min(after.saturating_sub(before)),
            Mode::Mute => return Poll::Pending,
            Mode::Garbage(garbage) => {
                let left = garbage.get(before..).unwrap_or_default();
                let piece = left.get(..buffer.remaining()).unwrap_or(left);
                buffer.put_slice(piece);
                self.read.fetch_add(piece.len(), Ordering::Relaxed);
                return Poll::Ready(Ok(()));
            }
        };
        if room == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut store = vec![0; room];
        let mut piece = ReadBuf::new(&mut store);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut piece))?;
        self.read.fetch_add(piece.filled().len(), Ordering::Relaxed);
        buffer.put_slice(piece.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Spoilt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.mode {
            Mode::True | Mode::Cut(_) => Pin::new(&mut self.inner).poll_write(context, bytes),
            Mode::Garbage(_) | Mode::Mute => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
