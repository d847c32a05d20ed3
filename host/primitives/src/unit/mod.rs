//! systemd units.

pub mod kill;
pub mod restart;
pub mod start;
pub mod state;
pub mod stop;
