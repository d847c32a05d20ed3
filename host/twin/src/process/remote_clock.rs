//! A client's idea of the twin's clock, set right by every reply.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::world::lock;

#[derive(Debug)]
pub(super) struct RemoteClock {
    began: SystemTime,
    speed: u32,
    /// What the twin's time was, and when that was known.
    known: Mutex<(Duration, Instant)>,
}

impl RemoteClock {
    pub(super) fn new(began: SystemTime, speed: u32, elapsed: Duration) -> Self {
        Self { began, speed, known: Mutex::new((elapsed, Instant::now())) }
    }

    pub(super) fn speed(&self) -> u32 {
        self.speed
    }

    pub(super) fn now(&self) -> SystemTime {
        let (elapsed, when) = *lock(&self.known);
        self.began + elapsed + when.elapsed() * self.speed
    }

    /// Takes over what a reply says. It never runs backwards.
    pub(super) fn hear(&self, elapsed: Duration) {
        let mut known = lock(&self.known);
        let guessed = known.0 + known.1.elapsed() * self.speed;
        *known = (guessed.max(elapsed), Instant::now());
    }
}
