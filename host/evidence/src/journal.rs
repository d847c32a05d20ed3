//! The journal of a run: append-only, one event per line, each line chained to the one before by its digest.
//!
//! A line is canonical JSON: `{"at":...,"digest":...,"event":...,"prev":...,"seq":...}`. `digest` is the SHA-256 of the same
//! line without its `digest` member, `prev` that of the line before; for the first line it is
//! the digest of the text `fabric journal format 1`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use fabric_model::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::{self, NotCanonical, count};
use crate::event::Event;
use crate::regular;
use crate::stamp::Stamp;

/// The longest line that is written or read, in bytes: twice a frame of the door, which holds the largest single thing that a
/// script or a reply can bring.
pub const LINE_LIMIT: usize = 2 * fabric_model::door::FRAME_LIMIT;

/// Its digest stands as `prev` in the first line, and ties a chain to this format.
const GENESIS: &[u8] = b"fabric journal format 1";

/// One line as it is digested.
#[derive(Serialize)]
struct Undigested<'a> {
    at: Stamp,
    event: &'a Event,
    prev: Digest,
    #[serde(with = "count")]
    seq: u64,
}

/// One line as it is read.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// When, on the host's clock.
    pub at: Stamp,
    /// The digest of this line.
    pub digest: Digest,
    /// What happened.
    pub event: Event,
    /// The digest of the line before.
    pub prev: Digest,
    /// The number of the line, counted from 0.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub seq: u64,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The event holds what a journal cannot: an identifier of 2^53 or more.
    #[error("the event cannot be written as canonical JSON: {0}")]
    Unwritable(#[from] serde_json::Error),
    /// The line would be over [`LINE_LIMIT`].
    #[error("a journal line of {0} bytes is over the limit of {LINE_LIMIT}")]
    TooLong(usize),
    /// The file cannot be written. The journal takes no further event.
    #[error("the journal cannot be written: {0}")]
    Io(#[from] io::Error),
    /// An earlier write failed.
    #[error("the journal is closed after a failed write")]
    Closed,
    /// The run is over, and the event is not `recovered`.
    #[error("the journal has its last event")]
    Ended,
    /// Another process writes this journal: the run is alive.
    #[error("another process holds the journal: the run is still alive")]
    Held,
    /// The journal of a killed run is broken before its last line.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// A journal that is being written. While it is open the file is locked, so that `recover` can tell a killed run from a living
/// one; the kernel releases the lock whatever ends the process.
#[derive(Debug)]
pub struct Journal {
    file: File,
    prev: Digest,
    seq: u64,
    length: u64,
    closed: bool,
    ended: bool,
}

fn genesis() -> Digest {
    Digest::of(GENESIS)
}

impl Journal {
    /// Creates the file, mode 0600.
    ///
    /// # Errors
    /// When it exists or cannot be created.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
        // Waits where `is_held` of another process looks at this very moment.
        file.lock()?;
        Ok(Self::empty(file))
    }

    /// Whether a living process writes this journal.
    pub(crate) fn is_held(path: &Path) -> io::Result<bool> {
        match regular::read(path)?.try_lock() {
            Ok(()) => Ok(false),
            Err(std::fs::TryLockError::WouldBlock) => Ok(true),
            Err(std::fs::TryLockError::Error(e)) => Err(e),
        }
    }

    /// Opens the journal of a killed run behind its last whole line. The file is not changed yet: see [`Journal::cut_torn`].
    pub(crate) fn reopen(path: &Path) -> Result<(Self, Chain), JournalError> {
        let mut journal = Self::empty(regular::open(OpenOptions::new().read(true).append(true), path)?);
        journal.file.try_lock().map_err(|e| match e {
            std::fs::TryLockError::WouldBlock => JournalError::Held,
            std::fs::TryLockError::Error(e) => JournalError::Io(e),
        })?;
        let bytes = journal.bytes()?;
        let chain = read(&bytes, Torn::AcceptLast)?;
        journal.length = (bytes.len() - chain.torn.len()) as u64;
        journal.seq = chain.lines.len() as u64;
        if let Some(last) = chain.lines.last() {
            journal.prev = last.digest;
            journal.ended = matches!(last.event, Event::RunEnded { .. } | Event::Recovered { .. });
        }
        Ok((journal, chain))
    }

    /// Cuts off what follows the last whole line.
    pub(crate) fn cut_torn(&mut self) -> Result<(), JournalError> {
        Ok(self.file.set_len(self.length)?)
    }

    fn empty(file: File) -> Self {
        Self { file, prev: genesis(), seq: 0, length: 0, closed: false, ended: false }
    }

    /// Writes one line with one `write`, so that a killed process leaves at most one torn line, and returns its digest. The line
    /// is with the operating system then; [`Journal::sync`] brings it to the disk.
    ///
    /// # Errors
    /// When the event cannot be written. After a failed write the torn line is cut off again and the journal takes no more.
    pub fn append(&mut self, at: SystemTime, event: &Event) -> Result<Digest, JournalError> {
        if self.closed {
            return Err(JournalError::Closed);
        }
        if self.ended && !matches!(event, Event::Recovered { .. }) {
            return Err(JournalError::Ended);
        }
        let undigested = self.undigested(at, event)?;
        let digest = Digest::of(&undigested);
        let mut line = with_digest(&undigested, &digest);
        line.push(b'\n');
        if line.len() > LINE_LIMIT {
            return Err(JournalError::TooLong(line.len()));
        }
        if let Err(failed) = self.file.write_all(&line) {
            self.closed = true;
            // Best effort: where even this fails, a reader accepts the torn line as such.
            let _ = self.file.set_len(self.length);
            return Err(failed.into());
        }
        self.length += line.len() as u64;
        self.prev = digest;
        self.seq += 1;
        self.ended |= matches!(event, Event::RunEnded { .. } | Event::Recovered { .. });
        Ok(digest)
    }

    /// The digest that [`Journal::append`] would give this event's line now.
    ///
    /// # Errors
    /// When the event cannot be written.
    pub fn digest_of(&self, at: SystemTime, event: &Event) -> Result<Digest, JournalError> {
        Ok(Digest::of(&self.undigested(at, event)?))
    }

    fn undigested(&self, at: SystemTime, event: &Event) -> Result<Vec<u8>, JournalError> {
        let (at, prev, seq) = (Stamp::of(at), self.prev, self.seq);
        Ok(canonical::bytes(&Undigested { at, event, prev, seq })?)
    }

    /// What stands in the file: in the open one, whatever has its name by now.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&self.file).rewind()?;
        (&self.file).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The length of what was written, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Brings every line to the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        // With the length of the file, which reading it back needs, and without its times, which nothing does (fdatasync(2)).
        Ok(self.file.sync_data()?)
    }
}

/// What to do with a last line that has no line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    /// It is an error: the journal of a sealed packet.
    Refuse,
    /// It is returned apart: the journal of a killed run.
    AcceptLast,
}

/// A journal whose chain holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Its lines.
    pub lines: Vec<Line>,
    /// The bytes of a torn last line; empty where there is none.
    pub torn: Vec<u8>,
}

/// The first bad line of a journal.
#[derive(Debug, thiserror::Error)]
#[error("journal line {line}: {reason}")]
pub struct Broken {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: BrokenLine,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum BrokenLine {
    /// It does not end in a line feed.
    #[error("torn: there is no line end")]
    Torn,
    /// It is over [`LINE_LIMIT`].
    #[error("over the limit of {LINE_LIMIT} bytes")]
    TooLong,
    /// It is not a journal line.
    #[error("{0}")]
    Unreadable(#[from] NotCanonical),
    /// Its content is not what its digest says.
    #[error("the digest is not that of the line")]
    Digest,
    /// It does not continue the line before.
    #[error("it does not continue the line before: `prev` differs")]
    Chain,
    /// Its number is not the next one.
    #[error("its number is {0}, which is not the next one")]
    Sequence(u64),
}

/// Reads a journal and checks its chain from the first line to the last.
///
/// # Errors
/// The first bad line.
pub fn read(bytes: &[u8], torn: Torn) -> Result<Chain, Broken> {
    let mut chain = Chain { lines: Vec::new(), torn: Vec::new() };
    for (index, raw) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let bad = |reason| Broken { line: index + 1, reason };
        let Some(line) = raw.strip_suffix(b"\n") else {
            if torn == Torn::Refuse {
                return Err(bad(BrokenLine::Torn));
            }
            chain.torn = raw.to_vec();
            break;
        };
        let line = read_line(line, chain.lines.last()).map_err(bad)?;
        chain.lines.push(line);
    }
    Ok(chain)
}

fn read_line(raw: &[u8], before: Option<&Line>) -> Result<Line, BrokenLine> {
    if raw.len() > LINE_LIMIT {
        return Err(BrokenLine::TooLong);
    }
    let line: Line = canonical::read(raw)?;
    if Digest::of(&without_digest(raw, &line.digest)) != line.digest {
        return Err(BrokenLine::Digest);
    }
    if line.prev != before.map_or_else(genesis, |before| before.digest) {
        return Err(BrokenLine::Chain);
    }
    if line.seq != before.map_or(0, |before| before.seq + 1) {
        return Err(BrokenLine::Sequence(line.seq));
    }
    Ok(line)
}

/// A line with its `digest` member, which canonical order puts before `event`.
fn with_digest(undigested: &[u8], digest: &Digest) -> Vec<u8> {
    const NEXT: &[u8] = b"\"event\":";
    // Before it stands `at` alone, whose text holds no quote.
    let start = undigested.windows(NEXT.len()).position(|w| w == NEXT).unwrap_or_default();
    let (head, tail) = undigested.split_at(start);
    [head, format!("\"digest\":\"{digest}\",").as_bytes(), tail].concat()
}

/// The raw line without its `digest` member. On the raw bytes, so that an event of a later version, which this version cannot
/// write again, is still covered. Canonical order puts `digest` second, behind `at`, whose text holds no quote.
fn without_digest(raw: &[u8], digest: &Digest) -> Vec<u8> {
    let member = format!("\"digest\":\"{digest}\",").into_bytes();
    match raw.windows(member.len()).position(|w| w == member) {
        Some(start) => {
            let (head, tail) = raw.split_at(start);
            [head, tail.get(member.len()..).unwrap_or_default()].concat()
        }
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
