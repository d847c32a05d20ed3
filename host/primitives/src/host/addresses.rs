//! Lists a host's interfaces and their addresses.
//!
//! # Observes
//! The interfaces and addresses that the kernel has now, virtual ones included (`ip -json address show`).
//!
//! # Denied when
//! `host:NAME` is not granted.

use fabric_model::Value;
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, Interface, ReadCommand};

use crate::host_fact::{Bracket, HostFact, HostOnly};

pub(crate) struct Addresses;

impl HostFact for Addresses {
    const NAME: &'static str = "host.addresses";
    const SUMMARY: &'static str = "Lists a host's interfaces and their addresses.";

    type Args = HostOnly;
    type Output = Vec<Interface>;

    fn command(_: &HostOnly) -> ReadCommand {
        ReadCommand::Addresses
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<Vec<Interface>, WireError> {
        ssh::addresses(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
