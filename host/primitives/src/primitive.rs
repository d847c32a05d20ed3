//! A primitive as the runtime sees it, whatever its types are.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use fabric_model::{Class, Fault, PrimitiveName, Value};
use fabric_wire::Deadline;

use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::target::Targets;

/// A result with its types erased.
pub type Observed = Observation<Value>;

type Running = Pin<Box<dyn Future<Output = Result<Observed, Fault>> + Send>>;
type Run = Box<dyn FnOnce(Targets, Means, Deadline) -> Running + Send>;

/// An entry of the registry.
pub trait Primitive: Send + Sync {
    /// Its name.
    fn name(&self) -> PrimitiveName;

    /// Its strength.
    fn class(&self) -> Class;

    /// What it does, in one sentence.
    fn summary(&self) -> &'static str;

    /// The JSON Schema of its arguments.
    fn arguments_schema(&self) -> schemars::Schema;

    /// The JSON Schema of its result.
    fn output_schema(&self) -> schemars::Schema;

    /// Arguments as a script writes them.
    fn examples(&self) -> Vec<Value>;

    /// Decodes the arguments of one call.
    ///
    /// # Errors
    /// [`fabric_model::Code::ScriptArgument`] when they do not fit the schema.
    fn prepare(&self, arguments: &Value) -> Result<Prepared, Fault>;
}

/// A call whose arguments are decoded and whose needs are known. It cannot run before its needs are granted, because running
/// takes the granted targets.
pub struct Prepared {
    /// The decoded arguments, encoded again with every default: what digests are taken over.
    pub arguments: Value,
    /// What must be granted.
    pub needs: Vec<Need>,
    /// The total deadline of the call, from the moment it is granted.
    pub timeout: Duration,
    run: Run,
}

impl Prepared {
    pub(crate) fn new(
        arguments: Value,
        needs: Vec<Need>,
        timeout: Duration,
        run: impl FnOnce(Targets, Means, Deadline) -> Running + Send + 'static,
    ) -> Self {
        Self { arguments, needs, timeout, run: Box::new(run) }
    }

    /// Runs the call.
    ///
    /// # Errors
    /// The fault of the call.
    pub async fn run(self, targets: Targets, means: Means, deadline: Deadline) -> Result<Observed, Fault> {
        (self.run)(targets, means, deadline).await
    }
}
