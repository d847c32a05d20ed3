//! The functions that scripts have beside their language's own, written once for both languages: the same call gives the same
//! frames, the same value and the same fault.
//!
//! A language is bound to them by a [`Caller`]. What may wait is asynchronous: Luau runs the branches of `par` in turns on one
//! thread, while Rhai gives each a thread of its own, where waiting is blocking.

mod arguments;
pub(crate) mod branch;
mod branches;
mod catalogue;
mod checks;
mod conditions;
mod documents;
mod during;
mod people;
mod plain;
mod polls;
mod primitives;
pub(crate) mod raised;
mod site;

use std::collections::BTreeMap;

use fabric_model::door::ScopeReport;
use fabric_model::{PrimitiveName, Value};

pub(crate) use arguments::Arguments;
use branch::Branch;
pub(crate) use branches::{Slot, begin_branches};
use catalogue::Function;
pub use catalogue::{CATALOGUE, Entry, FUNCTIONS, Kind, Parameter};
use raised::{Raised, Thrown, Uncrossable};
pub(crate) use site::NAMESPACE as SITE;
pub use site::{FUNCTIONS as SITE_FUNCTIONS, SiteFunction, functions as site_functions};

/// What a language calls its things.
pub(crate) trait Language: Sized + 'static {
    /// A value.
    type Value: Clone;
    /// A function of the script.
    type Function: Clone;
    /// A function that is called later, with what it sees where it was written.
    type Kept: Clone;
    /// What is thrown.
    type Error: From<Raised>;
    /// What the language keeps for each branch.
    type State;
}

/// The place in a script from which one of the functions is called.
pub(crate) trait Caller<L: Language> {
    /// The branch that calls.
    fn branch(&self) -> &Branch<L>;
    /// Calls a function without arguments.
    async fn call(&self, function: &L::Function) -> Result<L::Value, L::Error>;
    /// Keeps a function for later.
    fn keep(&self, function: L::Function) -> L::Kept;
    /// Calls a function that was kept.
    async fn call_kept(&self, kept: &L::Kept) -> Result<L::Value, L::Error>;
    /// Calls a function for each item, several at a time, each on a branch of its own; the results in the order of the items.
    async fn par(&self, items: Vec<L::Value>, body: L::Function) -> Result<L::Value, L::Error>;
    /// The host's value of a value.
    fn read(&self, value: &L::Value) -> Result<Value, Uncrossable>;
    /// The same for evidence: what cannot cross is named instead of refused.
    fn evidence(&self, value: &L::Value) -> Value;
    /// The script's value of a value.
    fn write(&self, value: &Value) -> Result<L::Value, L::Error>;
    /// The script's value of what a scope came to.
    fn report(&self, report: &ScopeReport) -> Result<L::Value, L::Error>;
    /// The function that a value is.
    fn function(&self, value: &L::Value) -> Option<L::Function>;
    /// The fields of the table that a value is.
    fn fields(&self, value: &L::Value) -> Option<BTreeMap<String, L::Value>>;
    /// The items of the list that a value is.
    fn items(&self, value: &L::Value) -> Option<Vec<L::Value>>;
    /// What an error is. Whatever cannot be caught by a script is not caught here either.
    fn classify(&self, error: &L::Error) -> Thrown;
    /// An error in one line: what, where, and through which calls.
    fn describe(&self, error: &L::Error) -> String;
}

/// Calls one of the functions that need no namespace.
pub(crate) async fn call<L: Language, C: Caller<L>>(
    caller: &C,
    entry: &'static Entry,
    given: Vec<L::Value>,
) -> Result<L::Value, L::Error> {
    let arguments = Arguments::checked(caller, entry, given)?;
    match entry.function {
        Function::AbortWhen => conditions::abort_when(caller, &arguments).await,
        Function::Check => checks::check(caller, &arguments).await,
        Function::Step => checks::step(caller, &arguments).await,
        Function::SteadyState => checks::steady_state(caller, &arguments).await,
        Function::Par => branches::par(caller, &arguments).await,
        Function::Poll => polls::poll(caller, &arguments).await,
        Function::During => during::during(caller, &arguments).await,
        Function::Document => Ok(caller.write(&documents::document(caller, &arguments).await?)?),
        Function::Person => Ok(caller.write(&people::human(caller, &arguments)?)?),
        Function::Expect(expectation) => Ok(caller.write(&expectation.hold(&arguments)?)?),
        Function::Note => Ok(caller.write(&plain::note(caller, &arguments)?)?),
        Function::Plain(function) => Ok(caller.write(&function.call(caller.branch(), &arguments)?)?),
    }
}

/// Calls a primitive.
pub(crate) async fn call_primitive<L: Language, C: Caller<L>>(
    caller: &C,
    primitive: &PrimitiveName,
    given: &[L::Value],
) -> Result<L::Value, L::Error> {
    primitives::call(caller, primitive, given).await
}

/// Calls a function of the namespace `site`.
pub(crate) fn call_site<L: Language, C: Caller<L>>(
    caller: &C,
    function: &str,
    given: &[L::Value],
) -> Result<L::Value, L::Error> {
    caller.write(&site::call(caller, function, given)?)
}
