//! Transfers a whole zone from one DNS server.
//!
//! # Observes
//! Every record of the zone as the server holds it (AXFR, RFC 5936), its serial, and a digest over the records in canonical
//! order without the SOA: two servers with equal serial and digest serve the same zone.
//!
//! # Denied when
//! The server, or the host in `via`, is not granted. That the server itself refuses the transfer is a fault, not a denial.

use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Fault, Resource, Slug, Value};
use fabric_wire::Deadline;
use fabric_wire::dns::{self, DnsName, Zone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::Targets;
use crate::transport::over;

/// Arguments of `dns.transfer`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The server: a `host:` or `addr:` resource.
    #[schemars(with = "String")]
    pub server: Resource,
    /// The zone, with or without a final dot.
    pub zone: DnsName,
    /// A host through which to ask: one whose address the server lets transfer.
    #[serde(default)]
    pub via: Option<Slug>,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

pub(crate) struct Transfer;

impl Observing for Transfer {
    const NAME: &'static str = "dns.transfer";
    const SUMMARY: &'static str = "Transfers a whole zone from one DNS server.";

    type Args = Args;
    type Output = Zone;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(Need::probe(&args.server, args.via.as_ref()))
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<Zone>, Fault> {
        let route = targets.route();
        let output = dns::transfer(&means.seams, &route, targets.socket(53)?, &args.zone, deadline).await?;
        Ok(Observation { output, basis: Basis::Probed, transport: over("tcp", &route) })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([
            ("server", "host:dns-auth-1".into()),
            ("zone", "infra.samakia.net".into()),
            ("via", "dns-auth-2".into()),
        ])]
    }
}
