//! Looks through files for secrets: those of a packet before it is sealed, and of any folder. Files are read in windows, so that
//! memory stays flat however large they are. What is told is where and what, never the value.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use fabric_redact::{Redactor, What};

use crate::regular;
use crate::report::is_deceptive;
use crate::spread;

/// How much of a file is looked at at once, in bytes.
const WINDOW: usize = 1 << 20;

/// How much of the next window is looked at together with this one: what begins in it is found whole.
const AHEAD: usize = 192 << 10;

/// How much of the last window is looked at again, for what has to stand in front of a secret.
const BEHIND: usize = 4 << 10;

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
pub(crate) fn of_files(dir: &Path, names: &[&str], redactor: &Redactor) -> Vec<io::Result<Vec<Finding>>> {
    spread::over(names, |name| {
        let file = regular::open(OpenOptions::new().read(true), &dir.join(name))?;
        let found = stream(file, redactor)?;
        Ok(found.into_iter().map(|(line, what)| Finding { file: name.to_owned(), line, what }).collect())
    })
}

/// The secrets of a stream, each with its line.
///
/// # Errors
/// When it cannot be read to its end.
pub fn stream(mut from: impl Read, redactor: &Redactor) -> io::Result<Vec<(u64, What)>> {
    let mut found = Vec::new();
    let mut held: Vec<u8> = Vec::with_capacity(BEHIND + WINDOW + AHEAD);
    // The first byte of the buffer that no window has looked at, and the line on which the buffer begins.
    let (mut fresh, mut line) = (0, 1);
    loop {
        let wanted = fresh + WINDOW + AHEAD - held.len().min(fresh + WINDOW + AHEAD);
        let read = from.by_ref().take(wanted as u64).read_to_end(&mut held)?;
        let last = read < wanted;
        let until = if last { held.len() } else { fresh + WINDOW };
        let mut counted = (0, line);
        for one in redactor.find(&held).into_iter().filter(|one| (fresh..until).contains(&one.range.start)) {
            counted = (one.range.start, counted.1 + lines(&held, counted.0, one.range.start));
            found.push((counted.1, one.what));
            if found.len() == FINDINGS_PER_FILE {
                return Ok(found);
            }
        }
        if last {
            return Ok(found);
        }
        let kept = until - BEHIND.min(until);
        line += lines(&held, 0, kept);
        held.drain(..kept);
        fresh = until - kept;
    }
}

/// How many lines end in this part.
fn lines(held: &[u8], from: usize, to: usize) -> u64 {
    held.get(from..to).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use fabric_redact::Class;

    use super::*;

    const KEY: &str = "password=hunter2";

    fn found(text: &str) -> Vec<(u64, What)> {
        stream(text.as_bytes(), &Redactor::default()).expect("it is in memory")
    }

    #[test]
    fn a_secret_is_found_once_on_its_line_wherever_the_windows_end() {
        for before in [
            0,
            1,
            BEHIND,
            AHEAD,
            WINDOW - 20,
            WINDOW - 8,
            WINDOW,
            WINDOW + AHEAD - 8,
            2 * WINDOW + 3,
            3 * WINDOW + AHEAD,
        ] {
            let filling = "abcdefg\n".repeat(before / 8);
            let text = format!("{filling}{KEY}\n{filling}");
            let line = before as u64 / 8 + 1;
            assert_eq!(found(&text), [(line, What::Looks(Class::Password))], "{before}");
        }
    }

    #[test]
    fn no_byte_is_needed_to_be_text_and_a_known_secret_is_found_among_them() {
        let redactor = Redactor::default();
        redactor.register("db", b"\xff\xfesecret\x00bytes");
        let bytes = [vec![0; 3 * WINDOW], b"\xff\xfesecret\x00bytes".to_vec(), vec![0xff; 100]].concat();
        let found = stream(bytes.as_slice(), &redactor).expect("it is in memory");
        assert_eq!(found, [(1, What::Known("db".to_owned()))]);
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
        assert_eq!(found(&format!("{KEY}\n").repeat(1000)).len(), FINDINGS_PER_FILE);
    }
}
