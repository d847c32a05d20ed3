//! `abort_when`: what ends a scope of changes before its time.

use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};

use super::Functions;
use super::checks::titled;
use crate::rhai::branch::{AbortCondition, Branch, Open};
use crate::rhai::thrown::{self, Thrown, argument, at_call, clipped, describe};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(functions: &mut Functions, branch: &Arc<Branch>) {
    let on = Arc::clone(branch);
    functions.add("abort_when", move |context: NativeCallContext<'_>, title: &str, holds: FnPtr| {
        at_call(&context, abort_when(&on, &context, title, holds))
    });
}

/// Adds a condition to the innermost `during`, and looks at it at once: what holds before anything is changed aborts as well.
fn abort_when(branch: &Branch, context: &NativeCallContext<'_>, title: &str, holds: FnPtr) -> Thrower<()> {
    let open = branch.open();
    if branch.depth > 0 || open.check.is_some() || open.in_condition {
        return Err(argument("`abort_when` stands in no `check`, no `par` and no other `abort_when`"));
    }
    let condition = AbortCondition {
        title: titled(&[], title)?,
        holds,
        global: context.global_runtime_state().clone(),
        source: context.call_source().map(str::to_owned),
    };
    if !branch.add_condition(condition.clone()) {
        return Err(argument("`abort_when` stands in the `fault` or the body of a `during`"));
    }
    look_at(branch, context, &condition)
}

/// Looks at every condition of the open scopes and aborts the script when one of them holds. Branches of `par` have engines and
/// variables of their own, so their polls look at none.
///
/// # Errors
/// When the script is aborted, or over for another reason.
pub(super) fn abort_if_due(branch: &Branch, context: &NativeCallContext<'_>) -> Thrower<()> {
    if branch.open().in_condition {
        return Ok(());
    }
    branch.conditions().iter().try_for_each(|condition| look_at(branch, context, condition))
}

/// A condition that cannot be told aborts like one that holds: nobody goes on breaking things blindly. In a dry run it may
/// depend on what is only planned, and then there is nothing to abort.
fn look_at(branch: &Branch, context: &NativeCallContext<'_>, condition: &AbortCondition) -> Thrower<()> {
    let AbortCondition { title, holds, global, source } = condition;
    let where_written = NativeCallContext::new_with_all_fields(
        context.engine(),
        "abort_when",
        source.as_deref(),
        global,
        Position::NONE,
    );
    // Its calls belong to no check: what it meets is no finding of the check that happens to wait.
    let open = Open { check: None, in_condition: true, takes_deferral: true, ..branch.open() };
    let held = branch.within(open, || holds.call_within_context::<Dynamic>(&where_written, ()));
    let reason = match held {
        Ok(value) => match value.as_bool() {
            Ok(false) => return Ok(()),
            Ok(true) => title.clone(),
            Err(_) => format!("{title}: its function returns neither true nor false"),
        },
        Err(error) => match thrown::classify(&error) {
            Thrown::Stop => return Err(error),
            Thrown::Deferred(_) => return Ok(()),
            _ => format!("{title}: cannot be told: {}", describe(&error, &branch.run.path)),
        },
    };
    branch.run.abort(&clipped(&reason));
    Err(thrown::stopped())
}
