//! What a Rhai script throws and what is thrown into it.

use fabric_model::Value;
use fabric_model::door::Outcome;
use rhai::{Dynamic, EvalAltResult, NativeCallContext, ParseErrorType, Position};

use super::convert::{to_dynamic, to_evidence};
use crate::library::raised::{Raised, Thrown, clipped, json};

impl From<Raised> for Box<EvalAltResult> {
    fn from(raised: Raised) -> Self {
        Self::new(match raised {
            // No `catch` sees it; why is kept in the run.
            Raised::Stop => EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE),
            raised => EvalAltResult::ErrorRuntime(to_dynamic(&raised.value()), Position::NONE),
        })
    }
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
    match error.unwrap_inner() {
        inner if !inner.is_catchable() => Thrown::Stop,
        EvalAltResult::ErrorRuntime(token, _) => Thrown::of(&to_evidence(token)),
        _ => Thrown::Other,
    }
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
    let what = classify(error).words().unwrap_or_else(|| match error.unwrap_inner() {
        EvalAltResult::ErrorRuntime(token, _) if token.is_unit() => "nothing was thrown".to_owned(),
        EvalAltResult::ErrorRuntime(token, _) => match to_evidence(token) {
            Value::Text(text) => text,
            other => json(&other),
        },
        inner => without_position(inner),
    });
    clipped(&format!("{}{}", clipped(&what), Origin::of(error, path)))
}

/// The engine's own words, which begin with a capital and end with a position that we print in our own form.
fn without_position(inner: &EvalAltResult) -> String {
    let text = inner.to_string();
    let text = text.rsplit_once(" (line ").map_or(text.as_str(), |(before, _)| before);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
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
