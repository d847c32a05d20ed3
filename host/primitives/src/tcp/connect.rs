//! Tries to open a TCP connection and closes it again.
//!
//! # Observes
//! `open`, `refused` (an answer: nothing listens, or a firewall rejects) or `timeout` (no answer). That there is no route, or
//! that the host in `via` refuses to forward, is a fault: it says nothing of the target.
//!
//! # Denied when
//! The target, an address it resolves to, or the host in `via` is not granted.

use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Fault, Resource, Slug, Value};
use fabric_wire::Deadline;
use fabric_wire::tcp::{self, Connected, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::Targets;
use crate::transport::over;

/// Arguments of `tcp.connect`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The target: a `vip:`, `host:` (with the interface as its part, if not the first), `name:` or `addr:` resource.
    #[schemars(with = "String")]
    pub target: Resource,
    /// The port.
    pub port: u16,
    /// A host from which to connect.
    #[serde(default)]
    pub via: Option<Slug>,
    /// The total deadline; after it the result is `timeout`.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

pub(crate) struct Connect;

impl Observing for Connect {
    const NAME: &'static str = "tcp.connect";
    const SUMMARY: &'static str = "Tries to open a TCP connection and closes it again.";

    type Args = Args;
    type Output = Connected;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(Need::probe(&args.target, args.via.as_ref()))
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<Connected>, Fault> {
        let route = targets.route();
        let output = tcp::connect(&means.seams, &route, targets.socket(args.port)?, deadline).await?;
        Ok(Observation { output, basis: Basis::Probed, transport: over("tcp", &route) })
    }

    fn unserved(connected: &Connected) -> Option<String> {
        (connected.state != State::Open).then(|| "the port is not open".to_owned())
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("target", "host:dns-edge-1".into()), ("port", 22.into())])]
    }
}
