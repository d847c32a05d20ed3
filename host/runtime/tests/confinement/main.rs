//! What a process can still do once it is confined as a worker is: each attempt is made by this program, started again, with and
//! without the lock-down. An attempt that fails without it would prove nothing, so there it must succeed.

#![cfg_attr(
    fabric_removable_protections,
    expect(dead_code, reason = "there only what gets through is asked for")
)]

mod attempts;
#[path = "../../../../tests/hostile/experiments.rs"]
mod experiments;

use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use attempts::{ATTEMPTS, Attempt, Fate, INHERITED};
use experiments::{Experiment, Kind, all};
use fabric_script::confine::{close_inherited, confine};
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::io::FdFlags;

/// The first argument of this program when it makes an attempt.
const ATTEMPT: &str = "attempt";

/// Its third, when it locks itself down before.
const CONFINED: &str = "confined";

/// What the process exits with when its attempt got through, when it got an error, and when it could not be confined.
const THROUGH: u8 = 0;
const ERROR: u8 = 3;
const UNCONFINED: u8 = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, first, name, confined, _host, without] = arguments.as_slice()
        && first == ATTEMPT
    {
        return ExitCode::from(make(name, confined == CONFINED, without));
    }
    libtest_mimic::run(&Arguments::from_args(), trials()).exit_code()
}

/// Each attempt comes to what it must.
#[cfg(not(fabric_removable_protections))]
fn trials() -> Vec<Trial> {
    for Experiment { protection, attack, .. } in all(Kind::Attempts) {
        assert!(find(&attack).is_some(), "{protection}: there is no attempt `{attack}`");
    }
    ATTEMPTS.iter().map(|attempt| Trial::test(attempt.name, || judge(attempt))).collect()
}

/// Each attempt gets through where the protection is taken away that it would not get past.
#[cfg(fabric_removable_protections)]
fn trials() -> Vec<Trial> {
    let trial = |experiment: Experiment| {
        Trial::test(experiment.name(), move || {
            experiment.play(|without| {
                let confined = started(&experiment.attack, CONFINED, without);
                (confined.code() == Some(i32::from(THROUGH))).then(|| "it is done".to_owned())
            })?;
            println!("{experiment} it is done");
            Ok(())
        })
    };
    all(Kind::Attempts).into_iter().map(trial).collect()
}

fn find(name: &str) -> Option<&'static Attempt> {
    ATTEMPTS.iter().find(|attempt| attempt.name == name)
}

/// Makes one attempt in this process.
fn make(name: &str, confined: bool, without: &str) -> u8 {
    #[cfg(fabric_removable_protections)]
    if fabric_model::protection::remove(without).is_err() {
        return UNCONFINED;
    }
    let Some(attempt) = find(name).filter(|_| without.is_empty() || cfg!(fabric_removable_protections))
    else {
        return UNCONFINED;
    };
    if confined {
        let closed = close_inherited();
        let door = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
        let (Ok(()), Ok(door)) = (closed, door) else { return UNCONFINED };
        if confine(&door).is_err() {
            return UNCONFINED;
        }
    }
    if (attempt.make)().is_ok() { THROUGH } else { ERROR }
}

fn judge(attempt: &Attempt) -> Result<(), Failed> {
    let free = started(attempt.name, "free", "");
    if free.code() != Some(i32::from(THROUGH)) {
        return Err(format!("it fails without any lock-down, so it proves nothing: {free}").into());
    }
    let confined = started(attempt.name, CONFINED, "");
    let as_expected = match attempt.fate {
        Fate::Killed => confined.signal() == Some(rustix::process::Signal::SYS.as_raw()),
        Fate::Refused => confined.code() == Some(i32::from(ERROR)),
        Fate::Allowed => confined.code() == Some(i32::from(THROUGH)),
    };
    if as_expected { Ok(()) } else { Err(format!("{:?} was expected, not {confined}", attempt.fate).into()) }
}

/// This program again, with a door as the host gives it and one descriptor that it should not have.
fn started(name: &str, confined: &str, without: &str) -> ExitStatus {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let inherited = rustix::io::fcntl_dupfd_cloexec(&ours, INHERITED).expect("a number is free");
    rustix::io::fcntl_setfd(&inherited, FdFlags::empty()).expect("it is open");
    Command::new("/proc/self/exe")
        .args([ATTEMPT, name, confined, &std::process::id().to_string(), without])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("this program starts again")
}
