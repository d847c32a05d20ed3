//! Facts of a host as a whole.

pub mod addresses;
pub mod clock;
pub mod sockets;
pub mod sysctl;
