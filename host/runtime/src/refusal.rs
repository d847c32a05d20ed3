//! Why a command ended before a run began. Once a run has begun, everything ends in its packet instead.

use std::fmt;

use fabric_model::exit::Exit;
use fabric_model::{Code, Diagnostic, Fault};

/// A refusal: what is wrong, the exit it leads to, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The exit of the command.
    pub exit: Exit,
    /// What is wrong, in one line.
    pub message: String,
    /// Errors in files, each with its place.
    pub diagnostics: Vec<Diagnostic>,
    /// What to do next: full sentences.
    pub hints: Vec<String>,
}

impl Refusal {
    /// A refusal without details.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), diagnostics: Vec::new(), hints: Vec::new() }
    }

    /// Errors in one file.
    pub fn in_file(exit: Exit, file: &str, diagnostics: Vec<Diagnostic>) -> Self {
        let message = match diagnostics.len() {
            1 => format!("`{file}` has an error"),
            many => format!("`{file}` has {many} errors"),
        };
        Self { exit, message, diagnostics, hints: Vec::new() }
    }

    /// The same refusal with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let exit = match fault.code {
            Code::SiteSecret | Code::PortAuthentication => Exit::Authentication,
            Code::BugInternal => Exit::Bug,
            _ => Exit::Configuration,
        };
        Self { exit, message: fault.message, diagnostics: Vec::new(), hints: fault.hints }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.diagnostics.iter().try_for_each(|diagnostic| write!(f, "\n{diagnostic}"))?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

impl std::error::Error for Refusal {}
