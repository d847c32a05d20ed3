//! TCP connections as such.

pub mod connect;
