//! The gate: what the script declares, cut by what the policy grants to this principal in this environment.
//!
//! Nothing is granted by default and `deny` always wins. The gate is asked twice: for the *request*, in the site's words, and for
//! the *resolved target*, in addresses and in every name that the site has for them. Each yes is a [`Granted`], the only thing the rest of the host acts on. Each no is a
//! fault that says what would have allowed it, and stays on record even when the script catches it.
//!
//! Everything here is pure: no clock, no name resolution, no files.

mod alias;
mod asked;
mod denial;
mod gate;
mod granted;
mod guard;
mod intent;
mod needs;
mod network;
mod pattern;
mod policy;

pub use alias::Alias;
pub use gate::{DENIAL_LIMIT, Gate, Principal};
pub use granted::Granted;
pub use guard::{
    Approval, AuthorityRef, Counted, Decision, Explained, Freeze, Next, Situation, Touch, Window, target_of,
};
pub use intent::{Authentic, Forged, IntentKey, Seal};
pub use needs::Needs;
pub use pattern::{NotAPattern, Pattern};
pub use policy::{Grant, Met, Never, Policy, RuleRef};
