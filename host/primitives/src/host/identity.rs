//! Reads what a host is: its name, its kernel, its distribution.
//!
//! # Observes
//! The kernel's host name and release, and the name that `os-release` gives the distribution.
//!
//! # Denied when
//! `host:NAME` is not granted.

use fabric_model::Value;
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, Identity, ReadCommand};

use crate::host_fact::{Bracket, HostFact, HostOnly};

pub(crate) struct IdentityOf;

impl HostFact for IdentityOf {
    const NAME: &'static str = "host.identity";
    const SUMMARY: &'static str = "Reads what a host is: its name, its kernel, its distribution.";

    type Args = HostOnly;
    type Output = Identity;

    fn command(_: &HostOnly) -> ReadCommand {
        ReadCommand::Identity
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<Identity, WireError> {
        ssh::identity(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
