//! Argument types that carry their own limits.

use std::borrow::Cow;
use std::time::Duration;

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
