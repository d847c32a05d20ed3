//! What a Luau script throws and what is thrown into it.

use fabric_model::Value;
use fabric_model::door::Outcome;

use super::convert::places;
use super::vm::{Vm, is_out_of_memory};
use crate::library::raised::{Raised, Thrown, clipped, json};

/// What is thrown.
pub(super) enum Error {
    /// By one of our functions, which no script has seen yet.
    Raised(Raised),
    /// By the script, or through it.
    Thrown {
        /// What.
        value: mlua::Value,
        /// Where, and through which calls.
        places: String,
    },
}

impl From<Raised> for Error {
    fn from(raised: Raised) -> Self {
        Self::Raised(raised)
    }
}

impl From<mlua::Error> for Error {
    fn from(error: mlua::Error) -> Self {
        Self::Thrown { value: mlua::Value::Error(Box::new(error)), places: String::new() }
    }
}

/// What an error is.
pub(super) fn classify(vm: &Vm, error: &Error) -> Thrown {
    if vm.run.is_stopped() {
        return Thrown::Stop;
    }
    match error {
        Error::Raised(Raised::Stop) => Thrown::Stop,
        Error::Raised(raised) => Thrown::of(&raised.clone().value()),
        Error::Thrown { value, .. } => Thrown::of(&vm.shapes.evidence(value)),
    }
}

/// An error in one line: what, where, and through which calls.
pub(super) fn describe(vm: &Vm, error: &Error) -> String {
    let (value, traced) = match error {
        Error::Raised(raised) => (raised.clone().value(), String::new()),
        Error::Thrown { value: mlua::Value::Error(error), places } => {
            (Value::Text(first_line(&error.to_string())), places.clone())
        }
        Error::Thrown { value, places: traced } => {
            (vm.shapes.evidence(value), places(value).unwrap_or_else(|| traced.clone()))
        }
    };
    let words = Thrown::of(&value).words();
    let (what, place) = match (words, &value) {
        (Some(words), _) => (words, None),
        (None, Value::Null) => ("nothing was thrown".to_owned(), None),
        (None, Value::Text(text)) => placed(text),
        (None, other) => (json(other), None),
    };
    let place = match place {
        // Thrown in a coroutine of its own, as a module is run.
        Some(place) if !traced.starts_with(&place) && !traced.is_empty() => {
            format!("{place}, called at {traced}")
        }
        Some(place) if traced.is_empty() => place,
        _ => traced,
    };
    let at = if place.is_empty() { "" } else { " at " };
    clipped(&format!("{}{at}{place}", clipped(&what)))
}

/// The machine puts the place before a text; it goes behind it, as in the other language.
fn placed(text: &str) -> (String, Option<String>) {
    let parts = text.split_once(": ").and_then(|(place, what)| {
        let (file, line) = place.rsplit_once(':')?;
        (file.ends_with(".luau") && line.parse::<usize>().is_ok()).then_some((place, what))
    });
    match parts {
        Some((place, what)) => (what.to_owned(), Some(place.to_owned())),
        None => (text.to_owned(), None),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// How a script ends that threw outside every check.
pub(super) fn outcome(vm: &Vm, error: &Error) -> Outcome {
    let message = describe(vm, error);
    if let Some(reason) = vm.run.aborted() {
        return Outcome::Aborted { reason };
    }
    if let Some(limit) = vm.run.limit() {
        return Outcome::Limit { message: limit };
    }
    let is_limit = matches!(error, Error::Thrown { value, .. } if is_out_of_memory(value))
        || ["stack overflow", "C stack overflow", "not enough memory"].iter().any(|o| message.starts_with(o));
    if is_limit { Outcome::Limit { message } } else { Outcome::Threw { message } }
}
