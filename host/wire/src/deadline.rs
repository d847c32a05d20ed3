//! The one deadline of a call: every step of it, from dialling to the last byte, shares it.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::WireError;

/// A point in time after which a call gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline `duration` from now.
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// The time that is left, zero once it is over.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The earlier of two.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }

    /// Runs `step` until the deadline.
    ///
    /// # Errors
    /// [`WireError::Timeout`] when the step is not done by then, else what the step gives.
    pub async fn bound<T>(self, step: impl Future<Output = Result<T, WireError>>) -> Result<T, WireError> {
        tokio::time::timeout_at(self.0, step).await.unwrap_or(Err(WireError::Timeout))
    }
}
