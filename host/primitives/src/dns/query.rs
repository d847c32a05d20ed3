//! Asks one DNS server one question.
//!
//! # Observes
//! The server's own answer (RFC 1035): response code, flags, the exact rrset with its TTL, the serial of an SOA. A truncated
//! UDP answer is reported as truncated; there is no silent second try over TCP.
//!
//! # Denied when
//! The server, or the host in `via`, is not granted. The name asked for is not part of the grant.

use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Code, Fault, Resource, Slug, Stage, Value};
use fabric_wire::Deadline;
use fabric_wire::dns::{self, Answer, DnsName, RrType, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::Targets;
use crate::transport::over;

/// Arguments of `dns.query`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The server: a `vip:`, `host:` or `addr:` resource.
    #[schemars(with = "String")]
    pub server: Resource,
    /// The name, with or without a final dot.
    pub name: DnsName,
    /// The record type, such as `A`, `CNAME`, `SOA`.
    #[serde(rename = "type")]
    pub rrtype: RrType,
    /// `udp` (the default, sent again where no answer comes), `udp-once` (for a continuous probe) or `tcp`.
    #[serde(default)]
    pub transport: Transport,
    /// A host through which to ask; TCP only.
    #[serde(default)]
    pub via: Option<Slug>,
    /// The server's port.
    #[serde(default = "port")]
    pub port: u16,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

fn port() -> u16 {
    53
}

pub(crate) struct Query;

impl Observing for Query {
    const NAME: &'static str = "dns.query";
    const SUMMARY: &'static str = "Asks one DNS server one question.";

    type Args = Args;
    type Output = Answer;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        if args.via.is_some() && args.transport != Transport::Tcp {
            let fault = Fault::new(
                Code::ScriptArgument,
                Stage::Decode,
                "forward UDP through a host: SSH carries TCP only",
            );
            return Err(fault.hint("Ask with `transport: \"tcp\"`, or without `via`."));
        }
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
    ) -> Result<Observation<Answer>, Fault> {
        let server = targets.socket(args.port)?;
        let route = targets.route();
        let protocol = match args.transport {
            Transport::Udp | Transport::UdpOnce => "udp",
            Transport::Tcp => "tcp",
        };
        let output =
            dns::query(&means.seams, &route, server, &args.name, args.rrtype, args.transport, deadline)
                .await?;
        Ok(Observation { output, basis: Basis::Probed, transport: over(protocol, &route) })
    }

    fn unserved(answer: &Answer) -> Option<String> {
        match (answer.rcode.as_str(), answer.answers.is_empty()) {
            ("NOERROR", false) => None,
            ("NOERROR", true) => Some("the answer is empty".to_owned()),
            (rcode, _) => Some(format!("the server answers {rcode}")),
        }
    }

    fn examples() -> Vec<Value> {
        vec![
            Value::table([
                ("server", "vip:dns".into()),
                ("name", "dns.infra.samakia.net".into()),
                ("type", "A".into()),
            ]),
            Value::table([
                ("server", "host:dns-auth-1".into()),
                ("name", "infra.samakia.net".into()),
                ("type", "SOA".into()),
                ("transport", "tcp".into()),
                ("via", "dns-edge-1".into()),
            ]),
        ]
    }
}
