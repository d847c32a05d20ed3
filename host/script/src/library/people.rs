//! `human` and its kin: what people did, saw and decided meanwhile, for the timeline of the report.

use fabric_model::Value;
use fabric_model::door::FromWorker;

use super::raised::{Raised, argument, clipped};
use super::{Arguments, Caller, Language};

/// The longest role and the longest name, in bytes: one cell of a timeline.
const WORD_LIMIT: usize = 100;

/// `human(role, name, text)`; the roles `conductor`, `decision` and `observer` have a function of their own.
pub(super) fn human<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<Value, Raised> {
    let (role, first) = match arguments.entry.name {
        "human" => (arguments.text(0)?, 1),
        role => (role.to_owned(), 0),
    };
    let (name, text) = (arguments.text(first)?, arguments.text(first + 1)?);
    for (what, word) in [("role", &role), ("name", &name)] {
        if word.trim().is_empty() || word.len() > WORD_LIMIT || word.chars().any(char::is_control) {
            return Err(argument(format!(
                "the {what} of a person is one line of at most {WORD_LIMIT} bytes"
            )));
        }
    }
    if text.trim().is_empty() {
        return Err(argument("what a person did, saw or decided is said in words"));
    }
    let branch = caller.branch();
    branch.send(&FromWorker::Human { place: branch.next_place(), role, name, text: clipped(&text) })?;
    Ok(Value::Null)
}
