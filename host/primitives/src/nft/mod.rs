//! nftables.

pub mod apply;
pub mod ruleset;
