//! A statement with the signatures of several, in a folder of its own: `NAME` and `<fingerprint>.asc`, each with its timestamp or
//! without. The folder appears in one step, signed; a signature that is added appears in one step too.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::fingerprint::Fingerprint;
use crate::packet::{PacketError, at, write_new};
use crate::regular;
use crate::signature;
use crate::timestamp::{self, Attested};
use crate::trust::Trust;
use crate::verify::{Finding, SignedBy, signatures};

/// Where a folder is made before it appears. No packet has such a name.
const UNFINISHED: &str = ".unfinished";

/// The largest statement that is read, in bytes. A reason is what is longest in one.
const STATEMENT_LIMIT: u64 = 64 << 10;

/// One such folder.
pub(crate) struct Shelf {
    /// The folder in which it and others like it lie.
    root: PathBuf,
    /// Its path in that.
    place: String,
    /// The statement's file name.
    name: &'static str,
    /// The class of what is wrong with the folder itself.
    form: &'static str,
}

impl Shelf {
    pub(crate) fn new(root: &Path, place: String, name: &'static str, form: &'static str) -> Self {
        Self { root: root.to_owned(), place, name, form }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.join(&self.place)
    }

    pub(crate) fn statement(&self) -> PathBuf {
        self.path().join(self.name)
    }

    pub(crate) fn signature(&self, by: &Fingerprint) -> PathBuf {
        self.path().join(format!("{by}.asc"))
    }

    /// A file of it, as findings call it: with the name of the folder that all lie in.
    fn shown(&self, file: &str) -> String {
        let root = self.root.file_name().unwrap_or_default().to_string_lossy();
        format!("{root}/{}/{file}", self.place)
    }

    /// Makes the folder, with the statement and the signature of who made it. The caller holds the lock of `root`.
    ///
    /// # Errors
    /// When it is there, or cannot be written.
    pub(crate) fn put(&self, statement: &[u8], by: &Fingerprint, armored: &[u8]) -> Result<(), PacketError> {
        let folder = self.path();
        if fs::symlink_metadata(&folder).is_ok() {
            return Err(PacketError::Exists(folder));
        }
        let unfinished = self.unfinished()?;
        write_new(&unfinished.join(self.name), statement)?;
        write_new(&unfinished.join(format!("{by}.asc")), armored)?;
        synced(&unfinished)?;
        let above = folder.parent().unwrap_or(&self.root);
        at(above, DirBuilder::new().recursive(true).mode(0o700).create(above))?;
        is_real_folder(above)?;
        at(&folder, fs::rename(&unfinished, &folder))?;
        synced(above)?;
        synced(&self.root)
    }

    /// Adds the signature of another. The caller holds the lock of `root`.
    ///
    /// # Errors
    /// When this certificate has signed it already, or nothing can be written.
    pub(crate) fn add(&self, by: &Fingerprint, armored: &[u8]) -> Result<PathBuf, PacketError> {
        let path = self.signature(by);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(PacketError::Exists(path));
        }
        let unfinished = self.unfinished()?.join("signature");
        write_new(&unfinished, armored)?;
        at(&path, fs::rename(&unfinished, &path))?;
        synced(&self.path())?;
        Ok(path)
    }

    /// An empty folder to make something in; what a killed writer left there was never finished.
    fn unfinished(&self) -> Result<PathBuf, PacketError> {
        at(&self.root, DirBuilder::new().recursive(true).mode(0o700).create(&self.root))?;
        is_real_folder(&self.root)?;
        let path = self.root.join(UNFINISHED);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => at(&path, removed)?,
        }
        at(&path, DirBuilder::new().mode(0o700).create(&path))?;
        Ok(path)
    }

    /// The statement's bytes, or a finding.
    pub(crate) fn bytes(&self, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
        let found = names(&self.path()).and_then(|_| regular::read_up_to(&self.statement(), STATEMENT_LIMIT));
        match found {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                findings.push(Finding::new(self.form, &self.shown(self.name), error.to_string()));
                None
            }
        }
    }

    /// Who signed the statement, each certificate once. Every signature there must be good.
    pub(crate) fn signers(
        &self,
        statement: &[u8],
        intent: &str,
        trust: &Trust,
        now: SystemTime,
        findings: &mut Vec<Finding>,
    ) -> Vec<SignedBy> {
        let files = match names(&self.path()) {
            Ok(files) => files,
            Err(error) => {
                findings.push(Finding::new(self.form, &self.shown(""), error.to_string()));
                return Vec::new();
            }
        };
        let mut signers = Vec::new();
        for file in files.iter().filter(|file| *file != self.name) {
            let shown = self.shown(file);
            match Kind::of(file) {
                None => findings.push(Finding::new(self.form, &shown, "no such file belongs there")),
                Some(Kind::Stamp { beside }) if beside.iter().all(|other| files.contains(other)) => {}
                Some(Kind::Stamp { .. }) => {
                    let message = "what it belongs to is missing";
                    findings.push(Finding::new("sidecar.stray", &shown, message));
                }
                Some(Kind::Signature(named)) => match self.one(file, statement, intent, trust, now) {
                    Ok(signer) if signer.fingerprint == named => signers.push(signer),
                    Ok(signer) => {
                        let message =
                            format!("a signature by `{}` belongs in {}.asc", signer.name, signer.fingerprint);
                        findings.push(Finding::new("signature.file_name", &shown, message));
                    }
                    Err(finding) => findings.push(Finding { path: Some(shown), ..finding }),
                },
            }
        }
        signers
    }

    fn one(
        &self,
        file: &str,
        statement: &[u8],
        intent: &str,
        trust: &Trust,
        now: SystemTime,
    ) -> Result<SignedBy, Finding> {
        let path = self.path().join(file);
        let unreadable = |error: io::Error| Finding::whole(self.form, error.to_string());
        let armored = regular::read_up_to(&path, signature::FILE_LIMIT).map_err(unreadable)?;
        let attested = self.attested(file, &armored, trust, now)?;
        super::attested(statement, &armored, intent, trust, attested, now)
    }

    /// The timestamp of a signature, if it has one.
    fn attested(
        &self,
        file: &str,
        armored: &[u8],
        trust: &Trust,
        now: SystemTime,
    ) -> Result<Option<Attested>, Finding> {
        let read = |ending: &str, limit: u64| match regular::read_up_to(
            &self.path().join(format!("{file}{ending}")),
            limit,
        ) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(|error| Finding::whole("timestamp.form", error.to_string())),
        };
        let query = read(timestamp::QUERY, timestamp::QUERY_LIMIT)?;
        let answer = read(timestamp::ANSWER, timestamp::ANSWER_LIMIT)?;
        let (Some(query), Some(answer)) = (query, answer) else { return Ok(None) };
        signatures::proven(&query, &answer, armored, trust, now)
            .map(Some)
            .map_err(|(_, (class, message))| Finding::whole(class, message))
    }
}

/// What a file beside a statement is.
enum Kind {
    Signature(Fingerprint),
    /// The query or the answer of a timestamp, and what it is nothing without.
    Stamp {
        beside: [String; 2],
    },
}

impl Kind {
    fn of(file: &str) -> Option<Self> {
        let stamped = [(timestamp::ANSWER, timestamp::QUERY), (timestamp::QUERY, timestamp::ANSWER)]
            .into_iter()
            .find_map(|(own, other)| Some((file.strip_suffix(own)?, other)));
        let signature = stamped.map_or(file, |(signature, _)| signature);
        let fingerprint = signature.strip_suffix(".asc")?.parse().ok()?;
        Some(match stamped {
            Some((signature, other)) => {
                Self::Stamp { beside: [signature.to_owned(), format!("{signature}{other}")] }
            }
            None => Self::Signature(fingerprint),
        })
    }
}

/// The names in a folder that is one, and no link to one.
pub(crate) fn names(folder: &Path) -> io::Result<BTreeSet<String>> {
    if !fs::symlink_metadata(folder)?.is_dir() {
        return Err(io::Error::other("it is no folder"));
    }
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// That nobody put a link in the place of a folder that something is about to be written into.
pub(crate) fn is_real_folder(path: &Path) -> Result<(), PacketError> {
    let found = at(path, fs::symlink_metadata(path))?;
    if found.is_dir() { Ok(()) } else { at(path, Err(io::Error::other("it is no folder"))) }
}

pub(crate) fn synced(folder: &Path) -> Result<(), PacketError> {
    at(folder, File::open(folder).and_then(|folder| folder.sync_all()))
}
