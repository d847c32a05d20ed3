//! Argument types that carry their own limits.

use std::borrow::Cow;
use std::time::Duration;

use fabric_model::Slug;
use fabric_model::name::NotASlug;
use fabric_wire::s3::LISTING_LIMIT;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The longest deadline that a single call may ask for: nothing that a primitive waits for takes a minute when it works.
const TIMEOUT_LIMIT_MS: u32 = 60_000;

/// The total deadline of a call in milliseconds, from 1 to 60,000; 5,000 unless given. It covers dialling, handshakes, jump
/// hosts and the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct TimeoutMs(u32);

impl TimeoutMs {
    /// The deadline of a change unless another is given: daemons take their time to stop and start.
    pub fn of_a_change() -> Self {
        Self(30_000)
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_millis(u64::from(self.0))
    }
}

impl Default for TimeoutMs {
    fn default() -> Self {
        Self(5_000)
    }
}

impl TryFrom<u32> for TimeoutMs {
    type Error = String;

    fn try_from(millis: u32) -> Result<Self, String> {
        if (1..=TIMEOUT_LIMIT_MS).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(format!("a timeout is 1 to {TIMEOUT_LIMIT_MS} milliseconds, not {millis}"))
        }
    }
}

impl From<TimeoutMs> for u32 {
    fn from(timeout: TimeoutMs) -> Self {
        timeout.0
    }
}

// Written by hand: a derived schema is that of the plain number, without its limits.
impl JsonSchema for TimeoutMs {
    fn schema_name() -> Cow<'static, str> {
        "TimeoutMs".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "In milliseconds; it covers dialling, handshakes, jump hosts and the answer.",
            "type": "integer",
            "minimum": 1,
            "maximum": TIMEOUT_LIMIT_MS,
        })
    }
}

/// The largest limit on a body, in bytes: evidence keeps what was read.
const BODY_LIMIT: u32 = 1 << 20;

/// The largest body of an HTTP answer in bytes, from 1 to 1,048,576; 65,536 unless given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct BodyLimit(u32);

impl BodyLimit {
    /// As a number of bytes.
    pub fn bytes(self) -> usize {
        self.0 as usize
    }
}

impl Default for BodyLimit {
    fn default() -> Self {
        Self(65_536)
    }
}

impl TryFrom<u32> for BodyLimit {
    type Error = String;

    fn try_from(bytes: u32) -> Result<Self, String> {
        if (1..=BODY_LIMIT).contains(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(format!("a body limit is 1 to {BODY_LIMIT} bytes, not {bytes}"))
        }
    }
}

impl From<BodyLimit> for u32 {
    fn from(limit: BodyLimit) -> Self {
        limit.0
    }
}

impl JsonSchema for BodyLimit {
    fn schema_name() -> Cow<'static, str> {
        "BodyLimit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "In bytes.",
            "type": "integer",
            "minimum": 1,
            "maximum": BODY_LIMIT,
        })
    }
}

/// The most entries of a listing, from 1 to 10,000; 1,000 unless given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct ListLimit(u32);

impl ListLimit {
    /// As a number.
    pub fn entries(self) -> u32 {
        self.0
    }
}

impl Default for ListLimit {
    fn default() -> Self {
        Self(1_000)
    }
}

impl TryFrom<u32> for ListLimit {
    type Error = String;

    fn try_from(entries: u32) -> Result<Self, String> {
        if (1..=LISTING_LIMIT).contains(&entries) {
            Ok(Self(entries))
        } else {
            Err(format!("a listing has 1 to {LISTING_LIMIT} entries, not {entries}"))
        }
    }
}

impl From<ListLimit> for u32 {
    fn from(limit: ListLimit) -> Self {
        limit.0
    }
}

impl JsonSchema for ListLimit {
    fn schema_name() -> Cow<'static, str> {
        "ListLimit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "In entries.",
            "type": "integer",
            "minimum": 1,
            "maximum": LISTING_LIMIT,
        })
    }
}

/// What the names of units that are no services end with.
const UNIT_TYPES: [&str; 10] =
    ["socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope"];

/// A systemd unit. `keepalived` and `keepalived.service` are one unit, and one resource to the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Slug", into = "Slug")]
#[schemars(with = "String")]
pub struct UnitName(Slug);

impl UnitName {
    /// As scripts and grants name it: a service without `.service`.
    pub fn short(&self) -> &Slug {
        &self.0
    }

    /// As systemd names it.
    pub fn full(&self) -> Slug {
        let typed = self.0.as_str().rsplit_once('.').is_some_and(|(_, ending)| UNIT_TYPES.contains(&ending));
        match typed {
            true => self.0.clone(),
            false => format!("{}.service", self.0).parse().unwrap_or_else(|_| self.0.clone()),
        }
    }
}

impl TryFrom<Slug> for UnitName {
    type Error = NotASlug;

    fn try_from(name: Slug) -> Result<Self, NotASlug> {
        match name.as_str().strip_suffix(".service") {
            Some(service) => service.parse().map(Self),
            None => Ok(Self(name)),
        }
    }
}

impl From<UnitName> for Slug {
    fn from(unit: UnitName) -> Self {
        unit.0
    }
}

/// The largest file that a call writes, in bytes: no configuration comes near it, and plan and journal hold it.
const FILE_LIMIT: usize = 256 << 10;

/// The text of a file, at most 256 KiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileText(String);

impl FileText {
    /// As bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<String> for FileText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() <= FILE_LIMIT {
            Ok(Self(text))
        } else {
            Err(format!("a file has at most {FILE_LIMIT} bytes, not {}", text.len()))
        }
    }
}

impl From<FileText> for String {
    fn from(text: FileText) -> Self {
        text.0
    }
}

impl JsonSchema for FileText {
    fn schema_name() -> Cow<'static, str> {
        "FileText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "At most 256 KiB.", "type": "string", "maxLength": FILE_LIMIT })
    }
}

/// The mode of a file as `chmod` takes it: three or four octal digits, such as `0644`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(u32);

impl FileMode {
    /// As a number, at most `0o7777`.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The mode of these bits; those beyond `0o7777` are none of a mode's.
    pub fn of_bits(bits: u32) -> Self {
        Self(bits & 0o7777)
    }
}

impl Default for FileMode {
    fn default() -> Self {
        Self(0o644)
    }
}

impl TryFrom<String> for FileMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        let bits = digits.then(|| u32::from_str_radix(&text, 8).ok()).flatten();
        bits.map(Self).ok_or_else(|| "a mode is three or four octal digits, such as `0644`".to_owned())
    }
}

impl From<FileMode> for String {
    fn from(mode: FileMode) -> Self {
        format!("{:04o}", mode.0)
    }
}

impl JsonSchema for FileMode {
    fn schema_name() -> Cow<'static, str> {
        "FileMode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "In octal.", "type": "string", "pattern": "^[0-7]{3,4}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> UnitName {
        text.parse::<Slug>().expect("a name").try_into().expect("a unit")
    }

    #[test]
    fn a_service_has_one_name_to_the_gate_and_one_to_systemd() {
        for text in ["keepalived", "keepalived.service"] {
            assert_eq!(
                (unit(text).short().as_str(), unit(text).full().as_str()),
                ("keepalived", "keepalived.service")
            );
        }
        assert_eq!(unit("getty@tty1").full().as_str(), "getty@tty1.service");
        assert_eq!(unit("apt-daily.timer").full().as_str(), "apt-daily.timer");
        assert_eq!(unit("a.b").full().as_str(), "a.b.service");
        assert!(UnitName::try_from("_.service".parse::<Slug>().expect("a name")).is_ok());
    }

    #[test]
    fn a_mode_is_octal() {
        for (text, bits) in [("0644", 0o644), ("644", 0o644), ("4755", 0o4755)] {
            assert_eq!(FileMode::try_from(text.to_owned()).map(FileMode::bits), Ok(bits));
        }
        for bad in ["", "64", "0888", "00644", "+644", "rw-"] {
            assert!(FileMode::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(String::from(FileMode::of_bits(0o100_600)), "0600");
    }

    #[test]
    fn a_file_is_not_longer_than_its_limit() {
        assert!(FileText::try_from("x".repeat(FILE_LIMIT)).is_ok());
        assert!(FileText::try_from("x".repeat(FILE_LIMIT + 1)).is_err());
    }
}
