//! `poll_until`: the only way to wait. The worker has no clock; the host keeps it, and each wait is a frame.

use std::sync::Arc;

use fabric_model::door::FromWorker;
use fabric_model::{Fault, Value};
use rhai::{Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::Functions;
use crate::branch::Branch;
use crate::thrown::{self, Failed, Thrown, argument, at_call, describe};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

/// The longest poll, in milliseconds: the longest fail-over that the site waits for is a tenth of it.
const TIMEOUT_LIMIT_MS: i64 = 600_000;
/// Tries of one poll, each of which may be a call to a host.
const TRIES_LIMIT: i64 = 1_000;

pub(super) fn register(functions: &mut Functions, branch: &Arc<Branch>) {
    let on = Arc::clone(branch);
    functions.add("poll_until", move |context: NativeCallContext<'_>, options: Map, condition: FnPtr| {
        let polled = Rhythm::read(&options).and_then(|rhythm| poll_until(&on, &context, &rhythm, &condition));
        at_call(&context, polled)
    });
}

/// How often and how long.
struct Rhythm {
    timeout_ms: i64,
    every_ms: i64,
}

impl Rhythm {
    fn read(options: &Map) -> Thrower<Self> {
        if let Some(unknown) = options.keys().find(|key| !["timeout_ms", "every_ms"].contains(&key.as_str()))
        {
            return Err(argument(format!("poll_until knows `timeout_ms` and `every_ms`, not `{unknown}`")));
        }
        let number = |key: &str| {
            let number = options.get(key).and_then(|v| v.as_int().ok()).filter(|n| *n > 0);
            number.ok_or_else(|| {
                argument(format!("poll_until needs `{key}`, a whole number of milliseconds over 0"))
            })
        };
        let rhythm = Self { timeout_ms: number("timeout_ms")?, every_ms: number("every_ms")? };
        if rhythm.timeout_ms > TIMEOUT_LIMIT_MS {
            return Err(argument(format!("poll_until waits at most {TIMEOUT_LIMIT_MS} ms")));
        }
        if rhythm.tries() > TRIES_LIMIT {
            return Err(argument(format!(
                "poll_until tries at most {TRIES_LIMIT} times; make `every_ms` larger"
            )));
        }
        Ok(rhythm)
    }

    /// One at once, and one after each wait.
    fn tries(&self) -> i64 {
        self.timeout_ms / self.every_ms + 1
    }
}

/// What the last try gave.
enum Last {
    False,
    Failed(Failed),
    Fault(Fault),
    Threw(String),
}

/// The waits together are no longer than the timeout; the time of the calls in the condition comes on top of it, and each of
/// them has its own deadline.
fn poll_until(
    branch: &Branch,
    context: &NativeCallContext<'_>,
    rhythm: &Rhythm,
    condition: &FnPtr,
) -> Thrower<bool> {
    let tries = rhythm.tries();
    let mut last = Last::False;
    for attempt in 1..=tries {
        if attempt > 1 {
            wait(branch, rhythm.every_ms)?;
        }
        last = match condition.call_within_context::<Dynamic>(context, ()) {
            Ok(value) => match value.as_bool() {
                Ok(true) => return Ok(true),
                Ok(false) => Last::False,
                Err(_) => return Err(argument("the function of poll_until returns true or false")),
            },
            Err(error) => match thrown::classify(&error) {
                Thrown::Stop | Thrown::Skip(_) => return Err(error),
                // No waiting turns a denial or a wrong argument into an answer.
                Thrown::Fault(fault) if fault.is_denial() || is_of_the_script(&fault) => return Err(error),
                Thrown::Fault(fault) => Last::Fault(fault),
                Thrown::Expectation(failed) => Last::Failed(failed),
                Thrown::Other => Last::Threw(describe(&error, &branch.run.path)),
            },
        };
    }
    Err(gave_up(rhythm, tries, last))
}

fn is_of_the_script(fault: &Fault) -> bool {
    fault.code.as_str().starts_with("script.")
}

/// A poll that saw a wrong state has failed; one whose last try could not look has not found out.
fn gave_up(rhythm: &Rhythm, tries: i64, last: Last) -> Box<EvalAltResult> {
    let spent = format!("not within {} ms, in {tries} tries", rhythm.timeout_ms);
    match last {
        Last::False => thrown::failed(Failed {
            what: format!("the condition of poll_until, {spent}"),
            expected: Value::Bool(true),
            observed: Value::Bool(false),
        }),
        Last::Failed(failed) => {
            thrown::failed(Failed { what: format!("{}, {spent}", failed.what), ..failed })
        }
        Last::Fault(fault) => {
            let message = format!("{}, {spent}", fault.message);
            thrown::fault(&Fault { message, ..fault })
        }
        Last::Threw(message) => {
            let message = format!("{message}, {spent}");
            Box::new(EvalAltResult::ErrorRuntime(message.into(), rhai::Position::NONE))
        }
    }
}

fn wait(branch: &Branch, millis: i64) -> Thrower<()> {
    let millis = u64::try_from(millis).unwrap_or_default();
    match branch.run.link.ask(|call_id| FromWorker::Wait { call_id, millis }) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(fault)) => Err(thrown::fault(&fault)),
        Err(unsent) => Err(branch.unsent(&unsent)),
    }
}
