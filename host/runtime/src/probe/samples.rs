//! The samples of a continuous probe, and what they come to.

use std::time::Duration;

use fabric_evidence::probe::{self, Sample};

/// A probe that is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProbeResult {
    /// Every sample, by number.
    pub(crate) samples: Vec<Sample>,
    /// When it ended, in nanoseconds after its beginning.
    pub(crate) ended_ns: u64,
}

impl ProbeResult {
    /// How many samples were taken.
    pub(crate) fn sent(&self) -> u64 {
        self.samples.len() as u64
    }

    /// How many had no good answer.
    pub(crate) fn lost(&self) -> u64 {
        self.samples.iter().filter(|sample| !sample.good).count() as u64
    }

    /// The longest time between the sending of two samples with a good answer. A probe that begins or ends with lost samples had no
    /// service from its beginning, or to its end.
    pub(crate) fn gap(&self) -> Duration {
        Duration::from_nanos(probe::longest_gap(&self.samples, self.ended_ns).length_ns())
    }
}
