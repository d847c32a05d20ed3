//! Seams whose other side is scripted by the test: streams are in memory, time is the runtime's own.

pub(crate) mod authority;

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::{BoxStream, Clock, Datagram, Dial, Entropy, Pending, Route, Ssh, SshWrite};
use fabric_wire::ssh::{AuthProbe, ChangeCommand, CommandOutput, ReadCommand};
use fabric_wire::{Deadline, Seams, WireError, Writing};
use tokio::io::DuplexStream;

/// What one connection meets.
pub(crate) type Served = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves a connection, or refuses it with an error.
pub(crate) type Serve = Arc<dyn Fn(SocketAddr, DuplexStream) -> Result<Served, WireError> + Send + Sync>;

/// Answers one datagram: with bytes after a while, or with an error; none means never.
pub(crate) type Answer = Option<(Duration, Result<Vec<u8>, WireError>)>;

/// What one datagram meets.
pub(crate) type Answering = Box<dyn FnOnce(&[u8]) -> Answer + Send>;

/// Where every peer listens; the scripts do not look at it unless they care.
pub(crate) fn peer() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 53], 53))
}

/// A generous deadline; the runtime's clock is paused or the answers come at once.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(9))
}

/// 2026-06-01, the day on which the tests' certificates are looked at.
pub(crate) const TODAY: Duration = Duration::from_secs(1_780_272_000);

/// A scripted outside.
pub(crate) struct World {
    serve: Serve,
    answers: Mutex<VecDeque<Answering>>,
    dialled: AtomicUsize,
    forwarded: AtomicUsize,
    sent: AtomicUsize,
}

impl World {
    /// A world of streams.
    pub(crate) fn of_streams<F, S>(serve: F) -> Arc<Self>
    where
        F: Fn(SocketAddr, DuplexStream) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        Self::of(Arc::new(move |to, stream| Ok(Box::pin(serve(to, stream)) as Served)))
    }

    /// A world in which each connection is served or fails.
    pub(crate) fn of(serve: Serve) -> Arc<Self> {
        Arc::new(Self {
            serve,
            answers: Mutex::default(),
            dialled: AtomicUsize::new(0),
            forwarded: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
        })
    }

    /// A world of datagrams: each sending meets the next answer, and silence after the last.
    pub(crate) fn of_datagrams(answers: Vec<Answering>) -> Arc<Self> {
        let world = Self::of(Arc::new(|_, _| Err(WireError::Refused)));
        *world.answers.lock().expect("no test panicked") = answers.into();
        world
    }

    /// Connections made from here.
    pub(crate) fn dialled(&self) -> usize {
        self.dialled.load(Ordering::SeqCst)
    }

    /// Connections made through a host.
    pub(crate) fn forwarded(&self) -> usize {
        self.forwarded.load(Ordering::SeqCst)
    }

    /// Datagrams sent.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    fn connect(&self, to: SocketAddr) -> Result<BoxStream, WireError> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn((self.serve)(to, theirs)?);
        Ok(Box::new(ours))
    }
}

/// The seams of a world.
pub(crate) fn seams(world: &Arc<World>) -> Seams {
    let outside = Arc::new(Outside(world.clone()));
    Seams {
        dial: outside.clone(),
        datagram: outside.clone(),
        ssh: outside.clone(),
        clock: outside.clone(),
        entropy: outside,
    }
}

/// The ways to write of a world; no host of it takes a change.
pub(crate) fn writing(world: &Arc<World>) -> Writing {
    let outside = Arc::new(Outside(world.clone()));
    Writing { ssh: outside.clone(), dial: outside }
}

/// A route through a host.
pub(crate) fn via() -> Route {
    Route::Via(SshHost {
        name: "edge".parse().expect("a name"),
        address: SocketAddr::from(([192, 0, 2, 1], 22)),
        user: "op".parse().expect("a name"),
        jump: Vec::new(),
    })
}

struct Outside(Arc<World>);

impl Dial for Outside {
    fn dial(&self, to: SocketAddr, _: Deadline) -> Pending<'_, BoxStream> {
        self.0.dialled.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { self.0.connect(to) })
    }
}

impl Datagram for Outside {
    fn exchange<'a>(&'a self, _: SocketAddr, request: &'a [u8], _: Deadline) -> Pending<'a, Vec<u8>> {
        self.0.sent.fetch_add(1, Ordering::SeqCst);
        let next = self.0.answers.lock().expect("no test panicked").pop_front();
        let answer = next.and_then(|next| next(request));
        Box::pin(async move {
            match answer {
                Some((after, answer)) => {
                    tokio::time::sleep(after).await;
                    answer
                }
                None => std::future::pending().await,
            }
        })
    }
}

impl Ssh for Outside {
    fn read<'a>(&'a self, _: &'a SshHost, _: &'a ReadCommand, _: Deadline) -> Pending<'a, CommandOutput> {
        Box::pin(async { Err(WireError::Refused) })
    }

    fn forward<'a>(&'a self, _: &'a SshHost, to: SocketAddr, _: Deadline) -> Pending<'a, BoxStream> {
        self.0.forwarded.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { self.0.connect(to) })
    }

    fn probe_authentication<'a>(&'a self, _: &'a SshHost, _: &'a str, _: Deadline) -> Pending<'a, AuthProbe> {
        Box::pin(async { Err(WireError::Refused) })
    }
}

impl SshWrite for Outside {
    fn change<'a>(
        &'a self,
        _: &'a SshHost,
        _: &'a ChangeCommand,
        _: &'a [u8],
        _: Deadline,
    ) -> Pending<'a, CommandOutput> {
        Box::pin(async { Err(WireError::Refused) })
    }

    fn forget<'a>(&'a self, _: &'a SshHost) -> Pending<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

impl Clock for Outside {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + TODAY
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl Entropy for Outside {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), WireError> {
        bytes.fill(0x5a);
        Ok(())
    }
}
