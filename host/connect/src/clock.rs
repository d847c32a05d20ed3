//! The system's wall clock.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use fabric_wire::seam::Clock;

/// The wall clock as the kernel keeps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
