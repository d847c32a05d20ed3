//! Reads the state of one systemd unit.
//!
//! # Observes
//! What the host's service manager says: loaded, active, sub-state, enabled, restart policy (`systemctl show`). A unit that
//! does not exist is a result, with `load_state` = `not-found`.
//!
//! # Denied when
//! `host:NAME/UNIT` is not granted.

use fabric_model::{Slug, Value};
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, ReadCommand, UnitState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{TimeoutMs, UnitName};
use crate::host_fact::{Bracket, HostFact, OfHost};

/// Arguments of `unit.state`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The host, by its name in the site.
    pub host: Slug,
    /// The unit; `keepalived` means `keepalived.service`.
    pub unit: UnitName,
    /// The total deadline, with the connection.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

impl OfHost for Args {
    fn host(&self) -> &Slug {
        &self.host
    }

    fn part(&self) -> Option<&Slug> {
        Some(self.unit.short())
    }

    fn timeout(&self) -> TimeoutMs {
        self.timeout_ms
    }
}

pub(crate) struct State;

impl HostFact for State {
    const NAME: &'static str = "unit.state";
    const SUMMARY: &'static str = "Reads the state of one systemd unit.";

    type Args = Args;
    type Output = UnitState;

    fn command(args: &Args) -> ReadCommand {
        ReadCommand::UnitShow { unit: args.unit.full() }
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<UnitState, WireError> {
        ssh::unit_state(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into()), ("unit", "keepalived".into())])]
    }
}
