//! Files that were found: who can write beside them may have put a link or a pipe in their place.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file, and nothing that took its place.
pub(crate) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    described(options, path).map(|(file, _)| file)
}

/// Opens one to read it.
pub(crate) fn read(path: &Path) -> io::Result<File> {
    open(OpenOptions::new().read(true), path)
}

/// Opens one to read it, and says what the file system knows of it.
pub(crate) fn read_described(path: &Path) -> io::Result<(File, Metadata)> {
    described(OpenOptions::new().read(true), path)
}

fn described(options: &mut OpenOptions, path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::Error::other("it is no regular file")) }
}

/// Reads a small one whole; one that is longer than `limit` is refused.
pub(crate) fn read_up_to(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(io::Error::other("it is too large")) } else { Ok(bytes) }
}
