//! `log.jsonl` beside the packets' folders: one line per sealed packet, per signature of a label and per packet that was pruned, only
//! ever appended to, each chained to the one before.
//!
//! A line is canonical JSON: `{"digest":...,"entry":...,"prev":...,"seq":...}`, chained as a journal is. So a packet that was taken away,
//! replaced, moved or put in later does not fit any more. Whoever can write the folder can write another log; a head that somebody
//! else signed ([`witness`]) holds everything up to it.

pub mod audit;
mod entry;
pub mod witness;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use fabric_model::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::{self, NotCanonical, count};

pub use entry::{Entry, LabelEntry, PacketEntry, PrunedEntry};

/// The name of the log.
pub const NAME: &str = "log.jsonl";

/// The longest line, in bytes. Paths of scripts are what is longest in one.
const LINE_LIMIT: u64 = 64 << 10;

/// Its digest stands as `prev` in the first line, and ties a chain to this format.
const GENESIS: &[u8] = b"fabric log format 1";

#[derive(Serialize)]
struct Undigested<'a> {
    entry: &'a Entry,
    prev: Digest,
    #[serde(with = "count")]
    seq: u64,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The digest of this line without this member.
    pub digest: Digest,
    /// What it tells of.
    pub entry: Entry,
    /// The digest of the line before.
    pub prev: Digest,
    /// The number of the line, counted from 0.
    #[serde(with = "count")]
    #[schemars(with = "u64")]
    pub seq: u64,
}

/// Why a log is not one chain.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Broken {
    /// Which, from 1.
    pub line: usize,
    /// A fragment.
    pub reason: String,
}

impl Line {
    fn of(entry: Entry, prev: Digest, seq: u64) -> Result<Self, serde_json::Error> {
        let digest = Digest::of(&canonical::bytes(&Undigested { entry: &entry, prev, seq })?);
        Ok(Self { digest, entry, prev, seq })
    }

    fn read(bytes: &[u8]) -> Result<Self, NotCanonical> {
        canonical::read(bytes)
    }
}

/// Appends an entry, behind whatever stands in the log by then: runs that end at the same time stand one behind the other.
///
/// # Errors
/// When the file cannot be read or written, or its last line is none of a log.
pub fn append(folder: &Path, entry: Entry) -> io::Result<Line> {
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(folder.join(NAME))?;
    file.lock()?;
    let (prev, seq) = match last(&mut file)? {
        Some(last) => (last.digest, last.seq + 1),
        None => (Digest::of(GENESIS), 0),
    };
    let line = Line::of(entry, prev, seq)?;
    let mut bytes = canonical::bytes(&line)?;
    bytes.push(b'\n');
    file.write_all(&bytes)?;
    file.sync_all()?;
    Ok(line)
}

/// The last whole line. What is torn behind it was never acknowledged to anybody, and is cut off.
fn last(file: &mut File) -> io::Result<Option<Line>> {
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(2 * LINE_LIMIT);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(2 * LINE_LIMIT).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < tail.len() {
        file.set_len(from + whole as u64)?;
    }
    let Some(lines) = tail.get(..whole.saturating_sub(1)).filter(|_| whole > 0) else { return Ok(None) };
    let start = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let line = lines.get(start..).unwrap_or_default();
    Line::read(line)
        .map(Some)
        .map_err(|error| io::Error::other(format!("the last line of the log is none: {error}")))
}

/// Keeps others from labelling and pruning in the folder of a log, until it is dropped. Sealing goes on.
///
/// # Errors
/// When the folder cannot be opened.
pub(crate) fn lock(folder: &Path) -> io::Result<File> {
    let file = File::open(folder)?;
    file.lock()?;
    Ok(file)
}

/// The log of a folder; none is an empty one.
///
/// # Errors
/// When it cannot be read, or is not one chain.
pub fn load(folder: &Path) -> io::Result<Vec<Line>> {
    match fs::read(folder.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        bytes => read(&bytes?).map_err(io::Error::other),
    }
}

/// Reads a log, and nothing but one whole chain.
///
/// # Errors
/// The first line that is none, or does not follow from the one before.
pub fn read(bytes: &[u8]) -> Result<Vec<Line>, Broken> {
    let mut lines = Vec::new();
    let mut prev = Digest::of(GENESIS);
    for (index, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let broken = |reason: String| Broken { line: index + 1, reason };
        let text = text.strip_suffix(b"\n").ok_or_else(|| broken("it is torn".to_owned()))?;
        let line = Line::read(text).map_err(|error| broken(error.to_string()))?;
        let seq = u64::try_from(index).unwrap_or(u64::MAX);
        let expected = Line::of(line.entry.clone(), prev, seq).map_err(|error| broken(error.to_string()))?;
        if line != expected {
            return Err(broken("it does not follow from the line before".to_owned()));
        }
        prev = line.digest;
        lines.push(line);
    }
    Ok(lines)
}
