//! The properties of units, as `systemctl show` prints them.

use std::time::Duration;

use super::command::name::UNIT_SHOW;
use super::output::garbage;
use crate::error::WireError;

/// The properties of one unit: a line each, in no certain order.
pub(super) struct Properties<'a>(&'a str);

impl<'a> Properties<'a> {
    /// The units of one answer: an empty line stands between two.
    pub(super) fn blocks(text: &'a str) -> impl Iterator<Item = Self> {
        text.split("\n\n").map(Self)
    }

    /// A property's value; none where it is not printed or empty.
    pub(super) fn optional(&self, key: &str) -> Option<&'a str> {
        let mut properties = self.0.lines().filter_map(|line| line.split_once('='));
        properties.find(|(name, _)| *name == key).map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// A property's value.
    ///
    /// # Errors
    /// [`WireError::Garbage`] where it is not printed or empty.
    pub(super) fn required(&self, key: &str) -> Result<&'a str, WireError> {
        self.optional(key).ok_or_else(|| garbage(UNIT_SHOW, &format!("there is no {key}")))
    }
}

/// A time span as systemd writes it: `1d 2h 5min 51.871268s` (systemd.time(7)). A month is 30.44 days there, a year 365.25; none
/// for `infinity` and for what is no time span.
pub(super) fn time_span(text: &str) -> Option<Duration> {
    let mut span = Duration::ZERO;
    for part in text.split(' ') {
        span = span.checked_add(span_part(part)?)?;
    }
    Some(span)
}

fn span_part(part: &str) -> Option<Duration> {
    let (number, unit) = part.split_at(part.find(|c: char| c.is_ascii_alphabetic())?);
    let unit = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "w" => 7 * 86_400_000_000,
        "month" => 2_629_800_000_000,
        "y" => 31_557_600_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // Nothing is finer than a microsecond.
    if !digits(whole) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = fraction.parse::<u64>().ok()?.checked_mul(unit)? / scale;
    let micros = whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(parts)?;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_read_as_systemd_writes_them() {
        let span = |text| time_span(text).map(|span| span.as_micros());
        assert_eq!(span("0"), None);
        assert_eq!(span("5us"), Some(5));
        assert_eq!(span("250ms"), Some(250_000));
        assert_eq!(span("1.5s"), Some(1_500_000));
        assert_eq!(span("1h 10min 15.940514s"), Some(4_215_940_514));
        assert_eq!(span("1d 2h 5min 51.871268s"), Some(93_951_871_268));
        assert_eq!(span("1y 1month 1w"), Some(31_557_600_000_000 + 2_629_800_000_000 + 604_800_000_000));
    }

    #[test]
    fn what_is_no_time_span_is_none() {
        for bad in [
            "",
            " ",
            "infinity",
            "5",
            "s",
            "-5s",
            "+5s",
            "5 s",
            "1.s",
            ".5s",
            "5s ",
            "1.0000001s",
            "99999999999999999999s",
            "999999999999999999y",
            "5parsecs",
        ] {
            assert_eq!(time_span(bad), None, "{bad:?}");
        }
    }
}
