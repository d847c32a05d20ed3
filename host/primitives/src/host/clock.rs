//! Compares a host's clock with ours.
//!
//! # Observes
//! The offset of the host's wall clock, with the uncertainty that the round trip leaves: our clock is read before and after.
//!
//! # Denied when
//! `host:NAME` is not granted.

use fabric_model::Value;
use fabric_wire::WireError;
use fabric_wire::ssh::{self, ClockOffset, CommandOutput, ReadCommand};

use crate::host_fact::{Bracket, HostFact, HostOnly};

pub(crate) struct Clock;

impl HostFact for Clock {
    const NAME: &'static str = "host.clock";
    const SUMMARY: &'static str = "Compares a host's clock with ours.";

    type Args = HostOnly;
    type Output = ClockOffset;

    fn command(_: &HostOnly) -> ReadCommand {
        ReadCommand::Clock
    }

    fn parse(output: &CommandOutput, bracket: Bracket) -> Result<ClockOffset, WireError> {
        ssh::clock(output, bracket.before, bracket.after)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
