//! The samples of a continuous probe, and what they come to.

use std::time::Duration;

use fabric_evidence::canonical::NotCanonical;
use fabric_evidence::probe::{self, Gap, Sample};

/// A probe that is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProbeResult {
    /// Every sample, by number.
    pub(crate) samples: Vec<Sample>,
    /// When it ended, in nanoseconds after its beginning.
    pub(crate) ended_ns: u64,
}

/// How late samples were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lateness {
    /// Half of them were not later than this.
    pub(crate) median: Duration,
    /// 99 of 100 were not.
    pub(crate) p99: Duration,
    /// None was.
    pub(crate) worst: Duration,
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
        Duration::from_nanos(self.longest().length_ns())
    }

    fn longest(&self) -> Gap {
        probe::longest_gap(&self.samples, self.ended_ns)
    }

    /// How late the samples were sent: the jitter of the probe itself.
    pub(crate) fn lateness(&self) -> Lateness {
        let mut late: Vec<u64> = self.samples.iter().map(|sample| sample.late_ns).collect();
        late.sort_unstable();
        let at_most = |percent: usize| {
            // The nearest rank: the smallest that so many of a hundred do not exceed.
            let rank = (late.len() * percent).div_ceil(100).max(1) - 1;
            Duration::from_nanos(late.get(rank).copied().unwrap_or_default())
        };
        Lateness { median: at_most(50), p99: at_most(99), worst: at_most(100) }
    }

    /// The artifact: one line of canonical JSON for each sample.
    ///
    /// # Errors
    /// When the probe ran for 104 days.
    pub(crate) fn lines(&self) -> Result<Vec<u8>, NotCanonical> {
        probe::to_bytes(&self.samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(late_ms: &[u64], lost: &[u64]) -> ProbeResult {
        let sample = |(number, late): (u64, &u64)| Sample {
            number,
            sent_ns: number * 50_000_000,
            late_ns: late * 1_000_000,
            took_ns: 100_000,
            good: !lost.contains(&number),
            code: None,
            detail: None,
        };
        let samples: Vec<Sample> = (0..).zip(late_ms).map(sample).collect();
        let ended_ns = samples.len() as u64 * 50_000_000;
        ProbeResult { samples, ended_ns }
    }

    #[test]
    fn samples_add_up() {
        let result = result(&[0; 8], &[2, 3, 7]);
        assert_eq!((result.sent(), result.lost(), result.gap().as_millis()), (8, 3, 150));
        let lines = result.lines().expect("short");
        assert_eq!(probe::read(&lines).expect("an artifact"), result.samples);
    }

    #[test]
    fn lateness_is_that_of_the_nearest_rank() {
        let late: Vec<u64> = (1..=200).rev().collect();
        let Lateness { median, p99, worst } = result(&late, &[]).lateness();
        assert_eq!([median, p99, worst].map(|late| late.as_millis()), [100, 198, 200]);
        assert_eq!(result(&[7], &[]).lateness().median.as_millis(), 7);
        assert_eq!(ProbeResult::default().lateness(), Lateness::default());
    }
}
