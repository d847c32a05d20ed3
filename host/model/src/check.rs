//! What a check of a suite found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::value::Value;

/// How a check ended. Only `pass` is a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Observed as expected.
    Pass,
    /// Observed, and not as expected.
    Fail,
    /// Could not find out.
    Error,
    /// Not looked at, for the reason given.
    Skip,
    /// Cannot be looked at before the planned changes are made. Only a dry run has such checks.
    Deferred,
}

impl Status {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Skip => "skip",
            Self::Deferred => "deferred",
        }
    }
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// We asked the service itself, as a client does.
    Probed,
    /// The host says it of itself.
    SelfReported,
}

/// Where a check or call stands in the script: the step number on the main branch, then for each `par` the branch's index and
/// the step within it. Sorting by it gives the order in which the script reads, whatever order things happened in.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Place(pub Vec<u32>);

/// What a script says of a check when it ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase", deny_unknown_fields)]
pub enum Verdict {
    /// The function returned.
    Pass,
    /// An expectation did not hold.
    Fail {
        /// What was compared.
        what: String,
        /// What should have been.
        expected: Value,
        /// What was.
        observed: Value,
    },
    /// A call ended in a fault, or the script threw.
    Error {
        /// The fault of the call, where it was one.
        fault: Option<Fault>,
        /// What was thrown, with its place in the script.
        message: String,
    },
    /// The script gave a reason not to look.
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
