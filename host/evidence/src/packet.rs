//! Writing a packet: a folder with a journal while the run lasts, sealed when it is over.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use fabric_model::Digest;
use fabric_redact::{Redactor, What};

use crate::attestation;
use crate::canonical::{self, NotCanonical};
use crate::derive::{self, NoStory};
use crate::journal::{self, Broken, Journal, JournalError, Torn};
use crate::key::KeyError;
use crate::log;
use crate::manifest::{self, Manifest};
use crate::probe::{self, Sample};
use crate::record::{ChecksRecord, RunRecord};
use crate::report;
use crate::scan;
use crate::sidecar;
use crate::signer::Signer;
use crate::spread::{self, FILES_PER_THREAD};
use crate::stamp::Stamp;
use crate::survey::{self, Surveyed};

/// The journal's file name.
pub const JOURNAL: &str = "journal.jsonl";
/// The run record's file name.
pub const RUN: &str = "run.json";
/// The check records' file name.
pub const CHECKS: &str = "checks.json";
/// The report's file name.
pub const REPORT: &str = "report.md";
/// The file name of the report as a page.
pub const PAGE: &str = "report.html";

/// The mode of every file of a sealed packet.
const READ_ONLY: u32 = 0o400;

/// Why a packet could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PacketError {
    /// The folder exists.
    #[error("the packet folder {0} exists already")]
    Exists(PathBuf),
    /// The disk refuses.
    #[error("the packet cannot be written: {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What is on the disk is not what was written.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The journal tells no run.
    #[error("the journal tells no run: {0}")]
    NoStory(#[from] NoStory),
    /// A record cannot be written as canonical JSON.
    #[error(transparent)]
    Canonical(#[from] NotCanonical),
    /// A file lies in the folder that no packet may hold.
    #[error("`{path}` cannot be part of a packet ({class})")]
    Foreign {
        /// Its path in the packet.
        path: String,
        /// What a verifier would call it.
        class: &'static str,
    },
    /// Secrets stand in its files.
    #[error("{} stands in its files", if .0.len() == 1 { "a secret".to_owned() } else { format!("{} secrets", .0.len()) })]
    Secrets(Vec<scan::Finding>),
    /// The signer cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A packet that is being written.
#[derive(Debug)]
pub struct PacketFolder {
    dir: PathBuf,
    journal: Journal,
    /// What its files are scanned for, beside what looks like a secret.
    redactor: Arc<Redactor>,
    /// Whether somebody vouched for what looks like a secret in it.
    vouched: bool,
}

/// A packet that will not change any more.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Its folder.
    pub dir: PathBuf,
    /// The digest of `manifest.sha256`: what stands for the whole packet elsewhere.
    pub manifest_digest: Digest,
    /// `run.json`.
    pub run: RunRecord,
    /// `checks.json`.
    pub checks: ChecksRecord,
    /// The signature file.
    pub signature: PathBuf,
}

pub(crate) fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, PacketError> {
    result.map_err(|source| PacketError::Io { path: path.to_owned(), source })
}

impl PacketFolder {
    /// Creates the folder, mode 0700, with an empty journal in it. Folders above it are created as needed.
    ///
    /// # Errors
    /// When it exists or cannot be created.
    pub fn create(dir: &Path) -> Result<Self, PacketError> {
        if let Some(above) = dir.parent() {
            at(above, DirBuilder::new().recursive(true).mode(0o700).create(above))?;
        }
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return Err(PacketError::Exists(dir.to_owned()));
            }
            other => at(dir, other)?,
        }
        let journal = Journal::create(&dir.join(JOURNAL))?;
        Ok(Self { dir: dir.to_owned(), journal, redactor: Arc::default(), vouched: false })
    }

    pub(crate) fn adopted(dir: &Path, journal: Journal, vouched: bool) -> Self {
        Self { dir: dir.to_owned(), journal, redactor: Arc::default(), vouched }
    }

    /// The same packet, which is not sealed while a secret that this one knows stands in it.
    #[must_use]
    pub fn knowing(self, redactor: Arc<Redactor>) -> Self {
        Self { redactor, ..self }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The journal.
    pub fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Adds a file under `artifacts/`.
    ///
    /// # Errors
    /// When the name is not one that a packet may hold, or the file exists.
    pub fn artifact(&self, name: &str, bytes: &[u8]) -> Result<(), PacketError> {
        let path = format!("{}{name}", manifest::ARTIFACTS);
        if let Some(class) = manifest::path_fault(&path) {
            return Err(PacketError::Foreign { path, class });
        }
        let file = self.dir.join(&path);
        if let Some(above) = file.parent() {
            at(above, DirBuilder::new().recursive(true).mode(0o700).create(above))?;
        }
        write_new(&file, bytes)
    }

    /// Ends the packet: derives the records from the journal as it stands on the disk, looks through every file for secrets, lists them in
    /// the manifest, signs that, makes the files read-only, and enters the packet in the index beside it.
    ///
    /// # Errors
    /// When anything cannot be written or signed, or a secret stands in a file. The folder then stays unsealed and [`crate::orphan::adopt`] can take it up.
    pub fn seal(
        mut self,
        signer: &Signer,
        role: &str,
        intent: &str,
        now: SystemTime,
    ) -> Result<Sealed, PacketError> {
        self.journal.sync()?;
        let journal = at(&self.dir.join(JOURNAL), self.journal.bytes())?;
        let chain = journal::read(&journal, Torn::Refuse)?;
        let (run, checks) = derive::records(&chain.lines)?;
        write_new(&self.dir.join(RUN), &json_file(&run)?)?;
        write_new(&self.dir.join(CHECKS), &json_file(&checks)?)?;
        write_new(&self.dir.join(REPORT), report::render(&run, &checks).as_bytes())?;

        let mut files = core_files(&self.dir)?;
        let page = report::page::render(&run, &checks, &self.samples(&run, &files)?);
        write_new(&self.dir.join(PAGE), page.as_bytes())?;
        files.push(PAGE.to_owned());
        files.sort_unstable();
        let names: Vec<&str> = files.iter().map(String::as_str).collect();
        let (mut manifest, mut writable) = (Manifest::default(), Vec::new());
        for (path, surveyed) in files.iter().zip(self.survey(&names)?) {
            if surveyed.mode & 0o7777 != READ_ONLY {
                writable.push(path);
            }
            // The journal that the records follow from, not one that was put in its place since.
            let digest = if path == JOURNAL { Digest::of(&journal) } else { surveyed.digest };
            manifest
                .insert(path, digest)
                .map_err(|class| PacketError::Foreign { path: path.clone(), class })?;
        }
        let bytes = manifest.to_string().into_bytes();
        let signature = signer.sign(&bytes, role, intent, now)?;
        write_new(&self.dir.join(manifest::NAME), &bytes)?;
        let end_writing =
            |name: &&String| fs::set_permissions(self.dir.join(name), Permissions::from_mode(READ_ONLY));
        for (name, done) in writable.iter().zip(spread::over(&writable, FILES_PER_THREAD, end_writing)) {
            at(&self.dir.join(name), done)?;
        }
        let signature = sidecar::add_signature(&self.dir, signer.fingerprint(), &signature)?;
        // Behind the signature: a packet without its statement is a sealed one, and the statement can be added.
        let digest = Digest::of(&bytes);
        let statement =
            attestation::statement(&run, &checks, &manifest, digest).map_err(NotCanonical::Shape)?;
        attestation::add(&self.dir, signer, &statement)?;
        let sealed = Sealed { dir: self.dir, manifest_digest: digest, run, checks, signature };
        sealed.enter(signer, now)?;
        Ok(sealed)
    }

    /// Refuses to seal what nobody should read. What somebody vouched for is told in the journal, and was no known secret.
    fn survey(&self, names: &[&str]) -> Result<Vec<Surveyed>, PacketError> {
        let (mut all, mut findings) = (Vec::with_capacity(names.len()), Vec::new());
        for (name, surveyed) in names.iter().zip(survey::of_files(&self.dir, names, &self.redactor)) {
            let mut surveyed = at(&self.dir.join(name), surveyed)?;
            findings.append(&mut surveyed.secrets);
            all.push(surveyed);
        }
        findings.retain(|finding| !self.vouched || matches!(finding.what, What::Known(_)));
        if findings.is_empty() { Ok(all) } else { Err(PacketError::Secrets(findings)) }
    }

    /// The samples of the probes of a run, as far as they lie among `files`.
    fn samples(
        &self,
        run: &RunRecord,
        files: &[String],
    ) -> Result<BTreeMap<String, Vec<Sample>>, PacketError> {
        let mut all = BTreeMap::new();
        for path in run.probes.iter().map(|probe| &probe.artifact).filter(|path| files.contains(path)) {
            let file = self.dir.join(path);
            if let Ok(samples) = probe::read(&at(&file, fs::read(&file))?) {
                all.insert(path.clone(), samples);
            }
        }
        Ok(all)
    }
}

impl Sealed {
    fn enter(&self, signer: &Signer, now: SystemTime) -> Result<(), PacketError> {
        let (Some(above), Some(folder)) = (self.dir.parent(), self.dir.file_name()) else { return Ok(()) };
        let head = &self.run.head;
        let entry = log::PacketEntry {
            run_id: head.run_id.clone(),
            folder: folder.to_string_lossy().into_owned(),
            manifest: self.manifest_digest,
            sealed: Stamp::of(now),
            signer: signer.fingerprint().clone(),
            site: head.site.name.clone(),
            realm: head.site.realm,
            script: head.script.path.clone(),
            exit: self.run.exit,
        };
        at(&above.join(log::NAME), log::append(above, log::Entry::Packet(entry))).map(drop)
    }
}

/// A record as a file: canonical JSON and a line end.
pub(crate) fn json_file<T: serde::Serialize>(record: &T) -> Result<Vec<u8>, NotCanonical> {
    let mut bytes = canonical::bytes(record).map_err(NotCanonical::Shape)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Writes a file that nobody writes to again.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), PacketError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(READ_ONLY).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    at(path, write())
}

/// Every file below `dir`, by its relative path. Anything but files and folders is refused.
pub(crate) fn core_files(dir: &Path) -> Result<Vec<String>, PacketError> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let here = dir.join(&folder);
        for entry in at(&here, fs::read_dir(&here))? {
            let entry = at(&here, entry)?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            let kind = at(&entry.path(), entry.file_type())?;
            if kind.is_dir() {
                folders.push(format!("{path}/"));
            } else if kind.is_file() {
                files.push(path);
            } else {
                return Err(PacketError::Foreign { path, class: "file.special" });
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}
