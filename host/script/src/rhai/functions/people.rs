//! `human` and its kin: what people did, saw and decided meanwhile, for the timeline of the report.

use std::sync::Arc;

use fabric_model::door::FromWorker;
use rhai::{EvalAltResult, NativeCallContext};

use super::Functions;
use crate::rhai::branch::Branch;
use crate::rhai::thrown::{argument, at_call, clipped};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

/// The longest role and the longest name, in bytes: one cell of a timeline.
const WORD_LIMIT: usize = 100;

/// The roles that have a function of their own.
const ROLES: [&str; 3] = ["conductor", "decision", "observer"];

pub(super) fn register(functions: &mut Functions, branch: &Arc<Branch>) {
    let on = Arc::clone(branch);
    functions.add("human", move |context: NativeCallContext<'_>, role: &str, name: &str, text: &str| {
        at_call(&context, human(&on, role, name, text))
    });
    for role in ROLES {
        let on = Arc::clone(branch);
        functions.add(role, move |context: NativeCallContext<'_>, name: &str, text: &str| {
            at_call(&context, human(&on, role, name, text))
        });
    }
}

fn human(branch: &Branch, role: &str, name: &str, text: &str) -> Thrower<()> {
    for (what, word) in [("role", role), ("name", name)] {
        if word.trim().is_empty() || word.len() > WORD_LIMIT || word.chars().any(char::is_control) {
            return Err(argument(format!(
                "the {what} of a person is one line of at most {WORD_LIMIT} bytes"
            )));
        }
    }
    if text.trim().is_empty() {
        return Err(argument("what a person did, saw or decided is said in words"));
    }
    branch.send(&FromWorker::Human {
        place: branch.next_place(),
        role: role.to_owned(),
        name: name.to_owned(),
        text: clipped(text),
    })
}
