//! Recordings as files.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use fabric_evidence::recording::{self, NotARecording, Recording};
use fabric_model::Digest;
use fabric_model::exit::Exit;

use crate::private_file;
use crate::refusal::Refusal;

/// The largest recording that is read, in bytes: the longest suite makes one of 200 KiB.
const SIZE_LIMIT: u64 = 64 << 20;

/// A recording that was read from a file.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The recording.
    pub recording: Recording,
    /// Digest of the file.
    pub digest: Digest,
    /// The command that makes it anew, for messages.
    pub again: String,
}

/// Reads a recording. `again` is told the recording and gives the command that makes it anew.
///
/// # Errors
/// Exit 5 where there is no such file, exit 3 where it is no recording.
pub fn load(path: &Path, again: impl FnOnce(&Recording) -> String) -> Result<Recorded, Refusal> {
    let shown = path.display();
    let bytes = match read(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return Err(Refusal::new(Exit::NotFound, format!("there is no recording {shown}"))
                .hint("Make one with `--record FILE`."));
        }
        Err(error) => return Err(unreadable(path, &error.to_string())),
    };
    let recording = recording::read(&bytes).map_err(|error| not_one(path, &error))?;
    Ok(Recorded { again: again(&recording), digest: Digest::of(&bytes), recording })
}

/// Whether a recording of this script may be written there: where there is nothing, or an earlier recording of the same script.
///
/// # Errors
/// Exit 3 where something else would be lost, or the folder does not exist.
pub fn check_place(path: &Path, script: &str) -> Result<(), Refusal> {
    let lost = |what: &str| {
        Refusal::new(Exit::Configuration, format!("{} is {what}, which would be lost", path.display()))
            .hint("Name another file, or remove this one.")
    };
    match read(path) {
        Ok(Some(bytes)) => match recording::read(&bytes) {
            Ok(earlier) if earlier.script.path == script => Ok(()),
            Ok(earlier) => Err(lost(&format!("a recording of {}", earlier.script.path))),
            Err(_) => Err(lost("no recording")),
        },
        Ok(None) if folder_of(path).is_dir() => Ok(()),
        Ok(None) => Err(Refusal::new(
            Exit::Configuration,
            format!("there is no folder {} for the recording", folder_of(path).display()),
        )
        .hint("Make it first.")),
        Err(error) => Err(unreadable(path, &error.to_string())),
    }
}

/// Writes a recording with mode 0600, in one step. Gives its size in bytes.
///
/// # Errors
/// When the disk does not take it.
pub fn save(path: &Path, recording: &Recording) -> Result<usize, Refusal> {
    let unwritable = |error: String| {
        let message = format!("the recording {} cannot be written: {error}", path.display());
        Refusal::new(Exit::Configuration, message)
    };
    let bytes = recording::to_bytes(recording).map_err(|error| unwritable(error.to_string()))?;
    let path = &folder_of(path).join(path.file_name().unwrap_or_default());
    private_file::write(path, &bytes).map_err(|error| unwritable(error.to_string()))?;
    Ok(bytes.len())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Nothing where there is no file.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn unreadable(path: &Path, why: &str) -> Refusal {
    Refusal::new(Exit::Configuration, format!("the recording {} cannot be read: {why}", path.display()))
}

fn not_one(path: &Path, error: &NotARecording) -> Refusal {
    Refusal::new(Exit::Configuration, format!("{} is no recording: {error}", path.display()))
        .hint("Make one with `--record FILE`; one that was edited is none any more.")
}
