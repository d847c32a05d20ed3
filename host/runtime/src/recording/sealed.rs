//! Seams that lead nowhere, for a run without a site. A recording answers before any of them is used; one that is used all the same is a bug.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::{BoxStream, Clock, Datagram, Dial, Entropy, Pending, Ssh, SshWrite};
use fabric_wire::ssh::{AuthProbe, ChangeCommand, CommandOutput, ReadCommand};
use fabric_wire::{Deadline, Seams, WireError, Writing};

use crate::wall;

/// No way out.
struct NoWay;

fn nowhere<'a, T>() -> Pending<'a, T> {
    Box::pin(async { Err(WireError::Offline) })
}

impl Dial for NoWay {
    fn dial(&self, _to: SocketAddr, _deadline: Deadline) -> Pending<'_, BoxStream> {
        nowhere()
    }
}

impl Datagram for NoWay {
    fn exchange<'a>(
        &'a self,
        _to: SocketAddr,
        _request: &'a [u8],
        _deadline: Deadline,
    ) -> Pending<'a, Vec<u8>> {
        nowhere()
    }
}

impl Ssh for NoWay {
    fn read<'a>(
        &'a self,
        _host: &'a SshHost,
        _command: &'a ReadCommand,
        _deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        nowhere()
    }

    fn forward<'a>(
        &'a self,
        _host: &'a SshHost,
        _to: SocketAddr,
        _deadline: Deadline,
    ) -> Pending<'a, BoxStream> {
        nowhere()
    }

    fn probe_authentication<'a>(
        &'a self,
        _host: &'a SshHost,
        _user: &'a str,
        _deadline: Deadline,
    ) -> Pending<'a, AuthProbe> {
        nowhere()
    }
}

impl SshWrite for NoWay {
    fn change<'a>(
        &'a self,
        _host: &'a SshHost,
        _command: &'a ChangeCommand,
        _input: &'a [u8],
        _deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        nowhere()
    }

    fn forget<'a>(&'a self, _host: &'a SshHost) -> Pending<'a, ()> {
        nowhere()
    }
}

impl Entropy for NoWay {
    fn fill(&self, _bytes: &mut [u8]) -> Result<(), WireError> {
        Err(WireError::Offline)
    }
}

/// The time of this machine, and what was waited for on top of it: nobody waits for a world that does not move.
#[derive(Default)]
struct OfflineClock {
    waited: Mutex<Duration>,
}

impl Clock for OfflineClock {
    fn now(&self) -> SystemTime {
        wall::now() + *self.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        *waited = waited.saturating_add(duration);
        Box::pin(std::future::ready(()))
    }
}

/// Ways out that are none.
pub(crate) fn seams() -> Seams {
    Seams {
        dial: Arc::new(NoWay),
        datagram: Arc::new(NoWay),
        ssh: Arc::new(NoWay),
        clock: Arc::new(OfflineClock::default()),
        entropy: Arc::new(NoWay),
    }
}

/// Ways to change something that are none.
pub(crate) fn writing() -> Writing {
    Writing { ssh: Arc::new(NoWay), dial: Arc::new(NoWay) }
}

#[cfg(test)]
mod tests {
    use fabric_model::{Code, Fault};

    use super::*;

    #[tokio::test]
    async fn a_way_out_of_an_offline_run_is_a_bug() {
        let to = "127.0.0.1:53".parse().expect("an address");
        let deadline = Deadline::after(Duration::from_secs(1));
        let dialled = seams().dial.dial(to, deadline).await.map(drop).expect_err("no way");
        let asked = seams().datagram.exchange(to, b"", deadline).await.expect_err("no way");
        let random = seams().entropy.fill(&mut [0]).expect_err("no way");
        for error in [dialled, asked, random] {
            assert_eq!(Fault::from(error).code, Code::BugInternal);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_over_at_once_and_shows_on_the_clock() {
        let clock = seams().clock;
        let (before, began) = (clock.now(), tokio::time::Instant::now());
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(clock.now().duration_since(before).expect("later") >= Duration::from_secs(3600));
    }
}
