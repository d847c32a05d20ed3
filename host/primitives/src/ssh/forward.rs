//! Asks whether a host's sshd forwards TCP connections.
//!
//! # Observes
//! `permitted`: true when the server opens a connection to its own port 22 for us, false when it says that forwarding is
//! prohibited (RFC 4254, 5.1, reason 1). Nothing is sent over the connection.
//!
//! # Denied when
//! `host:NAME` is not granted.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Fault, Value};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::host_fact::HostOnly;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::Targets;

/// Result of `ssh.forward`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Forwarding {
    /// Whether the server forwards.
    pub permitted: bool,
}

pub(crate) struct Forward;

impl Observing for Forward {
    const NAME: &'static str = "ssh.forward";
    const SUMMARY: &'static str = "Asks whether a host's sshd forwards TCP connections.";

    type Args = HostOnly;
    type Output = Forwarding;

    fn needs(args: &HostOnly) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::host(&args.host, None)])
    }

    fn timeout(args: &HostOnly) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        _: HostOnly,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<Forwarding>, Fault> {
        let host = targets.host()?;
        let own_sshd = SocketAddr::from((Ipv4Addr::LOCALHOST, host.address.port()));
        let permitted = match deadline.bound(means.seams.ssh.forward(host, own_sshd, deadline)).await {
            // A firewall or an sshd bound elsewhere may refuse the connection itself; the server was willing.
            Ok(_) | Err(WireError::Refused) => true,
            Err(WireError::ForwardingRefused { host: by }) if by == host.name.as_str() => false,
            Err(other) => return Err(other.into()),
        };
        let output = Forwarding { permitted };
        Ok(Observation { output, basis: Basis::Probed, transport: "ssh".to_owned() })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into())])]
    }
}
