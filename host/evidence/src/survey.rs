//! Reads the files of a packet before it is sealed, most of them once: their digests, and what nobody should read in them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

use fabric_model::Digest;
use fabric_redact::Redactor;

use crate::regular;
use crate::scan::{self, Finding, PART, Part};
use crate::spread::{self, FILES_PER_THREAD};

/// What a file is.
pub(crate) struct Surveyed {
    pub(crate) digest: Digest,
    /// The secrets in it.
    pub(crate) secrets: Vec<Finding>,
}

/// A file after the first look at it.
enum Looked {
    /// It was read whole.
    Whole(Surveyed),
    /// It is of so many parts.
    Long(u64),
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
        Looked::Long(parts) => long(dir, name, parts, redactor),
    });
    surveyed.collect()
}

fn open(dir: &Path, name: &str) -> io::Result<File> {
    regular::open(OpenOptions::new().read(true), &dir.join(name))
}

fn first_look(dir: &Path, name: &str, redactor: &Redactor) -> io::Result<Looked> {
    let mut file = open(dir, name)?;
    let length = file.metadata()?.len();
    if length > PART {
        return Ok(Looked::Long(length.div_ceil(PART)));
    }
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.read_to_end(&mut bytes)?;
    Ok(Looked::Whole(Surveyed {
        digest: Digest::of(&bytes),
        secrets: scan::of_bytes(name, &bytes, redactor),
    }))
}

/// A digest is made from the beginning to the end; the other processors look for secrets meanwhile.
fn long(dir: &Path, name: &str, parts: u64, redactor: &Redactor) -> io::Result<Surveyed> {
    let file = open(dir, name)?;
    let pieces: Vec<Piece> = [Piece::Digest].into_iter().chain((0..parts).map(Piece::Part)).collect();
    let done = spread::over(&pieces, 1, |piece| match piece {
        Piece::Digest => Digest::of_stream(&file).map(Piecework::Digest),
        Piece::Part(number) => scan::part_of(&file, *number, redactor).map(Piecework::Part),
    });
    let (mut digest, mut looked) = (None, Vec::new());
    for piece in done {
        match piece? {
            Piecework::Digest(of_file) => digest = Some(of_file),
            Piecework::Part(part) => looked.push(part),
        }
    }
    let digest = digest.ok_or_else(|| io::Error::other("it has no digest"))?;
    Ok(Surveyed { digest, secrets: scan::whole(name, looked) })
}
