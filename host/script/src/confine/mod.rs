//! How the worker gives up the machine, for good, before it reads its script.
//!
//! The order matters: what is inherited goes first, then what the process may become, then the limits, and last the two layers
//! that would refuse the steps before them. Whatever has to open a file (the guard of the first stack, a backtrace) has to happen before,
//! or not at all.

mod inherited;
mod landlock;
mod limits;
mod seccomp;

use std::os::unix::net::UnixStream;

use fabric_model::confinement::{Confinement, Lack, Layer};
use fabric_model::protection::{Protection, stands};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Signal};

/// Why a worker does not start. All of it is there on every kernel that runs fabric.
#[derive(Debug, thiserror::Error)]
pub enum Unconfined {
    /// It was not started by the host, or the host has died meanwhile.
    #[error("the process at the other end of the door is not the one that started this")]
    NoHost,
    /// The host starts workers without an environment.
    #[error("there is an environment")]
    Environment,
    /// The kernel refused.
    #[error("the kernel refused: {0}")]
    Refused(#[from] Errno),
}

/// Gives up everything that a script cannot need. Returns what remains within reach because the kernel lacks the means.
///
/// # Errors
/// When one of the means that every kernel has cannot be had. The process must end then.
pub fn confine(door: &UnixStream) -> Result<Confinement, Unconfined> {
    inherited::no_environment()?;
    die_with_the_host(door)?;
    if stands(Protection::Undumpable) {
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    limits::set()?;
    if stands(Protection::NoNewPrivileges) {
        rustix::thread::set_no_new_privs(true)?;
    }
    let lacks = [
        lacking(Protection::Landlock, Layer::Landlock, landlock::restrict),
        lacking(Protection::Seccomp, Layer::Seccomp, seccomp::restrict),
    ];
    Ok(Confinement::of(lacks.into_iter().flatten().collect()))
}

/// Closes whatever was inherited beside the door. It goes before anything that opens a descriptor of its own.
///
/// # Errors
/// When the kernel does not say what is open.
pub fn close_inherited() -> Result<(), Unconfined> {
    if stands(Protection::ClosedDescriptors) {
        inherited::close_descriptors()?;
    }
    Ok(())
}

fn lacking(protection: Protection, layer: Layer, restrict: fn() -> Result<(), String>) -> Option<Lack> {
    let why = if stands(protection) { restrict().err()? } else { "taken away for a test".to_owned() };
    Some(Lack::of(layer, why))
}

/// Has the kernel end this process when the thread that started it does.
fn die_with_the_host(door: &UnixStream) -> Result<(), Unconfined> {
    if !stands(Protection::DeathSignal) {
        return Ok(());
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // Who died before that sends no signal any more; then somebody else is the parent.
    let host = rustix::net::sockopt::socket_peercred(door)?.pid;
    if rustix::process::getppid() == Some(host) { Ok(()) } else { Err(Unconfined::NoHost) }
}
