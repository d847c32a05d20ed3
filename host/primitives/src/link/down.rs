//! Takes one network interface of a host down.
//!
//! # Observes
//! Whether the host has the interface and whether it is up, and whether the host is reached over it (`ip -json address show`).
//!
//! # Changes
//! `ip link set dev IFACE down`. An interface that is down is left alone.
//!
//! # Undo
//! The interface is taken up. The target does so itself when the host never comes back, and always where the host is reached over this
//! interface.
//!
//! # Denied when
//! `host:NAME/IFACE` is not granted.

use crate::changing::ChangeExample;
use crate::link_change::{LinkChange, example};

pub(crate) struct Down;

impl LinkChange for Down {
    const NAME: &'static str = "link.down";
    const SUMMARY: &'static str = "Takes one network interface of a host down.";
    const UP: bool = false;

    fn examples() -> Vec<ChangeExample> {
        vec![example(true, Some("take eth1 of dns-edge-1 down")), example(false, None)]
    }
}
