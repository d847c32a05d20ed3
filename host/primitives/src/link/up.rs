//! Takes one network interface of a host up.
//!
//! # Observes
//! Whether the host has the interface and whether it is up (`ip -json address show`).
//!
//! # Changes
//! `ip link set dev IFACE up`. An interface that is up is left alone.
//!
//! # Undo
//! The interface is taken down. The target does so itself when the host never comes back.
//!
//! # Denied when
//! `host:NAME/IFACE` is not granted.

use crate::changing::ChangeExample;
use crate::link_change::{LinkChange, example};

pub(crate) struct Up;

impl LinkChange for Up {
    const NAME: &'static str = "link.up";
    const SUMMARY: &'static str = "Takes one network interface of a host up.";
    const UP: bool = true;

    fn examples() -> Vec<ChangeExample> {
        vec![example(false, Some("take eth1 of dns-edge-1 up")), example(true, None)]
    }
}
