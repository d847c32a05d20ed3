//! Files of hosts.

pub mod put;
