//! nftables.

pub mod ruleset;
