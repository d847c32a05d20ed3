//! What lies on this machine, as far as scripts may know of it: the folders of the project, and the packets of earlier runs.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use fabric_evidence::log::{self, PacketEntry};
use fabric_evidence::manifest::Manifest;
use fabric_evidence::{CheckRecord, Stamp, Trust, Verified, verify};
use fabric_model::check::Status;
use fabric_model::site::Realm;
use fabric_model::{Code, Digest, Fault, Slug, Stage, Value};
use fabric_primitives::Local;
use fabric_primitives::local::{
    FILE_LIMIT, NotPassed, Packet, PacketFile, PacketRequirement, PacketSigner, Packets, ProjectFile,
    RefusedPacket, SeverityLevel, TrustFile, TrustedPrincipal,
};
use fabric_redact::Redactor;
use fabric_wire::WireError;
use rustix::fs::{Mode, OFlags};

use crate::run::Run;

/// The most files of a folder that are listed. A project has some dozens in one.
const FILES_LIMIT: usize = 2_000;

/// The project and the packets of a run.
pub(crate) struct Premises {
    project: PathBuf,
    runs: PathBuf,
    trust: Trust,
    redactor: Arc<Redactor>,
}

impl Local for Premises {
    fn files(&self, folder: &Slug) -> Result<Vec<ProjectFile>, Fault> {
        // Opened as what it must be; what is listed is read again under its own name, and then as no link either.
        open(&self.project, folder, OFlags::DIRECTORY).map_err(|error| unread(folder.as_str(), &error))?;
        let list = || -> io::Result<Vec<ProjectFile>> {
            let mut files = Vec::new();
            for entry in fs::read_dir(self.project.join(folder.as_str()))? {
                let entry = entry?;
                let name = entry.file_name().to_str().and_then(|name| name.parse::<Slug>().ok());
                let bytes = entry.metadata().ok().filter(fs::Metadata::is_file).map(|data| data.len());
                files.extend(name.zip(bytes).map(|(name, bytes)| ProjectFile { name, bytes }));
            }
            files.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(files)
        };
        let files = list().map_err(|error| unread(folder.as_str(), &error))?;
        if files.len() > FILES_LIMIT {
            return Err(WireError::TooMany { items: "files", limit: FILES_LIMIT }.into());
        }
        Ok(files)
    }

    fn read(&self, folder: &Slug, file: &Slug) -> Result<Vec<u8>, Fault> {
        let name = format!("{folder}/{file}");
        let mut bytes = Vec::new();
        open_file(&self.project, folder, file)
            .and_then(|opened| opened.take(FILE_LIMIT + 1).read_to_end(&mut bytes))
            .map_err(|error| unread(&name, &error))?;
        if bytes.len() as u64 > FILE_LIMIT {
            let limit = usize::try_from(FILE_LIMIT).unwrap_or(usize::MAX);
            return Err(WireError::TooLarge { limit }.into());
        }
        // What the packet would have to leave out is not even digested: a short secret can be guessed from its digest.
        if self.redactor.find(&bytes).is_empty() { Ok(bytes) } else { Err(secret(&name)) }
    }

    fn packets(&self, script: &str, at_most: usize) -> Result<Packets, Fault> {
        let lines = log::load(&self.runs)
            .map_err(|error| WireError::Garbage(format!("the log of packets cannot be read: {error}")))?;
        let now = SystemTime::now();
        let mut told = Packets::default();
        let entered = lines.iter().rev().filter_map(|line| line.entry.packet());
        let of_script = entered.filter(|entry| Path::new(&entry.script).ends_with(script));
        for entry in of_script.take(at_most) {
            match self.packet(entry, now) {
                Ok(packet) => told.verified.push(packet),
                Err(findings) => {
                    let run_id = entry.run_id.to_string();
                    told.refused.push(RefusedPacket { run_id, findings });
                }
            }
        }
        Ok(told)
    }

    fn trust(&self, realm: Realm) -> Result<TrustFile, Fault> {
        let trust = &self.trust;
        let of_realm = trust.requirements().iter().filter(|one| one.realm.is_none_or(|of| of == realm));
        let requirements = of_realm.map(|one| PacketRequirement {
            acts: one.acts.iter().map(|act| act.as_str().to_owned()).collect(),
            kinds: texts(&one.kinds),
            countersigned_as: texts(&one.demand.countersigned_as),
            timestamps: one.demand.timestamps,
            classified: one.classified,
        });
        let severities = trust.levels().iter().map(|level| SeverityLevel {
            level: level.severity.to_string(),
            classified_as: texts(&level.classified_as),
            countersigned_as: texts(&level.demand.countersigned_as),
            timestamps: level.demand.timestamps,
            retain_days: level.retain_days,
        });
        let principals = trust.principals().iter().map(|one| TrustedPrincipal {
            name: one.name.clone(),
            fingerprint: one.fingerprint.to_string(),
            roles: texts(&one.roles),
        });
        Ok(TrustFile {
            sha256: trust.digest().to_string(),
            principals: principals.collect(),
            requirements: requirements.collect(),
            severities: severities.collect(),
            timestamp_authorities: trust.authorities().iter().map(|one| one.name.clone()).collect(),
        })
    }
}

impl Premises {
    /// What the script of a run may know of this machine.
    pub(crate) fn of(run: &Run) -> Self {
        let project = run.script.root.clone();
        let (trust, redactor) = (run.operator.trust.clone(), Arc::clone(&run.world.redactor));
        Self { project, runs: run.runs.clone(), trust, redactor }
    }

    /// One packet of the log, verified.
    ///
    /// # Errors
    /// The classes of what is wrong with it, each once.
    fn packet(&self, entry: &PacketEntry, now: SystemTime) -> Result<Packet, Vec<String>> {
        // A log that holds as a chain can still name a folder elsewhere: whoever wrote it may have written it anew.
        if entry.folder.parse::<Slug>().is_err() {
            return Err(vec!["log.chain".to_owned()]);
        }
        let folder = self.runs.join(&entry.folder);
        let verified = verify(&folder, &self.trust, now).map_err(|findings| {
            let mut classes: Vec<String> = findings.iter().map(|one| one.class.to_owned()).collect();
            classes.sort_unstable();
            classes.dedup();
            classes
        })?;
        if verified.manifest != entry.manifest || verified.run.head.run_id != entry.run_id {
            return Err(vec!["log.replaced".to_owned()]);
        }
        let manifest = manifest(&folder, &verified).ok_or_else(|| vec!["log.replaced".to_owned()])?;
        Ok(told(&verified, &manifest, now))
    }
}

/// The manifest that was verified, and no other that has taken its place since.
fn manifest(folder: &Path, verified: &Verified) -> Option<Manifest> {
    let bytes = fs::read(folder.join(fabric_evidence::manifest::NAME)).ok()?;
    if Digest::of(&bytes) == verified.manifest { Manifest::parse(&bytes).ok() } else { None }
}

/// What a packet says, as scripts get it.
fn told(verified: &Verified, manifest: &Manifest, now: SystemTime) -> Packet {
    let (run, head) = (&verified.run, &verified.run.head);
    let age = |at: Stamp| Stamp::of(now).millis_since(at) / 1_000;
    let signers = verified.signers.iter().map(|signer| PacketSigner {
        name: signer.name.clone(),
        fingerprint: signer.fingerprint.to_string(),
        role: signer.role.to_string(),
        intent: signer.intent.clone(),
        at: signer.at.to_string(),
        attested: signer.attested.as_ref().map(|attested| attested.at.to_string()),
        age_s: age(signer.attested.as_ref().map_or(signer.at, |attested| attested.at)),
    });
    Packet {
        run_id: head.run_id.to_string(),
        manifest: verified.manifest.to_string(),
        title: head.script.title.clone(),
        script_digest: head.script.digest.to_string(),
        site: head.site.name.to_string(),
        realm: head.site.realm.as_str().to_owned(),
        offline: verified.is_offline(),
        act: head.act.as_str().to_owned(),
        params: head.params.iter().filter_map(text_of).collect(),
        started: head.started.to_string(),
        ended: run.ended.to_string(),
        age_s: age(run.ended),
        code: run.code,
        recovered: run.recovery.is_some(),
        passed: run.counts.pass,
        checks: run.counts.total(),
        not_passed: verified.checks.checks.iter().filter_map(not_passed).collect(),
        signers: signers.collect(),
        severity: verified.labels.severity.map(|severity| severity.to_string()),
        files: manifest
            .files()
            .map(|(path, digest)| PacketFile { path: path.to_owned(), sha256: digest.to_string() })
            .collect(),
    }
}

fn text_of((name, value): (&String, &Value)) -> Option<(String, String)> {
    match value {
        Value::Text(text) => Some((name.clone(), text.clone())),
        _ => None,
    }
}

fn not_passed(check: &CheckRecord) -> Option<NotPassed> {
    let status = match check.status {
        Status::Pass => return None,
        Status::Fail => "fail",
        Status::Error => "error",
        Status::Skip => "skip",
        Status::Deferred => "deferred",
    };
    Some(NotPassed { title: check.title.clone(), status: status.to_owned() })
}

fn texts(words: &[Slug]) -> Vec<String> {
    words.iter().map(Slug::to_string).collect()
}

/// Opens what lies in a folder under this very name, and nothing that a link leads to.
fn open(folder: &Path, name: &Slug, flags: OFlags) -> io::Result<File> {
    let above = File::open(folder)?;
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(&above, name.as_str(), flags, Mode::empty())?))
}

fn open_file(project: &Path, folder: &Slug, file: &Slug) -> io::Result<File> {
    let above = open(project, folder, OFlags::DIRECTORY)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = File::from(rustix::fs::openat(&above, file.as_str(), flags, Mode::empty())?);
    if opened.metadata()?.is_file() { Ok(opened) } else { Err(io::Error::other("it is no regular file")) }
}

fn secret(what: &str) -> Fault {
    let message = format!("read `{what}` of the project: something in it looks like a secret");
    Fault::new(Code::PortPermission, Stage::Observe, message)
        .hint("Scripts read no secrets: leave the file out, or take the value out of it.")
}

fn unread(what: &str, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => WireError::NotFound(format!("`{what}` is not there")).into(),
        _ => WireError::Permission(format!("`{what}` cannot be read: {error}")).into(),
    }
}

/// For whoever takes changes back: that needs nothing of this machine.
pub(crate) struct Elsewhere;

impl Local for Elsewhere {
    fn files(&self, _: &Slug) -> Result<Vec<ProjectFile>, Fault> {
        Err(nothing())
    }

    fn read(&self, _: &Slug, _: &Slug) -> Result<Vec<u8>, Fault> {
        Err(nothing())
    }

    fn packets(&self, _: &str, _: usize) -> Result<Packets, Fault> {
        Err(nothing())
    }

    fn trust(&self, _: Realm) -> Result<TrustFile, Fault> {
        Err(nothing())
    }
}

fn nothing() -> Fault {
    Fault::new(Code::BugInternal, Stage::Observe, "an undo reads nothing of this machine")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn slug(text: &str) -> Slug {
        text.parse().expect("a name")
    }

    #[test]
    fn only_what_lies_in_a_folder_of_the_project_is_read() {
        let outside = tempfile::tempdir().expect("room");
        fs::write(outside.path().join("x.md"), "outside").expect("room");
        let dir = tempfile::tempdir().expect("room");
        let (project, docs) = (dir.path().join("p"), dir.path().join("p/docs"));
        fs::create_dir_all(docs.join("deep")).expect("room");
        fs::write(docs.join("a.md"), "a").expect("room");
        fs::write(docs.join("db.yml"), "user: app\npassword: hunter22\n").expect("room");
        fs::write(docs.join("large.md"), vec![0; 1 + (1 << 20)]).expect("room");
        symlink(outside.path().join("x.md"), docs.join("link.md")).expect("room");
        symlink(outside.path(), project.join("away")).expect("room");
        let trust =
            Trust::parse("trust.toml", "format = 1\n", |path| fs::read(path)).expect("nobody is trusted");
        let premises = Premises { project, runs: dir.path().join("runs"), trust, redactor: Arc::default() };
        let read = |folder: &str, file: &str| premises.read(&slug(folder), &slug(file));
        assert_eq!(read("docs", "a.md").expect("there"), b"a");
        for (folder, file, code) in [
            ("docs", "b.md", Code::PortNotFound),
            ("docs", "db.yml", Code::PortPermission),
            ("docs", "link.md", Code::PortPermission),
            ("docs", "deep", Code::PortPermission),
            ("docs", "large.md", Code::PortTooLarge),
            ("away", "x.md", Code::PortPermission),
            ("nowhere", "x.md", Code::PortNotFound),
        ] {
            assert_eq!(read(folder, file).expect_err("refused").code, code, "{folder}/{file}");
        }
        let names: Vec<String> =
            premises.files(&slug("docs")).expect("there").iter().map(|file| file.name.to_string()).collect();
        assert_eq!(names, ["a.md", "db.yml", "large.md"]);
        assert_eq!(premises.files(&slug("away")).expect_err("a link").code, Code::PortPermission);
        assert!(premises.packets("acceptance/dns.rhai", 3).expect("no log").verified.is_empty());
    }
}
