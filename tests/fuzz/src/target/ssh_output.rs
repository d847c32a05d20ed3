//! What commands print on a host: whatever it is, the readers answer or refuse.

use std::time::{Duration, UNIX_EPOCH};

use fabric_model::Slug;
use fabric_wire::ssh::{
    ChangeCommand, CommandOutput, ReadCommand, Restore, accounts, addresses, clock, done, file_content,
    file_digest, file_facts, host_time, identity, lock_owner, nft_text, packages, processes, routes, sockets,
    sysctl, timer, unit_state,
};

use super::choice;

/// An exit status by the first byte; the rest up to a zero byte is standard output, behind it standard error. What changes something is
/// not done unless its command says so.
pub fn run(bytes: &[u8]) {
    let (status, rest) = choice(bytes);
    let mut streams = rest.splitn(2, |byte| *byte == 0);
    let mut stream = || streams.next().unwrap_or_default().to_vec();
    let (stdout, stderr) = (stream(), stream());
    let output = CommandOutput { status: u32::from(status % 8), stdout, stderr, path: Vec::new() };
    let before = UNIX_EPOCH + Duration::from_secs(1);
    let _ = (addresses(&output), sockets(&output), sysctl(&output), unit_state(&output));
    let _ = (file_facts(&output), file_content(&output), nft_text(&output), lock_owner(&output));
    let _ = (identity(&output), accounts(&output), processes(&output), routes(&output));
    let _ = (packages(&output), file_digest(&output));
    let _ = (
        timer(&output, before),
        host_time(&output),
        clock(&output, before, before + Duration::from_millis(3)),
    );
    let (Ok(timer), Ok(unit)) = ("a".parse::<Slug>(), "a.service".parse()) else { return };
    for command in [
        ChangeCommand::TimerArm { timer: timer.clone(), seconds: 1, restore: Restore::UnitStart { unit } },
        ChangeCommand::TimerDisarm { timer: timer.clone() },
        ChangeCommand::LockTake { owner: timer },
    ] {
        assert!(matches!(output.status, 0 | 5) || done(&command, &output).is_err(), "{command:?}");
    }
    // The line of a command, as sshd hands it to the forced command of an account that may only look.
    if let Some(command) = std::str::from_utf8(rest).ok().and_then(ReadCommand::parse) {
        assert_eq!(Ok(command.line().as_str()), std::str::from_utf8(rest).as_deref());
    }
}
