//! Verifies the latest packets of a script and tells what they say.
//!
//! # Observes
//! The packets that the log of this project has of the script, the newest first. Each is verified here and now, as `fabric verify` does,
//! against the operator's trust file. Of one that does not verify nothing is told but why.
//!
//! # Denied when
//! `packet:FOLDER/FILE` is not granted.

use std::borrow::Cow;
use std::time::Duration;

use fabric_model::{Fault, Slug, Value};
use fabric_wire::Deadline;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::local::Packets;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::on_this_machine;
use crate::target::Targets;

/// The most packets of one call: each is digested from end to end.
const COUNT_LIMIT: u8 = 20;

/// Arguments of `evidence.packets`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The folder of the script, directly under the project's own.
    pub folder: Slug,
    /// The script's file.
    pub file: Slug,
    /// How many of the latest, from 1 to 20; 1 unless given.
    #[serde(default)]
    pub at_most: AtMost,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// A number of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct AtMost(u8);

impl Default for AtMost {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<u8> for AtMost {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if (1..=COUNT_LIMIT).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("1 to {COUNT_LIMIT} packets, not {number}"))
        }
    }
}

impl From<AtMost> for u8 {
    fn from(number: AtMost) -> Self {
        number.0
    }
}

// Written by hand: a derived schema is that of the plain number, without its limits.
impl JsonSchema for AtMost {
    fn schema_name() -> Cow<'static, str> {
        "AtMost".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": COUNT_LIMIT, "default": 1 })
    }
}

pub(crate) struct PacketsOf;

impl Observing for PacketsOf {
    const NAME: &'static str = "evidence.packets";
    const SUMMARY: &'static str = "Verifies the latest packets of a script and tells what they say.";

    type Args = Args;
    type Output = Packets;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::packets(&args.folder, &args.file)])
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: Args,
        _: Targets,
        means: Means,
        _: Deadline,
    ) -> Result<Observation<Packets>, Fault> {
        let script = format!("{}/{}", args.folder, args.file);
        on_this_machine::seen(means.local.packets(&script, usize::from(args.at_most.0))?)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("folder", "acceptance".into()), ("file", "dns.rhai".into())])]
    }
}
