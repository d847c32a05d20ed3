//! The form in which a changing primitive is written, and how it becomes an entry of the registry.
//!
//! A change is observed, planned and applied in three functions. Planning is pure, so a dry run is the same code stopped after it; only
//! [`Task`], which a dry run never gets, holds ways to write.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use fabric_model::change::Standing;
use fabric_model::{Class, Code, Effect, Fault, PrimitiveName, Slug, Stage, Value};
use fabric_wire::ssh::{self, ChangeCommand, Restore};
use fabric_wire::{Deadline, Writing};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::means::Means;
use crate::need::Need;
use crate::observing::Observation;
use crate::primitive::{Observed, Prepared, Primitive};
use crate::target::Targets;

/// What a change will do, and what takes it back.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned<A, S> {
    /// What is to be done.
    pub action: A,
    /// What will be observed once it is done and has settled.
    pub after: S,
    /// What takes it back; none where it ends in the state in which it began.
    pub inverse: Option<A>,
    /// How the target takes it back by itself, where it can.
    pub heal: Option<Restore>,
    /// Whether it may cut the way over which the host reaches the target. What is done then counts only once it was confirmed over a
    /// new connection, or is known to end with the timer.
    pub control: Control,
}

/// What a change does to the way over which the host reaches the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// It leaves it alone.
    Kept,
    /// It might cut it by mistake: it is confirmed over a new connection, and taken back where that fails.
    Confirmed,
    /// It cuts it on purpose: the dead-man timer takes it back.
    Cut,
}

/// Bytes that taking a change back needs, read before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Its name within the change.
    pub name: Slug,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a change gets to work with.
pub struct Task<'a> {
    /// The run, for names on the target that are nobody else's.
    pub run_id: &'a Slug,
    /// The number of the change in the run.
    pub change: u32,
    /// The granted targets.
    pub targets: &'a Targets,
    /// The ways to read.
    pub means: &'a Means,
    /// The ways to write.
    pub writing: &'a Writing,
    /// What was kept before the change was made.
    pub payloads: &'a [Payload],
    /// The total deadline of the step.
    pub deadline: Deadline,
}

impl Task<'_> {
    /// The bytes that were kept under a name.
    ///
    /// # Errors
    /// When there are none.
    pub fn payload(&self, name: &str) -> Result<&[u8], Fault> {
        let kept = self.payloads.iter().find(|payload| payload.name.as_str() == name);
        kept.map(|payload| payload.bytes.as_slice()).ok_or_else(|| {
            Fault::new(Code::ChangeNotRestored, Stage::Undo, format!("the undo store has no `{name}` for it"))
        })
    }

    /// Runs one changing command on the host, with `input` as its standard input.
    ///
    /// # Errors
    /// Those of the seam, and [`Code::RemoteCommand`] where the command failed. Whatever it is, the effect is unknown: the command may
    /// have been sent.
    pub(crate) async fn change(&self, command: &ChangeCommand, input: &[u8]) -> Result<(), Fault> {
        let changing = self.writing.ssh.change(self.targets.host()?, command, input, self.deadline);
        let output = self.deadline.bound(changing).await;
        output.and_then(|output| ssh::done(command, &output)).map_err(|error| unclear(error.into()))
    }

    /// A name on the target that belongs to this change alone: `fabric-RUN-N`.
    ///
    /// # Errors
    /// When the run's name is too long for one.
    pub fn own_name(&self) -> Result<Slug, Fault> {
        own_name(self.run_id, self.change)
    }
}

/// A fault that came after something was sent, so that nobody knows what it did.
pub(crate) fn unclear(fault: Fault) -> Fault {
    Fault { stage: Stage::Apply, ..fault.effect(Effect::Unknown) }
}

/// A fault of reading what a change must know before it sends anything.
pub(crate) fn unbegun(fault: Fault) -> Fault {
    Fault { stage: Stage::Apply, ..fault }
}

/// The name of what a change leaves on its target for a while: timers and staged files.
///
/// # Errors
/// When the run's name is too long for one.
pub fn own_name(run_id: &Slug, change: u32) -> Result<Slug, Fault> {
    format!("fabric-{run_id}-{change}")
        .parse()
        .map_err(|_| Fault::new(Code::BugInternal, Stage::Apply, "the run's name is too long"))
}

/// An example of a change: arguments, what is seen, and whether that leaves anything to do.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeExample {
    /// Arguments as a script writes them.
    pub arguments: Value,
    /// What is seen before.
    pub seen: Value,
    /// What people read of the plan; none where nothing is to be done.
    pub summary: Option<&'static str>,
}

/// What a primitive plans; none where there is nothing to do.
pub type PlanOf<P> = Option<Planned<<P as Changing>::Action, <P as Changing>::Seen>>;

/// A primitive that changes something, and knows how to take it back.
pub trait Changing: Send + Sync + 'static {
    /// Its name, `area.verb`.
    const NAME: &'static str;

    /// What it does, in one sentence.
    const SUMMARY: &'static str;

    /// Its strength.
    const CLASS: Class = Class::Change;

    /// Its one table of arguments; refuses unknown fields.
    type Args: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// The state that it changes: declared fields only, never process ids or counters. No floating-point numbers. What a script gets is the
    /// state afterwards.
    type Seen: DeserializeOwned + Serialize + JsonSchema + PartialEq + Clone + Send + Sync;

    /// What it does to the target, in its own terms.
    type Action: DeserializeOwned + Serialize + Clone + Send + Sync;

    /// Which resources it needs, from the arguments alone.
    ///
    /// # Errors
    /// When the arguments contradict each other.
    fn needs(args: &Self::Args) -> Result<Vec<Need>, Fault>;

    /// The total deadline of each step: observing, applying, confirming.
    fn timeout(args: &Self::Args) -> Duration;

    /// Reads the state.
    fn observe(
        args: &Self::Args,
        targets: &Targets,
        means: &Means,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Observation<Self::Seen>, Fault>> + Send;

    /// Decides what to do; nothing where the state is as wanted already. Pure.
    ///
    /// # Errors
    /// When what is seen cannot be led to what is wanted: a unit that does not exist.
    fn plan(args: &Self::Args, seen: &Self::Seen) -> Result<PlanOf<Self>, Fault>;

    /// An action for people: `stop keepalived.service on dns-edge-1`.
    fn describe(args: &Self::Args, action: &Self::Action) -> String;

    /// How a state stands to the one before and the one after the change.
    fn standing(now: &Self::Seen, before: &Self::Seen, after: &Self::Seen) -> Standing {
        match now {
            now if now == before => Standing::Before,
            now if now == after => Standing::After,
            _ => Standing::Foreign,
        }
    }

    /// Reads what taking the change back will need, and holds it against what was seen.
    fn keep(
        _args: &Self::Args,
        _seen: &Self::Seen,
        _targets: &Targets,
        _means: &Means,
        _deadline: Deadline,
    ) -> impl Future<Output = Result<Vec<Payload>, Fault>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// Brings to the target what its dead-man timer will need, before that is armed. Nothing of it has an effect of its own.
    fn stage(
        _args: &Self::Args,
        _action: &Self::Action,
        _task: &Task<'_>,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        std::future::ready(Ok(()))
    }

    /// Takes away again what [`Self::stage`] brought, once nothing needs it any more. Does nothing where there is nothing.
    fn unstage(_args: &Self::Args, _task: &Task<'_>) -> impl Future<Output = Result<(), Fault>> + Send {
        std::future::ready(Ok(()))
    }

    /// How the target takes it back by itself, once the run's own names are known: [`Planned::heal`] with the place of what was staged.
    fn restore(restore: Restore, _own_name: &Slug) -> Restore {
        restore
    }

    /// Does it: the planned action, or its inverse. Must be sound when it is done twice.
    fn apply(
        args: &Self::Args,
        action: &Self::Action,
        task: &Task<'_>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Examples, for the reference and the generic tests; at least one with something to do and one without.
    fn examples() -> Vec<ChangeExample>;
}

/// A boxed step of a change.
pub type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// A plan whose types are erased.
pub type ErasedPlan = Planned<Value, Value>;

/// A change whose arguments are decoded, its types erased.
pub trait ChangeCall: Send + Sync {
    /// As [`Changing::observe`].
    fn observe<'a>(
        &'a self,
        targets: &'a Targets,
        means: &'a Means,
        deadline: Deadline,
    ) -> Step<'a, Observed>;

    /// As [`Changing::plan`].
    ///
    /// # Errors
    /// Those of the primitive.
    fn plan(&self, seen: &Value) -> Result<Option<ErasedPlan>, Fault>;

    /// As [`Changing::describe`].
    ///
    /// # Errors
    /// When the action is not one of this primitive.
    fn describe(&self, action: &Value) -> Result<String, Fault>;

    /// As [`Changing::standing`].
    ///
    /// # Errors
    /// When one of the states is not one of this primitive.
    fn standing(&self, now: &Value, before: &Value, after: &Value) -> Result<Standing, Fault>;

    /// As [`Changing::keep`].
    fn keep<'a>(
        &'a self,
        seen: &'a Value,
        targets: &'a Targets,
        means: &'a Means,
        deadline: Deadline,
    ) -> Step<'a, Vec<Payload>>;

    /// As [`Changing::stage`].
    fn stage<'a>(&'a self, action: &'a Value, task: &'a Task<'a>) -> Step<'a, ()>;

    /// As [`Changing::unstage`].
    fn unstage<'a>(&'a self, task: &'a Task<'a>) -> Step<'a, ()>;

    /// As [`Changing::restore`].
    fn restore(&self, restore: Restore, own_name: &Slug) -> Restore;

    /// As [`Changing::apply`].
    fn apply<'a>(&'a self, action: &'a Value, task: &'a Task<'a>) -> Step<'a, ()>;
}

/// A changing primitive as an entry of the registry.
pub(crate) struct Change<P>(PhantomData<P>);

impl<P> Change<P> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<P: Changing> Primitive for Change<P> {
    fn name(&self) -> PrimitiveName {
        P::NAME.parse().expect("a registry test parses every name")
    }

    fn class(&self) -> Class {
        P::CLASS
    }

    fn summary(&self) -> &'static str {
        P::SUMMARY
    }

    fn arguments_schema(&self) -> schemars::Schema {
        schemars::schema_for!(P::Args)
    }

    fn output_schema(&self) -> schemars::Schema {
        schemars::schema_for!(P::Seen)
    }

    fn examples(&self) -> Vec<Value> {
        P::examples().into_iter().map(|example| example.arguments).collect()
    }

    fn change_examples(&self) -> Vec<ChangeExample> {
        P::examples()
    }

    fn prepare(&self, arguments: &Value) -> Result<Prepared, Fault> {
        let args: P::Args = arguments.decode().map_err(|misfit| {
            Fault::new(Code::ScriptArgument, Stage::Decode, format!("call `{}`: {misfit}", P::NAME))
                .hint(format!("See the arguments with `fabric schema {}`.", P::NAME))
        })?;
        let canonical = encode(&args)?;
        let needs = P::needs(&args)?;
        let timeout = P::timeout(&args);
        Ok(Prepared::changing(canonical, needs, timeout, Erased::<P>(args)))
    }
}

/// The arguments of one call of `P`.
struct Erased<P: Changing>(P::Args);

impl<P: Changing> ChangeCall for Erased<P> {
    fn observe<'a>(
        &'a self,
        targets: &'a Targets,
        means: &'a Means,
        deadline: Deadline,
    ) -> Step<'a, Observed> {
        Box::pin(async move {
            let seen = P::observe(&self.0, targets, means, deadline).await?;
            Ok(Observed { output: encode(&seen.output)?, basis: seen.basis, transport: seen.transport })
        })
    }

    fn plan(&self, seen: &Value) -> Result<Option<ErasedPlan>, Fault> {
        let Some(plan) = P::plan(&self.0, &decode(seen)?)? else { return Ok(None) };
        Ok(Some(Planned {
            action: encode(&plan.action)?,
            after: encode(&plan.after)?,
            inverse: plan.inverse.as_ref().map(encode).transpose()?,
            heal: plan.heal,
            control: plan.control,
        }))
    }

    fn describe(&self, action: &Value) -> Result<String, Fault> {
        Ok(P::describe(&self.0, &decode(action)?))
    }

    fn standing(&self, now: &Value, before: &Value, after: &Value) -> Result<Standing, Fault> {
        Ok(P::standing(&decode(now)?, &decode(before)?, &decode(after)?))
    }

    fn keep<'a>(
        &'a self,
        seen: &'a Value,
        targets: &'a Targets,
        means: &'a Means,
        deadline: Deadline,
    ) -> Step<'a, Vec<Payload>> {
        Box::pin(async move { P::keep(&self.0, &decode(seen)?, targets, means, deadline).await })
    }

    fn stage<'a>(&'a self, action: &'a Value, task: &'a Task<'a>) -> Step<'a, ()> {
        Box::pin(async move { P::stage(&self.0, &decode(action)?, task).await })
    }

    fn unstage<'a>(&'a self, task: &'a Task<'a>) -> Step<'a, ()> {
        Box::pin(P::unstage(&self.0, task))
    }

    fn restore(&self, restore: Restore, own_name: &Slug) -> Restore {
        P::restore(restore, own_name)
    }

    fn apply<'a>(&'a self, action: &'a Value, task: &'a Task<'a>) -> Step<'a, ()> {
        Box::pin(async move { P::apply(&self.0, &decode(action)?, task).await })
    }
}

fn encode<T: Serialize>(typed: &T) -> Result<Value, Fault> {
    Value::encode(typed).map_err(|misfit| Fault::new(Code::BugInternal, Stage::Plan, misfit.to_string()))
}

/// What comes back from a journal or a plan was encoded here once; anything else was written by somebody else.
fn decode<T: DeserializeOwned>(erased: &Value) -> Result<T, Fault> {
    erased.decode().map_err(|misfit| Fault::new(Code::PlanAltered, Stage::Plan, misfit.to_string()))
}
