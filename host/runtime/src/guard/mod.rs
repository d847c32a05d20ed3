//! Guards: what is asked before a run changes anything, and again before each change.
//!
//! The decision itself is the policy's (`fabric-gate`) and knows no file and no clock. Here is what it rests on: what the operator
//! says, whether this is CI, and the *authority* of each environment, a folder that keeps approvals, freezes, used nonces and
//! budgets. Where something cannot be found out, nothing is changed.

mod admission;
mod admit;
mod approvals;
mod authority;
mod budget;
mod ci;
mod freezes;
mod plans;
mod signed;
#[cfg(test)]
mod tests;
mod used;

pub(crate) use admission::Admission;
pub use admit::Claims;
pub(crate) use admit::{Request, admit};
pub use approvals::{Consent, approve};
pub use authority::Authority;
pub use ci::Ci;
pub use freezes::{Frozen, freeze, frozen, thaw};
pub use plans::{FoundPlan, NoPlan, find_plan, plan_of};
