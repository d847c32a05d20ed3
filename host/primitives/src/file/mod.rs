//! Files of hosts.

pub mod digest;
pub mod put;
