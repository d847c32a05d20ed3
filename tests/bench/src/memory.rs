//! The most memory that fabric's two processes held, from `/proc/PID/status` (proc(5)).

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Outcome;

/// How often the processes are looked at. The figure is a high-water mark, so that only its last rise can be missed.
const EVERY: Duration = Duration::from_millis(2);

/// Prints what host and worker held at most while the command ran that runs a script.
pub(crate) fn print(script: &str, mut command: Command) -> Outcome<()> {
    let mut host = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut most: BTreeMap<&str, u64> = BTreeMap::new();
    while host.try_wait()?.is_none() {
        for (name, process) in [("host", Some(host.id())), ("worker", worker_of(host.id()))] {
            if let Some(kib) = process.and_then(high_water) {
                let known = most.entry(name).or_default();
                *known = kib.max(*known);
            }
        }
        std::thread::sleep(EVERY);
    }
    for (name, kib) in most {
        println!("| {script:<14} | {name:<7} | {:>8.1} |", kib as f64 / 1024.0);
    }
    Ok(())
}

fn worker_of(host: u32) -> Option<u32> {
    // The thread that starts the worker is the main one.
    let children = fs::read_to_string(format!("/proc/{host}/task/{host}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// In KiB. Before `exec` a process still has its parent's name and memory.
fn high_water(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    if !field("Name:")?.trim().starts_with("fabric") {
        return None;
    }
    field("VmHWM:")?.split_whitespace().next()?.parse().ok()
}
