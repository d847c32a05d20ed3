//! Facts of a host as a whole.

pub mod accounts;
pub mod addresses;
pub mod clock;
pub mod identity;
pub mod packages;
pub mod processes;
pub mod routes;
pub mod sockets;
pub mod sysctl;
