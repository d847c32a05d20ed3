//! Looks through files for secrets: those of a packet before it is sealed, and of any folder. Files are read in parts, so that
//! memory stays flat however large they are. What is told is where and what, never the value.

use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use fabric_redact::{Redactor, What};

use crate::regular;
use crate::report::is_deceptive;
use crate::spread::{self, FILES_PER_THREAD};

/// How much of a file is looked at at once, in bytes.
pub(crate) const PART: u64 = 1 << 20;

/// How much of the next part is looked at together with this one: what begins in it is found whole.
const AHEAD: u64 = 192 << 10;

/// How much of the last part is looked at again, for what has to stand in front of a secret, and how far behind its beginning a secret has
/// the word by which it is recognised.
const BEHIND: u64 = 4 << 10;

/// The most findings of one file: whoever reads that many needs no more to know that the file is not fit to be kept.
pub const FINDINGS_PER_FILE: usize = 100;

/// Why links, devices and the like are not read.
pub const NO_FILE: &str = "it is no regular file";

/// A secret in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, by its path in the folder.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What it is.
    pub what: What,
}

/// `journal.jsonl:7: private-key`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what } = self;
        let file: String = file.chars().filter(|c| !is_deceptive(*c)).collect();
        write!(f, "{file}:{line}: {what}")
    }
}

/// What was found in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Every secret, by file and line.
    pub findings: Vec<Finding>,
    /// How many files were read.
    pub files: usize,
    /// What was not: links, devices, and what cannot be read, each with why.
    pub unread: Vec<(String, String)>,
}

/// Looks through every file below a folder. Links are not followed. Whatever a file holds is read as it is: archives and what is
/// compressed are not opened.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn folder(dir: &Path, redactor: &Redactor) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(dir.join(&folder)) {
            Err(error) if !folder.is_empty() => {
                scan.unread.push((folder, error.to_string()));
                continue;
            }
            read => read?,
        };
        for entry in entries {
            let entry = entry?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(format!("{path}/"));
            } else if !kind.is_file() {
                scan.unread.push((path, NO_FILE.to_owned()));
            } else if entry.file_name().to_str().is_none() {
                scan.unread.push((path, "its name is not UTF-8".to_owned()));
            } else {
                files.push(path);
            }
        }
    }
    files.sort_unstable();
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    for (name, found) in names.iter().zip(of_files(dir, &names, redactor)) {
        match found {
            Ok(found) => {
                scan.files += 1;
                scan.findings.extend(found);
            }
            Err(error) => scan.unread.push(((*name).to_owned(), error.to_string())),
        }
    }
    scan.unread.sort_unstable();
    Ok(scan)
}

/// The secrets of each of these files of a folder.
fn of_files(dir: &Path, names: &[&str], redactor: &Redactor) -> Vec<io::Result<Vec<Finding>>> {
    spread::over(names, FILES_PER_THREAD, |name| {
        let path = dir.join(name);
        let parts: Vec<u64> = (0..regular::read_described(&path)?.1.len().div_ceil(PART)).collect();
        let found = spread::over(&parts, 1, |part| part_of(&path, *part, redactor));
        whole(&path, name, found.into_iter().collect::<io::Result<_>>()?)
    })
}

/// What was found in one part of a file, each with the place in the file where it begins.
pub(crate) type Part = Vec<(u64, What)>;

/// Looks through the part of this number of a file. What stands around it is looked at as well, as far as it tells what stands in it.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn part_of(path: &Path, number: u64, redactor: &Redactor) -> io::Result<Part> {
    let start = number * PART;
    let before = start.min(BEHIND);
    let mut held = Vec::with_capacity((before + PART + AHEAD) as usize);
    let mut file = regular::read(path)?;
    file.seek(SeekFrom::Start(start - before))?;
    file.take(before + PART + AHEAD).read_to_end(&mut held)?;
    let found = look(&held, before as usize, redactor).into_iter();
    Ok(found.map(|(place, what)| (start - before + place, what)).collect())
}

/// The secrets of a file that is held whole and is no longer than a part.
///
/// # Errors
/// None: bytes can be read.
pub(crate) fn of_bytes(name: &str, bytes: &[u8], redactor: &Redactor) -> io::Result<Vec<Finding>> {
    numbered(name, look(bytes, 0, redactor), bytes)
}

/// What was found in the parts of a file, in their order.
///
/// # Errors
/// When it cannot be read again to count its lines.
pub(crate) fn whole(path: &Path, name: &str, parts: Vec<Part>) -> io::Result<Vec<Finding>> {
    let found = parts.into_iter().flatten().take(FINDINGS_PER_FILE).collect();
    numbered(name, found, BufReader::new(regular::read(path)?))
}

/// The secrets that begin within a part's length behind `from`.
fn look(held: &[u8], from: usize, redactor: &Redactor) -> Part {
    let own = from..held.len().min(from + PART as usize);
    let words = from.saturating_sub(BEHIND as usize)..own.end.saturating_add(BEHIND as usize);
    let all = redactor.find_around(held, words).into_iter().filter(|one| own.contains(&one.range.start));
    all.take(FINDINGS_PER_FILE).map(|one| (one.range.start as u64, one.what)).collect()
}

/// The same with their lines. Most files have none, and are not read for that.
fn numbered(name: &str, found: Part, mut text: impl BufRead) -> io::Result<Vec<Finding>> {
    let (mut line, mut at, mut all) = (1, 0, Vec::with_capacity(found.len()));
    for (place, what) in found {
        while at < place {
            let held = text.fill_buf()?;
            let ahead = held.len().min(usize::try_from(place - at).unwrap_or(usize::MAX));
            if ahead == 0 {
                break;
            }
            line += held.iter().take(ahead).filter(|byte| **byte == b'\n').count() as u64;
            text.consume(ahead);
            at += ahead as u64;
        }
        all.push(Finding { file: name.to_owned(), line, what });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use fabric_redact::Class;

    use super::*;

    const KEY: &str = "password=hunter2";

    fn found(text: &[u8], redactor: &Redactor) -> Vec<(u64, What)> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("file"), text).expect("room");
        let scan = super::folder(folder.path(), redactor).expect("it is there");
        scan.findings.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn a_secret_is_found_once_on_its_line_wherever_the_windows_end() {
        for before in [
            0,
            1,
            BEHIND,
            AHEAD,
            PART - 24,
            PART - 16,
            PART - 8,
            PART,
            PART + AHEAD - 8,
            2 * PART,
            3 * PART + AHEAD,
        ] {
            let filling = "abcdefg\n".repeat(before as usize / 8);
            let text = format!("{filling}{KEY}\n{filling}");
            let line = before / 8 + 1;
            let found = found(text.as_bytes(), &Redactor::default());
            assert_eq!(found, [(line, What::Looks(Class::Password))], "{before}");
        }
    }

    #[test]
    fn no_byte_is_needed_to_be_text_and_a_known_secret_is_found_among_them() {
        let redactor = Redactor::default();
        redactor.register("db", b"\xff\xfesecret\x00bytes");
        let bytes =
            [vec![0; 3 * PART as usize], b"\xff\xfesecret\x00bytes".to_vec(), vec![0xff; 100]].concat();
        assert_eq!(found(&bytes, &redactor), [(1, What::Known("db".to_owned()))]);
    }

    #[test]
    fn links_are_named_and_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("inside");
        fs::create_dir_all(inside.join("deep")).expect("room");
        fs::write(folder.path().join("outside"), KEY).expect("room");
        fs::write(inside.join("deep/file"), format!("\n{KEY}\n")).expect("room");
        std::os::unix::fs::symlink("../outside", inside.join("link")).expect("room");
        std::os::unix::fs::symlink("..", inside.join("loop")).expect("room");
        let scan = folder_of(&inside);
        let shown: Vec<String> = scan.findings.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["deep/file:2: password"]);
        assert_eq!((scan.files, scan.unread.len()), (1, 2));
    }

    fn folder_of(dir: &Path) -> Scan {
        folder(dir, &Redactor::default()).expect("it is there")
    }

    #[test]
    fn a_file_has_a_limited_number_of_findings() {
        for times in [1000, 200_000] {
            let text = format!("{KEY}\n").repeat(times);
            assert_eq!(found(text.as_bytes(), &Redactor::default()).len(), FINDINGS_PER_FILE);
        }
    }
}
