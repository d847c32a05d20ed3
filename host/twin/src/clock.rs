//! The twin's clock: as fast as it is told, and it can jump.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::Instant;

/// Runs with tokio's clock, so that paused time stands still here too.
#[derive(Debug)]
pub(crate) struct TwinClock {
    began: SystemTime,
    start: Instant,
    speed: u32,
    /// What was jumped over so far. Sleepers watch it.
    skipped: watch::Sender<Duration>,
}

impl TwinClock {
    /// Begins at the real time. A second of the twin takes a `speed`-th of one; at 0 time stands still but for jumps.
    pub(crate) fn new(speed: u32) -> Self {
        Self {
            began: SystemTime::now(),
            start: Instant::now(),
            speed,
            skipped: watch::Sender::new(Duration::ZERO),
        }
    }

    pub(crate) fn began(&self) -> SystemTime {
        self.began
    }

    pub(crate) fn speed(&self) -> u32 {
        self.speed
    }

    /// The twin's time since it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed() * self.speed + *self.skipped.borrow()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.began + self.elapsed()
    }

    pub(crate) fn jump(&self, over: Duration) {
        self.skipped.send_modify(|skipped| *skipped += over);
    }

    /// Waits until that much of the twin's time is over; a jump counts.
    pub(crate) async fn sleep(self: Arc<Self>, duration: Duration) {
        let until = self.elapsed() + duration;
        let mut jumps = self.skipped.subscribe();
        loop {
            let left = until.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            // A sender that lives as long as this future never closes.
            let Some(left) = left.checked_div(self.speed) else {
                let _jumped = jumps.changed().await;
                continue;
            };
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _jumped = jumps.changed() => {}
            }
        }
    }
}
