//! What the functions throw and what is thrown through them, in the terms of neither language.

use fabric_model::value::DEPTH_LIMIT;
use fabric_model::{Code, Fault, Stage, Value};

/// The `code` of a failed expectation that a script catches.
const EXPECTATION: &str = "expectation";
/// The `code` of a skip that a script catches.
const SKIP: &str = "skip";
/// The longest message, in bytes; the thrown value may be 1 MiB of text.
const MESSAGE_LIMIT: usize = 2_048;

/// Why a value of the script cannot cross.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Uncrossable {
    /// Lists and tables nest deeper than the limit, which also ends a walk over a closure that holds itself.
    #[error("lists and tables nest deeper than {DEPTH_LIMIT}")]
    TooDeep,
    /// A function, a range, a blob: things that have no meaning outside the engine.
    #[error("a {0} cannot leave the script")]
    Kind(&'static str),
    /// Not a number, or infinite.
    #[error("a number that is not finite cannot leave the script")]
    NotFinite,
    /// Text that is not UTF-8, which only Luau can hold.
    #[error("text that is not UTF-8 cannot leave the script")]
    NotText,
    /// A table with positions and names, or with gaps between its positions, which only Luau can hold.
    #[error("a table that is neither a list nor a table of names cannot leave the script")]
    Mixed,
}

impl Uncrossable {
    /// The words that stand for the value in evidence.
    pub(crate) fn named(&self) -> Value {
        Value::Text(format!("({self})"))
    }
}

/// An error that one of our functions throws.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raised {
    /// The script ends; why is kept in the run. No `catch` sees it.
    Stop,
    /// An expectation that did not hold.
    Expectation(Failed),
    /// The script gave a reason not to look.
    Skip(String),
    /// A fault, as a script may catch it and look into it.
    Fault(Fault),
    /// A text.
    Text(String),
}

/// An error seen from a check or a poll.
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

/// Wrong arguments of one of our own functions.
pub(crate) fn argument(message: impl Into<String>) -> Raised {
    Raised::Fault(Fault::new(Code::ScriptArgument, Stage::Decode, message))
}

/// An answer that depends on a change that is only planned.
pub(crate) fn deferred(message: &str) -> Raised {
    Raised::Fault(Fault::new(Code::PlanDeferred, Stage::Plan, message))
}

impl Raised {
    /// What a script catches.
    pub(crate) fn value(self) -> Value {
        match self {
            Self::Stop => Value::Null,
            Self::Expectation(Failed { what, expected, observed }) => Value::table([
                ("code", Value::from(EXPECTATION)),
                ("what", Value::Text(what)),
                ("expected", expected),
                ("observed", observed),
            ]),
            Self::Skip(reason) => Value::table([
                ("code", Value::from(SKIP)),
                ("reason", Value::from(clipped(&reason).as_str())),
            ]),
            Self::Fault(fault) => {
                // A fault is plain data, so it always encodes.
                let mut thrown = Value::encode(&fault).unwrap_or_default();
                if let Value::Map(fields) = &mut thrown {
                    // Left out when empty; a script that looks at them must not fail for that.
                    fields.entry("hints".to_owned()).or_insert_with(|| Value::List(Vec::new()));
                }
                thrown
            }
            Self::Text(text) => Value::Text(text),
        }
    }
}

impl Thrown {
    /// What a thrown value is.
    pub(crate) fn of(thrown: &Value) -> Self {
        let Value::Map(fields) = thrown else { return Self::Other };
        let text = |key: &str| match fields.get(key) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let value = |key: &str| fields.get(key).cloned().unwrap_or_default();
        match text("code").as_deref() {
            Some(EXPECTATION) => Self::Expectation(Failed {
                what: text("what").unwrap_or_default(),
                expected: value("expected"),
                observed: value("observed"),
            }),
            Some(SKIP) => Self::Skip(text("reason").unwrap_or_default()),
            Some(_) => match thrown.decode::<Fault>() {
                Ok(fault) if fault.code == Code::PlanDeferred => Self::Deferred(fault.message),
                Ok(fault) => Self::Fault(fault),
                Err(_) => Self::Other,
            },
            None => Self::Other,
        }
    }

    /// What it says; nothing where only the language knows.
    pub(crate) fn words(&self) -> Option<String> {
        match self {
            Self::Expectation(failed) => Some(format!(
                "expectation outside any check: {}: expected {}, observed {}",
                failed.what,
                json(&failed.expected),
                json(&failed.observed)
            )),
            Self::Skip(reason) => Some(format!("skip outside any check: {reason}")),
            Self::Deferred(reason) => {
                Some(format!("nobody knows it before the planned changes are made: {reason}"))
            }
            Self::Fault(fault) => Some(fault.to_string()),
            Self::Other | Self::Stop => None,
        }
    }
}

/// A value in one line of a report.
pub(crate) fn json(value: &Value) -> String {
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
