//! What a script throws and what is thrown into it: faults, failed expectations, skips, and the end by a limit.

use fabric_model::door::Outcome;
use fabric_model::{Code, Fault, Stage, Value};
use rhai::{Dynamic, EvalAltResult, Map, NativeCallContext, ParseErrorType, Position};

use crate::rhai::convert::{to_dynamic, to_evidence, to_value};

/// The `code` of a failed expectation that a script catches.
const EXPECTATION: &str = "expectation";
/// The `code` of a skip that a script catches.
const SKIP: &str = "skip";
/// The longest message, in bytes; the thrown value may be 1 MiB of text.
const MESSAGE_LIMIT: usize = 2_048;

/// An error of the engine, seen from a check or a poll.
pub(crate) enum Thrown {
    /// A limit, or the host is gone: it passes through everything.
    Stop,
    /// An expectation that did not hold.
    Expectation(Failed),
    /// The script gave a reason not to look.
    Skip(String),
    /// The answer depends on a change that is only planned.
    Deferred(String),
    /// A call ended in a fault.
    Fault(Fault),
    /// Any other error.
    Other,
}

/// An expectation that did not hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failed {
    pub(crate) what: String,
    pub(crate) expected: Value,
    pub(crate) observed: Value,
}

/// The error that ends the script; why is kept in the run. No `catch` sees it.
pub(crate) fn stopped() -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE))
}

/// A fault as an error that a script may catch and look into.
pub(crate) fn fault(fault: &Fault) -> Box<EvalAltResult> {
    // A fault is plain data, so it always encodes.
    let mut thrown = Value::encode(fault).unwrap_or_default();
    if let Value::Map(fields) = &mut thrown {
        // Left out when empty; a script that looks at them must not fail for that.
        fields.entry("hints".to_owned()).or_insert_with(|| Value::List(Vec::new()));
    }
    throw(&thrown)
}

/// Wrong arguments of one of our own functions.
pub(crate) fn argument(message: impl Into<String>) -> Box<EvalAltResult> {
    fault(&Fault::new(Code::ScriptArgument, Stage::Decode, message))
}

/// A failed expectation.
pub(crate) fn failed(failed: Failed) -> Box<EvalAltResult> {
    let Failed { what, expected, observed } = failed;
    throw(&Value::from_iter([
        ("code".to_owned(), Value::from(EXPECTATION)),
        ("what".to_owned(), Value::Text(what)),
        ("expected".to_owned(), expected),
        ("observed".to_owned(), observed),
    ]))
}

/// A reason not to look.
pub(crate) fn skipped(reason: &str) -> Box<EvalAltResult> {
    throw(&Value::from_iter([
        ("code".to_owned(), Value::from(SKIP)),
        ("reason".to_owned(), Value::from(reason)),
    ]))
}

fn throw(value: &Value) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(to_dynamic(value), Position::NONE))
}

/// An error of one of our functions, at the place of its call; the engine fills that in for some calls only.
pub(crate) fn at_call<T>(
    context: &NativeCallContext<'_>,
    result: Result<T, Box<EvalAltResult>>,
) -> Result<T, Box<EvalAltResult>> {
    result.map_err(|mut error| {
        if error.position().is_none() {
            error.set_position(context.call_position());
        }
        error
    })
}

/// What an error is. Whatever cannot be caught by a script is not caught here either.
pub(crate) fn classify(error: &EvalAltResult) -> Thrown {
    let inner = error.unwrap_inner();
    if !inner.is_catchable() {
        return Thrown::Stop;
    }
    let EvalAltResult::ErrorRuntime(token, _) = inner else { return Thrown::Other };
    let Some(map) = token.read_lock::<Map>() else { return Thrown::Other };
    let text = |key: &str| map.get(key).and_then(|v| v.clone().into_string().ok());
    let value = |key: &str| map.get(key).map(to_evidence).unwrap_or_default();
    match text("code").as_deref() {
        Some(EXPECTATION) => Thrown::Expectation(Failed {
            what: text("what").unwrap_or_default(),
            expected: value("expected"),
            observed: value("observed"),
        }),
        Some(SKIP) => Thrown::Skip(text("reason").unwrap_or_default()),
        Some(_) => match to_value(token).map(|v| v.decode::<Fault>()) {
            Ok(Ok(fault)) if fault.code == Code::PlanDeferred => Thrown::Deferred(fault.message),
            Ok(Ok(fault)) => Thrown::Fault(fault),
            _ => Thrown::Other,
        },
        None => Thrown::Other,
    }
}

/// An answer that depends on a change that is only planned.
pub(crate) fn deferred(message: &str) -> Box<EvalAltResult> {
    fault(&Fault::new(Code::PlanDeferred, Stage::Plan, message))
}

/// How a script ends that threw outside every check.
pub(crate) fn outcome(error: &EvalAltResult, path: &str, limit: Option<String>) -> Outcome {
    let place = Origin::of(error, path);
    if let Some(limit) = limit {
        return Outcome::Limit { message: clipped(&format!("{limit}{place}")) };
    }
    let message = describe(error, path);
    if is_limit(error.unwrap_inner()) { Outcome::Limit { message } } else { Outcome::Threw { message } }
}

fn is_limit(inner: &EvalAltResult) -> bool {
    match inner {
        EvalAltResult::ErrorParsing(kind, _) => is_parse_limit(kind),
        EvalAltResult::ErrorTooManyOperations(_)
        | EvalAltResult::ErrorTooManyVariables(_)
        | EvalAltResult::ErrorTooManyModules(_)
        | EvalAltResult::ErrorStackOverflow(_)
        | EvalAltResult::ErrorDataTooLarge(..)
        | EvalAltResult::ErrorTerminated(..) => true,
        _ => false,
    }
}

/// Whether a script is refused by the parser for its size, not for its grammar.
pub(crate) fn is_parse_limit(kind: &ParseErrorType) -> bool {
    matches!(
        kind,
        ParseErrorType::ExprTooDeep | ParseErrorType::TooManyFunctions | ParseErrorType::LiteralTooLarge(..)
    )
}

/// An error in one line: what, where, and through which calls.
pub(crate) fn describe(error: &EvalAltResult, path: &str) -> String {
    let what = match classify(error) {
        Thrown::Expectation(failed) => format!(
            "expectation outside any check: {}: expected {}, observed {}",
            failed.what,
            json(&failed.expected),
            json(&failed.observed)
        ),
        Thrown::Skip(reason) => format!("skip outside any check: {reason}"),
        Thrown::Deferred(reason) => format!("nobody knows it before the planned changes are made: {reason}"),
        Thrown::Fault(fault) => fault.to_string(),
        Thrown::Other | Thrown::Stop => match error.unwrap_inner() {
            EvalAltResult::ErrorRuntime(token, _) if token.is_unit() => "nothing was thrown".to_owned(),
            EvalAltResult::ErrorRuntime(token, _) => match to_evidence(token) {
                Value::Text(text) => text,
                other => json(&other),
            },
            inner => without_position(inner),
        },
    };
    clipped(&format!("{}{}", clipped(&what), Origin::of(error, path)))
}

/// The engine's own words, which begin with a capital and end with a position that we print in our own form.
fn without_position(inner: &EvalAltResult) -> String {
    let text = inner.to_string();
    let text = text.rsplit_once(" (line ").map_or(text.as_str(), |(before, _)| before);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn json(value: &Value) -> String {
    clipped(&serde_json::to_string(value).unwrap_or_default())
}

/// A text of a length that a report can show.
pub(crate) fn clipped(text: &str) -> String {
    if text.len() <= MESSAGE_LIMIT {
        return text.to_owned();
    }
    let end = (0..=MESSAGE_LIMIT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{} …", text.get(..end).unwrap_or_default())
}

/// Where an error began, and the calls that led there, innermost first.
struct Origin(Vec<(String, Position)>);

impl Origin {
    fn of(error: &EvalAltResult, path: &str) -> Self {
        let mut places = Vec::new();
        let mut file = path.to_owned();
        let mut current = error;
        loop {
            places.push((file.clone(), current.position()));
            match current {
                EvalAltResult::ErrorInFunctionCall(_, source, inner, _) => {
                    if !source.is_empty() {
                        source.clone_into(&mut file);
                    }
                    current = inner;
                }
                EvalAltResult::ErrorInModule(name, inner, _) => {
                    name.clone_into(&mut file);
                    current = inner;
                }
                _ => break,
            }
        }
        places.retain(|(_, position)| !position.is_none());
        places.dedup();
        places.reverse();
        // The main script may be named with or without its ending; a module has its import path.
        Self(places)
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // More callers than this are a recursion, and the innermost ones tell it.
        const CALLERS_SHOWN: usize = 4;
        for (index, (file, position)) in self.0.iter().take(CALLERS_SHOWN).enumerate() {
            let line = position.line().unwrap_or(0);
            let column = position.position().unwrap_or(0);
            write!(f, "{}{file}:{line}:{column}", if index == 0 { " at " } else { ", called at " })?;
        }
        Ok(())
    }
}
