//! Network interfaces of hosts.

pub mod down;
pub mod up;
