//! The authority of an environment: one folder that all its operators share.
//!
//! ```text
//! approvals/PLAN/FINGERPRINT.json   who approved a plan, each with a signature beside it
//! freezes/ENVIRONMENT/ID.json       freezes, and ID.thaw.json where one was lifted
//! used/NONCE                        approvals that were used up
//! budget/ENVIRONMENT.jsonl          every change that was begun
//! ```
//!
//! The program makes none of the four for a site: a file system that is not mounted would look like an authority without freezes.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use fabric_gate::{Policy, RuleRef};
use fabric_model::{Code, Fault, Slug, Stage};

/// What an authority consists of.
const PARTS: [&str; 4] = ["approvals", "freezes", "used", "budget"];

/// The authority of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    folder: PathBuf,
    thaw_roles: Vec<Slug>,
}

impl Authority {
    /// Finds the authority that a policy declares for an environment. `base` is the folder of the policy file.
    ///
    /// # Errors
    /// `guard.authority` when the policy declares none, or when it cannot be reached.
    pub fn of(policy: &Policy, base: &Path, environment: &Slug) -> Result<Self, Fault> {
        let Some(row) = policy.authority(environment) else {
            let message = format!("the policy declares no authority for environment `{environment}`");
            return Err(refused(message).hint(format!(
                "Add `[[authority]]` with a name, `environments = [\"{environment}\"]` and the `folder` that its operators share."
            )));
        };
        let authority = Self { folder: base.join(&row.folder), thaw_roles: row.thaw_roles };
        authority.reached(&row.rule)?;
        Ok(authority)
    }

    /// The authority of rehearsals, which is made where there is none: it binds nobody but whoever rehearses.
    ///
    /// # Errors
    /// `guard.authority` when it cannot be made.
    pub(crate) fn of_rehearsals(folder: PathBuf) -> Result<Self, Fault> {
        for part in PARTS {
            let path = folder.join(part);
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(|error| refused(format!("{} cannot be made: {error}", path.display())))?;
        }
        Ok(Self { folder, thaw_roles: Vec::new() })
    }

    fn reached(&self, rule: &RuleRef) -> Result<(), Fault> {
        let missing = PARTS.iter().map(|part| self.folder.join(part)).find(|part| !part.is_dir());
        let Some(missing) = missing else { return Ok(()) };
        let message = format!("the authority cannot be reached: there is no folder {}", missing.display());
        Err(refused(message).hint(format!(
            "Mount it, or have it made once by its owner: `mkdir -m 3770 -p {}/{{{}}}`; {rule} declares it.",
            self.folder.display(),
            PARTS.join(",")
        )))
    }

    pub(super) fn approvals(&self) -> PathBuf {
        self.folder.join("approvals")
    }

    /// Where the freezes of its environments lie.
    pub(crate) fn freezes(&self) -> PathBuf {
        self.folder.join("freezes")
    }

    pub(super) fn used(&self) -> PathBuf {
        self.folder.join("used")
    }

    pub(super) fn budget(&self) -> PathBuf {
        self.folder.join("budget")
    }

    pub(super) fn thaw_roles(&self) -> &[Slug] {
        &self.thaw_roles
    }
}

/// What could not be read or written in an authority. Nothing is changed then.
pub(super) fn unreachable(path: &Path, error: &io::Error) -> Fault {
    refused(format!("the authority cannot be reached: {}: {error}", path.display()))
        .hint(format!("Mend {} before anything is changed.", path.display()))
}

pub(super) fn refused(message: String) -> Fault {
    Fault::new(Code::GuardAuthority, Stage::Gate, message)
}

/// Whether something is there, without following a link.
pub(super) fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
