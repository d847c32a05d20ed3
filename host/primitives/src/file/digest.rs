//! Digests one file of a host, of a closed list.
//!
//! # Observes
//! The SHA-256 of a file that says who may do what on the host, such as `/etc/passwd` or `/etc/ssh/sshd_config`; nothing where there is no
//! such file. Files with secrets are not in the list.
//!
//! # Denied when
//! `file:HOST/PATH` is not granted.

use fabric_model::{Slug, Value};
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, FileDigest, ReadCommand, WatchedFile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::host_fact::{Bracket, HostFact, OfHost};
use crate::need::Need;

/// Arguments of `file.digest`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The host, by its name in the site.
    pub host: Slug,
    /// The file, one of the closed list.
    pub path: WatchedFile,
    /// The total deadline, with the connection.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

impl OfHost for Args {
    fn host(&self) -> &Slug {
        &self.host
    }

    fn need(&self) -> Need {
        Need::file(&self.host, self.path.path())
    }

    fn timeout(&self) -> TimeoutMs {
        self.timeout_ms
    }
}

pub(crate) struct DigestOf;

impl HostFact for DigestOf {
    const NAME: &'static str = "file.digest";
    const SUMMARY: &'static str = "Digests one file of a host, of a closed list.";

    type Args = Args;
    type Output = FileDigest;

    fn command(args: &Args) -> ReadCommand {
        ReadCommand::FileDigest { file: args.path.clone() }
    }

    fn parse(output: &CommandOutput, _: Bracket) -> Result<FileDigest, WireError> {
        ssh::file_digest(output)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("host", "dns-edge-1".into()), ("path", "/etc/passwd".into())])]
    }
}
