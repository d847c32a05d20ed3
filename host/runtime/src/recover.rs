//! What a killed host left behind: finds unsealed packets whose run is over, seals them as aborted, and takes back what their runs left
//! changed.

mod changes;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::orphan::{self, Orphan, OrphanError};
use fabric_evidence::packet::Sealed;
use fabric_evidence::signature;
use fabric_model::Slug;
use fabric_model::exit::Exit;

use crate::home::Operator;
use crate::refusal::Refusal;
use crate::run::principal;

pub use crate::change::pending::{Marker, PendingSite, PendingTarget};
pub use changes::{Recovery, Reopening, Restoration, abandon, take_back, unrecovered};

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
    Sealed(Box<Sealed>),
    /// Its run was killed before it recorded anything, so it did nothing; the empty folder is gone.
    NeverBegan,
}

/// Seals one orphan in the name of that one of the operators from whose folder its run was started, or removes it where the run
/// never began.
///
/// # Errors
/// When its run is alive after all, its journal is broken before its last line, or nobody of them started it.
pub fn seal_orphan(dir: &Path, operators: &[Operator], now: SystemTime) -> Result<Recovered, Refusal> {
    let found = Orphan::open(dir).map_err(broken)?;
    let Some((run_id, first_line)) = found.beginning().map_err(broken)? else {
        found.discard_unbegun().map_err(broken)?;
        return Ok(Recovered::NeverBegan);
    };
    let run_id = run_id.clone();
    // A copy beside the run's own folder would use up what is noted of it.
    let own_folder = dir.file_name().is_some_and(|name| name == run_id.as_str());
    let operator = operators
        .iter()
        .find(|operator| own_folder && operator.started.knows(&run_id, first_line))
        .ok_or_else(foreign)?;
    let packet = found.adopt(principal(operator), now).map_err(broken)?;
    let role = operator.principal().roles.first().map_or("none", Slug::as_str).to_owned();
    let sealed = packet
        .seal(&operator.signer, &role, signature::RECOVER, now)
        .map_err(|error| Refusal::new(Exit::Bug, format!("the packet cannot be sealed: {error}")))?;
    operator.started.forget(&run_id);
    Ok(Recovered::Sealed(Box::new(sealed)))
}

fn broken(error: OrphanError) -> Refusal {
    Refusal::new(Exit::Unrecovered, error.to_string())
        .hint("Keep the folder as it is; a journal that is broken in the middle was changed by somebody.")
}

fn foreign() -> Refusal {
    Refusal::new(Exit::Unrecovered, "the operator's folder knows of no run that began like this")
        .hint(
            "It was copied from elsewhere, forged, or started by another account, who alone can recover it.",
        )
        .hint("Nothing was changed: keep the folder, and ask who ran it.")
}
