//! What a killed host left behind: finds unsealed packets whose run is over and seals them as aborted.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::orphan::{self, OrphanError};
use fabric_evidence::packet::Sealed;
use fabric_model::Slug;
use fabric_model::exit::Exit;

use crate::home::Operator;
use crate::refusal::Refusal;
use crate::run::principal;

/// The packets under `runs` that no living run is writing and nobody has sealed.
///
/// # Errors
/// When the folder cannot be read.
pub fn orphans(runs: &Path) -> Result<Vec<PathBuf>, Refusal> {
    orphan::find(runs).map_err(|error| {
        Refusal::new(Exit::Configuration, format!("{} cannot be read: {error}", runs.display()))
    })
}

/// Seals one orphan.
///
/// # Errors
/// When its run is alive after all, or its journal is broken before its last line.
pub fn seal_orphan(dir: &Path, operator: &Operator, now: SystemTime) -> Result<Sealed, Refusal> {
    let refused = |error: OrphanError| {
        Refusal::new(Exit::Unrecovered, error.to_string())
            .hint("Keep the folder as it is; a journal that is broken in the middle was changed by somebody.")
    };
    let packet = orphan::adopt(dir, principal(operator), now).map_err(refused)?;
    let role = operator.principal().roles.first().map_or("none", Slug::as_str).to_owned();
    packet
        .seal(&operator.signer, &role, "recover", now)
        .map_err(|error| Refusal::new(Exit::Bug, format!("the packet cannot be sealed: {error}")))
}
