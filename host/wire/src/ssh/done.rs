//! Whether a changing command did what it was asked for.

use super::CommandOutput;
use super::change::{ChangeCommand, LOCK_UNIT};
use crate::error::WireError;

/// The status of `systemctl stop` where a unit is not loaded (systemctl(1), "Exit status", as LSB has it).
const NOT_LOADED: u32 = 5;

/// How systemd refuses a transient unit whose name is taken: as it is loaded, or a file has its name.
const NAME_IS_TAKEN: &str = "was already loaded or has a fragment file";

/// Reads what a changing command gave. A timer or lock that is to be given up and is not there is given up.
///
/// # Errors
/// [`WireError::Exists`] when the name of a timer or of the lock is taken, [`WireError::Permission`] when the account lacks the right,
/// [`WireError::Command`] when the tool failed otherwise.
pub fn done(command: &ChangeCommand, output: &CommandOutput) -> Result<(), WireError> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    match (command, output.status) {
        (_, 0) => Ok(()),
        (ChangeCommand::TimerDisarm { .. } | ChangeCommand::LockDrop, NOT_LOADED) if is_absence(&stderr) => {
            Ok(())
        }
        (ChangeCommand::LockTake { .. }, _) if stderr.contains(NAME_IS_TAKEN) => {
            Err(WireError::Exists(LOCK_UNIT.to_owned()))
        }
        (ChangeCommand::TimerArm { timer, .. }, _) if stderr.contains(NAME_IS_TAKEN) => {
            Err(WireError::Exists(format!("{timer}.timer")))
        }
        (_, status) => Err(output.failure(command.name(), status)),
    }
}

/// Whether the only thing that systemd complains about is that units are not loaded. A timer that is stopped takes its service
/// along, so this is what disarming commonly ends with.
fn is_absence(stderr: &str) -> bool {
    let mut complaints = stderr.lines().filter(|line| line.starts_with("Failed to ")).peekable();
    complaints.peek().is_some() && complaints.all(|line| line.ends_with(" not loaded."))
}

#[cfg(test)]
mod tests {
    use fabric_model::Slug;

    use super::super::change::Restore;
    use super::super::output::tests::{ended, printed};
    use super::*;

    fn slug(text: &str) -> Slug {
        text.parse().expect("a name")
    }

    fn arm() -> ChangeCommand {
        let restore = Restore::UnitStart { unit: slug("keepalived.service") };
        ChangeCommand::TimerArm { timer: slug("fabric-run-1"), seconds: 60, restore }
    }

    fn load() -> ChangeCommand {
        ChangeCommand::NftLoad { path: "/run/fabric-run-1.new.nft".parse().expect("a path") }
    }

    fn disarm() -> ChangeCommand {
        ChangeCommand::TimerDisarm { timer: slug("fabric-run-1") }
    }

    #[test]
    fn status_zero_is_done_whatever_was_said() {
        assert_eq!(done(&load(), &printed("")), Ok(()));
        assert_eq!(done(&arm(), &ended(0, "", "Warning: was already loaded or has a fragment file")), Ok(()));
    }

    #[test]
    fn a_name_that_is_taken_is_told_from_every_other_failure() {
        let taken = "Failed to start transient timer unit: Unit fabric-run-1.timer was already loaded or has a fragment file.\n";
        assert_eq!(done(&arm(), &ended(1, "", taken)), Err(WireError::Exists("fabric-run-1.timer".into())));
        let left = "Failed to start transient timer unit: Unit fabric-run-1.service was already loaded or has a fragment file.\n";
        assert_eq!(done(&arm(), &ended(1, "", left)), Err(WireError::Exists("fabric-run-1.timer".into())));
        let held = "Failed to start transient service unit: Unit fabric-lock.service was already loaded or has a fragment file.\n";
        let take = ChangeCommand::LockTake { owner: slug("run-b") };
        assert_eq!(done(&take, &ended(1, "", held)), Err(WireError::Exists("fabric-lock.service".into())));
        // Other commands start no transient unit.
        let other = done(&load(), &ended(1, "", held));
        assert!(matches!(other, Err(WireError::Command { status: 1, .. })), "{other:?}");
        let failed = done(&take, &ended(1, "", "Failed to connect to bus: No such file or directory\n"));
        assert!(matches!(failed, Err(WireError::Command { status: 1, .. })), "{failed:?}");
    }

    #[test]
    fn what_is_given_up_and_not_there_is_given_up() {
        let gone = "Failed to stop fabric-run-1.service: Unit fabric-run-1.service not loaded.\n";
        assert_eq!(done(&disarm(), &ended(5, "", gone)), Ok(()));
        let both = format!("Failed to stop fabric-run-1.timer: Unit fabric-run-1.timer not loaded.\n{gone}");
        assert_eq!(done(&disarm(), &ended(5, "", &both)), Ok(()));
        let lock = "Failed to stop fabric-lock.service: Unit fabric-lock.service not loaded.\n";
        assert_eq!(done(&ChangeCommand::LockDrop, &ended(5, "", lock)), Ok(()));
        // A unit that is to be stopped must exist.
        let stop = ChangeCommand::UnitStop { unit: slug("nope.service") };
        let unknown =
            done(&stop, &ended(5, "", "Failed to stop nope.service: Unit nope.service not loaded.\n"));
        assert!(matches!(unknown, Err(WireError::Command { status: 5, .. })), "{unknown:?}");
    }

    #[test]
    fn a_timer_that_could_not_be_stopped_is_not_disarmed() {
        let gone = "Failed to stop fabric-run-1.service: Unit fabric-run-1.service not loaded.\n";
        let mixed = format!("Failed to stop fabric-run-1.timer: Connection timed out\n{gone}");
        for (status, stderr) in [(5, mixed.as_str()), (5, ""), (1, gone), (4, gone)] {
            let answer = done(&disarm(), &ended(status, "", stderr));
            assert!(matches!(answer, Err(WireError::Command { .. })), "{status} {stderr}");
        }
    }

    #[test]
    fn a_missing_right_is_a_permission() {
        for stderr in ["sudo: a password is required\n", "Error: Operation not permitted\n"] {
            let denied = done(&load(), &ended(1, "", stderr));
            assert!(matches!(denied, Err(WireError::Permission(_))), "{denied:?}");
        }
    }
}
