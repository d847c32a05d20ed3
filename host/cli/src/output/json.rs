//! One JSON document: the run and its checks, as sealed.

use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use serde_json::json;

use super::Told;
use crate::stream::say;

pub(super) fn print(told: &Told) -> Result<(), Refusal> {
    let document = json!({
        "schema": "fabric.run/1",
        "packet": told.packet,
        "run": told.run,
        "checks": told.checks.checks,
    });
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Refusal::new(Exit::Bug, format!("the result cannot be printed: {error}")))?;
    say(text);
    Ok(())
}
