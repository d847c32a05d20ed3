//! Points in time as a packet writes them.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A point in time in UTC, written `2026-05-04T03:02:01.000Z` (RFC 3339 with milliseconds, always that many characters).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Stamp(Timestamp);

/// Why a text is not a [`Stamp`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written like 2026-05-04T03:02:01.000Z")]
pub struct NotAStamp;

impl Stamp {
    /// The point in time, cut to milliseconds. A time outside the years -9999 to 9999 becomes the nearest one inside.
    pub fn of(time: SystemTime) -> Self {
        let exact = Timestamp::try_from(time)
            .unwrap_or_else(|_| if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX });
        Self(Timestamp::from_millisecond(exact.as_millisecond()).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// So many days of 24 hours later; the last point in time there is where that lies behind it.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        let span = SignedDuration::from_hours(24 * i64::from(days));
        Self(self.0.checked_add(span).unwrap_or(Timestamp::MAX))
    }

    /// Milliseconds from `earlier` to this; 0 where the clock was set back in between.
    pub fn millis_since(&self, earlier: Self) -> u64 {
        u64::try_from(self.0.as_millisecond() - earlier.0.as_millisecond()).unwrap_or(0)
    }
}

impl From<Stamp> for SystemTime {
    fn from(stamp: Stamp) -> Self {
        stamp.0.into()
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stamp({self})")
    }
}

impl FromStr for Stamp {
    type Err = NotAStamp;

    fn from_str(text: &str) -> Result<Self, NotAStamp> {
        let stamp = Self(text.parse().map_err(|_| NotAStamp)?);
        if stamp.to_string() == text { Ok(stamp) } else { Err(NotAStamp) }
    }
}

impl TryFrom<String> for Stamp {
    type Error = NotAStamp;

    fn try_from(text: String) -> Result<Self, NotAStamp> {
        text.parse()
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> Self {
        stamp.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        let stamp = Stamp::of(SystemTime::UNIX_EPOCH + Duration::from_micros(1_500_999));
        assert_eq!(stamp.to_string(), "1970-01-01T00:00:01.500Z");
        assert_eq!("1970-01-01T00:00:01.500Z".parse(), Ok(stamp));
        for bad in ["1970-01-01T00:00:01.5Z", "1970-01-01T00:00:01Z", "1970-01-01T01:00:01.500+01:00", ""] {
            assert_eq!(bad.parse::<Stamp>(), Err(NotAStamp), "{bad}");
        }
    }
}
