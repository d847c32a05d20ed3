//! A call that was granted, as a recording knows it.

use fabric_evidence::Target;
use fabric_evidence::recording::{Answer, Entry};
use fabric_model::check::Place;
use fabric_model::{Addressed as _, Digest, Value};

use crate::call::LetThrough;
use fabric_redact::Redactor;

/// The most characters of a call's arguments that a message shows.
const SHOWN: usize = 200;

/// What is asked of the site: which call, where in the script, of whom.
pub(crate) struct Asked {
    pub(crate) place: Place,
    /// Digest of primitive and arguments.
    pub(crate) call: Digest,
    pub(crate) primitive: String,
    /// Redacted.
    pub(crate) arguments: Value,
    pub(crate) targets: Vec<Target>,
}

impl Asked {
    pub(crate) fn of(granted: &LetThrough<'_>, redactor: &Redactor) -> Self {
        let needs = granted.prepared.needs.iter().zip(granted.targets.iter());
        Self {
            place: granted.call.place.clone(),
            call: granted.digest,
            primitive: granted.call.primitive.to_string(),
            arguments: redactor.redact_value(granted.prepared.arguments.clone()),
            targets: needs
                .map(|(need, target)| Target {
                    name: need.resource.to_string(),
                    addresses: target.addresses(),
                })
                .collect(),
        }
    }

    pub(super) fn into_entry(self, turn: u32, answer: Answer) -> Entry {
        let Self { place, call, primitive, arguments, targets } = self;
        Entry { place, turn, call, primitive, arguments, targets, answer }
    }
}

/// A call for people: its primitive, and how its arguments begin.
pub(super) fn shown(primitive: &str, arguments: &Value) -> String {
    let text = serde_json::to_string(arguments).unwrap_or_default();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{primitive}` {}…", text.get(..end).unwrap_or_default()),
        None => format!("`{primitive}` {text}"),
    }
}

/// A place for people: `step 7`, or `step 7.0.2` for the second step of the first branch of the `par` at step 7. What the host asks before
/// a scope begins stands at none.
pub(super) fn step(place: &Place) -> String {
    let numbers: Vec<String> = place.0.iter().map(ToString::to_string).collect();
    if numbers.is_empty() {
        "the beginning of a scope".to_owned()
    } else {
        format!("step {}", numbers.join("."))
    }
}
