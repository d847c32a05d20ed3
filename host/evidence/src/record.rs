//! `run.json` and `checks.json`: what a run came to.

mod changes;

use fabric_model::check::{Basis, Place, Status};
use fabric_model::exit::Exit;
use fabric_model::{Digest, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::count;
use crate::event::{FaultRecord, PacketLink, Principal, RunHead, Target, Vouched, WorkerEnd};
use crate::exact;
use crate::stamp::Stamp;

pub use changes::{
    ChangeRecord, GuardsRecord, HoldersRecord, HumanRecord, Hypothesis, Injection, PlannedRecord,
    ProbeRecord, RefusalRecord, Restoration, ScopeRecord, TimerRecord, UndoneRecord, Verdicts,
};

/// The only format of packets so far.
pub const FORMAT: u32 = 1;

/// `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The packet's format: 1.
    pub format: u32,
    /// What was known beforehand.
    pub head: RunHead,
    /// When it ended; for an aborted run, its last sign of life.
    pub ended: Stamp,
    /// Whether it came to its end.
    pub outcome: RunOutcome,
    /// How many checks ended how.
    pub counts: Counts,
    /// Every exit that held, the most severe first.
    pub exits: Vec<Exit>,
    /// The most severe of them.
    pub exit: Exit,
    /// Its exit code.
    pub code: u8,
    /// Calls that the gate refused.
    pub denials: Vec<DenialRecord>,
    /// Calls outside any open check that ended in a fault.
    pub faults: Vec<StrayFault>,
    /// How the script's process ended; absent where the host was killed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerEnd>,
    /// Who sealed what a killed host had left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    /// The digest of the plan that a dry run made, or that the run was bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// The packet of the dry run that made the plan to which the run was bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_made_in: Option<PacketLink>,
    /// What a dry run planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<PlannedRecord>,
    /// The guards that let the run change things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guards: Option<GuardsRecord>,
    /// Guards that refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalRecord>,
    /// The changes that were about to be made, by their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeRecord>,
    /// Changes of another run that were taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<UndoneRecord>,
    /// Scopes of changes, in the order in which they began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<ScopeRecord>,
    /// Continuous probes, in the order in which they ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeRecord>,
    /// Who held which VIP, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<HoldersRecord>,
    /// Steps that people took, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub human: Vec<HumanRecord>,
    /// Documents that the script put into the packet, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentRecord>,
    /// What it came to; absent for a run that only observes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Verdicts>,
}

/// Whether a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// The host that ran it ended and sealed it.
    Completed,
    /// The host was killed before that, and somebody sealed later what he found. `unrecovered` is among its exits.
    Aborted,
}

/// How many checks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Observed as expected.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub pass: u64,
    /// Observed, and not as expected.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub fail: u64,
    /// Could not find out.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub error: u64,
    /// Not looked at.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub skip: u64,
    /// Not to be looked at before the planned changes are made.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub deferred: u64,
}

impl Counts {
    /// Adds one check.
    pub fn add(&mut self, status: Status) {
        match status {
            Status::Pass => self.pass += 1,
            Status::Fail => self.fail += 1,
            Status::Error => self.error += 1,
            Status::Skip => self.skip += 1,
            Status::Deferred => self.deferred += 1,
        }
    }

    /// All checks.
    pub fn total(&self) -> u64 {
        self.pass + self.fail + self.error + self.skip + self.deferred
    }
}

/// A call that the gate refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenialRecord {
    /// The call.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub call_id: u64,
    /// Where in the script.
    pub place: Place,
    /// The check that was open.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "count::optional")]
    #[schemars(with = "Option<u64>")]
    pub check: Option<u64>,
    /// Which primitive.
    pub primitive: String,
    /// Why.
    pub fault: FaultRecord,
}

/// A call that ended in a fault while its check was not open, or that had none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrayFault {
    /// The call.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub call_id: u64,
    /// Where in the script.
    pub place: Place,
    /// Which primitive.
    pub primitive: String,
    /// Why.
    pub fault: FaultRecord,
}

/// A document that the script put into the packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentRecord {
    /// When.
    pub at: Stamp,
    /// Where in the script.
    pub place: Place,
    /// The file, by its path in the packet: `artifacts/documents/checklist.json`.
    pub artifact: String,
    /// Its digest.
    pub digest: Digest,
}

/// Who sealed what a killed host had left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// When.
    pub at: Stamp,
    /// Who.
    pub by: Principal,
    /// Bytes of a torn last journal line that were cut off.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub torn_bytes: u64,
    /// Their digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torn_digest: Option<Digest>,
    /// What looks like a secret and is none, by that person's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched: Option<Vouched>,
}

/// `checks.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChecksRecord {
    /// The packet's format: 1.
    pub format: u32,
    /// The checks in the order in which the script reads.
    pub checks: Vec<CheckRecord>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRecord {
    /// Unique in the run.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub id: u64,
    /// Where in the script.
    pub place: Place,
    /// Its title, untrusted text.
    pub title: String,
    /// How it ended.
    pub status: Status,
    /// For `fail`: what was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// For `fail`: what should have been. `{"$float":...}` and the like: see the packet specification.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exact::optional")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub expected: Option<Value>,
    /// For `fail`: what was.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exact::optional")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub observed: Option<Value>,
    /// For `error` and `skip`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// For `error`: the fault of the call, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultRecord>,
    /// The targets of its calls, sorted, each once.
    pub targets: Vec<Target>,
    /// The transports of its calls, sorted, each once.
    pub transports: Vec<String>,
    /// The bases of its calls, sorted, each once.
    pub basis: Vec<Basis>,
    /// When it began.
    pub started: Stamp,
    /// How long it took, in milliseconds.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub took_ms: u64,
}
