//! Exit codes of `fabric`: documented, stable, one list (design section 10).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! exits {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $text:literal;)*) => {
        /// How a command ended. Listed from the most severe to the least: where several hold, the first wins.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Exit {
            $($(#[$doc])* $variant,)*
        }

        impl Exit {
            /// Every exit, the most severe first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The process exit code.
            pub fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it means, in a few words.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

exits! {
    /// What was changed could not be put back, or nobody knows whether it was.
    Incomplete = 14, "failed, restoration incomplete or unknown";
    /// The host has a bug.
    Bug = 70, "internal error";
    /// The gate refused something, even if the script caught it.
    Denied = 6, "denied";
    /// Changes are frozen, or another run was left unrecovered.
    Unrecovered = 8, "frozen or unrecovered";
    /// An approval is missing, past its end, used, or not for this run.
    Approval = 9, "approval missing or expired";
    /// The world is no longer the one that the plan rests on, or the plan is not the one that was made.
    PlanStale = 10, "plan stale";
    /// A limit on the script was reached.
    Limit = 21, "limit hit";
    /// The script cannot be parsed, or threw outside a check, or its process died.
    Script = 20, "script fault";
    /// Ctrl-C.
    Interrupted = 130, "interrupted";
    /// A change failed, and everything that the run had changed is as it was before.
    Undone = 13, "failed, undone";
    /// A change failed before it had any effect.
    NoEffect = 12, "failed, no effect";
    /// A packet or its signature does not verify.
    Verification = 30, "verification failed";
    /// The command line is wrong.
    Usage = 2, "usage";
    /// A file of the project is missing or wrong.
    Configuration = 3, "configuration";
    /// A key or credential is missing or refused.
    Authentication = 4, "authentication";
    /// The thing named on the command line does not exist.
    NotFound = 5, "not found";
    /// The site cannot be reached at all.
    Unreachable = 7, "unreachable";
    /// At least one check failed.
    ChecksFailed = 1, "checks failed";
    /// At least one check could not find out, or was skipped; none failed.
    NotMeasurable = 11, "not measurable";
    /// All checks passed, or there was nothing to check.
    Done = 0, "done";
}

impl Exit {
    /// The more severe of two.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        self.min(other)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.meaning(), self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_a_denial_outweighs_failed_checks() {
        let mut codes: Vec<u8> = Exit::ALL.iter().map(|e| e.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Exit::ALL.len());
        assert_eq!(Exit::ChecksFailed.worst(Exit::Denied), Exit::Denied);
        assert_eq!(Exit::Done.worst(Exit::NotMeasurable), Exit::NotMeasurable);
    }
}
