//! The samples of a continuous probe: one line of canonical JSON each, and what they add up to.

use fabric_model::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::{self, NotCanonical, count};

/// One sample. Times are in nanoseconds of the site's clock, since the probe began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Its number, from 0.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub number: u64,
    /// When it was sent.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub sent_ns: u64,
    /// How much later than it should have been.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub late_ns: u64,
    /// How long it took until the answer, or until it was given up.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub took_ns: u64,
    /// Whether it had a good answer.
    pub good: bool,
    /// The code of the fault, where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What went wrong, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The longest time without a good answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// When the last good sample before it was sent, or the probe began.
    pub from_ns: u64,
    /// When the first good sample after it was sent, or the probe ended.
    pub to_ns: u64,
}

impl Gap {
    /// How long it is, in nanoseconds.
    pub fn length_ns(self) -> u64 {
        self.to_ns.saturating_sub(self.from_ns)
    }
}

/// The longest time between the sending of two consecutive good samples. Where the probe begins or ends with lost ones, the time from
/// its beginning or to its end counts as well.
pub fn longest_gap(samples: &[Sample], ended_ns: u64) -> Gap {
    let edge = |lost: Option<&Sample>| lost.is_some_and(|sample| !sample.good);
    let begin = edge(samples.first()).then_some(0);
    let end = edge(samples.last()).then_some(ended_ns);
    let good = samples.iter().filter(|sample| sample.good).map(|sample| sample.sent_ns);
    let points: Vec<u64> = begin.into_iter().chain(good).chain(end).collect();
    let gaps = points.iter().zip(points.iter().skip(1)).map(|(from, to)| Gap { from_ns: *from, to_ns: *to });
    // The first of the longest.
    gaps.reduce(|longest, gap| if gap.length_ns() > longest.length_ns() { gap } else { longest })
        .unwrap_or_default()
}

/// The artifact: each sample on a line, in the order of their numbers.
///
/// # Errors
/// When a time is 104 days or more.
pub fn to_bytes(samples: &[Sample]) -> Result<Vec<u8>, NotCanonical> {
    let mut bytes = Vec::new();
    for sample in samples {
        bytes.extend(canonical::bytes(sample).map_err(NotCanonical::Shape)?);
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Reads an artifact.
///
/// # Errors
/// When a line is torn or not the canonical form of a sample.
pub fn read(bytes: &[u8]) -> Result<Vec<Sample>, NotCanonical> {
    let line = |line: &[u8]| canonical::read(line.strip_suffix(b"\n").ok_or(NotCanonical::Form)?);
    bytes.split_inclusive(|byte| *byte == b'\n').map(line).collect()
}

/// The digest of an artifact.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::of(bytes)
}

/// How late the samples of a probe were sent, in nanoseconds: its own jitter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// Half of them were not later than this.
    pub median_ns: u64,
    /// 99 of 100 were not.
    pub p99_ns: u64,
    /// None was.
    pub worst_ns: u64,
}

/// How late these samples were sent, each figure that of the nearest rank.
pub fn lateness(samples: &[Sample]) -> Lateness {
    let mut late: Vec<u64> = samples.iter().map(|sample| sample.late_ns).collect();
    late.sort_unstable();
    let at_most = |percent: usize| {
        let rank = (late.len() * percent).div_ceil(100).max(1) - 1;
        late.get(rank).copied().unwrap_or_default()
    };
    Lateness { median_ns: at_most(50), p99_ns: at_most(99), worst_ns: at_most(100) }
}

/// Whether the artifact bears out what the journal says of its probe.
pub(crate) fn fault(bytes: &[u8], sent: u64, lost: u64, gap_ms: u64) -> Option<&'static str> {
    let Ok(samples) = read(bytes) else { return Some("a line of it is no sample") };
    let bad = samples.iter().filter(|sample| !sample.good).count() as u64;
    // The end of the probe is not in the artifact: what follows from the samples alone is the least that the gap can be.
    let last = samples.last().map_or(0, |sample| sample.sent_ns);
    let least_ms = longest_gap(&samples, last).length_ns() / 1_000_000;
    if samples.len() as u64 != sent || bad != lost || least_ms > gap_ms {
        return Some("its samples do not add up to what the journal says of the probe");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(good: &str) -> Vec<Sample> {
        let sample = |(number, good): (u64, char)| Sample {
            number,
            sent_ns: number * 50_000_000,
            late_ns: 0,
            took_ns: 1_000_000,
            good: good == '+',
            code: (good != '+').then(|| "port.timeout".to_owned()),
            detail: None,
        };
        (0..).zip(good.chars()).map(sample).collect()
    }

    fn gap_ms(good: &str, ended_ms: u64) -> (u64, u64) {
        let gap = longest_gap(&samples(good), ended_ms * 1_000_000);
        (gap.from_ns / 1_000_000, gap.to_ns / 1_000_000)
    }

    #[test]
    fn the_gap_is_the_longest_time_between_good_samples_and_edges_count_only_where_samples_are_lost() {
        assert_eq!(gap_ms("++--+-+", 330), (50, 200));
        assert_eq!(gap_ms("+++", 900), (0, 50), "nothing was lost at the end");
        assert_eq!(gap_ms("++-", 900), (50, 900));
        assert_eq!(gap_ms("--+", 110), (0, 100));
        assert_eq!(gap_ms("---", 500), (0, 500));
        assert_eq!(gap_ms("", 500), (0, 0));
        assert_eq!(gap_ms("+-+-+", 200), (0, 100), "the first of equals");
    }

    #[test]
    fn an_artifact_is_read_as_it_was_written_and_nothing_else_is_read() {
        let samples = samples("+-+");
        let bytes = to_bytes(&samples).expect("short");
        assert_eq!(read(&bytes).expect("an artifact"), samples);
        assert!(read(bytes.get(..bytes.len() - 1).expect("long enough")).is_err());
        assert!(read(&[b" ", &bytes[..]].concat()).is_err());
    }

    #[test]
    fn samples_that_say_something_else_than_the_journal_are_found() {
        let bytes = to_bytes(&samples("+--+")).expect("short");
        assert_eq!(fault(&bytes, 4, 2, 150), None);
        for (sent, lost, gap_ms) in [(5, 2, 150), (4, 1, 150), (4, 2, 149)] {
            assert!(fault(&bytes, sent, lost, gap_ms).is_some(), "{sent} {lost} {gap_ms}");
        }
    }

    #[test]
    fn lateness_is_that_of_the_nearest_rank() {
        let mut samples = samples(&"+".repeat(200));
        for (sample, late_ns) in samples.iter_mut().zip((1..=200).rev()) {
            sample.late_ns = late_ns;
        }
        assert_eq!(lateness(&samples), Lateness { median_ns: 100, p99_ns: 198, worst_ns: 200 });
        let last = samples.split_off(199);
        assert_eq!(lateness(&last), Lateness { median_ns: 1, p99_ns: 1, worst_ns: 1 });
        assert_eq!(lateness(&[]), Lateness::default());
    }
}
