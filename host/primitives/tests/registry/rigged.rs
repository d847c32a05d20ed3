//! The twin's seams with a counter on every use, and with a mishap on those uses that a test picks.
//!
//! Every method that a seam trait has is counted here: a primitive has no other way out, so what these counts do not show did not
//! happen.

use std::future::pending;
use std::net::SocketAddr;
use std::ops::RangeFrom;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::{BoxStream, Datagram, Dial, Entropy, Pending, Ssh, SshWrite};
use fabric_wire::ssh::{AuthProbe, ChangeCommand, CommandOutput, ReadCommand};
use fabric_wire::{Deadline, Seams, WireError, Writing};

use crate::stream::{Mode, Spoilt};

/// One way out, as it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Dial,
    Datagram,
    SshRead,
    SshForward,
    SshProbe,
    Entropy,
    /// A command of those that change, which only checks what it is given.
    SshCheck,
    /// A changing command.
    SshChange,
    /// A connection over which a change is asked for.
    ChangeDial,
}

impl Way {
    /// Whether something may change over it.
    pub(crate) fn writes(self) -> bool {
        match self {
            Self::SshChange | Self::ChangeDial => true,
            Self::Dial
            | Self::Datagram
            | Self::SshRead
            | Self::SshForward
            | Self::SshProbe
            | Self::SshCheck
            | Self::Entropy => false,
        }
    }
}

/// One use of a way out, with the bytes that came back over it.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) way: Way,
    bytes: Arc<AtomicUsize>,
}

impl Use {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Mishap {
    /// The seam gives this error.
    Fails(WireError),
    /// The seam never gives anything.
    Hangs,
    /// What is read ends after so many bytes, without an error. What a changing command is given does too, and the connection is gone.
    Cut(usize),
    /// These bytes are read instead of the true ones.
    Garbage(&'static [u8]),
    /// The connection is there, and nothing comes over it.
    Mute,
    /// It is done, and nothing of that comes back.
    Lost,
    /// The command ends with this status and prints nothing.
    Status(u32),
}

/// On which uses something goes wrong, counted from 0.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    Nothing,
    Once(usize, Mishap),
    Onwards(RangeFrom<usize>, Mishap),
}

impl Plan {
    fn on(&self, number: usize) -> Option<Mishap> {
        match self {
            Self::Once(at, mishap) if *at == number => Some(mishap.clone()),
            Self::Onwards(range, mishap) if range.contains(&number) => Some(mishap.clone()),
            _ => None,
        }
    }
}

/// The seams, counted and spoilt.
pub(crate) struct Rigged {
    inner: Seams,
    hands: Writing,
    plan: Plan,
    uses: Mutex<Vec<Use>>,
}

impl Rigged {
    pub(crate) fn new(inner: Seams, hands: Writing, plan: Plan) -> Arc<Self> {
        Arc::new(Self { inner, hands, plan, uses: Mutex::default() })
    }

    pub(crate) fn writing(self: &Arc<Self>) -> Writing {
        Writing { ssh: self.clone(), dial: Arc::new(ChangeDial(Arc::clone(self))) }
    }

    pub(crate) fn seams(self: &Arc<Self>) -> Seams {
        Seams {
            dial: self.clone(),
            datagram: self.clone(),
            ssh: self.clone(),
            clock: Arc::clone(&self.inner.clock),
            entropy: self.clone(),
        }
    }

    /// Every use so far, in order.
    pub(crate) fn uses(&self) -> Vec<Use> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, way: Way) -> (Option<Mishap>, Arc<AtomicUsize>) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = Arc::new(AtomicUsize::new(0));
        let mishap = self.plan.on(uses.len());
        uses.push(Use { way, bytes: Arc::clone(&bytes) });
        (mishap, bytes)
    }
}

/// Lets a seam's own failure happen before the seam is asked.
async fn fail_first(mishap: Option<&Mishap>) -> Result<(), WireError> {
    match mishap {
        Some(Mishap::Fails(error)) => Err(error.clone()),
        Some(Mishap::Hangs) => pending().await,
        _ => Ok(()),
    }
}

fn spoil(stream: BoxStream, mishap: Option<Mishap>, bytes: Arc<AtomicUsize>) -> BoxStream {
    let mode = match mishap {
        Some(Mishap::Cut(after)) => Mode::Cut(after),
        Some(Mishap::Garbage(garbage)) => Mode::Garbage(garbage),
        Some(Mishap::Mute | Mishap::Lost) => Mode::Mute,
        _ => Mode::True,
    };
    Box::new(Spoilt::new(stream, mode, bytes))
}

impl Dial for Rigged {
    fn dial(&self, to: SocketAddr, deadline: Deadline) -> Pending<'_, BoxStream> {
        Box::pin(async move {
            let (mishap, bytes) = self.note(Way::Dial);
            fail_first(mishap.as_ref()).await?;
            Ok(spoil(self.inner.dial.dial(to, deadline).await?, mishap, bytes))
        })
    }
}

impl Datagram for Rigged {
    fn exchange<'a>(&'a self, to: SocketAddr, request: &'a [u8], deadline: Deadline) -> Pending<'a, Vec<u8>> {
        Box::pin(async move {
            let (mishap, bytes) = self.note(Way::Datagram);
            fail_first(mishap.as_ref()).await?;
            let mut answer = self.inner.datagram.exchange(to, request, deadline).await?;
            bytes.store(answer.len(), Ordering::Relaxed);
            match mishap {
                Some(Mishap::Cut(after)) => answer.truncate(after),
                Some(Mishap::Garbage(garbage)) => answer = garbage.to_vec(),
                Some(Mishap::Mute) => return pending().await,
                _ => {}
            }
            Ok(answer)
        })
    }
}

impl Ssh for Rigged {
    fn read<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ReadCommand,
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        Box::pin(async move {
            let (mishap, bytes) = self.note(Way::SshRead);
            fail_first(mishap.as_ref()).await?;
            let mut output = self.inner.ssh.read(host, command, deadline).await?;
            bytes.store(output.stdout.len(), Ordering::Relaxed);
            match mishap {
                Some(Mishap::Garbage(garbage)) => output.stdout = garbage.to_vec(),
                Some(Mishap::Status(status)) => {
                    output.status = status;
                    output.stdout.clear();
                }
                _ => {}
            }
            Ok(output)
        })
    }

    fn forward<'a>(
        &'a self,
        host: &'a SshHost,
        to: SocketAddr,
        deadline: Deadline,
    ) -> Pending<'a, BoxStream> {
        Box::pin(async move {
            let (mishap, bytes) = self.note(Way::SshForward);
            fail_first(mishap.as_ref()).await?;
            Ok(spoil(self.inner.ssh.forward(host, to, deadline).await?, mishap, bytes))
        })
    }

    fn probe_authentication<'a>(
        &'a self,
        host: &'a SshHost,
        user: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, AuthProbe> {
        Box::pin(async move {
            let (mishap, _) = self.note(Way::SshProbe);
            fail_first(mishap.as_ref()).await?;
            self.inner.ssh.probe_authentication(host, user, deadline).await
        })
    }
}

impl SshWrite for Rigged {
    fn change<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ChangeCommand,
        input: &'a [u8],
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        Box::pin(async move {
            let checks = matches!(command, ChangeCommand::NftCheck { .. });
            let (mishap, _) = self.note(if checks { Way::SshCheck } else { Way::SshChange });
            fail_first(mishap.as_ref()).await?;
            // The far side sees an orderly end of what came so far.
            let arriving = match mishap {
                Some(Mishap::Cut(after)) => input.get(..after).unwrap_or(input),
                _ => input,
            };
            let output = self.hands.ssh.change(host, command, arriving, deadline).await?;
            match mishap {
                Some(Mishap::Cut(_)) => Err(WireError::Closed),
                Some(Mishap::Lost) => pending().await,
                _ => Ok(output),
            }
        })
    }

    fn forget<'a>(&'a self, host: &'a SshHost) -> Pending<'a, ()> {
        self.hands.ssh.forget(host)
    }
}

/// The way to the API over which changes are asked for.
struct ChangeDial(Arc<Rigged>);

impl Dial for ChangeDial {
    fn dial(&self, to: SocketAddr, deadline: Deadline) -> Pending<'_, BoxStream> {
        Box::pin(async move {
            let (mishap, bytes) = self.0.note(Way::ChangeDial);
            fail_first(mishap.as_ref()).await?;
            Ok(spoil(self.0.hands.dial.dial(to, deadline).await?, mishap, bytes))
        })
    }
}

impl Entropy for Rigged {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), WireError> {
        match self.note(Way::Entropy).0 {
            Some(Mishap::Fails(error)) => Err(error),
            _ => self.inner.entropy.fill(bytes),
        }
    }
}
