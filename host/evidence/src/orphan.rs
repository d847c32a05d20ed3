//! Taking up the folder of a run whose host was killed, so that it can be sealed as what it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_model::{Digest, Slug};
use fabric_redact::Redactor;

use crate::derive::{self, NoStory};
use crate::event::{Event, Principal, Vouched};
use crate::journal::{Chain, Journal, JournalError};
use crate::manifest;
use crate::packet::{CHECKS, JOURNAL, PAGE, PacketFolder, REPORT, RUN};
use crate::scan::{self, Finding};

/// Why a folder cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum OrphanError {
    /// It carries a signature.
    #[error("{0} is sealed already")]
    Sealed(PathBuf),
    /// A link, or something else that no run leaves, stands where its folder, its journal or its signatures should.
    #[error("{0} is not what a run leaves there, but a link or the like")]
    Foreign(PathBuf),
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

/// Whether there is a folder, and not a link to one.
fn is_folder(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        other => Ok(other?.is_dir()),
    }
}

/// Whether there is a regular file, and not a link to one.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Whether the folder carries a signature.
fn is_sealed(dir: &Path) -> io::Result<bool> {
    let signatures = dir.join("signatures");
    if !is_folder(&signatures)? {
        return Ok(false);
    }
    for entry in fs::read_dir(signatures)? {
        if Path::new(&entry?.file_name()).extension().is_some_and(|e| e == "asc") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The unsealed packets among the folders of `runs` that no living run writes, sorted by name. Links are passed over.
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
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let dir = entry.path();
        let journal = dir.join(JOURNAL);
        if is_file(&journal) && !is_sealed(&dir)? && !Journal::is_held(&journal)? {
            found.push(dir);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// A folder that a killed host left, opened: nobody else can take it up meanwhile.
#[derive(Debug)]
pub struct Orphan {
    dir: PathBuf,
    journal: Journal,
    chain: Chain,
}

impl Orphan {
    /// Opens an unsealed folder and changes nothing in it.
    ///
    /// # Errors
    /// When it is sealed or no folder of a run, its run is alive, or its journal is broken before the last line.
    pub fn open(dir: &Path) -> Result<Self, OrphanError> {
        let (journal, signatures) = (dir.join(JOURNAL), dir.join("signatures"));
        let foreign = |path: &Path| Err(OrphanError::Foreign(path.to_owned()));
        if !at(dir, is_folder(dir))? {
            return foreign(dir);
        }
        if !is_file(&journal) {
            return foreign(&journal);
        }
        if fs::symlink_metadata(&signatures).is_ok_and(|found| !found.is_dir()) {
            return foreign(&signatures);
        }
        if at(dir, is_sealed(dir))? {
            return Err(OrphanError::Sealed(dir.to_owned()));
        }
        let (journal, chain) = Journal::reopen(&journal)?;
        Ok(Self { dir: dir.to_owned(), journal, chain })
    }

    /// The run's name and the digest of its first line. None where its host was killed before it recorded anything, and so
    /// before it did anything.
    ///
    /// # Errors
    /// When the first line tells something else.
    pub fn beginning(&self) -> Result<Option<(&Slug, Digest)>, OrphanError> {
        let Some(first) = self.chain.lines.first() else { return Ok(None) };
        let Event::RunStarted { head } = &first.event else { return Err(NoStory::Start(first.seq).into()) };
        Ok(Some((&head.run_id, first.digest)))
    }

    /// Removes the folder of a run that recorded nothing. False, and nothing removed, where there is a line.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub fn discard_unbegun(&self) -> Result<bool, OrphanError> {
        if !self.chain.lines.is_empty() {
            return Ok(false);
        }
        let journal = self.dir.join(JOURNAL);
        at(&journal, fs::remove_file(&journal))?;
        at(&self.dir, fs::remove_dir(&self.dir))?;
        Ok(true)
    }

    /// The secrets in its files, as they stand.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file of it.
    pub fn scan(&self, redactor: &Redactor) -> Result<Vec<Finding>, OrphanError> {
        let scan = at(&self.dir, scan::folder(&self.dir, redactor))?;
        match scan.unread.into_iter().next() {
            Some((path, why)) => at(&self.dir.join(path), Err(io::Error::other(why))),
            None => Ok(scan.findings),
        }
    }

    /// Takes it up: cuts off one torn last line, removes what an interrupted seal had written, and enters in the journal who did
    /// it, and what he vouches for. What it returns is ready for [`PacketFolder::seal`].
    ///
    /// # Errors
    /// When the journal tells no run, or the folder cannot be changed.
    pub fn adopt(
        self,
        by: Principal,
        vouched: Option<Vouched>,
        now: SystemTime,
    ) -> Result<PacketFolder, OrphanError> {
        let Self { dir, mut journal, chain } = self;
        derive::records(&chain.lines)?;
        journal.cut_torn()?;
        for name in [RUN, CHECKS, REPORT, PAGE, manifest::NAME, "signatures/unfinished"] {
            let path = dir.join(name);
            match fs::remove_file(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                other => at(&path, other)?,
            }
        }
        match fs::remove_dir(dir.join("signatures")) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => at(&dir, other)?,
        }
        let torn_digest = (!chain.torn.is_empty()).then(|| Digest::of(&chain.torn));
        let torn_bytes = chain.torn.len() as u64;
        let vouches = vouched.is_some();
        journal.append(now, &Event::Recovered { by, torn_bytes, torn_digest, vouched })?;
        journal.sync()?;
        Ok(PacketFolder::adopted(&dir, journal, vouches))
    }
}
