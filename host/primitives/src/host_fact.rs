//! Facts that a host states of itself over SSH: one reading command, one parser.

use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use fabric_model::check::Basis;
use fabric_model::{Fault, Slug, Value};
use fabric_wire::ssh::{CommandOutput, ReadCommand};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::target::Targets;
use crate::transport;

/// Arguments of a fact that has no bounds but the host.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostOnly {
    /// The host, by its name in the site.
    pub host: Slug,
    /// The total deadline, with the connection.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// What every fact's arguments have in common.
pub(crate) trait OfHost {
    /// The host that is asked.
    fn host(&self) -> &Slug;

    /// What on the host the grant must name: a unit, a parameter.
    fn part(&self) -> Option<&Slug> {
        None
    }

    /// What it takes to ask.
    fn need(&self) -> Need {
        Need::host(self.host(), self.part())
    }

    /// The total deadline.
    fn timeout(&self) -> TimeoutMs;
}

impl OfHost for HostOnly {
    fn host(&self) -> &Slug {
        &self.host
    }

    fn timeout(&self) -> TimeoutMs {
        self.timeout_ms
    }
}

/// The wall clock of this machine just before and just after the command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bracket {
    pub(crate) before: SystemTime,
    pub(crate) after: SystemTime,
}

/// A fact: its name, its command and its parser.
pub(crate) trait HostFact: Send + Sync + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    type Args: OfHost + DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;
    type Output: Serialize + JsonSchema + Send;

    fn command(args: &Self::Args) -> ReadCommand;

    fn parse(output: &CommandOutput, bracket: Bracket) -> Result<Self::Output, WireError>;

    fn examples() -> Vec<Value>;
}

/// A fact as an observing primitive.
pub(crate) struct Fact<F>(PhantomData<F>);

impl<F: HostFact> Observing for Fact<F> {
    const NAME: &'static str = F::NAME;
    const SUMMARY: &'static str = F::SUMMARY;

    type Args = F::Args;
    type Output = F::Output;

    fn needs(args: &F::Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![args.need()])
    }

    fn timeout(args: &F::Args) -> Duration {
        args.timeout().duration()
    }

    async fn observe(
        args: F::Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<F::Output>, Fault> {
        let clock = &means.seams.clock;
        let command = F::command(&args);
        let before = clock.now();
        let reading = means.seams.ssh.read(targets.host()?, &command, deadline);
        let output = deadline.bound(reading).await?;
        let bracket = Bracket { before, after: clock.now() };
        let fact = F::parse(&output, bracket)?;
        Ok(Observation { output: fact, basis: Basis::SelfReported, transport: transport::ssh(&output.path) })
    }

    fn examples() -> Vec<Value> {
        F::examples()
    }
}
