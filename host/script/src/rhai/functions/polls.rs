//! `poll_until` and `await_stable`: the only ways to wait. The worker has no clock; the host keeps it, and each wait is a frame.

use std::sync::Arc;

use fabric_model::door::FromWorker;
use fabric_model::{Fault, Value};
use rhai::{Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::Functions;
use super::conditions::abort_if_due;
use crate::rhai::branch::{Branch, Open};
use crate::rhai::thrown::{self, Failed, Thrown, argument, at_call, describe};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

/// The longest poll, in milliseconds: the longest fail-over that the site waits for is a tenth of it.
const TIMEOUT_LIMIT_MS: i64 = 600_000;
/// Tries of one poll, each of which may be a call to a host.
const TRIES_LIMIT: i64 = 1_000;

pub(super) fn register(functions: &mut Functions, branch: &Arc<Branch>) {
    for name in ["poll_until", "await_stable"] {
        let on = Arc::clone(branch);
        functions.add(name, move |context: NativeCallContext<'_>, options: Map, condition: FnPtr| {
            let polled =
                Rhythm::read(name, &options).and_then(|rhythm| poll(&on, &context, &rhythm, &condition));
            at_call(&context, polled)
        });
    }
}

/// How often and how long, and what is waited for.
struct Rhythm {
    /// The function, for messages.
    name: &'static str,
    timeout_ms: i64,
    every_ms: i64,
    /// For how long the condition has to hold without interruption; 0 where once is enough.
    seconds: i64,
}

impl Rhythm {
    fn read(name: &'static str, options: &Map) -> Thrower<Self> {
        let stable = name == "await_stable";
        let keys: &[&str] =
            if stable { &["seconds", "timeout_ms", "every_ms"] } else { &["timeout_ms", "every_ms"] };
        if let Some(unknown) = options.keys().find(|key| !keys.contains(&key.as_str())) {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            return Err(argument(format!("{name} knows {}, not `{unknown}`", keys.join(" and "))));
        }
        let number = |key: &str, unit: &str| {
            let number = options.get(key).and_then(|v| v.as_int().ok()).filter(|n| *n > 0);
            number.ok_or_else(|| argument(format!("{name} needs `{key}`, a whole number of {unit} over 0")))
        };
        let rhythm = Self {
            name,
            timeout_ms: number("timeout_ms", "milliseconds")?,
            every_ms: number("every_ms", "milliseconds")?,
            seconds: if stable { number("seconds", "seconds")? } else { 0 },
        };
        if rhythm.timeout_ms > TIMEOUT_LIMIT_MS {
            return Err(argument(format!("{name} waits at most {TIMEOUT_LIMIT_MS} ms")));
        }
        if rhythm.tries() > TRIES_LIMIT {
            return Err(argument(format!(
                "{name} tries at most {TRIES_LIMIT} times; make `every_ms` larger"
            )));
        }
        if rhythm.in_a_row() > rhythm.tries() {
            return Err(argument(format!("{name} can never last `seconds` within `timeout_ms`")));
        }
        Ok(rhythm)
    }

    /// One at once, and one after each wait.
    fn tries(&self) -> i64 {
        self.timeout_ms / self.every_ms + 1
    }

    /// How many tries have to hold one after the other: the waits between them last as long as was asked for.
    fn in_a_row(&self) -> i64 {
        self.seconds.saturating_mul(1_000).saturating_add(self.every_ms - 1) / self.every_ms + 1
    }

    /// What came to nothing, for people.
    fn spent(&self) -> String {
        let (name, within, tries) = (self.name, self.timeout_ms, self.tries());
        match self.seconds {
            0 => format!("not within {within} ms, in {tries} tries"),
            seconds => format!("not for {seconds} s on end within {within} ms ({name}, {tries} tries)"),
        }
    }
}

/// What a try gave.
enum Try {
    Held,
    Not(Last),
    /// Nobody can know before the planned changes are made.
    Deferred(Box<EvalAltResult>),
}

/// What the last try that did not hold gave.
enum Last {
    False,
    Failed(Failed),
    Fault(Fault),
    Threw(String),
}

/// The waits together are no longer than the timeout; the time of the calls in the condition comes on top of it, and each of
/// them has its own deadline.
fn poll(
    branch: &Branch,
    context: &NativeCallContext<'_>,
    rhythm: &Rhythm,
    condition: &FnPtr,
) -> Thrower<Dynamic> {
    let mut in_a_row = 0;
    let mut last = Last::False;
    for attempt in 1..=rhythm.tries() {
        if attempt > 1 {
            wait(branch, rhythm.every_ms)?;
        }
        abort_if_due(branch, context)?;
        match tried(branch, context, rhythm, condition)? {
            Try::Held => in_a_row += 1,
            Try::Not(found) => (in_a_row, last) = (0, found),
            // A check or a poll around it takes it. Elsewhere the script just goes on: what it waits for cannot come, and
            // what it gets is no boolean that it could branch on.
            Try::Deferred(error) if branch.open().takes_deferral => return Err(error),
            Try::Deferred(_) => return Ok(Dynamic::UNIT),
        }
        if in_a_row >= rhythm.in_a_row() {
            return Ok(true.into());
        }
    }
    Err(gave_up(rhythm, last))
}

fn tried(
    branch: &Branch,
    context: &NativeCallContext<'_>,
    rhythm: &Rhythm,
    condition: &FnPtr,
) -> Thrower<Try> {
    let open = Open { takes_deferral: true, ..branch.open() };
    match branch.within(open, || condition.call_within_context::<Dynamic>(context, ())) {
        Ok(value) => match value.as_bool() {
            Ok(true) => Ok(Try::Held),
            Ok(false) => Ok(Try::Not(Last::False)),
            Err(_) => Err(argument(format!("the function of {} returns true or false", rhythm.name))),
        },
        Err(error) => match thrown::classify(&error) {
            Thrown::Stop | Thrown::Skip(_) => Err(error),
            // No waiting turns a denial or a wrong argument into an answer.
            Thrown::Fault(fault) if fault.is_denial() || is_of_the_script(&fault) => Err(error),
            Thrown::Deferred(_) => Ok(Try::Deferred(error)),
            Thrown::Fault(fault) => Ok(Try::Not(Last::Fault(fault))),
            Thrown::Expectation(failed) => Ok(Try::Not(Last::Failed(failed))),
            Thrown::Other => Ok(Try::Not(Last::Threw(describe(&error, &branch.run.path)))),
        },
    }
}

fn is_of_the_script(fault: &Fault) -> bool {
    fault.code.as_str().starts_with("script.")
}

/// A poll that saw a wrong state has failed; one whose last try could not look has not found out.
fn gave_up(rhythm: &Rhythm, last: Last) -> Box<EvalAltResult> {
    let spent = rhythm.spent();
    match last {
        Last::False => thrown::failed(Failed {
            what: format!("the condition of {}, {spent}", rhythm.name),
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
