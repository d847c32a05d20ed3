//! Whether a packet is what somebody trusted sealed: no more, no less, and no other.
//!
//! All findings are reported, not the first. Each has a class that is stable; `evidence/SPEC.md` lists them.

mod content;
pub(crate) mod signatures;
mod tree;

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use fabric_model::site::Realm;
use fabric_model::{Digest, Slug};

use crate::attestation::{self, PublicKey};
use crate::fingerprint::Fingerprint;
use crate::head::Mode;
use crate::label::{self, Standing};
use crate::manifest::{self, Manifest, STATEMENT};
use crate::record::{ChecksRecord, RunRecord};
use crate::report::UNWITNESSED;
use crate::signature::COUNTERSIGN;
use crate::stamp::Stamp;
use crate::timestamp::Attested;
use crate::trust::Trust;
use tree::Tree;

pub(crate) use tree::SPECIAL_BITS;

/// One reason why a packet does not verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable word, `area.what`.
    pub class: &'static str,
    /// The file, relative to the packet; absent where the finding is about the whole.
    pub path: Option<String>,
    /// A lower-case fragment: what is wrong.
    pub message: String,
}

impl Finding {
    pub(crate) fn new(class: &'static str, path: &str, message: impl Into<String>) -> Self {
        Self { class, path: Some(path.to_owned()), message: message.into() }
    }

    pub(crate) fn whole(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, path: None, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names and texts of an unverified packet may hold anything: they reach a terminal only escaped.
        match &self.path {
            Some(path) => write!(f, "{}: {}: {}", self.class, path.escape_debug(), plain(&self.message)),
            None => write!(f, "{}: {}", self.class, plain(&self.message)),
        }
    }
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A good signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The name in the trust file.
    pub name: String,
    /// The primary fingerprint.
    pub fingerprint: Fingerprint,
    /// The role in which it was given, one that the trust file grants.
    pub role: Slug,
    /// What it means, such as `seal`.
    pub intent: String,
    /// When, as the signer says.
    pub at: Stamp,
    /// That it existed at a time, by an authority that the trust file names.
    pub attested: Option<Attested>,
    /// The key that made it, where it is one of Ed25519: it signs the packet's statement too.
    pub key: Option<PublicKey>,
}

impl SignedBy {
    /// Whether it was put under what somebody else sealed.
    pub fn is_countersignature(&self) -> bool {
        self.intent == COUNTERSIGN
    }
}

/// A packet that verifies.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// `run.json`.
    pub run: RunRecord,
    /// `checks.json`.
    pub checks: ChecksRecord,
    /// The digest of `manifest.sha256`.
    pub manifest: Digest,
    /// Who signed, each certificate once, sorted by fingerprint.
    pub signers: Vec<SignedBy>,
    /// What its labels, which lie beside it, come to.
    pub labels: Standing,
    /// Whether it has a statement for programs that read in-toto.
    pub has_statement: bool,
}

impl Verified {
    /// What kind of place the run was on. Only `real` is evidence of the site.
    pub fn realm(&self) -> Realm {
        self.run.head.site.realm
    }

    /// The same packet, if it is of this realm: so that nobody takes a rehearsal for evidence of the site.
    /// A run on a recording is of none.
    ///
    /// # Errors
    /// When it is of another one, or of none.
    pub fn of_realm(self, wanted: Realm) -> Result<Self, Finding> {
        let realm = self.realm();
        if self.is_offline() {
            let message = "the packet is of an offline run, which had no site: it is evidence of no realm";
            return Err(Finding::whole("packet.realm", message.to_owned()));
        }
        if realm == wanted {
            return Ok(self);
        }
        let message = format!("the packet is of realm `{}`, not of `{}`", realm.as_str(), wanted.as_str());
        Err(Finding::whole("packet.realm", message))
    }
}

impl Verified {
    /// When it was sealed: as an authority says, else as whoever sealed it does.
    pub fn sealed(&self) -> Stamp {
        let sealed = self.signers.iter().find(|signer| !signer.is_countersignature());
        sealed.map_or(self.run.ended, |signer| signer.attested.as_ref().map_or(signer.at, |seen| seen.at))
    }

    /// Whether a recording answered instead of a site.
    pub fn is_offline(&self) -> bool {
        self.run.head.mode == Mode::Offline
    }
}

impl fmt::Display for Verified {
    /// One paragraph.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = &self.run.head;
        let counts = self.run.counts;
        write!(f, "packet {} verifies: {}", head.run_id, plain(&head.script.title))?;
        write!(f, " on site {} ({})", head.site.name, head.site.realm.as_str())?;
        match head.site.realm {
            _ if self.is_offline() => f.write_str(", offline, on a recording: no evidence of any site")?,
            Realm::Real => {}
            Realm::Lab => f.write_str(", a lab: no evidence of the real site")?,
            Realm::Twin => f.write_str(", a model: no evidence of the real site")?,
        }
        write!(f, "; {} to {}; ended as {}", head.started, self.run.ended, self.run.exit)?;
        write!(
            f,
            "; {} checks: {} pass, {} fail, {} error, {} skip, {} deferred",
            counts.total(),
            counts.pass,
            counts.fail,
            counts.error,
            counts.skip,
            counts.deferred
        )?;
        if let Some(verdicts) = self.run.verdicts {
            write!(
                f,
                "; hypothesis {}, injection {}, restoration {}",
                verdicts.hypothesis.as_str(),
                verdicts.injection.as_str(),
                verdicts.restoration.as_str()
            )?;
        }
        for signer in &self.signers {
            let SignedBy { name, fingerprint, role, intent, at, attested, .. } = signer;
            write!(
                f,
                "; signed by {} ({fingerprint}) as {role} with intent {} at {at}",
                plain(name),
                plain(intent)
            )?;
            match attested {
                Some(Attested { authority, at, .. }) => {
                    write!(f, ", which existed at {at} by {}", plain(authority))?
                }
                None => f.write_str(" by his own clock")?,
            }
        }
        write!(f, "; manifest {}", self.manifest)?;
        if self.has_statement {
            f.write_str("; its in-toto statement says the same")?;
        }
        if let Some(severity) = self.labels.severity {
            write!(f, "; classified as {severity}")?;
        }
        for hold in self.labels.held() {
            write!(f, "; held as {}, to be reviewed at {}", hold.id, hold.review)?;
        }
        f.write_str(".")?;
        if self.run.recovery.is_some() {
            write!(f, " Recovered after its host was killed. {UNWITNESSED}")?;
        }
        Ok(())
    }
}

/// Whether a folder can be a packet at all: it has a manifest. Without one there is nothing to hold the folder against.
pub fn has_manifest(dir: &Path) -> bool {
    fs::symlink_metadata(dir.join(manifest::NAME)).is_ok()
}

/// Verifies the packet in `dir` and the labels beside it as of `now`, with signers from `trust` alone. Opens nothing else, follows no
/// link.
///
/// # Errors
/// Every reason why it does not verify.
pub fn verify(dir: &Path, trust: &Trust, now: SystemTime) -> Result<Verified, Vec<Finding>> {
    let mut findings = Vec::new();
    // Before anything is walked: the folder may be somebody's whole disk.
    if dir.is_dir() && !has_manifest(dir) {
        return Err(vec![Finding::new(
            "file.missing",
            manifest::NAME,
            "there is no manifest: this is no packet",
        )]);
    }
    let tree = tree::walk(dir, &mut findings).map_err(|f| vec![f])?;
    let Some(bytes) = tree.read(manifest::NAME, &mut findings) else { return Err(findings) };
    let manifest = match Manifest::parse(&bytes) {
        Ok(manifest) => Some(manifest),
        Err(refused) => {
            findings.extend(refused.into_iter().map(|r| {
                let place = if r.line == 0 { String::new() } else { format!("line {}: ", r.line) };
                Finding::new(r.class, manifest::NAME, format!("{place}{}", r.message))
            }));
            None
        }
    };
    match &manifest {
        Some(manifest) => tree.compare(manifest, &mut findings),
        None => tree.report_modes(tree.files(), &mut findings),
    }
    let records = content::check(&tree, &mut findings);
    let run = records.as_ref().map(|(run, _)| run);
    let signers = signatures::check(&tree, &bytes, trust, run, now, &mut findings);
    let digest = Digest::of(&bytes);
    let has_statement = tree.has(STATEMENT);
    let mut labels = Standing::default();
    if let Some(run) = run {
        labels = label::beside(dir, &run.head.run_id, digest, trust, now, &mut findings);
        findings.extend(trust.lacks(run, &signers, has_statement, &labels));
    }
    // It repeats the rest, and is by a key of a good signature: where anything is wrong it would only repeat that.
    if has_statement
        && findings.is_empty()
        && let (Some((run, checks)), Some(manifest)) = (&records, &manifest)
    {
        let told = Told { run, checks, manifest, digest };
        findings.extend(told.in_statement(&tree, &signers));
    }
    match records {
        Some((run, checks)) if findings.is_empty() => {
            Ok(Verified { run, checks, manifest: digest, signers, labels, has_statement })
        }
        _ if findings.is_empty() => {
            Err(vec![Finding::whole("packet.unreadable", "the packet has no readable records")])
        }
        _ => Err(findings),
    }
}

/// What a packet says, as far as it could be read.
struct Told<'a> {
    run: &'a RunRecord,
    checks: &'a ChecksRecord,
    manifest: &'a Manifest,
    digest: Digest,
}

impl Told<'_> {
    /// What is wrong with the statement beside it.
    fn in_statement(&self, tree: &Tree, signers: &[SignedBy]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(bytes) = tree.read_up_to(STATEMENT, attestation::FILE_LIMIT, &mut findings) else {
            return findings;
        };
        let keys: Vec<&PublicKey> = signers.iter().filter_map(|signer| signer.key.as_ref()).collect();
        match attestation::statement(self.run, self.checks, self.manifest, self.digest) {
            Ok(expected) => {
                if let Err(refused) = attestation::check(&bytes, &expected, &keys) {
                    findings.push(Finding::new(refused.class, STATEMENT, refused.message));
                }
            }
            Err(error) => findings.push(Finding::new("statement.differs", STATEMENT, error.to_string())),
        }
        findings
    }
}
