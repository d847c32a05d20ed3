//! Lists the routes of a host.
//!
//! # Observes
//! The main table, as `ip route show` has it.
//!
//! # Denied when
//! `host:NAME` is not granted.

use fabric_model::Value;
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, HostRoute, ReadCommand};

use crate::host_fact::{Bracket, HostFact, HostOnly};

pub(crate) struct Routes;

impl HostFact for Routes {
    const NAME: &'static str = "host.routes";
    const SUMMARY: &'static str = "Lists the routes of a host.";

    type Args = HostOnly;
    type Output = Vec<HostRoute>;

    fn command(_: &HostOnly) -> ReadCommand {
        ReadCommand::Routes
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<Vec<HostRoute>, WireError> {
        ssh::routes(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
