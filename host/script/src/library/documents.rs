//! `document`: what a script leaves in its packet beside its checks.

use fabric_model::Value;
use fabric_model::door::FromWorker;

use super::raised::{Raised, argument};
use super::{Arguments, Caller, Language};
use crate::link::Unsent;

/// `document(name, content)`. Whether the packet takes it, the host says.
pub(super) async fn document<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<Value, Raised> {
    let (name, content) = (arguments.text(0)?, arguments.any(1)?);
    let branch = caller.branch();
    let place = branch.next_place();
    let told = name.clone();
    let asked = branch.run.link.ask(|call_id| FromWorker::Document { call_id, place, name, content });
    match asked.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(fault)) => Err(Raised::Fault(fault)),
        Err(too_long @ Unsent::TooLong(_)) => Err(argument(format!("the document `{told}`: {too_long}"))),
        Err(gone) => Err(branch.unsent(&gone)),
    }
}
