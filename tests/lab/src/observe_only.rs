//! The forced command of the fault `observe-only`: sshd starts it in place of every command that the operator's key asks for. It
//! writes the command down, and runs it only where it is one that reads.
//!
//! Forwarding through a host is no command and goes on working.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use fabric_wire::ssh::ReadCommand;

/// Where this program is inside every node.
pub(crate) const PROGRAM: &str = "/usr/local/bin/fabric-lab";

/// Where a node keeps what was asked of it: a line each, `ran` or `refused`, then the command.
pub(crate) const RECORD: &str = "/run/observe-only.log";

/// What a shell says of a command that it may not run.
const MAY_NOT_RUN: u8 = 126;

/// What comes before the operator's key in `authorized_keys`.
pub(crate) fn key_option() -> String {
    format!("command=\"{PROGRAM} observe-only\" ")
}

/// Writes down what was asked for and becomes it, or refuses it.
pub(crate) fn serve() -> ExitCode {
    // sshd hands it over in this variable (sshd(8), authorized_keys); without one a login shell was asked for.
    let asked = std::env::var("SSH_ORIGINAL_COMMAND").unwrap_or_default();
    let reading = ReadCommand::parse(&asked);
    let word = if reading.is_some() { "ran" } else { "refused" };
    // What cannot be written down is not run either.
    let recorded = record(&format!("{word} {}\n", asked.escape_debug()));
    if let Err(error) = &recorded {
        eprintln!("observe-only: {RECORD}: {error}");
    }
    let argv = reading.filter(|_| recorded.is_ok()).map(|command| command.argv()).unwrap_or_default();
    if let Some((program, arguments)) = argv.split_first() {
        let error = Command::new(program).args(arguments).exec();
        eprintln!("observe-only: {program}: {error}");
    }
    ExitCode::from(MAY_NOT_RUN)
}

/// One write for each line, so that sessions beside each other do not mix theirs.
fn record(line: &str) -> std::io::Result<()> {
    OpenOptions::new().append(true).open(RECORD)?.write_all(line.as_bytes())
}
