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

/// What became of an orphan.
pub enum Recovered {
    /// It is sealed as aborted.
    Sealed(Sealed),
    /// Its run was killed before it recorded anything, so it did nothing; the empty folder is gone.
    NeverBegan,
}

/// Seals one orphan, or removes it where its run never began.
///
/// # Errors
/// When its run is alive after all, or its journal is broken before its last line.
pub fn seal_orphan(dir: &Path, operator: &Operator, now: SystemTime) -> Result<Recovered, Refusal> {
    let refused = |error: OrphanError| {
        Refusal::new(Exit::Unrecovered, error.to_string())
            .hint("Keep the folder as it is; a journal that is broken in the middle was changed by somebody.")
    };
    if orphan::discard_unbegun(dir).map_err(refused)? {
        return Ok(Recovered::NeverBegan);
    }
    let packet = orphan::adopt(dir, principal(operator), now).map_err(refused)?;
    let role = operator.principal().roles.first().map_or("none", Slug::as_str).to_owned();
    packet
        .seal(&operator.signer, &role, "recover", now)
        .map(Recovered::Sealed)
        .map_err(|error| Refusal::new(Exit::Bug, format!("the packet cannot be sealed: {error}")))
}
