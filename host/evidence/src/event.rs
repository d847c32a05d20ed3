//! What a journal says: one event per line, in the order in which things happened.
//!
//! These types belong to the packet format. They are converted from the host's own types by hand, so that a change there does
//! not silently change what an auditor reads. An event of a later version is read as [`Event::Unknown`]; a changed field needs
//! a new format number.

use std::net::IpAddr;

use fabric_model::check::{Basis, Place, Verdict};
use fabric_model::door::Outcome;
use fabric_model::exit::Exit;
use fabric_model::{Digest, Fault, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::count;
use crate::exact;
pub use crate::head::{
    FileRecord, HostRecord, Mode, PacketLink, Principal, RunHead, ScriptRecord, SiteRecord,
};

/// One thing that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The run began. Always the first line, and only that.
    RunStarted {
        /// Everything that was known beforehand.
        head: Box<RunHead>,
    },
    /// The script asked for a primitive.
    CallRequested {
        /// Unique in the run, below 2^53.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        call_id: u64,
        /// Where in the script.
        place: Place,
        /// The innermost check that was open.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "count::optional")]
        #[schemars(with = "Option<u64>")]
        check: Option<u64>,
        /// Which primitive; text, because the script may ask for one that does not exist.
        primitive: String,
        /// Digest of the canonical arguments, before redaction.
        arguments_digest: Digest,
        /// The arguments, redacted.
        #[serde(with = "exact")]
        #[schemars(with = "serde_json::Value")]
        arguments: Value,
    },
    /// The gate refused the call. Nothing was sent to the target.
    CallDenied {
        /// The call.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        call_id: u64,
        /// Which rule, and what would allow it.
        fault: FaultRecord,
    },
    /// The gate let the call through, for the request and for the resolved targets.
    CallGranted {
        /// The call.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        call_id: u64,
        /// The resources that the call needs, such as `vip:dns`.
        resources: Vec<String>,
        /// The rules that granted them.
        grants: Vec<RuleRecord>,
        /// What the names stand for.
        targets: Vec<Target>,
    },
    /// The call came back.
    CallFinished {
        /// The call.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        call_id: u64,
        /// The redacted result, or why there is none.
        outcome: CallOutcome,
        /// How the target was reached, such as `udp` or `ssh via dns-edge-1`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transport: Option<String>,
        /// Who says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
        /// How long it took, in milliseconds.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        took_ms: u64,
    },
    /// A check began.
    CheckBegun {
        /// Unique in the run, below 2^53.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        check: u64,
        /// Where in the script.
        place: Place,
        /// Its title, untrusted text.
        title: String,
    },
    /// A check ended.
    CheckEnded {
        /// The check.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        check: u64,
        /// How.
        verdict: CheckVerdict,
        /// How long it took, in milliseconds.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        took_ms: u64,
    },
    /// The script printed.
    Printed {
        /// Where in the script.
        place: Place,
        /// Redacted, untrusted text.
        text: String,
    },
    /// The script's process is gone.
    WorkerEnded {
        /// How.
        how: WorkerEnd,
    },
    /// The run is over.
    RunEnded {
        /// Every exit that held, as the host knows it.
        exits: Vec<Exit>,
    },
    /// The host had been killed; somebody else sealed what it left. Always the last line.
    Recovered {
        /// Who did it.
        by: Principal,
        /// Bytes of a torn last line that were cut off; 0 where there was none.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        torn_bytes: u64,
        /// The digest of those bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        torn_digest: Option<Digest>,
    },
    /// An event of a later version. Only read, never written.
    #[serde(other)]
    Unknown,
}

/// A rule of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleRecord {
    /// The file as the operator named it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The resource or name, such as `vip:dns`.
    pub name: String,
    /// Every address that the connection may use.
    pub addresses: Vec<IpAddr>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CallOutcome {
    /// With this result, redacted.
    Value(
        #[serde(with = "exact")]
        #[schemars(with = "serde_json::Value")]
        Value,
    ),
    /// Without one.
    Fault(FaultRecord),
}

/// A fault as it stands in a packet. Its words are those of `fabric_model::fault`, kept as text so that a reader of this
/// version can show the codes of a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultRecord {
    /// What went wrong, such as `port.timeout`.
    pub code: String,
    /// Where: `decode`, `gate`, `observe`, `record`.
    pub stage: String,
    /// What it did to the target: `none` or `unknown`.
    pub effect: String,
    /// Whether trying again makes sense: `never` or `same_call`.
    pub retry: String,
    /// A fragment without a period.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
}

impl From<&Fault> for FaultRecord {
    fn from(fault: &Fault) -> Self {
        use fabric_model::{Effect, Retry, Stage};
        let stage = match fault.stage {
            Stage::Decode => "decode",
            Stage::Gate => "gate",
            Stage::Observe => "observe",
            Stage::Record => "record",
        };
        let effect = match fault.effect {
            Effect::None => "none",
            Effect::Unknown => "unknown",
        };
        let retry = match fault.retry {
            Retry::Never => "never",
            Retry::SameCall => "same_call",
        };
        Self {
            code: fault.code.as_str().to_owned(),
            stage: stage.to_owned(),
            effect: effect.to_owned(),
            retry: retry.to_owned(),
            message: fault.message.clone(),
            hints: fault.hints.clone(),
        }
    }
}

/// What a script says of a check when it ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum CheckVerdict {
    /// Observed as expected.
    Pass,
    /// Observed, and not as expected.
    Fail {
        /// What was compared.
        what: String,
        /// What should have been.
        #[serde(with = "exact")]
        #[schemars(with = "serde_json::Value")]
        expected: Value,
        /// What was.
        #[serde(with = "exact")]
        #[schemars(with = "serde_json::Value")]
        observed: Value,
    },
    /// Could not find out.
    Error {
        /// The fault of the call, where it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<FaultRecord>,
        /// What was thrown.
        message: String,
    },
    /// Not looked at.
    Skip {
        /// The reason.
        reason: String,
    },
}

impl From<Verdict> for CheckVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Fail { what, expected, observed } => Self::Fail { what, expected, observed },
            Verdict::Error { fault, message } => {
                Self::Error { fault: fault.as_ref().map(FaultRecord::from), message }
            }
            Verdict::Skip { reason } => Self::Skip { reason },
        }
    }
}

/// How the script's process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "how", rename_all = "snake_case", deny_unknown_fields)]
pub enum WorkerEnd {
    /// The script ran to its end.
    Finished,
    /// It cannot be parsed, or threw outside any check.
    Threw {
        /// What, with the place in the script.
        message: String,
    },
    /// It reached a limit.
    Limit {
        /// Which.
        message: String,
    },
    /// The process died by itself: a signal, an exit code, a broken frame.
    Died {
        /// How.
        message: String,
    },
    /// The host ended it: interrupt or deadline.
    Stopped {
        /// Why.
        message: String,
    },
}

impl From<Outcome> for WorkerEnd {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Finished => Self::Finished,
            Outcome::Threw { message } => Self::Threw { message },
            Outcome::Limit { message } => Self::Limit { message },
        }
    }
}

/// The digest of a call's arguments: over their canonical form, taken before redaction.
///
/// # Errors
/// Never for a value that came through the door.
pub fn arguments_digest(arguments: &Value) -> Result<Digest, serde_json::Error> {
    crate::canonical::bytes(&exact::encode(arguments)).map(|bytes| Digest::of(&bytes))
}
