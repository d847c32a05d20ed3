//! What a process can still do once it is confined as a worker is: each attempt is made by this program, started again, with and
//! without the lock-down. An attempt that fails without it would prove nothing, so there it must succeed.

mod attempts;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use attempts::{ATTEMPTS, Attempt, Fate};
use fabric_script::confine::{close_inherited, confine};
use libtest_mimic::{Arguments, Failed, Trial};

/// The first argument of this program when it makes an attempt.
const ATTEMPT: &str = "attempt";

/// What the process exits with when its attempt got through, when it got an error, and when it could not be confined.
const THROUGH: u8 = 0;
const ERROR: u8 = 3;
const UNCONFINED: u8 = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, first, name, confined, _host] = arguments.as_slice()
        && first == ATTEMPT
    {
        return ExitCode::from(make(name, confined == "confined"));
    }
    let trials = ATTEMPTS.iter().map(|attempt| Trial::test(attempt.name, || judge(attempt)));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// Makes one attempt in this process.
fn make(name: &str, confined: bool) -> u8 {
    let Some(attempt) = ATTEMPTS.iter().find(|attempt| attempt.name == name) else { return UNCONFINED };
    if confined {
        let closed = close_inherited();
        let door = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned().map(UnixStream::from);
        let (Ok(()), Ok(door)) = (closed, door) else { return UNCONFINED };
        if confine(&door).is_err() {
            return UNCONFINED;
        }
    }
    if (attempt.make)().is_ok() { THROUGH } else { ERROR }
}

fn judge(attempt: &Attempt) -> Result<(), Failed> {
    let free = started(attempt.name, "free");
    if free.code() != Some(i32::from(THROUGH)) {
        return Err(format!("it fails without any lock-down, so it proves nothing: {free}").into());
    }
    let confined = started(attempt.name, "confined");
    let as_expected = match attempt.fate {
        Fate::Killed => confined.signal() == Some(rustix::process::Signal::SYS.as_raw()),
        Fate::Refused => confined.code() == Some(i32::from(ERROR)),
        Fate::Allowed => confined.code() == Some(i32::from(THROUGH)),
    };
    if as_expected { Ok(()) } else { Err(format!("{:?} was expected, not {confined}", attempt.fate).into()) }
}

/// This program again, with a door as the host gives it and one descriptor that it should not have.
fn started(name: &str, confined: &str) -> ExitStatus {
    let (_ours, theirs) = UnixStream::pair().expect("a pair");
    Command::new("/proc/self/exe")
        .args([ATTEMPT, name, confined, &std::process::id().to_string()])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("this program starts again")
}
