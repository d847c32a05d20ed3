//! A client's end of the socket: the seams of a twin in another process, and the control over it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fabric_model::Digest;
use fabric_wire::endpoint::{Secret, SshHost};
use fabric_wire::seam::{BoxStream, Clock, Datagram, Dial, Entropy, Pending, Ssh, SshWrite, Writing};
use fabric_wire::ssh::{AuthProbe, ChangeCommand, CommandOutput, ReadCommand};
use fabric_wire::{Deadline, Seams, WireError};
use tokio::net::UnixStream;

use super::frame::{self, Ask, Failure, Reply, Told, Use};
use super::remote_clock::RemoteClock;
use crate::control::{Hold, Operations};
use crate::fault::TwinFault;
use crate::history::Made;
use crate::world;

/// A twin in another process. Clones are the same client of it: they share their SSH sessions.
#[derive(Clone, Debug)]
pub struct Remote {
    line: Arc<Line>,
    secrets: BTreeMap<String, Secret>,
    authorities: BTreeMap<String, String>,
}

/// The way to the twin, and what goes with it.
#[derive(Debug)]
struct Line {
    path: PathBuf,
    client: u64,
    clock: RemoteClock,
    randomness: AtomicU64,
}

impl Remote {
    /// Finds a twin at its socket.
    ///
    /// # Errors
    /// When nobody answers there, or not as a twin does.
    pub async fn connect(path: &Path) -> io::Result<Self> {
        let (_, reply) = ask(path, &Ask::Hello).await?;
        let Ok(Told::Hello(hello)) = reply.told else { return Err(misunderstood()) };
        let began = UNIX_EPOCH + Duration::from_nanos(hello.began_ns);
        let line = Line {
            path: path.to_owned(),
            client: hello.client,
            clock: RemoteClock::new(began, hello.speed, Duration::from_nanos(reply.elapsed_ns)),
            randomness: AtomicU64::new(hello.seed),
        };
        Ok(Self {
            line: Arc::new(line),
            secrets: hello
                .secrets
                .into_iter()
                .map(|(name, text)| (name, Secret::new(text.into_bytes())))
                .collect(),
            authorities: hello.authorities,
        })
    }

    /// The seams into the twin.
    pub fn seams(&self) -> Seams {
        let seams = Arc::new(RemoteSeams(Arc::clone(&self.line)));
        Seams {
            dial: seams.clone(),
            datagram: seams.clone(),
            ssh: seams.clone(),
            clock: seams.clone(),
            entropy: seams,
        }
    }

    /// The ways to change it.
    pub fn writing(&self) -> Writing {
        let seams = Arc::new(RemoteSeams(Arc::clone(&self.line)));
        Writing { ssh: seams.clone(), dial: seams }
    }

    /// The certificate of an authority of the site as PEM; none for other names.
    pub fn authority(&self, name: &str) -> Option<Vec<u8>> {
        self.authorities.get(name).map(|pem| pem.clone().into_bytes())
    }

    /// The secret behind a handle: the Proxmox token's, or a key of an S3 server.
    pub fn secret(&self, handle: &str) -> Option<Secret> {
        self.secrets.get(handle).cloned()
    }

    /// As [`Twin::inject`](crate::Twin::inject).
    ///
    /// # Errors
    /// When the site has not what the fault names, or the twin is gone.
    pub async fn inject(&self, fault: TwinFault) -> io::Result<()> {
        self.done(&Ask::Inject { fault }).await
    }

    /// As [`Twin::heal`](crate::Twin::heal).
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn heal(&self, fault: &TwinFault) -> io::Result<bool> {
        self.flag(&Ask::Heal { fault: fault.clone() }).await
    }

    /// As [`Twin::proxmox_requests`](crate::Twin::proxmox_requests).
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn proxmox_requests(&self) -> io::Result<Vec<String>> {
        match self.told(&Ask::ProxmoxRequests).await? {
            Told::Texts(texts) => Ok(texts),
            _ => Err(misunderstood()),
        }
    }

    /// As [`Twin::changes`](crate::Twin::changes).
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn changes(&self) -> io::Result<Vec<Made>> {
        match self.told(&Ask::Changes).await? {
            Told::Made(made) => Ok(made),
            _ => Err(misunderstood()),
        }
    }

    /// As [`Twin::digest`](crate::Twin::digest).
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn digest(&self) -> io::Result<Digest> {
        match self.told(&Ask::Digest).await? {
            Told::Digest(digest) => Ok(digest),
            _ => Err(misunderstood()),
        }
    }

    /// As [`Twin::advance`](crate::Twin::advance), in whole milliseconds.
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn advance(&self, over: Duration) -> io::Result<()> {
        self.done(&Ask::Advance { millis: frame::millis(over) }).await
    }

    /// As [`Twin::hold`](crate::Twin::hold).
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn hold(&self, hold: Hold) -> io::Result<()> {
        self.done(&Ask::Hold { hold }).await
    }

    /// As [`Twin::release`](crate::Twin::release).
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn release(&self) -> io::Result<()> {
        self.done(&Ask::Release).await
    }

    /// As [`Twin::held`](crate::Twin::held): waits.
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn held(&self) -> io::Result<()> {
        self.done(&Ask::Held).await
    }

    /// As [`Twin::is_held`](crate::Twin::is_held).
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn is_held(&self) -> io::Result<bool> {
        self.flag(&Ask::IsHeld).await
    }

    /// As [`Twin::refuse_network`](crate::Twin::refuse_network).
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn refuse_network(&self, on: bool) -> io::Result<()> {
        self.done(&Ask::RefuseNetwork { on }).await
    }

    /// As [`Twin::operations`](crate::Twin::operations).
    ///
    /// # Errors
    /// When the twin is gone.
    pub async fn operations(&self, among: Operations) -> io::Result<u64> {
        match self.told(&Ask::Operations { among }).await? {
            Told::Number(number) => Ok(number),
            _ => Err(misunderstood()),
        }
    }

    async fn done(&self, ask: &Ask) -> io::Result<()> {
        match self.told(ask).await? {
            Told::Done => Ok(()),
            _ => Err(misunderstood()),
        }
    }

    async fn flag(&self, ask: &Ask) -> io::Result<bool> {
        match self.told(ask).await? {
            Told::Flag(flag) => Ok(flag),
            _ => Err(misunderstood()),
        }
    }

    async fn told(&self, ask: &Ask) -> io::Result<Told> {
        let (_, told) = self.line.ask(ask).await?;
        told.map_err(|failure| match failure {
            Failure::NotFound(what) => io::Error::new(io::ErrorKind::NotFound, what),
            other => io::Error::other(WireError::from(other)),
        })
    }
}

impl Line {
    async fn ask(&self, request: &Ask) -> io::Result<(UnixStream, Result<Told, Failure>)> {
        let (stream, reply) = ask(&self.path, request).await?;
        self.clock.hear(Duration::from_nanos(reply.elapsed_ns));
        Ok((stream, reply.told))
    }

    /// Uses a seam. A twin that is gone is a network that is.
    async fn make(&self, deadline: Deadline, seam: Use) -> Result<(UnixStream, Told), WireError> {
        let left_ms = frame::millis(deadline.left());
        let ask = Ask::Use { client: self.client, left_ms, seam };
        let asked = async {
            let asked = self.ask(&ask).await;
            let (stream, told) =
                asked.map_err(|error| WireError::Unreachable(format!("the twin: {error}")))?;
            Ok((stream, told?))
        };
        deadline.bound(asked).await
    }
}

async fn ask(path: &Path, ask: &Ask) -> io::Result<(UnixStream, Reply)> {
    let mut stream = UnixStream::connect(path).await?;
    frame::write(&mut stream, ask).await?;
    let reply = frame::read(&mut stream).await?;
    Ok((stream, reply))
}

fn misunderstood() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what answers is no twin of this version")
}

/// A reply of another kind than the request calls for.
fn beside_the_point(_told: Told) -> WireError {
    WireError::Garbage(misunderstood().to_string())
}

/// The seams of one client.
#[derive(Debug)]
struct RemoteSeams(Arc<Line>);

impl RemoteSeams {
    async fn open(&self, deadline: Deadline, seam: Use) -> Result<BoxStream, WireError> {
        match self.0.make(deadline, seam).await? {
            (stream, Told::Open) => Ok(Box::new(stream)),
            (_, other) => Err(beside_the_point(other)),
        }
    }

    async fn output(&self, deadline: Deadline, seam: Use) -> Result<CommandOutput, WireError> {
        match self.0.make(deadline, seam).await?.1 {
            Told::Output { status, stdout, stderr, path } => {
                Ok(CommandOutput { status, stdout, stderr, path })
            }
            other => Err(beside_the_point(other)),
        }
    }
}

impl Dial for RemoteSeams {
    fn dial(&self, to: SocketAddr, deadline: Deadline) -> Pending<'_, BoxStream> {
        Box::pin(self.open(deadline, Use::Dial { to }))
    }
}

impl Datagram for RemoteSeams {
    fn exchange<'a>(&'a self, to: SocketAddr, request: &'a [u8], deadline: Deadline) -> Pending<'a, Vec<u8>> {
        Box::pin(async move {
            match self.0.make(deadline, Use::Exchange { to, request: request.to_vec() }).await?.1 {
                Told::Bytes(bytes) => Ok(bytes),
                other => Err(beside_the_point(other)),
            }
        })
    }
}

impl Ssh for RemoteSeams {
    fn read<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ReadCommand,
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        let seam = Use::Read { host: frame::spec(host), argv: command.argv() };
        Box::pin(self.output(deadline, seam))
    }

    fn forward<'a>(
        &'a self,
        host: &'a SshHost,
        to: SocketAddr,
        deadline: Deadline,
    ) -> Pending<'a, BoxStream> {
        Box::pin(self.open(deadline, Use::Forward { host: frame::spec(host), to }))
    }

    fn probe_authentication<'a>(
        &'a self,
        host: &'a SshHost,
        user: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, AuthProbe> {
        Box::pin(async move {
            let seam = Use::Probe { host: frame::spec(host), user: user.to_owned() };
            match self.0.make(deadline, seam).await?.1 {
                Told::Probe { accepted, methods, path } => Ok(AuthProbe { accepted, methods, path }),
                other => Err(beside_the_point(other)),
            }
        })
    }
}

impl SshWrite for RemoteSeams {
    fn change<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ChangeCommand,
        input: &'a [u8],
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        let (host, command) = (frame::spec(host), command.clone());
        Box::pin(self.output(deadline, Use::Change { host, command, input: input.to_vec() }))
    }

    fn forget<'a>(&'a self, host: &'a SshHost) -> Pending<'a, ()> {
        let ask = Ask::Forget { client: self.0.client, host: frame::spec(host) };
        Box::pin(async move {
            let forgotten = self.0.ask(&ask).await;
            forgotten.map(drop).map_err(|error| WireError::Unreachable(format!("the twin: {error}")))
        })
    }
}

impl Clock for RemoteSeams {
    fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let line = Arc::clone(&self.0);
        Box::pin(async move {
            let began = tokio::time::Instant::now();
            // The twin knows when its clock jumps. Without it, time goes on at the speed that it had.
            if line.ask(&Ask::Sleep { millis: frame::millis(duration) }).await.is_err() {
                let whole = duration.checked_div(line.clock.speed()).unwrap_or(duration);
                let left = whole.saturating_sub(began.elapsed());
                tokio::time::sleep(left).await;
            }
        })
    }
}

impl Entropy for RemoteSeams {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), WireError> {
        world::fill(&self.0.randomness, bytes);
        Ok(())
    }
}
