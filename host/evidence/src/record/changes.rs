//! What `run.json` says of changes: what was planned, let through, made, watched and taken back.

use fabric_model::change::{Heals, Standing, Undone};
use fabric_model::check::Place;
use fabric_model::{Digest, PrimitiveName, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::count;
use crate::event::{FaultRecord, Principal, RuleRecord, WindowRecord};
use crate::stamp::Stamp;

/// The guards that let a run change things.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardsRecord {
    /// When they were met.
    pub at: Stamp,
    /// The rows of the policy.
    pub rules: Vec<RuleRecord>,
    /// Why the executor makes the change, in his words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The maintenance window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowRecord>,
    /// Who approved the plan, in which role.
    pub approvals: Vec<Principal>,
}

/// A guard that refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusalRecord {
    /// When.
    pub at: Stamp,
    /// Which, and what would meet it.
    pub fault: FaultRecord,
}

/// A change that a dry run planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedRecord {
    /// Its number in the plan.
    pub change: u32,
    /// What it would do.
    pub summary: String,
    /// What becomes of it when the host never comes back.
    pub heals: Heals,
}

/// A change that was about to be made, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRecord {
    /// Its number in the run.
    pub change: u32,
    /// The scope that it stands in; none for the change of an operation.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "count::optional")]
    #[schemars(with = "Option<u64>")]
    pub scope: Option<u64>,
    /// Which primitive.
    pub primitive: PrimitiveName,
    /// What it does.
    pub summary: String,
    /// The resources that it changes.
    pub targets: Vec<String>,
    /// What becomes of it when the host never comes back.
    pub heals: Heals,
    /// Whether it cuts the way over which the host reaches the target, so that its timer is meant to fire.
    pub cuts_control: bool,
    /// When its intent was on the disk.
    pub intended: Stamp,
    /// When its command came back, or was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Stamp>,
    /// `none` as long as no command was sent; then what the command did: `done` or `unknown`.
    pub effect: String,
    /// Why nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultRecord>,
    /// How the target stood when it was looked at last before the undoing; none where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Its dead-man timer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<TimerRecord>,
    /// Whether it stays, because its operation came to its end.
    pub committed: bool,
    /// How taking it back ended; none where it was not tried, or the end is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<UndoneRecord>,
}

/// The dead-man timer of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimerRecord {
    /// Its unit on the target.
    pub timer: String,
    /// When it was armed and read back.
    pub armed: Stamp,
    /// When it was found disarmed or fired; none where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disarmed: Option<Stamp>,
    /// Whether it had fired.
    pub fired: bool,
}

/// How taking a change back ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoneRecord {
    /// The run that made the change.
    pub run_id: Slug,
    /// The change.
    pub change: u32,
    /// The run that took it back.
    pub by: Slug,
    /// When that began.
    pub began: Stamp,
    /// When it ended; none where the host did not come to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Stamp>,
    /// How; none where the host did not come to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<Undone>,
    /// Why it is not restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultRecord>,
}

/// A scope of changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeRecord {
    /// Its number: that of the call with which it began.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub scope: u64,
    /// Where in the script.
    pub place: Place,
    /// Its title.
    pub title: String,
    /// When it began.
    pub began: Stamp,
    /// When the script came to its end and the undoing began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Stamp>,
    /// `finished`, `threw`, `aborted` or `cut`; none where it never came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// What was thrown, or the condition that held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the undoing was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Stamp>,
    /// Whether every change of it is as it was before; none where the host did not come to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<bool>,
}

/// What a continuous probe came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeRecord {
    /// The scope that it ran in.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub scope: u64,
    /// Which primitive.
    pub primitive: String,
    /// The resources that it probed.
    pub resources: Vec<String>,
    /// When it began: the times of its samples count from there.
    pub began: Stamp,
    /// From the beginning of one sample to that of the next, in milliseconds.
    pub every_ms: u32,
    /// How many samples were taken.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub sent: u64,
    /// How many had no good answer.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub lost: u64,
    /// The longest time between two samples with a good answer, in milliseconds.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub gap_ms: u64,
    /// The file with every sample.
    pub artifact: String,
    /// Its digest.
    pub digest: Digest,
}

/// Who held a VIP from a point in time on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldersRecord {
    /// From when on.
    pub at: Stamp,
    /// The VIP.
    pub vip: Slug,
    /// The hosts that hold it; none where it is nowhere.
    pub hosts: Vec<Slug>,
    /// Members that could not be asked.
    pub silent: Vec<Slug>,
}

/// A step that a person took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HumanRecord {
    /// When it was noted.
    pub at: Stamp,
    /// Where in the script.
    pub place: Place,
    /// His role.
    pub role: String,
    /// Who.
    pub name: String,
    /// What he did, saw or decided.
    pub text: String,
}

/// What a run that changes things came to, in three answers that do not stand for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// Whether the site does what the script says of it.
    pub hypothesis: Hypothesis,
    /// Whether the changes were made as intended.
    pub injection: Injection,
    /// Whether everything is as it was before.
    pub restoration: Restoration,
}

/// Whether the site does what the script says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hypothesis {
    /// Every check passed.
    Pass,
    /// A check failed, or a condition held on which the script gives up.
    Fail,
    /// It could not be found out: a check ended in an error or was skipped, the script did not come to its end, or a dead-man timer took
    /// a change back while the script still looked at it.
    Error,
    /// Nothing was looked at, or a dry run cannot look at it.
    None,
}

/// Whether the changes were made as intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Injection {
    /// Every intended change was seen to be made.
    Confirmed,
    /// One was seen not to be.
    Failed,
    /// Of one nobody knows.
    Unknown,
    /// No change was intended.
    None,
}

/// Whether everything is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Restoration {
    /// It is: the host took every change back and looked.
    Restored,
    /// It is, and a dead-man timer did a part of it.
    ByTimer,
    /// It is not.
    Incomplete,
    /// Nobody knows.
    Unknown,
    /// Nothing was changed that would have to be taken back.
    Nothing,
    /// It is not meant to be: the changes of an operation stay.
    Committed,
}

impl Hypothesis {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::None => "none",
        }
    }
}

impl Injection {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::None => "none",
        }
    }
}

impl Restoration {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::ByTimer => "restored, in part by a dead-man timer",
            Self::Incomplete => "incomplete",
            Self::Unknown => "unknown",
            Self::Nothing => "nothing to restore",
            Self::Committed => "committed",
        }
    }

    /// Whether something may be left that nobody wants.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Incomplete | Self::Unknown)
    }
}

impl ChangeRecord {
    /// Whether it was seen to be made.
    pub fn is_made(&self) -> bool {
        self.standing == Some(Standing::After)
    }

    /// How taking it back ended, if it did.
    pub fn end(&self) -> Option<Undone> {
        self.undone.as_ref().and_then(|undone| undone.undone)
    }

    /// Whether it is known that it never had an effect.
    pub fn is_without_effect(&self) -> bool {
        let seen_before = self.standing == Some(Standing::Before);
        let never_sent = self.applied.is_none() && self.standing.is_none();
        (seen_before || never_sent) && self.end() == Some(Undone::Already)
    }

    /// Whether nothing of it is left that would have to be taken back.
    pub fn is_settled(&self) -> bool {
        let nothing_to_undo = self.heals == Heals::Nothing && self.is_made() && self.undone.is_none();
        self.committed || nothing_to_undo || self.end().is_some_and(Undone::is_restored)
    }
}
