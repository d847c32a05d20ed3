//! The primitives: one namespace per area, one function per primitive, each of which asks the host.

use fabric_model::PrimitiveName;
use fabric_model::door::FromWorker;

use super::branch::Open;
use super::raised::{Raised, argument};
use super::{Caller, Language};
use crate::link::Unsent;

/// Asks the host for a primitive.
pub(super) async fn call<L: Language, C: Caller<L>>(
    caller: &C,
    primitive: &PrimitiveName,
    given: &[L::Value],
) -> Result<L::Value, L::Error> {
    let arguments = match given {
        [one] if caller.function(one).is_some() => return Err(misused(primitive, "a function").into()),
        [one] if caller.fields(one).is_some() => one,
        [one] => {
            let kind = caller.read(one).map_or("value that is no data", |value| value.kind());
            return Err(misused(primitive, &format!("a {kind}")).into());
        }
        more => return Err(misused(primitive, &format!("{} arguments", more.len())).into()),
    };
    let arguments =
        caller.read(arguments).map_err(|e| argument(format!("the arguments of `{primitive}`: {e}")))?;
    let branch = caller.branch();
    let (place, Open { check, in_condition, .. }) = (branch.next_place(), branch.open());
    let asked = branch.run.link.ask(|call_id| FromWorker::Call {
        call_id,
        place,
        check,
        in_condition,
        primitive: primitive.clone(),
        arguments,
    });
    match asked.await {
        Ok(Ok(value)) => caller.write(&value),
        Ok(Err(fault)) => Err(Raised::Fault(fault).into()),
        Err(too_long @ Unsent::TooLong(_)) => {
            Err(argument(format!("the arguments of `{primitive}`: {too_long}")).into())
        }
        Err(gone) => Err(branch.unsent(&gone).into()),
    }
}

fn misused(primitive: &PrimitiveName, got: &str) -> Raised {
    argument(format!("`{primitive}` takes one table of named arguments, and got {got}"))
}
