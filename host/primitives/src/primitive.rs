//! A primitive as the runtime sees it, whatever its types are.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use fabric_model::{Class, Code, Fault, PrimitiveName, Stage, Value};
use fabric_wire::Deadline;

use crate::changing::{ChangeCall, ChangeExample};
use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::target::Targets;

/// A result with its types erased.
pub type Observed = Observation<Value>;

/// What was read, and why it is no service for whoever uses it, where it is none.
type Read = (Observed, Option<String>);
type Running = Pin<Box<dyn Future<Output = Result<Read, Fault>> + Send>>;
type Run = Box<dyn FnOnce(Targets, Means, Deadline) -> Running + Send + Sync>;

/// What a prepared call does once its needs are granted.
pub enum Work {
    /// It reads.
    Observe(ObserveCall),
    /// It reads, plans, and may change.
    Change(Box<dyn ChangeCall>),
}

/// A reading that cannot begin without granted targets.
pub struct ObserveCall(Run);

impl ObserveCall {
    /// Reads.
    ///
    /// # Errors
    /// The fault of the call.
    pub async fn run(self, targets: Targets, means: Means, deadline: Deadline) -> Result<Observed, Fault> {
        (self.0)(targets, means, deadline).await.map(|(seen, _)| seen)
    }

    /// Reads as a client of the service would.
    ///
    /// # Errors
    /// The fault of the call, or [`Code::PortUnserved`] when the answer is none for a client.
    pub async fn probe(self, targets: Targets, means: Means, deadline: Deadline) -> Result<Observed, Fault> {
        match (self.0)(targets, means, deadline).await? {
            (seen, None) => Ok(seen),
            (_, Some(why)) => Err(Fault::new(Code::PortUnserved, Stage::Observe, why)),
        }
    }
}

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

    /// Examples with what is seen before, for primitives that change something.
    fn change_examples(&self) -> Vec<ChangeExample> {
        Vec::new()
    }

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
    /// What it does.
    pub work: Work,
}

impl Prepared {
    pub(crate) fn observing(
        arguments: Value,
        needs: Vec<Need>,
        timeout: Duration,
        run: impl FnOnce(Targets, Means, Deadline) -> Running + Send + Sync + 'static,
    ) -> Self {
        Self { arguments, needs, timeout, work: Work::Observe(ObserveCall(Box::new(run))) }
    }

    pub(crate) fn changing(
        arguments: Value,
        needs: Vec<Need>,
        timeout: Duration,
        call: impl ChangeCall + 'static,
    ) -> Self {
        Self { arguments, needs, timeout, work: Work::Change(Box::new(call)) }
    }
}
