//! Transient timers, as `systemd-run --on-active` makes them.

use std::time::Duration;

/// A timer with the service that it triggers.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    /// What the service runs.
    pub(crate) argv: Vec<String>,
    /// When it was armed.
    pub(crate) armed: Duration,
    pub(crate) elapses: Duration,
    /// When it elapsed, and the status of what it ran then.
    pub(crate) elapsed: Option<(Duration, u32)>,
}
