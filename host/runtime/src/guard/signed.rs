//! Statements as files: `NAME.json` in canonical form, and beside it `NAME.json.asc` with the signature of whoever made it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::key::KeyError;
use fabric_evidence::verify::SignedBy;
use fabric_evidence::{Signer, Trust, canonical, statement};
use fabric_model::Slug;
use fabric_model::exit::Exit;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// The largest file of an authority that is read, in bytes. A statement has under 1 KiB, its signature under 700 bytes.
const SIZE_LIMIT: u64 = 64 << 10;

/// The most entries of one folder of an authority: far more than there are approvers or freezes.
const ENTRY_LIMIT: usize = 1000;

/// What the signature of a statement is appended to its name.
pub(super) const SIGNATURE: &str = ".asc";

/// A statement that somebody trusted signed.
pub(super) struct Sound<T> {
    pub(super) content: T,
    pub(super) by: SignedBy,
}

/// Reads a statement and checks its signature.
///
/// # Errors
/// Why it does not count, in a few words without a period.
pub(super) fn read<T: DeserializeOwned>(
    file: &Path,
    intent: &str,
    trust: &Trust,
    now: SystemTime,
) -> Result<Sound<T>, String> {
    let bytes = bytes(file).map_err(|error| format!("it cannot be read: {error}"))?;
    let signature = bytes_of_signature(file)?;
    let by =
        statement::verify(&bytes, &signature, intent, trust, now).map_err(|finding| finding.to_string())?;
    let content = canonical::read(&bytes).map_err(|error| error.to_string())?;
    Ok(Sound { content, by })
}

pub(super) fn bytes_of_signature(file: &Path) -> Result<Vec<u8>, String> {
    bytes(&beside(file, SIGNATURE)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "it is not signed".to_owned(),
        _ => format!("its signature cannot be read: {error}"),
    })
}

/// Where the signature of a file lies, or what else ends so.
pub(super) fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The bytes of a regular file of bounded size.
pub(super) fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    if !fs::symlink_metadata(file)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(file)?.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= SIZE_LIMIT => Ok(bytes),
        _ => Err(io::Error::other(format!("it is larger than {SIZE_LIMIT} bytes"))),
    }
}

/// The names in a folder, sorted; none where there is no folder.
pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // What is still being written begins with a dot.
        if !name.starts_with('.') {
            names.push(name);
        }
        if names.len() > ENTRY_LIMIT {
            return Err(io::Error::other(format!("{} holds too much", folder.display())));
        }
    }
    names.sort();
    Ok(names)
}

/// Signs a statement and puts it into a folder, whole or not at all: the signature first, so that nobody meets it unsigned.
///
/// # Errors
/// When it cannot be signed or written.
pub(super) fn write<T: Serialize>(
    file: &Path,
    content: &T,
    signer: &Signer,
    role: &Slug,
    intent: &str,
    now: SystemTime,
) -> Result<(), Refusal> {
    let bytes = canonical::bytes(content)
        .map_err(|error| Refusal::new(Exit::Bug, format!("the statement has no form: {error}")))?;
    let signature = signer.sign(&bytes, role.as_str(), intent, now).map_err(unsigned)?;
    let put = put(&beside(file, SIGNATURE), &signature).and_then(|()| put(file, &bytes));
    put.map_err(|error| unwritable(file, &error))
}

pub(super) fn unsigned(error: KeyError) -> Refusal {
    let hint = error.hint();
    Refusal::new(Exit::Authentication, error.to_string()).hint(hint)
}

pub(super) fn unwritable(file: &Path, error: &io::Error) -> Refusal {
    Refusal::new(Exit::Configuration, format!("{} cannot be written: {error}", file.display()))
        .hint("The authority's folder must be one that this account can write.")
}

/// Writes a file under another name, brings it to the disk and gives it its own.
pub(super) fn put(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let name = file.file_name().unwrap_or(OsStr::new("statement")).to_string_lossy().into_owned();
    let unfinished = folder.join(format!(".{}.{name}", rustix::process::getpid().as_raw_nonzero()));
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&unfinished)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&unfinished, file)?;
    sync(folder)
}

/// Brings the entries of a folder to the disk.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder with the mode of the one above it: who may write there may write here.
pub(super) fn make_below(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    }
    let above = folder.parent().unwrap_or(Path::new("."));
    fs::set_permissions(folder, fs::metadata(above)?.permissions())?;
    sync(above)
}
