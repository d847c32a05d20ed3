//! Taking up the folder of a run whose host was killed, so that it can be sealed as what it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_model::Digest;

use crate::derive::{self, NoStory};
use crate::event::{Event, Principal};
use crate::journal::{Journal, JournalError};
use crate::manifest;
use crate::packet::{CHECKS, JOURNAL, PacketFolder, REPORT, RUN};

/// Why a folder cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum OrphanError {
    /// It carries a signature.
    #[error("{0} is sealed already")]
    Sealed(PathBuf),
    /// Its run is alive, its journal is broken, or cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its journal has no first line: the host died before anything happened.
    #[error("the journal tells no run: {0}")]
    NoStory(#[from] NoStory),
    /// The disk refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, OrphanError> {
    result.map_err(|source| OrphanError::Io { path: path.to_owned(), source })
}

/// Whether the folder carries a signature.
fn is_sealed(dir: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(dir.join("signatures")) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    for entry in entries {
        if Path::new(&entry?.file_name()).extension().is_some_and(|e| e == "asc") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The unsealed packets among the folders of `runs` that no living run writes, sorted by name.
///
/// # Errors
/// When the folder cannot be read. A folder that does not exist holds none.
pub fn find(runs: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(runs) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let dir = entry?.path();
        let journal = dir.join(JOURNAL);
        if journal.is_file() && !is_sealed(&dir)? && !Journal::is_held(&journal)? {
            found.push(dir);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Removes a folder whose journal has no whole line: its host was killed before anything was recorded, and nothing happens
/// unrecorded. False, and nothing removed, where there is a line.
///
/// # Errors
/// When its run is alive, its journal is broken, or the folder cannot be removed.
pub fn discard_unbegun(dir: &Path) -> Result<bool, OrphanError> {
    let path = dir.join(JOURNAL);
    let (_journal, chain) = Journal::reopen(&path)?;
    if !chain.lines.is_empty() {
        return Ok(false);
    }
    at(&path, fs::remove_file(&path))?;
    at(dir, fs::remove_dir(dir))?;
    Ok(true)
}

/// Takes up an unsealed folder: cuts off one torn last line, removes what an interrupted seal had written, and enters in the
/// journal who did it. What it returns is ready for [`PacketFolder::seal`].
///
/// # Errors
/// When the folder is sealed, its run is alive, or its journal is broken before the last line.
pub fn adopt(dir: &Path, by: Principal, now: SystemTime) -> Result<PacketFolder, OrphanError> {
    if at(dir, is_sealed(dir))? {
        return Err(OrphanError::Sealed(dir.to_owned()));
    }
    let (mut journal, chain) = Journal::reopen(&dir.join(JOURNAL))?;
    derive::records(&chain.lines)?;
    journal.cut_torn()?;
    for name in [RUN, CHECKS, REPORT, manifest::NAME, "signatures/unfinished"] {
        let path = dir.join(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => at(&path, other)?,
        }
    }
    match fs::remove_dir(dir.join("signatures")) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        other => at(dir, other)?,
    }
    let torn_digest = (!chain.torn.is_empty()).then(|| Digest::of(&chain.torn));
    let torn_bytes = chain.torn.len() as u64;
    journal.append(now, &Event::Recovered { by, torn_bytes, torn_digest })?;
    journal.sync()?;
    Ok(PacketFolder::adopted(dir, journal))
}
