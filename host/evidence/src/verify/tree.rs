//! The closed world: what lies in the folder, what the manifest lists, and that the two are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::fingerprint::Fingerprint;
use crate::manifest::{ARTIFACTS, Manifest, NAME, SIGNATURES, STATEMENT};
use crate::regular;
use crate::sums;
use crate::timestamp;

/// The largest file that is read whole, in bytes: sixteen of the largest journal lines, and far more than a day of a run.
const READ_LIMIT: u64 = 256 << 20;

/// Bits of a mode that make a file run as somebody else: no copy or archive gives them to a packet's files by itself.
pub(crate) const SPECIAL_BITS: u32 = 0o7000;

/// The files of a packet by relative path.
pub(super) struct Tree {
    dir: PathBuf,
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

/// Lists the folder. Whatever is neither file nor folder is a finding and is not opened.
pub(super) fn walk(dir: &Path, findings: &mut Vec<Finding>) -> Result<Tree, Finding> {
    let unreadable =
        |e: io::Error| Finding::whole("packet.unreadable", format!("the folder cannot be read: {e}"));
    let mut tree = Tree { dir: dir.to_owned(), files: BTreeSet::new(), folders: BTreeSet::new() };
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(dir.join(&folder)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Ok(name) = entry.file_name().into_string() else {
                let shown = entry.file_name().to_string_lossy().into_owned();
                findings.push(Finding::new(
                    "file.name",
                    &format!("{folder}{shown}"),
                    "the name is not UTF-8",
                ));
                continue;
            };
            let path = format!("{folder}{name}");
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_symlink() {
                findings.push(Finding::new("file.link", &path, "a packet holds no symbolic link"));
            } else if kind.is_dir() {
                folders.push(format!("{path}/"));
                tree.folders.insert(format!("{path}/"));
            } else if kind.is_file() {
                tree.files.insert(path);
            } else {
                findings.push(Finding::new(
                    "file.special",
                    &path,
                    "a packet holds no device, socket or pipe",
                ));
            }
        }
    }
    tree.report_case_twins(findings);
    Ok(tree)
}

fn report_mode(path: &str, mode: u32, findings: &mut Vec<Finding>) {
    if mode & SPECIAL_BITS != 0 {
        let message = format!("mode {:o}: a packet's file is nobody's program", mode & 0o7777);
        findings.push(Finding::new("file.mode", path, message));
    }
}

/// What a sidecar is for.
enum Sidecar {
    Signature,
    /// The query or the answer of a timestamp of this signature.
    Timestamp {
        of: String,
        other: String,
    },
    Statement,
}

fn sidecar(path: &str) -> Option<Sidecar> {
    if path == STATEMENT {
        return Some(Sidecar::Statement);
    }
    let name = path.strip_prefix(SIGNATURES)?;
    let stamped = [(timestamp::ANSWER, timestamp::QUERY), (timestamp::QUERY, timestamp::ANSWER)]
        .into_iter()
        .find_map(|(own, other)| Some((name.strip_suffix(own)?, other)));
    let signature = stamped.map_or(name, |(signature, _)| signature);
    signature.strip_suffix(".asc")?.parse::<Fingerprint>().ok()?;
    let of = format!("{SIGNATURES}{signature}");
    Some(match stamped {
        Some((_, other)) => Sidecar::Timestamp { other: format!("{of}{other}"), of },
        None => Sidecar::Signature,
    })
}

impl Tree {
    fn report_case_twins(&self, findings: &mut Vec<Finding>) {
        let mut folded: BTreeMap<String, &str> = BTreeMap::new();
        // What is in lower case, as it should be, is a twin of nothing else that is.
        for path in self.files.iter().chain(&self.folders) {
            let Some(lower) = Some(path.to_lowercase()).filter(|lower| lower != path) else { continue };
            let twin = self.files.get(&lower).or_else(|| self.folders.get(&lower)).map(String::as_str);
            if let Some(twin) = twin.or_else(|| folded.get(&lower).copied()) {
                let message = format!("differs from `{}` in case alone", twin.escape_debug());
                findings.push(Finding::new("file.case_twin", path, message));
            }
            folded.insert(lower, path);
        }
    }

    /// Reports every file that would run as somebody else.
    pub(super) fn report_modes<'a>(&self, paths: impl Iterator<Item = &'a str>, findings: &mut Vec<Finding>) {
        for path in paths {
            match fs::symlink_metadata(self.dir.join(path)) {
                Ok(metadata) => report_mode(path, metadata.permissions().mode(), findings),
                Err(error) => findings.push(Finding::new("file.unreadable", path, error.to_string())),
            }
        }
    }

    /// A file's bytes, or a finding.
    pub(super) fn read(&self, path: &str, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
        self.read_up_to(path, READ_LIMIT, findings)
    }

    /// Every file, sorted.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// A file's bytes, or a finding; one that is longer than `limit` is not read.
    pub(super) fn read_up_to(&self, path: &str, limit: u64, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
        if !self.files.contains(path) {
            findings.push(Finding::new("file.missing", path, "the file is missing"));
            return None;
        }
        let mut bytes = Vec::new();
        let read =
            regular::read(&self.dir.join(path)).and_then(|f| f.take(limit + 1).read_to_end(&mut bytes));
        match read {
            Err(e) => findings.push(Finding::new("file.unreadable", path, e.to_string())),
            Ok(length) if length as u64 > limit => {
                findings.push(Finding::new(
                    "file.too_large",
                    path,
                    format!("over the limit of {limit} bytes"),
                ));
            }
            Ok(_) => return Some(bytes),
        }
        None
    }

    /// Compares the folder with the manifest, both ways.
    pub(super) fn compare(&self, manifest: &Manifest, findings: &mut Vec<Finding>) {
        let (there, missing): (Vec<_>, Vec<_>) = manifest.files().partition(|(path, _)| self.has(path));
        for (path, _) in missing {
            findings.push(Finding::new("file.missing", path, "the file is missing"));
        }
        let names: Vec<&str> = there.iter().map(|(path, _)| *path).collect();
        for ((path, listed), summed) in there.iter().zip(sums::of_files(&self.dir, &names)) {
            match summed {
                Ok(summed) => {
                    report_mode(path, summed.mode, findings);
                    if summed.digest != *listed {
                        let message = "the content is not what the manifest says";
                        findings.push(Finding::new("file.digest", path, message));
                    }
                }
                Err(error) => findings.push(Finding::new("file.unreadable", path, error.to_string())),
            }
        }
        let unlisted: Vec<&str> = self.files().filter(|path| manifest.get(path).is_none()).collect();
        self.report_modes(unlisted.iter().copied(), findings);
        for path in unlisted.into_iter().filter(|path| *path != NAME) {
            match sidecar(path) {
                None => {
                    findings.push(Finding::new("file.unlisted", path, "the manifest does not list the file"))
                }
                Some(Sidecar::Timestamp { of, other }) => {
                    for missing in [of, other].iter().filter(|missing| !self.files.contains(*missing)) {
                        let message = format!("`{missing}`, which it belongs to, is missing");
                        findings.push(Finding::new("sidecar.stray", path, message));
                    }
                }
                Some(_) => {}
            }
        }
        for folder in &self.folders {
            let known = folder == SIGNATURES || folder.starts_with(ARTIFACTS);
            let first = self.files.range(folder.clone()..).next();
            if !known || !first.is_some_and(|file| file.starts_with(folder.as_str())) {
                findings.push(Finding::new("file.folder", folder, "a packet has no such folder"));
            }
        }
    }

    /// The signature files, sorted.
    pub(super) fn signatures(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str).filter(|path| matches!(sidecar(path), Some(Sidecar::Signature)))
    }
}
