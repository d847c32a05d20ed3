//! systemd units.

pub mod state;
