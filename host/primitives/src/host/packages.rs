//! Lists the packages that are installed on a host.
//!
//! # Observes
//! Name and version of every package that dpkg knows, by name.
//!
//! # Denied when
//! `host:NAME` is not granted.

use fabric_model::Value;
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, Package, ReadCommand};

use crate::host_fact::{Bracket, HostFact, HostOnly};

pub(crate) struct Packages;

impl HostFact for Packages {
    const NAME: &'static str = "host.packages";
    const SUMMARY: &'static str = "Lists the packages that are installed on a host.";

    type Args = HostOnly;
    type Output = Vec<Package>;

    fn command(_: &HostOnly) -> ReadCommand {
        ReadCommand::Packages
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<Vec<Package>, WireError> {
        ssh::packages(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
