//! Times as RFC 3161 writes them.

use std::time::{Duration, SystemTime};

use super::form::{Accuracy, GenTime};

/// `YYYYMMDDhhmmss[.s...]Z` (2.4.2): in UTC, with seconds, and a fraction that does not end in zero.
pub(super) fn read(time: &GenTime) -> Option<SystemTime> {
    let text = time.0.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    if text.contains('.') && (fraction.is_empty() || fraction.ends_with('0')) {
        return None;
    }
    let seconds = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", whole).ok()?;
    let seconds = seconds.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(u64::try_from(seconds).ok()?, nanos))
}

/// The accuracy as a duration.
pub(super) fn accuracy(stated: Accuracy) -> Duration {
    Duration::from_secs(stated.seconds.unwrap_or_default())
        .saturating_add(Duration::from_millis(stated.millis.unwrap_or_default().into()))
        .saturating_add(Duration::from_micros(stated.micros.unwrap_or_default().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_rfc_3161_are_read_and_others_are_not() {
        let at = |text: &str| read(&GenTime(text.to_owned()));
        let epoch = |seconds, nanos| Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos));
        assert_eq!(at("20260504030201Z"), epoch(1_777_863_721, 0));
        assert_eq!(at("20260504030201.25Z"), epoch(1_777_863_721, 250_000_000));
        for bad in [
            "20260504030201",
            "202605040302Z",
            "20260504030201.Z",
            "20260504030201.50Z",
            "20260504030201+0200",
            "20261304030201Z",
            "20260504030261Z",
            "2026050403020aZ",
            "20260504030201.1234567891Z",
            "19691231235959Z",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }
}
