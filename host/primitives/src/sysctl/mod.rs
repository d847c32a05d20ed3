//! Kernel parameters of hosts.

pub mod set;
