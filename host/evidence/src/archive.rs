//! A packet as one file: a POSIX ustar archive of its folder, which `tar` reads and writes, held to what a folder is held to.
//!
//! tar has many ways to say where something goes. An archive that needs any of them is refused: what is taken is regular files and folders with plain names, each
//! once, below one folder.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tar::{Archive, Builder, Entry, EntryType, Header};

use crate::manifest;
use crate::packet::{PacketError, at, core_files};
use crate::regular;
use crate::verify::{Finding, SPECIAL_BITS};

/// The most entries that are unpacked.
const ENTRY_LIMIT: usize = 200_000;

/// The most bytes that are unpacked.
const SIZE_LIMIT: u64 = 64 << 30;

/// Writes the packet in `dir` as an archive whose one folder is `name`. Equal packets make equal archives: sorted, of nobody, of no time.
///
/// # Errors
/// When a file cannot be read, or the archive not be written.
pub fn write(dir: &Path, name: &str, archive: impl Write) -> Result<(), PacketError> {
    let files = core_files(dir)?;
    at(dir, write_files(dir, name, &files, archive))
}

fn write_files(dir: &Path, name: &str, files: &[String], archive: impl Write) -> io::Result<()> {
    let mut builder = Builder::new(BufWriter::new(archive));
    for path in files {
        let file = regular::read(&dir.join(path))?;
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(file.metadata()?.len());
        header.set_mode(0o400);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_path(format!("{name}/{path}"))?;
        header.set_cksum();
        builder.append(&header, file)?;
    }
    builder.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?.flush()
}

/// Unpacks an archive into `dir`, which it makes, and brings the name of the one folder in it. Whether that is a packet, nobody was asked. What was unpacked of one that is
/// refused is the caller's to remove.
///
/// # Errors
/// Why the archive is not that of a packet.
pub fn unpack(archive: impl Read, dir: &Path) -> Result<String, Finding> {
    let broken =
        |error: io::Error| Finding::whole("archive.form", format!("it is no whole archive: {error}"));
    let mut archive = Archive::new(archive);
    let mut unpacking = Unpacking::into(dir)?;
    for entry in archive.entries().map_err(broken)?.raw(true) {
        unpacking.take(entry.map_err(broken)?)?;
    }
    ends_well(archive.into_inner())?;
    unpacking.name.ok_or_else(|| Finding::whole("archive.form", "it is empty"))
}

/// Behind the last entry stand two blocks of zeros, of which the reader has taken one, and nothing but zeros.
fn ends_well(mut rest: impl Read) -> Result<(), Finding> {
    let refused = |message: &str| Err(Finding::whole("archive.form", message));
    let (mut block, mut length) = ([0; 8192], 0);
    loop {
        match rest.read(&mut block) {
            Ok(0) if length < 512 => return refused("its end is missing: it was cut off"),
            Ok(0) => return Ok(()),
            Ok(read) if block.iter().take(read).all(|byte| *byte == 0) => length += read,
            Ok(_) => return refused("something stands behind its end"),
            Err(error) => return refused(&format!("it cannot be read to its end: {error}")),
        }
    }
}

/// What was unpacked so far.
struct Unpacking<'a> {
    dir: &'a Path,
    /// The one folder.
    name: Option<String>,
    seen: BTreeSet<String>,
    bytes: u64,
}

impl<'a> Unpacking<'a> {
    fn into(dir: &'a Path) -> Result<Self, Finding> {
        let made = DirBuilder::new().mode(0o700).create(dir);
        made.map_err(|error| unwritable("", &error))?;
        Ok(Self { dir, name: None, seen: BTreeSet::new(), bytes: 0 })
    }

    fn take(&mut self, entry: Entry<'_, impl Read>) -> Result<(), Finding> {
        let header = entry.header().clone();
        if is_extension(header.entry_type()) {
            let shown = String::from_utf8_lossy(&header.path_bytes()).into_owned();
            let message = "it uses an extension of tar; write it with `tar --format=ustar`";
            return Err(Finding::new("archive.form", &shown, message));
        }
        let (name, path) = self.place(&header.path_bytes())?;
        let refused = |class, message: &str| Err(Finding::new(class, &path, message));
        if header.mode().unwrap_or(SPECIAL_BITS) & SPECIAL_BITS != 0 {
            return refused("file.mode", "a packet's file is nobody's program");
        }
        match header.entry_type() {
            EntryType::Regular if path.is_empty() => {
                return Err(Finding::new("archive.form", &name, "a packet is a folder"));
            }
            EntryType::Regular => {}
            EntryType::Directory => return Ok(()),
            EntryType::Symlink | EntryType::Link => return refused("file.link", "a packet holds no link"),
            // Devices and pipes; whatever else there is was refused before.
            _ => return refused("file.special", "a packet holds no device, socket or pipe"),
        }
        if !self.seen.insert(path.clone()) {
            return refused("archive.duplicate", "it stands twice in the archive");
        }
        let size = header.entry_size().unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > SIZE_LIMIT || self.seen.len() > ENTRY_LIMIT {
            return refused("file.too_large", "the archive holds more than is unpacked");
        }
        let written = self.write(&path, entry).map_err(|error| unwritable(&path, &error))?;
        if written == size { Ok(()) } else { refused("archive.form", "it is cut off within this file") }
    }

    /// The name of the folder and the path below it.
    fn place(&mut self, whole: &[u8]) -> Result<(String, String), Finding> {
        let Ok(text) = std::str::from_utf8(whole) else {
            let shown = String::from_utf8_lossy(whole).into_owned();
            return Err(Finding::new("file.name", &shown, "the name is not UTF-8"));
        };
        let text = text.strip_suffix('/').unwrap_or(text);
        if let Some(class) = manifest::path_fault(text) {
            return Err(Finding::new(class, text, "no packet has such a path"));
        }
        let (name, path) = text.split_once('/').unwrap_or((text, ""));
        match &self.name {
            Some(known) if known != name => {
                let message = format!("the archive is of `{known}`, and a packet is one folder");
                return Err(Finding::new("archive.form", text, message));
            }
            Some(_) => {}
            None => self.name = Some(name.to_owned()),
        }
        Ok((name.to_owned(), path.to_owned()))
    }

    fn write(&self, path: &str, mut content: impl Read) -> io::Result<u64> {
        let file = self.dir.join(path);
        if let Some(above) = file.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(above)?;
        }
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o400).open(file)?;
        io::copy(&mut content, &mut file)
    }
}

/// Whether an entry is of a kind that not every program reads in the same way.
fn is_extension(kind: EntryType) -> bool {
    let known = [
        EntryType::Regular,
        EntryType::Directory,
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
    ];
    !known.contains(&kind)
}

fn unwritable(path: &str, error: &io::Error) -> Finding {
    Finding::new("packet.unreadable", path, format!("it cannot be unpacked: {error}"))
}

/// Puts a folder that was unpacked in its place.
///
/// # Errors
/// When something is there already, or the disk refuses.
pub fn settle(unpacked: &Path, place: &Path) -> io::Result<PathBuf> {
    // A rename would replace an empty folder.
    if fs::symlink_metadata(place).is_ok() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists));
    }
    fs::rename(unpacked, place)?;
    File::open(place.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()?;
    Ok(place.to_owned())
}
