//! The pace of the twin's time: it goes on only while nobody has anything to do. However slow the machine is, a host meets the same
//! deadlines, and no case waits for time to pass.

use std::fs;
use std::time::Duration;

/// Looks in a row at which everybody must be asleep: what one process has just sent, another has not yet begun to read.
const LOOKS: u32 = 2;

#[derive(Debug)]
pub(crate) struct Pace {
    host: u32,
    twin: u32,
    asleep: u32,
}

impl Pace {
    /// How far time jumps at once: no further than the polls of a steady state are apart.
    pub(crate) const STEP: Duration = Duration::from_millis(500);
    /// From one look to the next, in our own time.
    pub(crate) const LOOK: Duration = Duration::from_millis(2);

    pub(crate) fn new(host: u32, twin: u32) -> Self {
        Self { host, twin, asleep: 0 }
    }

    /// Whether host, worker and twin all wait for time to pass.
    pub(crate) fn nobody_is_busy(&mut self) -> bool {
        let busy = is_busy(self.host) || is_busy(self.twin) || children(self.host).into_iter().any(is_busy);
        self.asleep = if busy { 0 } else { self.asleep + 1 };
        if self.asleep < LOOKS {
            return false;
        }
        self.asleep = 0;
        true
    }
}

/// The processes that a process has started and that are not over.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for task in tasks(pid) {
        let listed = fs::read_to_string(format!("/proc/{pid}/task/{task}/children")).unwrap_or_default();
        children.extend(listed.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    children.retain(|child| state(&format!("/proc/{child}/stat")).is_some_and(|state| state != 'Z'));
    children
}

/// Whether any thread of a process runs, wants to, or waits for a disk.
fn is_busy(pid: u32) -> bool {
    tasks(pid).iter().any(|task| {
        state(&format!("/proc/{pid}/task/{task}/stat")).is_some_and(|state| !matches!(state, 'S' | 'Z' | 'X'))
    })
}

fn tasks(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn state(stat: &str) -> Option<char> {
    fs::read_to_string(stat).ok()?.rsplit_once(") ")?.1.chars().next()
}
