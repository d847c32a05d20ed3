//! The system's wall clock.

use std::time::SystemTime;

use fabric_wire::seam::Clock;

/// The wall clock as the kernel keeps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
