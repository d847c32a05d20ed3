//! Reads one kernel parameter of a host.
//!
//! # Observes
//! The parameter's value in the running kernel (`sysctl --values`).
//!
//! # Denied when
//! `host:NAME/KEY` is not granted.

use fabric_model::{Slug, Value};
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, ReadCommand};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::host_fact::{Bracket, HostFact, OfHost};

/// Arguments of `host.sysctl`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The host, by its name in the site.
    pub host: Slug,
    /// The parameter's key with dots, such as `net.ipv4.ip_forward`.
    pub key: Slug,
    /// The total deadline, with the connection.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// Result of `host.sysctl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Parameter {
    /// The value as the kernel prints it.
    pub value: String,
}

impl OfHost for Args {
    fn host(&self) -> &Slug {
        &self.host
    }

    fn part(&self) -> Option<&Slug> {
        Some(&self.key)
    }

    fn timeout(&self) -> TimeoutMs {
        self.timeout_ms
    }
}

pub(crate) struct Sysctl;

impl HostFact for Sysctl {
    const NAME: &'static str = "host.sysctl";
    const SUMMARY: &'static str = "Reads one kernel parameter of a host.";

    type Args = Args;
    type Output = Parameter;

    fn command(args: &Args) -> ReadCommand {
        ReadCommand::Sysctl { key: args.key.clone() }
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<Parameter, WireError> {
        Ok(Parameter { value: ssh::sysctl(output)? })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into()), ("key", "net.ipv4.ip_forward".into())])]
    }
}
