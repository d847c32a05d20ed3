//! How far a host's clock is from ours.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::CLOCK;
use super::output::garbage;
use crate::error::WireError;

/// The bounds within which a host's clock differs from ours. The host was read at some moment between sending the question and
/// having the answer, so the true offset lies within `offset_ms ± uncertainty_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockOffset {
    /// Host minus ours in milliseconds; positive when the host is ahead.
    pub offset_ms: i64,
    /// Half the time that the question took, in milliseconds, rounded up.
    pub uncertainty_ms: u64,
}

/// Reads the output of [`super::ReadCommand::Clock`], asked after `before` and answered by `after` on our own clock.
///
/// # Errors
/// [`WireError::Command`] when the tool failed, [`WireError::Garbage`] when it printed no time, or when our own clock was set
/// back in between.
pub fn clock(
    output: &CommandOutput,
    before: SystemTime,
    after: SystemTime,
) -> Result<ClockOffset, WireError> {
    let host = printed(output)?;
    let ours = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).map(nanoseconds);
        since.map_err(|_| garbage(CLOCK, "this machine's clock is before 1970"))
    };
    let (before, after) = (ours(before)?, ours(after)?);
    if after < before {
        return Err(garbage(CLOCK, "this machine's own clock was set back while the host was asked"));
    }
    // Twice the values, so that the middle of the interval is exact.
    let twice_offset = 2 * nanoseconds(host) - before - after;
    let offset_ms = rounded(twice_offset, 2_000_000);
    // Up to half a millisecond is lost by rounding the offset; the bounds must still hold.
    let uncertainty_ms = (after - before + 1_000_000 + 1_999_999).div_euclid(2_000_000);
    let out_of_range = |_| garbage(CLOCK, "the host's time is out of range");
    Ok(ClockOffset {
        offset_ms: offset_ms.try_into().map_err(out_of_range)?,
        uncertainty_ms: uncertainty_ms.try_into().map_err(out_of_range)?,
    })
}

/// Reads the output of [`super::ReadCommand::Clock`] as the host's own time: what its other answers are to be held against.
///
/// # Errors
/// [`WireError::Command`] when the tool failed, [`WireError::Garbage`] when it printed no time.
pub fn host_time(output: &CommandOutput) -> Result<SystemTime, WireError> {
    let time = UNIX_EPOCH.checked_add(printed(output)?);
    time.ok_or_else(|| garbage(CLOCK, "the host's time is out of range"))
}

fn printed(output: &CommandOutput) -> Result<Duration, WireError> {
    since_epoch(output.text(CLOCK)?.trim()).ok_or_else(|| garbage(CLOCK, "it printed no time"))
}

/// `1795248249.012345678`: seconds and nine digits of nanoseconds, as `date +%s.%N` prints them.
fn since_epoch(text: &str) -> Option<Duration> {
    let (seconds, nanos) = text.split_once('.')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(nanos) || nanos.len() != 9 {
        return None;
    }
    Some(Duration::new(seconds.parse().ok()?, nanos.parse().ok()?))
}

/// A `Duration` of at most `u64::MAX` seconds is under 2^95 nanoseconds, so sums of a few stay within `i128`.
fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX / 8)
}

/// Division rounded to the nearest, halves upward.
fn rounded(value: i128, divisor: i128) -> i128 {
    (value + divisor / 2).div_euclid(divisor)
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::printed;
    use super::*;

    fn at(ms: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(ms)
    }

    #[test]
    fn the_offset_is_taken_from_the_middle_of_the_question() {
        let offset = clock(&printed("1000.250000000\n"), at(1_000_100), at(1_000_200)).expect("a time");
        assert_eq!(offset, ClockOffset { offset_ms: 100, uncertainty_ms: 51 });
        let behind = clock(&printed("999.000000000\n"), at(1_000_000), at(1_000_000)).expect("a time");
        assert_eq!(behind, ClockOffset { offset_ms: -1000, uncertainty_ms: 1 });
    }

    #[test]
    fn a_clock_that_agrees_is_within_its_bounds() {
        for delay in 0..=37 {
            let host = format!("1000.{:09}", delay * 1_000_000);
            let offset = clock(&printed(&host), at(1_000_000), at(1_000_037)).expect("a time");
            assert!(offset.offset_ms.unsigned_abs() <= offset.uncertainty_ms, "{delay}: {offset:?}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_garbage() {
        for bad in ["", "1000", "1000.5", "-1.000000000", "1000.%N", "99999999999999999999.000000000"] {
            assert!(matches!(clock(&printed(bad), at(0), at(1)), Err(WireError::Garbage(_))), "{bad}");
        }
        let set_back = clock(&printed("1000.000000000"), at(2), at(1));
        assert!(matches!(set_back, Err(WireError::Garbage(_))));
        let overflow = clock(&printed(&format!("{}.000000000", u64::MAX)), at(0), at(1));
        assert!(matches!(overflow, Err(WireError::Garbage(_))), "{overflow:?}");
    }

    #[test]
    fn the_hosts_own_time_is_taken_as_it_is() {
        let time = host_time(&printed("1000.250000000\n"));
        assert_eq!(time, Ok(at(1_000_250)));
        for bad in ["", "1000", &format!("{}.000000000", u64::MAX)] {
            assert!(matches!(host_time(&printed(bad)), Err(WireError::Garbage(_))), "{bad}");
        }
    }
}
