//! Who holds the lock of a host.

use super::CommandOutput;
use super::command::name::UNIT_SHOW;
use super::output::garbage;
use super::properties::Properties;
use crate::error::WireError;

/// Reads the output of [`super::ReadCommand::LockShow`]: who holds the lock, none where it is free.
///
/// # Errors
/// [`WireError::Command`] when systemd cannot be asked, [`WireError::Garbage`] when it does not say, or the unit is not one that a
/// lock makes, such as a masked one.
pub fn lock_owner(output: &CommandOutput) -> Result<Option<String>, WireError> {
    let mut blocks = Properties::blocks(output.text(UNIT_SHOW)?);
    let (Some(unit), None) = (blocks.next(), blocks.next()) else {
        return Err(garbage(UNIT_SHOW, "it did not print one unit"));
    };
    match (unit.required("LoadState")?, unit.required("ActiveState")?) {
        ("not-found", _) | ("loaded", "inactive") => Ok(None),
        ("loaded", _) => unit.required("Description").map(|owner| Some(owner.to_owned())),
        (load_state, _) => Err(garbage(UNIT_SHOW, &format!("the unit of the lock is {load_state:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::{ended, printed};
    use super::*;

    #[test]
    fn a_held_lock_names_its_owner() {
        let held = "Description=run-a\nLoadState=loaded\nActiveState=active\n";
        assert_eq!(lock_owner(&printed(held)), Ok(Some("run-a".to_owned())));
        // Between the start of its process and the end of it, and where that went wrong, the name is taken as well.
        for state in ["activating", "failed", "deactivating"] {
            let text = held.replace("=active", &format!("={state}"));
            assert_eq!(lock_owner(&printed(&text)), Ok(Some("run-a".to_owned())), "{state}");
        }
    }

    #[test]
    fn a_free_lock_has_no_owner_whatever_systemd_calls_the_unit() {
        let free = "Description=fabric-lock.service\nLoadState=not-found\nActiveState=inactive\n";
        assert_eq!(lock_owner(&printed(free)), Ok(None));
        let left = "Description=run-a\nLoadState=loaded\nActiveState=inactive\n";
        assert_eq!(lock_owner(&printed(left)), Ok(None));
    }

    #[test]
    fn what_does_not_say_who_holds_it_is_never_free() {
        for bad in [
            "",
            "Description=run-a\nLoadState=loaded\n",
            "Description=\nLoadState=loaded\nActiveState=active\n",
            "Description=x\nLoadState=masked\nActiveState=inactive\n",
            "LoadState=not-found\nActiveState=inactive\n\nLoadState=not-found\nActiveState=inactive\n",
        ] {
            assert!(matches!(lock_owner(&printed(bad)), Err(WireError::Garbage(_))), "{bad:?}");
        }
        let failed = lock_owner(&ended(1, "", "Failed to connect to bus"));
        assert!(matches!(failed, Err(WireError::Command { status: 1, .. })), "{failed:?}");
    }
}
