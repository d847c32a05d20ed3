//! What a journal says: one event per line, in the order in which things happened.
//!
//! These types belong to the packet format. They are converted from the host's own types by hand, so that a change there does
//! not silently change what an auditor reads. An event of a later version is read as [`Event::Unknown`]; a changed field needs
//! a new format number.

use fabric_model::change::{Heals, Intent, Standing, Undone};
use fabric_model::check::{Basis, Place, Verdict};
use fabric_model::door::Outcome;
use fabric_model::exit::Exit;
use fabric_model::{Digest, Fault, Slug, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::count;
use crate::exact;
pub use crate::head::{
    Act, FileRecord, HostRecord, Mode, PacketLink, Principal, RuleRecord, RunHead, ScriptRecord, SiteRecord,
    Target,
};
use crate::stamp::Stamp;

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
    /// A selector of the call's arguments, such as `holder(vip:dns)`, was resolved to a host.
    Selected {
        /// The call.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        call_id: u64,
        /// As the script wrote it.
        selector: String,
        /// What it stands for now.
        host: Slug,
    },
    /// The run executes this plan, and only this plan.
    PlanBound {
        /// The plan's digest.
        plan: Digest,
        /// The packet of the dry run that made it.
        made_in: PacketLink,
        /// Who approved it, in which role.
        approvals: Vec<Principal>,
    },
    /// The guards of the policy let the run change things. Nothing was changed before.
    GuardsMet {
        /// The rows of the policy that were met.
        rules: Vec<RuleRecord>,
        /// Why the executor makes the change, in his words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The maintenance window.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<WindowRecord>,
        /// The executor's signature over plan digest and run, armored: he is who he says he is before the first change.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<String>,
    },
    /// A guard refused to let the run change things, or go on changing them.
    GuardRefused {
        /// Which, and what would meet it.
        fault: FaultRecord,
    },
    /// A dry run planned a change. Nothing was sent to the target but questions.
    ChangePlanned {
        /// The call.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        call_id: u64,
        /// The number of the change in the plan, from 0.
        change: u32,
        /// What it would do.
        summary: String,
        /// What becomes of it when the host never comes back.
        heals: Heals,
    },
    /// The dry run is over; its plan lies under `artifacts/plan.json`.
    PlanMade {
        /// The plan's digest.
        plan: Digest,
        /// How many changes it holds.
        changes: u32,
    },
    /// A change is about to be made. Synced to the disk before anything happens on the target.
    ChangeIntended {
        /// Everything that taking it back needs.
        #[serde(with = "exact::whole")]
        #[schemars(with = "Intent")]
        intent: Box<Intent>,
        /// HMAC-SHA-256 over the intent with the operator's own key: `recover` takes no intent that he did not make.
        seal: String,
    },
    /// A dead-man timer is armed, and was read back.
    TimerArmed {
        /// The change.
        change: u32,
        /// The timer's unit on the target.
        timer: String,
        /// Seconds that were left when it was read back.
        left_s: u32,
        /// What it runs.
        argv: String,
    },
    /// A dead-man timer was disarmed, or had fired.
    TimerDisarmed {
        /// The change.
        change: u32,
        /// The timer's unit on the target.
        timer: String,
        /// Whether it had fired before.
        fired: bool,
    },
    /// The command of a change came back, or did not.
    ChangeApplied {
        /// The change.
        change: u32,
        /// `done` or `unknown`.
        effect: String,
        /// Why nobody knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<FaultRecord>,
    },
    /// The target was looked at after a change.
    ChangeConfirmed {
        /// The change.
        change: u32,
        /// How it stands.
        standing: Standing,
        /// What was seen; none where it cannot be looked at.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "exact::optional")]
        #[schemars(with = "Option<serde_json::Value>")]
        seen: Option<Value>,
    },
    /// Taking a change back began.
    UndoBegun {
        /// The run that made the change.
        run_id: Slug,
        /// The change.
        change: u32,
    },
    /// Taking a change back ended.
    UndoEnded {
        /// The run that made the change.
        run_id: Slug,
        /// The change.
        change: u32,
        /// How.
        undone: Undone,
        /// What was seen last; none where it cannot be looked at.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "exact::optional")]
        #[schemars(with = "Option<serde_json::Value>")]
        seen: Option<Value>,
        /// Why it is not restored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<FaultRecord>,
    },
    /// An operation came to its end: its changes stay.
    Committed {
        /// How many changes.
        changes: u32,
    },
    /// A scope of changes began.
    ScopeBegun {
        /// Its number: that of the call with which it began.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        scope: u64,
        /// Where in the script.
        place: Place,
        /// Its title, untrusted text.
        title: String,
    },
    /// The script came to the end of a scope. What was changed in it is undone next.
    ScopeEnding {
        /// Its number.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        scope: u64,
        /// `finished`, `threw`, `aborted`, or `cut` where the script's process is gone.
        how: String,
        /// What was thrown, or the condition that held.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// Everything that was changed in a scope is undone, or is not.
    ScopeEnded {
        /// Its number.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        scope: u64,
        /// Whether every change is as it was before.
        restored: bool,
    },
    /// A continuous probe ended. Its samples lie in an artifact.
    ProbeEnded {
        /// The scope that it ran in.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        scope: u64,
        /// Which primitive, on which resources.
        primitive: String,
        /// The resources that it probed.
        resources: Vec<String>,
        /// When it began: the times of its samples count from there.
        began: Stamp,
        /// From the beginning of one sample to that of the next, in milliseconds.
        every_ms: u32,
        /// How many samples were taken.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        sent: u64,
        /// How many had no good answer.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        lost: u64,
        /// The longest time between two samples with a good answer, in milliseconds.
        #[serde(with = "count")]
        #[schemars(with = "u64")]
        gap_ms: u64,
        /// The file with every sample, by its path in the packet: `artifacts/probe-7.jsonl`.
        artifact: String,
        /// Its digest.
        digest: Digest,
    },
    /// The holders of a VIP changed, as its members say.
    HoldersSeen {
        /// The VIP.
        vip: Slug,
        /// Hosts that hold it.
        hosts: Vec<Slug>,
        /// Members that could not be asked.
        silent: Vec<Slug>,
    },
    /// A person took a step.
    HumanStep {
        /// Where in the script.
        place: Place,
        /// His role, such as `conductor` or `observer`.
        role: String,
        /// Who, untrusted text.
        name: String,
        /// What he did, saw or decided, untrusted text.
        text: String,
    },
    /// The script put a document into the packet. It lies in an artifact, and nothing else lies beside it.
    DocumentKept {
        /// Where in the script.
        place: Place,
        /// The file, by its path in the packet: `artifacts/documents/checklist.json`.
        artifact: String,
        /// Its digest.
        digest: Digest,
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
        /// What of it looks like a secret and is none, by the word of who sealed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vouched: Option<Vouched>,
    },
    /// An event of a later version. Only read, never written.
    #[serde(other)]
    Unknown,
}

/// That what looks like a secret is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vouched {
    /// Why, in the words of who says so.
    pub reason: String,
    /// What a scan of the unsealed folder found.
    pub findings: Vec<FindingRecord>,
}

/// What looks like a secret, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingRecord {
    /// The file, by its path in the packet.
    pub file: String,
    /// The line, from 1.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub line: u64,
    /// The class of what is found.
    pub class: String,
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
    /// Where: `decode`, `gate`, `observe`, `plan`, `record`, `apply`, `undo`.
    pub stage: String,
    /// What it did to the target: `none`, `done`, `partial` or `unknown`.
    pub effect: String,
    /// Whether trying again makes sense: `never`, `same_call` or `after_observing`.
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
            Stage::Plan => "plan",
            Stage::Record => "record",
            Stage::Apply => "apply",
            Stage::Undo => "undo",
        };
        let effect = match fault.effect {
            Effect::None => "none",
            Effect::Done => "done",
            Effect::Partial => "partial",
            Effect::Unknown => "unknown",
        };
        let retry = match fault.retry {
            Retry::Never => "never",
            Retry::SameCall => "same_call",
            Retry::AfterObserving => "after_observing",
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
    /// In a dry run: the answer depends on a change that is only planned.
    Deferred {
        /// On which.
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
            Verdict::Deferred { reason } => Self::Deferred { reason },
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
    /// It gave up by its own rules.
    Aborted {
        /// Why.
        reason: String,
    },
}

/// A maintenance window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowRecord {
    /// When it opens.
    pub start: Stamp,
    /// When it closes.
    pub end: Stamp,
}

impl From<Outcome> for WorkerEnd {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Finished => Self::Finished,
            Outcome::Threw { message } => Self::Threw { message },
            Outcome::Limit { message } => Self::Limit { message },
            Outcome::Aborted { reason } => Self::Aborted { reason },
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
