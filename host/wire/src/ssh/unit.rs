//! The state of a systemd unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::UNIT_SHOW;
use super::output::garbage;
use super::properties::Properties;
use crate::error::WireError;

/// What systemd says of one unit (`systemctl show`). Words are systemd's own; process ids and counters are left out because they
/// differ from run to run and say nothing about what was configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitState {
    /// The unit's own name; differs from the name asked for when that is an alias.
    pub id: String,
    /// `loaded`, `not-found`, `masked`, `bad-setting` or `error`. A unit that does not exist is `not-found`, which is an answer.
    pub load_state: String,
    /// `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading` or `maintenance`.
    pub active_state: String,
    /// The finer state of the unit's type, such as `running`, `exited`, `dead` or `auto-restart`.
    pub sub_state: String,
    /// `enabled`, `disabled`, `static`, `masked`, `generated` …; absent when there is no unit file.
    pub unit_file_state: Option<String>,
    /// A service's start-up type, such as `notify`; absent for other units.
    #[serde(rename = "type")]
    pub service_type: Option<String>,
    /// A service's restart policy, such as `always`, `on-failure` or `no`; absent for other units.
    pub restart: Option<String>,
}

/// Reads the output of [`super::ReadCommand::UnitShow`].
///
/// # Errors
/// [`WireError::Command`] when systemd cannot be asked, [`WireError::Garbage`] when one of the states is missing.
pub fn unit_state(output: &CommandOutput) -> Result<UnitState, WireError> {
    let mut blocks = Properties::blocks(output.text(UNIT_SHOW)?);
    let (Some(unit), None) = (blocks.next(), blocks.next()) else {
        return Err(garbage(UNIT_SHOW, "it did not print one unit"));
    };
    let optional = |key: &str| unit.optional(key).map(str::to_owned);
    let required = |key: &str| unit.required(key).map(str::to_owned);
    Ok(UnitState {
        id: required("Id")?,
        load_state: required("LoadState")?,
        active_state: required("ActiveState")?,
        sub_state: required("SubState")?,
        unit_file_state: optional("UnitFileState"),
        service_type: optional("Type"),
        restart: optional("Restart"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::{ended, printed};
    use super::*;

    const KEEPALIVED: &str = "Type=notify\nRestart=on-failure\nId=keepalived.service\nLoadState=loaded\nActiveState=active\n\
                              SubState=running\nUnitFileState=enabled\n";

    #[test]
    fn a_running_service_is_read_whatever_the_order() {
        let state = unit_state(&printed(KEEPALIVED)).expect("the output is complete");
        assert_eq!(state.id, "keepalived.service");
        assert_eq!((state.active_state.as_str(), state.sub_state.as_str()), ("active", "running"));
        assert_eq!(state.unit_file_state.as_deref(), Some("enabled"));
        assert_eq!(state.restart.as_deref(), Some("on-failure"));
    }

    #[test]
    fn a_unit_that_does_not_exist_is_an_answer() {
        let text =
            "Id=nope.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n";
        let state = unit_state(&printed(text)).expect("not-found is a state");
        assert_eq!(state.load_state, "not-found");
        assert_eq!(state.unit_file_state, None);
    }

    #[test]
    fn a_missing_state_is_never_taken_for_a_good_one() {
        let cut = KEEPALIVED.replace("ActiveState=active\n", "");
        assert!(matches!(unit_state(&printed(&cut)), Err(WireError::Garbage(_))));
        let failed = unit_state(&ended(1, "", "Failed to connect to bus"));
        assert!(matches!(failed, Err(WireError::Command { status: 1, .. })), "{failed:?}");
    }
}
