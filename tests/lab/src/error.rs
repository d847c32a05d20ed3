//! What can go wrong in the lab, in words that tell what to do.

use std::path::{Path, PathBuf};

/// Why a lab command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LabError {
    /// The command was given something it cannot use.
    #[error("{0}")]
    Usage(String),
    /// A program of the machine failed.
    #[error("`{program}` failed ({status}): {stderr}")]
    Program {
        /// Its words, as they were run.
        program: String,
        /// How it ended.
        status: String,
        /// The last lines of what it said.
        stderr: String,
    },
    /// A file of the machine could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The site file cannot be built as a lab.
    #[error("site file: {0}")]
    Site(String),
    /// The plane did not come to the expected state in time.
    #[error("not reached within {seconds} s: {what}; last seen: {seen}")]
    Deadline {
        /// The state that was waited for.
        what: String,
        /// What was seen last.
        seen: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A process of the lab that should listen does not answer as agreed.
    #[error("{who}: {reply}")]
    Refused {
        /// Which process.
        who: &'static str,
        /// What it said.
        reply: String,
    },
    /// There is no lab in the run folder.
    #[error("no lab is up in {0}. Run `fabric-lab up dns` first.")]
    NotUp(PathBuf),
}

impl LabError {
    /// For `map_err` on an operation on `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }
}
