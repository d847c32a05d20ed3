//! What was planted and changed, in the order of time: the models are built from it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::TwinFault;
use crate::power::Switch;

/// One entry of the history: at which time of the twin, and what.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Duration,
    pub(crate) what: Happening,
}

/// What happens to a site from outside. What follows by itself is not written down: it follows again.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Fault(TwinFault),
    /// A program that changed something and ended well.
    Program {
        host: String,
        argv: Vec<String>,
        input: Vec<u8>,
    },
    Switched {
        host: String,
        switch: Switch,
    },
}

/// A changing command or a writing request that reached its target, whatever came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// At which time of the twin, in milliseconds since it began.
    pub at_ms: u64,
    /// The host, or the Proxmox node that was asked.
    pub target: String,
    /// The argv with spaces between its words, or method and path.
    pub what: String,
    /// The exit status, or that of HTTP.
    pub status: u32,
}
