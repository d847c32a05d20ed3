//! Reads one file of the project as text.
//!
//! # Observes
//! The whole file, which comes into the packet with the answer, and its SHA-256.
//!
//! # Denied when
//! `project:FOLDER/FILE` is not granted. A file whose name or content says that it holds a secret is refused whatever is granted, and
//! so is a link.

use std::time::Duration;

use fabric_model::{Digest, Fault, Value};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::on_this_machine::{self, FileOfProject};
use crate::screen;
use crate::target::Targets;

/// Result of `project.text`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TextOfFile {
    /// What the file says.
    pub text: String,
    /// The SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
}

pub(crate) struct Text;

impl Observing for Text {
    const NAME: &'static str = "project.text";
    const SUMMARY: &'static str = "Reads one file of the project as text.";

    type Args = FileOfProject;
    type Output = TextOfFile;

    fn needs(args: &FileOfProject) -> Result<Vec<Need>, Fault> {
        Ok(args.need())
    }

    fn timeout(_: &FileOfProject) -> Duration {
        on_this_machine::timeout()
    }

    async fn observe(
        args: FileOfProject,
        _: Targets,
        means: Means,
        _: Deadline,
    ) -> Result<Observation<TextOfFile>, Fault> {
        screen::name(&args.file)?;
        let bytes = means.local.read(&args.folder, &args.file)?;
        let sha256 = Digest::of(&bytes).to_string();
        let text = String::from_utf8(bytes)
            .map_err(|_| WireError::Garbage(format!("`{}` of the project is not text", args.file)))?;
        on_this_machine::seen(TextOfFile { text, sha256 })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("folder", "compliance".into()), ("file", "profile.json".into())])]
    }
}
