//! The one error type that crosses crates, reaches scripts, and is written down as evidence.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What went wrong, in a closed and stable list. The first word says whose fault it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Code {
            /// Every code, in the order of its text.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

codes! {
    /// The host found a state that its own code rules out.
    BugInternal = "bug.internal",
    /// The target is neither as it was before the change nor as the change left it: somebody else changed it, and it is not
    /// overwritten.
    ChangeConflict = "change.conflict",
    /// What a change did could not be undone.
    ChangeNotRestored = "change.not_restored",
    /// A change stands where none may: in `par`, in a check, or in a GameDay outside every `during`.
    ChangeOutOfPlace = "change.out_of_place",
    /// The dead-man timer is not armed as it should be, so nothing was changed.
    ChangeTimer = "change.timer",
    /// A change did not lead to the state that its plan says, or the state after it cannot be read.
    ChangeUnconfirmed = "change.unconfirmed",
    /// The address of the target is refused by a deny rule.
    DeniedAddress = "denied.address",
    /// A deny rule of the policy names this primitive and resource.
    DeniedByRule = "denied.by_rule",
    /// The policy grants this primitive, but not on this resource to this principal in this environment.
    DeniedResource = "denied.resource",
    /// The script's header does not declare this primitive on this resource.
    DeniedUndeclared = "denied.undeclared",
    /// The evidence packet or the journal could not be written.
    EvidenceUnwritable = "evidence.unwritable",
    /// An approval is missing: too few principals have signed this plan.
    GuardApproval = "guard.approval",
    /// An approval is past its end.
    GuardApprovalExpired = "guard.approval_expired",
    /// An approval is for another plan, environment, executor or window.
    GuardApprovalOther = "guard.approval_other",
    /// The executor approved his own plan, or one key stands in two roles.
    GuardApprovalOwn = "guard.approval_own",
    /// An approval was used before.
    GuardApprovalUsed = "guard.approval_used",
    /// The authority that keeps approvals, freezes and budgets cannot be reached.
    GuardAuthority = "guard.authority",
    /// The executor could rewrite what binds him, and the policy wants that to be impossible.
    GuardBoundary = "guard.boundary",
    /// A budget is used up: changes of the run, changes of the hour, distinct targets.
    GuardBudget = "guard.budget",
    /// Changes are refused in CI.
    GuardCi = "guard.ci",
    /// The worker is not fully confined, and the policy wants it to be.
    GuardConfinement = "guard.confinement",
    /// The target belongs to an environment in which the policy allows no such change.
    GuardEnvironment = "guard.environment",
    /// Changes are frozen.
    GuardFrozen = "guard.frozen",
    /// Another run holds the lock of the target, or left it unrecovered.
    GuardLocked = "guard.locked",
    /// There is no reason for the change, or it is too short.
    GuardReason = "guard.reason",
    /// The signing key cannot be used.
    GuardSigner = "guard.signer",
    /// An earlier run left the target unrecovered.
    GuardUnrecovered = "guard.unrecovered",
    /// The maintenance window is missing, too long, or not open.
    GuardWindow = "guard.window",
    /// The maintenance window closed while the run was changing things.
    GuardWindowClosed = "guard.window_closed",
    /// The plan's file, or what it was made from, is not what its digest says.
    PlanAltered = "plan.altered",
    /// The answer depends on a change that is only planned, so nobody knows it yet.
    PlanDeferred = "plan.deferred",
    /// The world, or the script's way through it, is no longer the one that the plan rests on.
    PlanStale = "plan.stale",
    /// The other side refused our credentials.
    PortAuthentication = "port.authentication",
    /// The other side closed the connection before the answer was complete.
    PortClosed = "port.closed",
    /// The server refuses to forward connections, so a probe through it could not be made.
    PortForwardingRefused = "port.forwarding_refused",
    /// The answer is not what its protocol allows.
    PortGarbage = "port.garbage",
    /// The host key is not the pinned one, is revoked, or none is pinned.
    PortHostKey = "port.host_key",
    /// The thing asked for does not exist on the other side.
    PortNotFound = "port.not_found",
    /// The credentials are good, but lack the right to do this.
    PortPermission = "port.permission",
    /// The connection was actively refused: nothing listens there, or a firewall rejects.
    PortRefused = "port.refused",
    /// No answer within the deadline; whether the request took effect is unknown.
    PortTimeout = "port.timeout",
    /// The TLS handshake failed or the certificate does not verify.
    PortTls = "port.tls",
    /// The answer is larger than the limit that the call allows.
    PortTooLarge = "port.too_large",
    /// There is no route to the target, or none of its jump hosts can be reached.
    PortUnreachable = "port.unreachable",
    /// The other side answers, but not as one that serves: a DNS server that fails, a port that is closed.
    PortUnserved = "port.unserved",
    /// A run without network asked what its recording does not answer.
    RecordingMissing = "recording.missing",
    /// A run without network asked what its recording answers for another address.
    RecordingTarget = "recording.target",
    /// The command ran on the target and failed.
    RemoteCommand = "remote.command",
    /// The arguments do not fit the primitive's schema.
    ScriptArgument = "script.argument",
    /// The script threw, or cannot be parsed.
    ScriptError = "script.error",
    /// A limit on the script was reached: operations, sizes, calls, output, time.
    ScriptLimit = "script.limit",
    /// No primitive has this name.
    ScriptUnknownPrimitive = "script.unknown_primitive",
    /// The script's process died.
    ScriptWorkerDied = "script.worker_died",
    /// A secret cannot be read from its source.
    SiteSecret = "site.secret",
    /// The site file does not name this.
    SiteUnknown = "site.unknown",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The step at which a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Arguments into types.
    Decode,
    /// Asking for permission, before or after the target was resolved.
    Gate,
    /// Reading from the target.
    Observe,
    /// Deciding what to change.
    Plan,
    /// Writing evidence.
    Record,
    /// Changing the target.
    Apply,
    /// Taking a change back.
    Undo,
}

/// What a call did to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nothing was changed.
    None,
    /// The change was made.
    Done,
    /// A part of the change was made.
    Partial,
    /// Not known; only an observation can tell.
    Unknown,
}

/// Whether trying again makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same call gives the same answer.
    Never,
    /// The same call may succeed later.
    SameCall,
    /// What stands on the target must be observed before anything else is tried.
    AfterObserving,
}

/// A call that did not give its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What went wrong.
    pub code: Code,
    /// Where it went wrong.
    pub stage: Stage,
    /// What it did to the target.
    pub effect: Effect,
    /// Whether to try again.
    pub retry: Retry,
    /// A lower-case fragment without a period or a secret that reads on after "failed to …: ".
    pub message: String,
    /// What to do next: full sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Fault {
    /// A fault without effect that a repetition does not mend.
    pub fn new(code: Code, stage: Stage, message: impl Into<String>) -> Self {
        let retry = match code {
            Code::PortTimeout | Code::PortUnreachable | Code::PortRefused | Code::PortClosed => {
                Retry::SameCall
            }
            _ => Retry::Never,
        };
        Self { code, stage, effect: Effect::None, retry, message: message.into(), hints: Vec::new() }
    }

    /// The same fault with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same fault with another effect on the target. What is not known must be looked at before anything is tried again.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        if effect == Effect::Unknown {
            self.retry = Retry::AfterObserving;
        }
        self
    }

    /// Whether a guard of the policy refused to let a run change anything.
    pub fn is_guard(&self) -> bool {
        self.code.as_str().starts_with("guard.")
    }

    /// Whether the gate refused the call.
    pub fn is_denial(&self) -> bool {
        matches!(
            self.code,
            Code::DeniedAddress | Code::DeniedByRule | Code::DeniedResource | Code::DeniedUndeclared
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_begin_with_who_is_to_blame() {
        assert!(Code::ALL.is_sorted_by_key(|c| c.as_str()));
        let blames = [
            "bug",
            "change",
            "denied",
            "evidence",
            "guard",
            "plan",
            "port",
            "recording",
            "remote",
            "script",
            "site",
        ];
        for code in Code::ALL {
            let (blame, _) = code.as_str().split_once('.').expect("two words");
            assert!(blames.contains(&blame), "{code}");
        }
    }
}
