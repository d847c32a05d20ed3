//! The SSH contract of a host.

pub mod auth;
pub mod forward;
