//! What is planted, and what was there before: enough to heal after the planting command was killed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::step::{Before, Step};
use crate::error::LabError;
use crate::place::{Place, read, remove, write};
use crate::proxmox::Wrong;

/// A fault in effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Planted {
    /// The fault.
    pub(crate) name: String,
    /// Its arguments, defaults filled in.
    pub(crate) arguments: Vec<String>,
    /// Steps in the order they were taken, with what undoes them.
    pub(crate) steps: Vec<(Step, Before)>,
}

/// The faults in effect, the oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Journal(pub(crate) Vec<Planted>);

impl Journal {
    /// What is planted in `place`.
    pub(crate) fn read(place: &Place) -> Result<Self, LabError> {
        let path = place.journal();
        if !path.is_file() {
            return Ok(Self::default());
        }
        serde_json::from_str(&read(&path)?)
            .map_err(|error| LabError::Usage(format!("{}: {error}", path.display())))
    }

    /// Writes the journal, or removes it where nothing is planted. It holds saved files of the nodes: root's alone.
    pub(crate) fn write(&self, place: &Place) -> Result<(), LabError> {
        let path = place.journal();
        if self.0.is_empty() {
            return remove(&path);
        }
        let text = serde_json::to_string_pretty(self).map_err(|error| LabError::Usage(error.to_string()))?;
        let next: &Path = &path.with_extension("next");
        write(next, &text, 0o600)?;
        std::fs::rename(next, &path).map_err(LabError::file(&path))
    }

    /// What is wrong with the served cluster.
    pub(crate) fn of_proxmox(&self) -> Wrong {
        let mut wrong = Wrong::default();
        for (step, _) in self.0.iter().flat_map(|planted| &planted.steps) {
            match step {
                Step::Proxmox { fault } => wrong.faults.push(fault.clone()),
                Step::TlsTruncated => wrong.truncated = true,
                _ => {}
            }
        }
        wrong
    }
}
