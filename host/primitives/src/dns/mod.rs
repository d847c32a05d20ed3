//! Questions to DNS servers.

pub mod query;
pub mod transfer;
