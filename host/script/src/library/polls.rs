//! `poll_until` and `await_stable`: the only ways to wait. The worker has no clock; the host keeps it, and each wait is a frame.

use std::collections::BTreeMap;

use fabric_model::door::FromWorker;
use fabric_model::{Fault, Value};

use super::branch::{Branch, Open};
use super::conditions::abort_if_due;
use super::raised::{Failed, Raised, Thrown, argument};
use super::{Arguments, Caller, Language};

/// The longest poll, in milliseconds: the longest fail-over that the site waits for is a tenth of it.
const TIMEOUT_LIMIT_MS: i64 = 600_000;
/// Tries of one poll, each of which may be a call to a host.
const TRIES_LIMIT: i64 = 1_000;

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
    fn read(name: &'static str, options: &BTreeMap<String, Value>) -> Result<Self, Raised> {
        let stable = name == "await_stable";
        let keys: &[&str] =
            if stable { &["seconds", "timeout_ms", "every_ms"] } else { &["timeout_ms", "every_ms"] };
        if let Some(unknown) = options.keys().find(|key| !keys.contains(&key.as_str())) {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            return Err(argument(format!("{name} knows {}, not `{unknown}`", keys.join(" and "))));
        }
        let number = |key: &str, unit: &str| {
            let number = match options.get(key) {
                Some(Value::Int(number)) if *number > 0 => Some(*number),
                _ => None,
            };
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
enum Try<L: Language> {
    Held,
    Not(Last),
    /// Nobody can know before the planned changes are made.
    Deferred(L::Error),
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
pub(super) async fn poll<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<L::Value, L::Error> {
    let branch = caller.branch();
    let options = match arguments.any(0)? {
        Value::Map(options) => options,
        other => return Err(argument(format!("the options: expected table, found {}", other.kind())).into()),
    };
    let (rhythm, condition) = (Rhythm::read(arguments.entry.name, &options)?, arguments.function(1)?);
    let mut in_a_row = 0;
    let mut last = Last::False;
    for attempt in 1..=rhythm.tries() {
        if attempt > 1 {
            wait(branch, rhythm.every_ms).await?;
        }
        abort_if_due(caller).await?;
        match tried(caller, &rhythm, &condition).await? {
            Try::Held => in_a_row += 1,
            Try::Not(found) => (in_a_row, last) = (0, found),
            // A check or a poll around it takes it. Elsewhere the script just goes on: what it waits for cannot come, and
            // what it gets is no boolean that it could branch on.
            Try::Deferred(error) if branch.open().takes_deferral => return Err(error),
            Try::Deferred(_) => return caller.write(&Value::Null),
        }
        if in_a_row >= rhythm.in_a_row() {
            return caller.write(&true.into());
        }
    }
    Err(gave_up(&rhythm, last).into())
}

async fn tried<L: Language, C: Caller<L>>(
    caller: &C,
    rhythm: &Rhythm,
    condition: &L::Function,
) -> Result<Try<L>, L::Error> {
    let branch = caller.branch();
    let open = Open { takes_deferral: true, ..branch.open() };
    match branch.within(open, caller.call(condition)).await {
        Ok(value) => match caller.read(&value) {
            Ok(Value::Bool(true)) => Ok(Try::Held),
            Ok(Value::Bool(false)) => Ok(Try::Not(Last::False)),
            _ => Err(argument(format!("the function of {} returns true or false", rhythm.name)).into()),
        },
        Err(error) => match caller.classify(&error) {
            Thrown::Stop | Thrown::Skip(_) => Err(error),
            // No waiting turns a denial or a wrong argument into an answer.
            Thrown::Fault(fault) if fault.is_denial() || is_of_the_script(&fault) => Err(error),
            Thrown::Deferred(_) => Ok(Try::Deferred(error)),
            Thrown::Fault(fault) => Ok(Try::Not(Last::Fault(fault))),
            Thrown::Expectation(failed) => Ok(Try::Not(Last::Failed(failed))),
            Thrown::Other => Ok(Try::Not(Last::Threw(caller.describe(&error)))),
        },
    }
}

fn is_of_the_script(fault: &Fault) -> bool {
    fault.code.as_str().starts_with("script.")
}

/// A poll that saw a wrong state has failed; one whose last try could not look has not found out.
fn gave_up(rhythm: &Rhythm, last: Last) -> Raised {
    let spent = rhythm.spent();
    match last {
        Last::False => Raised::Expectation(Failed {
            what: format!("the condition of {}, {spent}", rhythm.name),
            expected: Value::Bool(true),
            observed: Value::Bool(false),
        }),
        Last::Failed(failed) => {
            Raised::Expectation(Failed { what: format!("{}, {spent}", failed.what), ..failed })
        }
        Last::Fault(fault) => {
            let message = format!("{}, {spent}", fault.message);
            Raised::Fault(Fault { message, ..fault })
        }
        Last::Threw(message) => Raised::Text(format!("{message}, {spent}")),
    }
}

async fn wait<L: Language>(branch: &Branch<L>, millis: i64) -> Result<(), Raised> {
    let millis = u64::try_from(millis).unwrap_or_default();
    match branch.run.link.ask(|call_id| FromWorker::Wait { call_id, millis }).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(fault)) => Err(Raised::Fault(fault)),
        Err(unsent) => Err(branch.unsent(&unsent)),
    }
}
