//! Lists what runs on a host.
//!
//! # Observes
//! Number, parent, account, age and name of each process. Arguments are not read: they may hold secrets.
//!
//! # Denied when
//! `host:NAME` is not granted.

use fabric_model::Value;
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, Process, ReadCommand};

use crate::host_fact::{Bracket, HostFact, HostOnly};

pub(crate) struct Processes;

impl HostFact for Processes {
    const NAME: &'static str = "host.processes";
    const SUMMARY: &'static str = "Lists what runs on a host.";

    type Args = HostOnly;
    type Output = Vec<Process>;

    fn command(_: &HostOnly) -> ReadCommand {
        ReadCommand::Processes
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<Vec<Process>, WireError> {
        ssh::processes(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
