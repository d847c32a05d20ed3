//! Tries to authenticate at a host's sshd with the operator's key, and opens no session.
//!
//! # Observes
//! Whether the account is let in, and which methods the server offers before any credential is shown (RFC 4252, 5.2). Only an
//! answer of the server counts as refused: an unreachable host or a wrong host key is a fault.
//!
//! # Denied when
//! `host:NAME/ACCOUNT` is not granted.

use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Fault, Slug, Value};
use fabric_wire::Deadline;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::Targets;
use crate::transport;

/// Arguments of `ssh.auth`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The host, by its name in the site.
    pub host: Slug,
    /// The account.
    pub user: Slug,
    /// The total deadline, with the connection.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// Result of `ssh.auth`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Authentication {
    /// Whether the server let the account in with the operator's key.
    pub accepted: bool,
    /// The methods on offer, sorted.
    pub methods: Vec<String>,
}

pub(crate) struct Auth;

impl Observing for Auth {
    const NAME: &'static str = "ssh.auth";
    const SUMMARY: &'static str = "Tries to authenticate at a host's sshd with the operator's key.";

    type Args = Args;
    type Output = Authentication;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::host(&args.host, Some(&args.user))])
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<Authentication>, Fault> {
        let host = targets.host()?;
        let probing = means.seams.ssh.probe_authentication(host, args.user.as_str(), deadline);
        let probe = deadline.bound(probing).await?;
        let mut methods = probe.methods;
        methods.sort_unstable();
        let output = Authentication { accepted: probe.accepted, methods };
        Ok(Observation { output, basis: Basis::Probed, transport: transport::ssh(&probe.path) })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into()), ("user", "root".into())])]
    }
}
