//! Lists the sockets on which a host listens.
//!
//! # Observes
//! TCP sockets in state LISTEN and bound UDP sockets, from the kernel's own tables (`/proc/net/tcp`, `udp` and their IPv6 twins).
//!
//! # Denied when
//! `host:NAME` is not granted.

use fabric_model::Value;
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, ReadCommand, Socket};

use crate::host_fact::{Bracket, HostFact, HostOnly};

pub(crate) struct Sockets;

impl HostFact for Sockets {
    const NAME: &'static str = "host.sockets";
    const SUMMARY: &'static str = "Lists the sockets on which a host listens.";

    type Args = HostOnly;
    type Output = Vec<Socket>;

    fn command(_: &HostOnly) -> ReadCommand {
        ReadCommand::Sockets
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<Vec<Socket>, WireError> {
        ssh::sockets(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
