//! Maintenance windows.

use std::fmt;
use std::time::{Duration, SystemTime};

use fabric_model::{Code, Fault, Stage};
use jiff::Timestamp;

/// A maintenance window: from `start`, inclusive, to `end`, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it opens.
    pub start: SystemTime,
    /// When it closes: at this instant it is closed.
    pub end: SystemTime,
}

impl Window {
    /// Reads a window from two times of RFC 3339. Each must say its zone, as `Z` or as an offset: a time without one means
    /// another instant on every machine.
    ///
    /// # Errors
    /// `guard.window` with the text that is no such time.
    pub fn parse(start: &str, end: &str) -> Result<Self, Fault> {
        Ok(Self { start: instant(start)?, end: instant(end)? })
    }

    /// Whether an instant lies in it.
    pub fn holds(&self, instant: SystemTime) -> bool {
        self.start <= instant && instant < self.end
    }

    /// How long it is; none where it ends before it begins, or at once.
    pub fn length(&self) -> Option<Duration> {
        self.end.duration_since(self.start).ok().filter(|length| !length.is_zero())
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", shown(self.start), shown(self.end))
    }
}

/// Reads one time of RFC 3339 with its zone.
///
/// # Errors
/// `guard.window` where it is none.
pub(super) fn instant(text: &str) -> Result<SystemTime, Fault> {
    let refused = || {
        let message = format!("`{text}` is not a time of RFC 3339 with an explicit zone");
        Fault::new(Code::GuardWindow, Stage::Gate, message)
            .hint("Write it in UTC as 2026-05-04T03:00:00Z, or with an offset as 2026-05-04T05:00:00+02:00.")
    };
    if !is_rfc3339(text) {
        return Err(refused());
    }
    text.parse::<Timestamp>().map(SystemTime::from).map_err(|_| refused())
}

/// Whether a text has the shape `2026-05-04T03:00:00Z`, with a fraction or an offset where there is one. The library also reads
/// shorter and annotated forms.
fn is_rfc3339(text: &str) -> bool {
    let shape = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b == s })
    };
    let Some((time, zone)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let zone = match zone.strip_prefix('.') {
        None => zone,
        Some(fraction) => {
            let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if rest.len() == fraction.len() {
                return false;
            }
            rest
        }
    };
    let zoned = zone == "Z" || shape(zone, "+00:00") || shape(zone, "-00:00");
    shape(time, "0000-00-00T00:00:00") && zoned
}

/// An instant for people, in UTC, to the second.
pub(super) fn shown(instant: SystemTime) -> String {
    match Timestamp::try_from(instant) {
        Ok(instant) => format!("{instant:.0}"),
        Err(_) => "a time beyond the calendar".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_refused() {
        for bad in [
            "2026-05-04T03:00:00",
            "2026-05-04 03:00:00Z",
            "2026-05-04T03:00Z",
            "2026-05-04",
            "2026-05-04T03:00:00.Z",
            "2026-05-04T03:00:00Z[UTC]",
            "2026-05-04T03:00:00+0200",
            "2026-05-04T03:00:00 +02:00",
            "2026-13-04T03:00:00Z",
            "tomorrow",
            "",
            "ä",
        ] {
            let fault = instant(bad).expect_err(bad);
            assert_eq!(fault.code, Code::GuardWindow, "{bad}");
            assert!(fault.hints.concat().contains("2026-05-04T03:00:00Z"), "{fault:?}");
        }
    }

    #[test]
    fn an_offset_is_another_spelling_of_the_same_instant() {
        let utc = instant("2026-05-04T03:00:00Z").expect("a time");
        assert_eq!(instant("2026-05-04T05:00:00+02:00"), Ok(utc));
        assert_eq!(instant("2026-05-04T03:00:00.000Z"), Ok(utc));
        assert_eq!(shown(utc), "2026-05-04T03:00:00Z");
    }

    #[test]
    fn a_window_holds_its_start_and_not_its_end() {
        let window = Window::parse("2026-05-04T03:00:00Z", "2026-05-04T04:00:00Z").expect("a window");
        let second = Duration::from_secs(1);
        assert!(window.holds(window.start) && window.holds(window.end - second));
        assert!(!window.holds(window.end) && !window.holds(window.start - second));
        assert_eq!(Window { start: window.end, end: window.start }.length(), None);
        assert_eq!(Window { start: window.end, end: window.end }.length(), None);
    }
}
