//! Reads the files of a packet before it is sealed, most of them once: their digests, and what nobody should read in them.

use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fabric_model::Digest;
use fabric_redact::Redactor;

use crate::regular;
use crate::scan::{self, Finding, PART, Part};
use crate::spread::{self, FILES_PER_THREAD};

/// What a file is.
pub(crate) struct Surveyed {
    pub(crate) digest: Digest,
    /// The bits of its mode.
    pub(crate) mode: u32,
    /// The secrets in it.
    pub(crate) secrets: Vec<Finding>,
}

/// A file after the first look at it.
enum Looked {
    /// It was read whole.
    Whole(Surveyed),
    /// It is of so many parts, and has this mode.
    Long(u64, u32),
}

/// A piece of the work on a long file.
enum Piece {
    Digest,
    Part(u64),
}

/// What comes of it.
enum Piecework {
    Digest(Digest),
    Part(Part),
}

/// What each of these files of a folder is, in the order of their names.
pub(crate) fn of_files(dir: &Path, names: &[&str], redactor: &Redactor) -> Vec<io::Result<Surveyed>> {
    let looked = spread::over(names, FILES_PER_THREAD, |name| first_look(dir, name, redactor));
    let surveyed = names.iter().zip(looked).map(|(name, looked)| match looked? {
        Looked::Whole(surveyed) => Ok(surveyed),
        Looked::Long(parts, mode) => long(dir, name, parts, mode, redactor),
    });
    surveyed.collect()
}

fn first_look(dir: &Path, name: &str, redactor: &Redactor) -> io::Result<Looked> {
    let (mut file, metadata) = regular::read_described(&dir.join(name))?;
    let (length, mode) = (metadata.len(), metadata.permissions().mode());
    if length > PART {
        return Ok(Looked::Long(length.div_ceil(PART), mode));
    }
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.read_to_end(&mut bytes)?;
    let secrets = scan::of_bytes(name, &bytes, redactor)?;
    Ok(Looked::Whole(Surveyed { digest: Digest::of(&bytes), mode, secrets }))
}

/// A digest is made from the beginning to the end; the other processors look for secrets meanwhile.
fn long(dir: &Path, name: &str, parts: u64, mode: u32, redactor: &Redactor) -> io::Result<Surveyed> {
    let path = dir.join(name);
    let pieces: Vec<Piece> = [Piece::Digest].into_iter().chain((0..parts).map(Piece::Part)).collect();
    let done = spread::over(&pieces, 1, |piece| match piece {
        Piece::Digest => regular::read(&path).and_then(Digest::of_stream).map(Piecework::Digest),
        Piece::Part(number) => scan::part_of(&path, *number, redactor).map(Piecework::Part),
    });
    let (mut digest, mut looked) = (None, Vec::new());
    for piece in done {
        match piece? {
            Piecework::Digest(of_file) => digest = Some(of_file),
            Piecework::Part(part) => looked.push(part),
        }
    }
    let digest = digest.ok_or_else(|| io::Error::other("it has no digest"))?;
    Ok(Surveyed { digest, mode, secrets: scan::whole(&path, name, looked)? })
}
