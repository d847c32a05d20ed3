//! `abort_when`: what ends a scope of changes before its time.

use fabric_model::Value;

use super::branch::{AbortCondition, Open};
use super::checks::titled;
use super::raised::{Raised, Thrown, argument, clipped};
use super::{Arguments, Caller, Language};

/// Adds a condition to the innermost `during`, and looks at it at once: what holds before anything is changed aborts as well.
pub(super) async fn abort_when<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<L::Value, L::Error> {
    let branch = caller.branch();
    let open = branch.open();
    if branch.depth > 0 || open.check.is_some() || open.in_condition {
        return Err(argument("`abort_when` stands in no `check`, no `par` and no other `abort_when`").into());
    }
    let title = titled(&[], &arguments.text(0)?)?;
    let condition = AbortCondition { title, holds: caller.keep(arguments.function(1)?) };
    if !branch.add_condition(condition.clone()) {
        return Err(argument("`abort_when` stands in the `fault` or the body of a `during`").into());
    }
    look_at(caller, &condition).await?;
    caller.write(&Value::Null)
}

/// Looks at every condition of the open scopes and aborts the script when one of them holds. Branches of `par` have scopes of
/// their own, which are none, so their polls look at no condition.
///
/// # Errors
/// When the script is aborted, or over for another reason.
pub(super) async fn abort_if_due<L: Language, C: Caller<L>>(caller: &C) -> Result<(), L::Error> {
    if caller.branch().open().in_condition {
        return Ok(());
    }
    for condition in caller.branch().conditions() {
        look_at(caller, &condition).await?;
    }
    Ok(())
}

/// A condition that cannot be told aborts like one that holds: nobody goes on breaking things blindly. In a dry run it may
/// depend on what is only planned, and then there is nothing to abort.
async fn look_at<L: Language, C: Caller<L>>(
    caller: &C,
    condition: &AbortCondition<L>,
) -> Result<(), L::Error> {
    let AbortCondition { title, holds } = condition;
    let branch = caller.branch();
    // Its calls belong to no check: what it meets is no finding of the check that happens to wait.
    let open = Open { check: None, in_condition: true, takes_deferral: true, ..branch.open() };
    let reason = match branch.within(open, caller.call_kept(holds)).await {
        Ok(value) => match caller.read(&value) {
            Ok(Value::Bool(false)) => return Ok(()),
            Ok(Value::Bool(true)) => title.clone(),
            _ => format!("{title}: its function returns neither true nor false"),
        },
        Err(error) => match caller.classify(&error) {
            Thrown::Stop => return Err(error),
            Thrown::Deferred(_) => return Ok(()),
            _ => format!("{title}: cannot be told: {}", caller.describe(&error)),
        },
    };
    branch.run.abort(&clipped(&reason));
    Err(Raised::Stop.into())
}
