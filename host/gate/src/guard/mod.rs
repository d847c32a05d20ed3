//! Guards: what must hold before a run may change anything, as rows of the policy, and the decision over them.
//!
//! Pure as everything in this crate: the time, the approvals, the freezes and the budgets are handed in by whoever keeps them.

mod approval;
mod decide;
mod decision;
mod explain;
mod refusal;
mod row;
mod situation;
mod window;

pub use approval::Counted;
pub use decision::{Decision, Next};
pub use explain::{AuthorityRef, Explained};
pub use situation::{Approval, Freeze, Situation, Touch, target_of};
pub use window::Window;

pub(crate) use row::{
    APPROVAL_MINUTES, ApprovalRule, Authority, Budget, Guard, Required, Requirements, ScriptKind,
};
