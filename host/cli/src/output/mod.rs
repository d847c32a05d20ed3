//! What a command prints when it is over.

mod human;
mod json;
pub(crate) mod junit;
pub(crate) mod metrics;
mod outcome;
pub(crate) mod sarif;
mod tap;

pub(crate) use human::worker_message;
pub(crate) use outcome::message as reason;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fabric_evidence::{ChecksRecord, RunRecord};
use fabric_model::exit::Exit;
use fabric_redact::Redactor;
use fabric_runtime::{Finished, Refusal};
use serde::de::DeserializeOwned;

use crate::args::RunOutput;
use crate::place::Place;
use crate::stream::say;

/// A finished run as its sealed packet tells it: what is printed is what was signed.
pub(crate) struct Told {
    pub(crate) run: RunRecord,
    pub(crate) checks: ChecksRecord,
    pub(crate) packet: String,
    /// What the run's redactor knows.
    pub(crate) redactor: Arc<Redactor>,
}

/// Prints a finished run.
///
/// # Errors
/// When it cannot be written in this form.
pub(crate) fn print(place: &Place, told: &Told, output: RunOutput) -> Result<(), Refusal> {
    match output {
        RunOutput::Human => return human::print(&place.project, told),
        RunOutput::Json => return json::print(told),
        RunOutput::Junit => return junit::print(told),
        RunOutput::Tap => tap::print(told),
        RunOutput::Sarif => say(serde_json::to_string_pretty(&sarif::run::log(told)).unwrap_or_default()),
    }
    Ok(())
}

/// Reads what a finished run sealed.
///
/// # Errors
/// When the packet cannot be read.
pub(crate) fn told(place: &Place, finished: &Finished) -> Result<Told, Refusal> {
    let dir = &finished.sealed.dir;
    Ok(Told {
        run: read(&dir.join("run.json"))?,
        checks: read(&dir.join("checks.json"))?,
        packet: place.shorten(dir),
        redactor: Arc::clone(&finished.redactor),
    })
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Refusal> {
    let broken = |why: String| Refusal::new(Exit::Bug, format!("{} cannot be read: {why}", path.display()));
    let bytes = fs::read(path).map_err(|e| broken(e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))
}
