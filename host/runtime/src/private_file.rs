//! Files of the operator's folder that nobody else reads, and that a power cut leaves whole or not there at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes: an undo payload, which is a file or a ruleset of at most 4 MiB in its envelope.
const FILE_LIMIT: u64 = 16 << 20;

/// Makes a folder and those above it, mode 0700.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    match path.parent() {
        Some(above) => sync_folder(above),
        None => Ok(()),
    }
}

/// Writes a file of mode 0600 in one step: it holds the old bytes or the new ones, and is on the disk when this returns.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    place(&unfinished(path, bytes)?, path)
}

/// Puts a finished file in its place: who reads there sees the old one or this one.
pub(crate) fn place(finished: &Path, path: &Path) -> io::Result<()> {
    fs::rename(finished, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Writes a file as [`write`] does, unless there is one already: then that one stays.
pub(crate) fn write_first(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = unfinished(path, bytes)?;
    let placed = match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    forget(&unfinished)?;
    placed?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// The bytes in a file beside the one that they are meant for, on the disk, under a name that no other process uses.
pub(crate) fn unfinished(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = path.with_file_name(format!(".{name}.{}", std::process::id()));
    // Of a process that was killed.
    forget(&unfinished)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(unfinished)
}

/// Reads a file that is its owner's alone; none where there is none.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    // Of the open file: what is checked is what is read.
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!("it has mode {mode:04o}: others than its owner can use it")));
    }
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Removes a file; one that is not there is no error.
pub(crate) fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Brings the names in a folder to the disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
