//! Digests one file of the project.
//!
//! # Observes
//! The SHA-256 of the file's bytes and their number. What the file says comes into no packet.
//!
//! # Denied when
//! `project:FOLDER/FILE` is not granted. A file whose name or content says that it holds a secret is refused whatever is granted, and
//! so is a link.

use std::time::Duration;

use fabric_model::{Digest, Fault, Value};
use fabric_wire::Deadline;
use schemars::JsonSchema;
use serde::Serialize;

use crate::means::Means;
use crate::need::Need;
use crate::observing::{Observation, Observing};
use crate::on_this_machine::{self, FileOfProject};
use crate::screen;
use crate::target::Targets;

/// Result of `project.digest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Digested {
    /// The SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

pub(crate) struct DigestOf;

impl Observing for DigestOf {
    const NAME: &'static str = "project.digest";
    const SUMMARY: &'static str = "Digests one file of the project.";

    type Args = FileOfProject;
    type Output = Digested;

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
    ) -> Result<Observation<Digested>, Fault> {
        screen::name(&args.file)?;
        let bytes = means.local.read(&args.folder, &args.file)?;
        let (sha256, length) = (Digest::of(&bytes).to_string(), bytes.len());
        on_this_machine::seen(Digested { sha256, bytes: u64::try_from(length).unwrap_or(u64::MAX) })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("folder", "compliance".into()), ("file", "profile.json".into())])]
    }
}
