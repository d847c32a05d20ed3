//! Makes a TLS handshake, reports the certificate chain, and sends nothing.
//!
//! # Observes
//! The protocol version, each certificate of the chain (names, validity, fingerprint), and whether the chain verifies for the
//! name against the named authority. A certificate that does not verify is a result; a handshake that breaks is a fault.
//!
//! # Denied when
//! The target, or the host in `via`, is not granted.

use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Fault, Resource, Slug, Value};
use fabric_wire::Deadline;
use fabric_wire::tls::{self, Handshake};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::Targets;
use crate::transport::over;

/// Arguments of `tls.handshake`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The target: a `vip:`, `host:`, `node:`, `name:` or `addr:` resource.
    #[schemars(with = "String")]
    pub target: Resource,
    /// The port.
    pub port: u16,
    /// The name or IP address that the certificate must be for.
    pub server_name: String,
    /// The authority that must have signed it, by its name in the site file.
    pub authority: Slug,
    /// A host from which to connect.
    #[serde(default)]
    pub via: Option<Slug>,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

pub(crate) struct Shake;

impl Observing for Shake {
    const NAME: &'static str = "tls.handshake";
    const SUMMARY: &'static str = "Makes a TLS handshake and reports the certificate chain.";

    type Args = Args;
    type Output = Handshake;

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
    ) -> Result<Observation<Handshake>, Fault> {
        let route = targets.route();
        let authority = means.authorities.pem(&args.authority)?;
        let to = targets.socket(args.port)?;
        let output =
            tls::handshake(&means.seams, &route, to, &args.server_name, &authority, deadline).await?;
        Ok(Observation { output, basis: Basis::Probed, transport: over("tls", &route) })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([
            ("target", "node:proxmox1".into()),
            ("port", 8006.into()),
            ("server_name", "proxmox1".into()),
            ("authority", "proxmox-ca".into()),
        ])]
    }
}
