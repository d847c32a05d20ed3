//! `check` and what stands in it and around it: expectations, skips, steps, steady states.

use std::sync::Arc;

use fabric_model::Value;
use fabric_model::check::Verdict;
use fabric_model::door::FromWorker;
use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext};

use super::Functions;
use super::plain::{in_order, listed};
use crate::rhai::branch::{Branch, Open, Steady};
use crate::rhai::convert::{to_evidence, to_value};
use crate::rhai::thrown::{self, Failed, Thrown, argument, at_call, clipped, describe};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

/// The longest title, in bytes: one line of a report.
const TITLE_LIMIT: usize = 200;
/// Steps within steps.
const STEPS_LIMIT: usize = 8;
/// The largest value that a verdict carries, in bytes of JSON; a reader of reports sees no more than a screen of it.
const VERDICT_VALUE_LIMIT: usize = 16 << 10;

pub(super) fn register(functions: &mut Functions, branch: &Arc<Branch>) {
    let on = Arc::clone(branch);
    functions.add("check", move |context: NativeCallContext<'_>, title: &str, body: FnPtr| {
        at_call(&context, check(&on, &context, title, &body))
    });
    let on = Arc::clone(branch);
    functions.add("step", move |context: NativeCallContext<'_>, title: &str, body: FnPtr| {
        at_call(&context, step(&on, &context, title, &body))
    });
    let on = Arc::clone(branch);
    functions.add("steady_state", move |context: NativeCallContext<'_>, title: &str, body: FnPtr| {
        at_call(&context, steady_state(&on, &context, title, &body))
    });
    functions.add("skip", |context: NativeCallContext<'_>, reason: &str| -> Thrower<()> {
        at_call(&context, Err(thrown::skipped(&clipped(reason))))
    });
    functions.add(
        "fail",
        |context: NativeCallContext<'_>, what: &str, observed: Dynamic, expected: Dynamic| {
            at_call(&context, hold(false, what, to_evidence(&observed), to_evidence(&expected)))
        },
    );
    functions.add(
        "expect_eq",
        |context: NativeCallContext<'_>, what: &str, observed: Dynamic, expected: Dynamic| {
            at_call(&context, expect_eq(what, &observed, &expected))
        },
    );
    functions.add("expect_true", |context: NativeCallContext<'_>, what: &str, observed: Dynamic| {
        at_call(&context, expect_true(what, &observed))
    });
    functions.add(
        "expect_set",
        |context: NativeCallContext<'_>, what: &str, observed: Dynamic, expected: Dynamic| {
            at_call(&context, expect_set(what, &observed, &expected))
        },
    );
    functions.add(
        "expect_contains",
        |context: NativeCallContext<'_>, what: &str, list: Dynamic, item: Dynamic| {
            at_call(&context, expect_contains(what, &list, &item))
        },
    );
    functions.add("expect_none", |context: NativeCallContext<'_>, what: &str, list: Dynamic| {
        at_call(&context, expect_none(what, &list))
    });
}

fn expect_eq(what: &str, observed: &Dynamic, expected: &Dynamic) -> Thrower<()> {
    let (observed, expected) = (crossed(observed)?, crossed(expected)?);
    hold(observed == expected, what, observed, expected)
}

fn expect_true(what: &str, observed: &Dynamic) -> Thrower<()> {
    match crossed(observed)? {
        Value::Bool(observed) => hold(observed, what, observed.into(), true.into()),
        other => Err(argument(format!("expect_true needs a boolean, not a {}", other.kind()))),
    }
}

fn expect_set(what: &str, observed: &Dynamic, expected: &Dynamic) -> Thrower<()> {
    let observed = in_order(listed("expect_set", observed)?);
    let expected = in_order(listed("expect_set", expected)?);
    let same = observed == expected;
    hold(same, what, Value::List(observed), Value::List(expected))
}

fn expect_contains(what: &str, list: &Dynamic, item: &Dynamic) -> Thrower<()> {
    let (list, item) = (listed("expect_contains", list)?, crossed(item)?);
    let holds = list.contains(&item);
    hold(holds, what, Value::List(list), Value::from_iter([("contains".to_owned(), item)]))
}

fn expect_none(what: &str, list: &Dynamic) -> Thrower<()> {
    let list = listed("expect_none", list)?;
    hold(list.is_empty(), what, Value::List(list), Value::List(Vec::new()))
}

/// Runs one check. Whatever goes wrong in it becomes its verdict and the suite goes on, but for the end of the script.
fn check(branch: &Branch, context: &NativeCallContext<'_>, title: &str, body: &FnPtr) -> Thrower<Dynamic> {
    let around = branch.open();
    if around.check.is_some() {
        return Err(argument("a check cannot stand in a check; use `step` to group checks"));
    }
    if around.in_condition {
        return Err(argument("a check cannot stand in a condition of `abort_when`"));
    }
    let title = titled(&around.steps, title)?;
    let check = branch.begin_check()?;
    branch.send(&FromWorker::CheckBegin { check, place: branch.next_place(), title: title.clone() })?;
    let open = Open { check: Some(check), takes_deferral: true, ..around.clone() };
    let result = branch.within(open, || body.call_within_context::<Dynamic>(context, ()));
    let verdict = match result {
        // A condition left as the last expression is meant as one; passing over `false` would hide a failure.
        Ok(value) if matches!(value.as_bool(), Ok(false)) => Verdict::Fail {
            what: "the function of the check returned".to_owned(),
            expected: true.into(),
            observed: false.into(),
        },
        Ok(_) => Verdict::Pass,
        Err(error) => match verdict(&error, &branch.run.path) {
            Some(verdict) => verdict,
            None => return Err(cut_short(branch, check, error)),
        },
    };
    if let Some(steady) = &around.steady {
        match disturbance(&verdict) {
            None => steady.passed(),
            Some(how) => steady.disturbed_by(format!("{title}: {how}")),
        }
    }
    let passed = match verdict {
        // Nobody knows: `if` refuses it, so that no script goes a way of its own in a dry run.
        Verdict::Deferred { .. } => Dynamic::UNIT,
        _ => (verdict == Verdict::Pass).into(),
    };
    branch.send(&FromWorker::CheckEnd { check, verdict })?;
    Ok(passed)
}

/// Ends a check that the end of the script cuts short: the scope around it, which is still to be ended, holds no open check.
fn cut_short(branch: &Branch, check: u64, error: Box<EvalAltResult>) -> Box<EvalAltResult> {
    let Some(reason) = branch.run.aborted() else { return error };
    let verdict = Verdict::Error { fault: None, message: format!("cut short: {reason}") };
    branch.send(&FromWorker::CheckEnd { check, verdict }).err().unwrap_or(error)
}

/// Why a steady state does not hold when one of its checks ends like this. What cannot be looked at before the planned changes
/// are made disturbs nothing: only a dry run has that.
fn disturbance(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Pass | Verdict::Deferred { .. } => None,
        Verdict::Fail { what, .. } => Some(format!("{what} is not as expected")),
        Verdict::Error { message, .. } => Some(format!("could not find out: {message}")),
        Verdict::Skip { reason } => Some(format!("not looked at: {reason}")),
    }
}

/// What an error says of the check it ended; nothing when it ends the script.
fn verdict(error: &EvalAltResult, path: &str) -> Option<Verdict> {
    let error_verdict = |fault| Verdict::Error { fault, message: describe(error, path) };
    match thrown::classify(error) {
        Thrown::Stop => None,
        Thrown::Expectation(Failed { what, expected, observed }) => Some(Verdict::Fail {
            what: clipped(&what),
            expected: bounded(expected),
            observed: bounded(observed),
        }),
        Thrown::Skip(reason) => Some(Verdict::Skip { reason: clipped(&reason) }),
        Thrown::Deferred(reason) => Some(Verdict::Deferred { reason: clipped(&reason) }),
        Thrown::Fault(fault) => Some(error_verdict(Some(fault))),
        Thrown::Other => Some(error_verdict(None)),
    }
}

/// Groups checks: its title stands before theirs.
fn step(branch: &Branch, context: &NativeCallContext<'_>, title: &str, body: &FnPtr) -> Thrower<Dynamic> {
    let within = stepped(branch.open(), title)?;
    branch.within(within, || body.call_within_context::<Dynamic>(context, ()))
}

/// Runs a group of checks that have to pass, or nothing is done any more.
fn steady_state(
    branch: &Branch,
    context: &NativeCallContext<'_>,
    title: &str,
    body: &FnPtr,
) -> Thrower<bool> {
    let around = branch.open();
    if branch.depth > 0 || around.check.is_some() || around.in_condition || around.steady.is_some() {
        return Err(argument(
            "a steady state stands in no `check`, no `par`, no condition of `abort_when` and no other steady state",
        ));
    }
    let steady = Arc::new(Steady::default());
    let within = Open { steady: Some(Arc::clone(&steady)), ..stepped(around, title)? };
    let _what_it_returns = branch.within(within, || body.call_within_context::<Dynamic>(context, ()))?;
    if let Some(check) = steady.disturbed() {
        branch.run.abort(&clipped(&format!("the steady state does not hold: {check}")));
        return Err(thrown::stopped());
    }
    if steady.checks() == 0 {
        // What looks at nothing holds always.
        return Err(argument(format!("the steady state `{title}` has no check")));
    }
    Ok(true)
}

/// What is open within one more step.
fn stepped(mut around: Open, title: &str) -> Thrower<Open> {
    if around.steps.len() >= STEPS_LIMIT {
        return Err(argument(format!("steps nest deeper than {STEPS_LIMIT}")));
    }
    titled(&[], title)?;
    around.steps.push(title.to_owned());
    Ok(around)
}

/// A title with those of the steps around it.
///
/// # Errors
/// When it is not one line of a length that a report can show.
pub(super) fn titled(steps: &[String], title: &str) -> Thrower<String> {
    if title.trim().is_empty() || title.len() > TITLE_LIMIT || title.chars().any(char::is_control) {
        return Err(argument(format!("a title is one line of at most {TITLE_LIMIT} bytes")));
    }
    Ok(steps.iter().map(String::as_str).chain([title]).collect::<Vec<_>>().join(" / "))
}

fn crossed(value: &Dynamic) -> Thrower<Value> {
    to_value(value).map_err(|e| argument(e.to_string()))
}

fn hold(holds: bool, what: &str, observed: Value, expected: Value) -> Thrower<()> {
    if holds { Ok(()) } else { Err(thrown::failed(Failed { what: what.to_owned(), expected, observed })) }
}

/// A value of a size that a report can show.
fn bounded(value: Value) -> Value {
    match serde_json::to_string(&value) {
        Ok(json) if json.len() > VERDICT_VALUE_LIMIT => {
            Value::Text(format!("({} bytes, which begin with) {}", json.len(), clipped(&json)))
        }
        _ => value,
    }
}
