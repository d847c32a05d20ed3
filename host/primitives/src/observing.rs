//! The form in which an observing primitive is written, and how it becomes an entry of the registry.

use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Class, Code, Fault, PrimitiveName, Stage, Value};
use fabric_wire::Deadline;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::means::Means;
use crate::need::Need;
use crate::primitive::{Observed, Prepared, Primitive};
use crate::target::Targets;

/// What an observing primitive found.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation<T> {
    /// The typed result.
    pub output: T,
    /// Who says so.
    pub basis: Basis,
    /// Over what: `udp`, `tcp via dns-edge-1`, `ssh via dns-edge-2`.
    pub transport: String,
}

/// A primitive that reads and leaves everything as it was.
pub trait Observing: Send + Sync + 'static {
    /// Its name, `area.verb`.
    const NAME: &'static str;

    /// What it does, in one sentence.
    const SUMMARY: &'static str;

    /// Its one table of arguments; refuses unknown fields.
    type Args: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// Its result.
    type Output: Serialize + JsonSchema;

    /// Which resources it needs, from the arguments alone.
    ///
    /// # Errors
    /// When the arguments contradict each other.
    fn needs(args: &Self::Args) -> Result<Vec<Need>, Fault>;

    /// The total deadline of the call.
    fn timeout(args: &Self::Args) -> Duration;

    /// Reads from the granted targets.
    fn observe(
        args: Self::Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Observation<Self::Output>, Fault>> + Send;

    /// Why a result is none for whoever uses the service, where it is none: a continuous probe counts such a sample as lost.
    fn unserved(_output: &Self::Output) -> Option<String> {
        None
    }

    /// Arguments as a script writes them, for the reference and the generic tests.
    fn examples() -> Vec<Value>;
}

/// An observing primitive as an entry of the registry.
pub(crate) struct Entry<P>(PhantomData<P>);

impl<P> Entry<P> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<P: Observing> Primitive for Entry<P> {
    fn name(&self) -> PrimitiveName {
        P::NAME.parse().expect("a registry test parses every name")
    }

    fn class(&self) -> Class {
        Class::Observe
    }

    fn summary(&self) -> &'static str {
        P::SUMMARY
    }

    fn arguments_schema(&self) -> schemars::Schema {
        schemars::schema_for!(P::Args)
    }

    fn output_schema(&self) -> schemars::Schema {
        schemars::schema_for!(P::Output)
    }

    fn examples(&self) -> Vec<Value> {
        P::examples()
    }

    fn prepare(&self, arguments: &Value) -> Result<Prepared, Fault> {
        let args: P::Args = arguments.decode().map_err(|misfit| {
            Fault::new(Code::ScriptArgument, Stage::Decode, format!("call `{}`: {misfit}", P::NAME))
                .hint(format!("See the arguments with `fabric schema {}`.", P::NAME))
        })?;
        let canonical = Value::encode(&args)
            .map_err(|misfit| Fault::new(Code::BugInternal, Stage::Decode, misfit.to_string()))?;
        let needs = P::needs(&args)?;
        let timeout = P::timeout(&args);
        Ok(Prepared::observing(canonical, needs, timeout, |targets, means, deadline| {
            Box::pin(async move {
                let seen = P::observe(args, targets, means, deadline).await?;
                let unserved = P::unserved(&seen.output);
                let output = Value::encode(&seen.output)
                    .map_err(|misfit| Fault::new(Code::BugInternal, Stage::Observe, misfit.to_string()))?;
                Ok((Observed { output, basis: seen.basis, transport: seen.transport }, unserved))
            })
        }))
    }
}
