//! `check` and what stands in it and around it: expectations, skips, steps, steady states.

use std::sync::Arc;

use fabric_model::Value;
use fabric_model::check::Verdict;
use fabric_model::door::FromWorker;
use fabric_model::protection::{Protection, stands};

use super::branch::{Branch, Open, Steady};
use super::plain::in_order;
use super::raised::{Failed, Raised, Thrown, argument, clipped, json};
use super::{Arguments, Caller, Language};

/// The longest title, in bytes: one line of a report.
const TITLE_LIMIT: usize = 200;
/// Steps within steps.
const STEPS_LIMIT: usize = 8;
/// The largest value that a verdict carries, in bytes of JSON; a reader of reports sees no more than a screen of it.
const VERDICT_VALUE_LIMIT: usize = 16 << 10;

/// An expectation: nothing when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expectation {
    Contains,
    Equal,
    Fail,
    None,
    SameSet,
    Skip,
    True,
}

impl Expectation {
    pub(super) fn hold<L: Language, C: Caller<L>>(
        self,
        arguments: &Arguments<'_, L, C>,
    ) -> Result<Value, Raised> {
        let what = arguments.text(0)?;
        let (holds, observed, expected) = match self {
            Self::Skip => return Err(Raised::Skip(what)),
            Self::Fail => (false, arguments.evidence(1), arguments.evidence(2)),
            Self::Equal => {
                let (observed, expected) = (arguments.any(1)?, arguments.any(2)?);
                (alike(&observed, &expected), observed, expected)
            }
            Self::True => match arguments.any(1)? {
                Value::Bool(observed) => (observed, observed.into(), true.into()),
                other => {
                    return Err(argument(format!("`expect_true`: expected boolean, found {}", other.kind())));
                }
            },
            Self::SameSet => {
                let (observed, expected) = (in_order(arguments.list(1)?), in_order(arguments.list(2)?));
                (observed == expected, Value::List(observed), Value::List(expected))
            }
            Self::Contains => {
                let (list, item) = (arguments.list(1)?, arguments.any(2)?);
                let holds = list.iter().any(|one| alike(one, &item));
                (holds, Value::List(list), Value::table([("contains", item)]))
            }
            Self::None => {
                let list = arguments.list(1)?;
                (list.is_empty(), Value::List(list), Value::List(Vec::new()))
            }
        };
        if holds { Ok(Value::Null) } else { Err(Raised::Expectation(Failed { what, expected, observed })) }
    }
}

/// Whether two values are equal. Luau writes an empty list and an empty table alike, so that they are equal in both languages.
fn alike(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(items), Value::Map(fields)) | (Value::Map(fields), Value::List(items)) => {
            items.is_empty() && fields.is_empty()
        }
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| alike(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|((key, left), (other, right))| key == other && alike(left, right))
        }
        _ => left == right,
    }
}

/// Runs one check. Whatever goes wrong in it becomes its verdict and the suite goes on, but for the end of the script.
pub(super) async fn check<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<L::Value, L::Error> {
    let branch = caller.branch();
    let around = branch.open();
    if around.check.is_some() {
        return Err(argument("a check cannot stand in a check; use `step` to group checks").into());
    }
    if around.in_condition {
        return Err(argument("a check cannot stand in a condition of `abort_when`").into());
    }
    let title = titled(&around.steps, &arguments.text(0)?)?;
    let body = arguments.function(1)?;
    let check = branch.begin_check()?;
    branch.send(&FromWorker::CheckBegin { check, place: branch.next_place(), title: title.clone() })?;
    let open = Open { check: Some(check), takes_deferral: true, ..around.clone() };
    let verdict = match branch.within(open, caller.call(&body)).await {
        // A condition left as the last expression is meant as one; passing over `false` would hide a failure.
        Ok(value) if matches!(caller.read(&value), Ok(Value::Bool(false))) => Verdict::Fail {
            what: "the function of the check returned".to_owned(),
            expected: true.into(),
            observed: false.into(),
        },
        Ok(_) => Verdict::Pass,
        Err(error) => match verdict(caller, &error) {
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
        Verdict::Deferred { .. } => Value::Null,
        _ => (verdict == Verdict::Pass).into(),
    };
    branch.send(&FromWorker::CheckEnd { check, verdict })?;
    caller.write(&passed)
}

/// Ends a check that the end of the script cuts short: the scope around it, which is still to be ended, holds no open check.
fn cut_short<L: Language>(branch: &Branch<L>, check: u64, error: L::Error) -> L::Error {
    let Some(reason) = branch.run.aborted() else { return error };
    let verdict = Verdict::Error { fault: None, message: format!("cut short: {reason}") };
    match branch.send(&FromWorker::CheckEnd { check, verdict }) {
        Ok(()) => error,
        Err(raised) => raised.into(),
    }
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
fn verdict<L: Language, C: Caller<L>>(caller: &C, error: &L::Error) -> Option<Verdict> {
    let error_verdict = |fault| Verdict::Error { fault, message: caller.describe(error) };
    match caller.classify(error) {
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
pub(super) async fn step<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<L::Value, L::Error> {
    let branch = caller.branch();
    let (within, body) = (stepped(branch.open(), &arguments.text(0)?)?, arguments.function(1)?);
    branch.within(within, caller.call(&body)).await
}

/// Runs a group of checks that have to pass, or nothing is done any more.
pub(super) async fn steady_state<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<L::Value, L::Error> {
    let branch = caller.branch();
    let around = branch.open();
    if branch.depth > 0 || around.check.is_some() || around.in_condition || around.steady.is_some() {
        return Err(argument(
            "a steady state stands in no `check`, no `par`, no condition of `abort_when` and no other steady state",
        )
        .into());
    }
    let (title, body) = (arguments.text(0)?, arguments.function(1)?);
    let steady = Arc::new(Steady::default());
    let within = Open { steady: Some(Arc::clone(&steady)), ..stepped(around, &title)? };
    let _what_it_returns = branch.within(within, caller.call(&body)).await?;
    if let Some(check) = steady.disturbed() {
        branch.run.abort(&clipped(&format!("the steady state does not hold: {check}")));
        return Err(Raised::Stop.into());
    }
    if steady.checks() == 0 {
        // What looks at nothing holds always.
        return Err(argument(format!("the steady state `{title}` has no check")).into());
    }
    caller.write(&true.into())
}

/// What is open within one more step.
fn stepped(mut around: Open, title: &str) -> Result<Open, Raised> {
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
pub(super) fn titled(steps: &[String], title: &str) -> Result<String, Raised> {
    let readable = title.len() <= TITLE_LIMIT && !title.chars().any(char::is_control);
    if title.trim().is_empty() || (!readable && stands(Protection::Titles)) {
        return Err(argument(format!("a title is one line of at most {TITLE_LIMIT} bytes")));
    }
    Ok(steps.iter().map(String::as_str).chain([title]).collect::<Vec<_>>().join(" / "))
}

/// A value of a size that a report can show.
fn bounded(value: Value) -> Value {
    match serde_json::to_string(&value) {
        Ok(text) if text.len() > VERDICT_VALUE_LIMIT => {
            Value::Text(format!("({} bytes, which begin with) {}", text.len(), json(&value)))
        }
        _ => value,
    }
}
