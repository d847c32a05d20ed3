//! Sets one kernel parameter of a host until its next boot.
//!
//! # Observes
//! The parameter's value in the running kernel (`sysctl --values`).
//!
//! # Changes
//! `sysctl --write`. A parameter that has the value is left alone. The value must be one word, written as the kernel prints it; so must
//! be the value before, or it could not be put back. A change of `net.*` is confirmed over a new connection.
//!
//! # Undo
//! The value before is set. The target does so itself when the host never comes back.
//!
//! # Denied when
//! `host:NAME/KEY` is not granted.

use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Code, Fault, Slug, Stage, Value};
use fabric_wire::Deadline;
use fabric_wire::ssh::{self, ChangeCommand, ReadCommand, Restore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::changing::{ChangeExample, Changing, Control, Planned, Task};
use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::target::Targets;
use crate::transport;

/// Arguments of `sysctl.set`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The host, by its name in the site.
    pub host: Slug,
    /// The parameter's key with dots, such as `net.ipv4.ip_forward`.
    pub key: Slug,
    /// The value: one word.
    pub value: Slug,
    /// The total deadline of each step: observing, changing, looking again.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// The state of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The value as the kernel prints it.
    pub value: String,
}

/// What is done to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The value that it gets.
    pub value: Slug,
}

pub(crate) struct Set;

impl Changing for Set {
    const NAME: &'static str = "sysctl.set";
    const SUMMARY: &'static str = "Sets one kernel parameter of a host until its next boot.";

    type Args = Args;
    type Seen = Parameter;
    type Action = Write;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::host(&args.host, Some(&args.key))])
    }

    fn timeout(args: &Args) -> Duration {
        args.timeout_ms.duration()
    }

    async fn observe(
        args: &Args,
        targets: &Targets,
        means: &Means,
        deadline: Deadline,
    ) -> Result<Observation<Parameter>, Fault> {
        let command = ReadCommand::Sysctl { key: args.key.clone() };
        let output = deadline.bound(means.seams.ssh.read(targets.host()?, &command, deadline)).await?;
        let output_of = Parameter { value: ssh::sysctl(&output)? };
        Ok(Observation {
            output: output_of,
            basis: Basis::SelfReported,
            transport: transport::ssh(&output.path),
        })
    }

    fn plan(args: &Args, seen: &Parameter) -> Result<Option<Planned<Write, Parameter>>, Fault> {
        if args.value == *seen.value.as_str() {
            return Ok(None);
        }
        let before: Slug = seen.value.parse().map_err(|_| beyond_words(args))?;
        Ok(Some(Planned {
            action: Write { value: args.value.clone() },
            after: Parameter { value: args.value.to_string() },
            inverse: Some(Write { value: before.clone() }),
            heal: Some(Restore::SysctlSet { key: args.key.clone(), value: before }),
            control: if args.key.as_str().starts_with("net.") { Control::Confirmed } else { Control::Kept },
        }))
    }

    fn describe(args: &Args, action: &Write) -> String {
        format!("set {} of {} to {}", args.key, args.host, action.value)
    }

    async fn apply(args: &Args, action: &Write, task: &Task<'_>) -> Result<(), Fault> {
        let command = ChangeCommand::SysctlSet { key: args.key.clone(), value: action.value.clone() };
        task.change(&command, &[]).await
    }

    fn examples() -> Vec<ChangeExample> {
        let example = |seen: &str, summary| ChangeExample {
            arguments: Value::table([
                ("host", "dns-edge-1".into()),
                ("key", "net.ipv4.ip_forward".into()),
                ("value", "0".into()),
            ]),
            seen: Value::table([("value", seen.into())]),
            summary,
        };
        vec![example("1", Some("set net.ipv4.ip_forward of dns-edge-1 to 0")), example("0", None)]
    }
}

fn beyond_words(args: &Args) -> Fault {
    let message =
        format!("the value of `{}` on {} is not one word, so it could not be put back", args.key, args.host);
    Fault::new(Code::ScriptArgument, Stage::Plan, message)
        .hint("Only parameters whose value is one word can be set.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(key: &str, value: &str) -> Result<Option<Planned<Write, Parameter>>, Fault> {
        let arguments = [("host", "a".into()), ("key", key.into()), ("value", "0".into())];
        let args: Args = Value::table(arguments).decode().expect("arguments");
        Set::plan(&args, &Parameter { value: value.to_owned() })
    }

    #[test]
    fn a_value_that_could_not_be_put_back_is_not_touched() {
        for value in ["4096\t131072\t6291456", "-1", "", "a b"] {
            let fault = planned("net.ipv4.tcp_rmem", value).expect_err("not one word");
            assert_eq!((fault.code, fault.stage), (Code::ScriptArgument, Stage::Plan), "{value:?}");
        }
    }

    #[test]
    fn what_concerns_the_network_is_confirmed() {
        let control = |key: &str| planned(key, "1").expect("one word").expect("another value").control;
        assert_eq!(control("net.ipv4.ip_forward"), Control::Confirmed);
        assert_eq!(control("kernel.panic"), Control::Kept);
    }
}
