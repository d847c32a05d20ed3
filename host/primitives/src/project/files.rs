//! Lists the files of a folder of the project.
//!
//! # Observes
//! Names and sizes, sorted by name. Folders, links and devices are left out, and so is a file whose name is no word.
//!
//! # Denied when
//! `project:FOLDER` is not granted, which grants the reading of none of the files.

use std::time::Duration;

use fabric_model::{Fault, Slug, Value};
use fabric_wire::Deadline;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::local::ProjectFile;
use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::on_this_machine;
use crate::target::Targets;

/// Arguments of `project.files`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The folder, directly under the project's own.
    pub folder: Slug,
}

pub(crate) struct Files;

impl Observing for Files {
    const NAME: &'static str = "project.files";
    const SUMMARY: &'static str = "Lists the files of a folder of the project.";

    type Args = Args;
    type Output = Vec<ProjectFile>;

    fn needs(args: &Args) -> Result<Vec<Need>, Fault> {
        Ok(vec![Need::project(&args.folder, None)])
    }

    fn timeout(_: &Args) -> Duration {
        on_this_machine::timeout()
    }

    async fn observe(
        args: Args,
        _: Targets,
        means: Means,
        _: Deadline,
    ) -> Result<Observation<Vec<ProjectFile>>, Fault> {
        on_this_machine::seen(means.local.files(&args.folder)?)
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("folder", "compliance".into())])]
    }
}
