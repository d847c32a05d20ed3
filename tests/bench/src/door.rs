//! The door between host and worker: what starting a worker costs, with the lock-down and without, and what its frames cost alone.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use fabric_model::Value;
use fabric_model::check::Place;
use fabric_model::confinement::Confinement;
use fabric_model::door::{self, FromWorker, Reply};
use fabric_script::confine::{close_inherited, confine};

use crate::Outcome;
use crate::measure::{Sample, blocking, children_cpu};

/// Arguments that make this program a worker up to its first frame.
pub(crate) const LOCKED: &str = "--worker-locked";
pub(crate) const UNLOCKED: &str = "--worker-unlocked";

/// Calls over the door.
pub(crate) const CALLS: usize = 5_000;

/// Starts a worker, and waits for its first frame.
pub(crate) fn begin(argument: &str) -> Outcome<Sample> {
    let cpu_before = children_cpu()?;
    let start = Instant::now();
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut worker = Command::new(std::env::current_exe()?)
        .arg(argument)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    let first = door::read::<FromWorker>(&mut ours)?;
    let wall = start.elapsed();
    drop(ours);
    worker.wait()?;
    match first {
        FromWorker::Confined { .. } => {
            Ok(Sample { first: None, script: None, wall, cpu: children_cpu()?.saturating_sub(cpu_before) })
        }
        other => Err(format!("a worker began with {other:?}").into()),
    }
}

/// What [`begin`] starts.
pub(crate) fn be_worker(argument: &str) -> Outcome<()> {
    let confinement = if argument == LOCKED {
        close_inherited()?;
        confine(&stream()?)?
    } else {
        Confinement::Full
    };
    door::write(&mut stream()?, &FromWorker::Confined { version: door::VERSION, confinement })?;
    Ok(())
}

fn stream() -> io::Result<UnixStream> {
    io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from)
}

/// [`CALLS`] frames there and back between two threads, with nobody to do anything.
pub(crate) fn bare() -> Outcome<Sample> {
    let (mut ours, mut theirs) = UnixStream::pair()?;
    let other = thread::spawn(move || -> Result<(), door::Broken> {
        loop {
            let FromWorker::Call { call_id, .. } = door::read(&mut theirs)? else { return Ok(()) };
            let result = Ok(Value::table([("offset_ms", 0.into()), ("at", "2026-11-21T00:00:00Z".into())]));
            door::write(&mut theirs, &Reply { call_id, result })?;
        }
    });
    let sample = blocking(|| {
        for call_id in (0..).take(CALLS) {
            let (place, primitive) = (Place::default(), "host.clock".parse()?);
            let arguments = Value::table([("host", "host-1".into())]);
            let call =
                FromWorker::Call { call_id, place, check: None, in_condition: false, primitive, arguments };
            door::write(&mut ours, &call)?;
            door::read::<Reply>(&mut ours)?;
        }
        Ok(())
    })?;
    drop(ours);
    // The other end ends with this one.
    let _ended = other.join();
    Ok(sample)
}
