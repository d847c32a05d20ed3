//! Primitives that read what lies on this machine: no connection, no address.

use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{Fault, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::need::Need;
use crate::observing::Observation;

/// A file of the project.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileOfProject {
    /// The folder that it lies in, directly under the project's own.
    pub folder: Slug,
    /// Its name.
    pub file: Slug,
}

impl FileOfProject {
    pub(crate) fn need(&self) -> Vec<Need> {
        vec![Need::project(&self.folder, Some(&self.file))]
    }
}

/// The deadline of a call that waits for nobody: there is a disk to read.
pub(crate) fn timeout() -> Duration {
    TimeoutMs::default().duration()
}

/// What was found, by this process itself.
pub(crate) fn seen<T>(output: T) -> Result<Observation<T>, Fault> {
    Ok(Observation { output, basis: Basis::Probed, transport: "this machine".to_owned() })
}
