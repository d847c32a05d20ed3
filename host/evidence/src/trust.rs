//! The trust file: whose signatures count, in which roles and when; whose timestamps; what a packet must have to count, what hangs on
//! its severity, and how long it is kept. It lies outside every packet.

mod reading;
mod requirement;
mod retention;
mod severity;

use std::fs;
use std::path::Path;

use sequoia_openpgp as openpgp;

use fabric_model::{Diagnostic, Digest, Slug};
use openpgp::Cert;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::fingerprint::Fingerprint;
use crate::label::Standing;
use crate::record::RunRecord;
use crate::severity::Severity;
use crate::stamp::Stamp;
use crate::timestamp::Authority;
use crate::verify::{Finding, SignedBy};
use reading::Reading;

pub use requirement::{Demand, Requirement};
pub use retention::Retention;
pub use severity::Level;

pub(crate) use requirement::missing;

/// The only format of the trust file so far.
pub const FORMAT: u32 = 1;

/// Whose signatures count.
#[derive(Clone, Debug)]
pub struct Trust {
    principals: Vec<Trusted>,
    authorities: Vec<Authority>,
    requirements: Vec<Requirement>,
    levels: Vec<Level>,
    retentions: Vec<Retention>,
    pruners: Vec<Slug>,
    /// Whether a packet must have what requirements and levels demand.
    demanding: bool,
    digest: Digest,
}

/// One trusted certificate.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// What people call its holder.
    pub name: String,
    /// The primary fingerprint.
    pub fingerprint: Fingerprint,
    /// The roles in which its signatures count; none when revoked.
    pub roles: Vec<Slug>,
    /// Whether its signatures stopped counting.
    pub revoked: bool,
    /// From when on its signatures count.
    pub valid_from: Option<Stamp>,
    /// Until when they do.
    pub valid_until: Option<Stamp>,
    pub(crate) cert: Cert,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Spanned<u32>,
    #[serde(default, rename = "principal")]
    principals: Vec<Spanned<Entry>>,
    #[serde(default, rename = "timestamp_authority")]
    authorities: Vec<AuthorityEntry>,
    #[serde(default, rename = "require")]
    requirements: Vec<Spanned<requirement::Entry>>,
    #[serde(default, rename = "severity")]
    levels: Vec<severity::Entry>,
    #[serde(default, rename = "retain")]
    retentions: Vec<retention::Entry>,
    prune: Option<retention::Prune>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    certificate: Spanned<String>,
    fingerprint: Spanned<String>,
    roles: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    revoked: bool,
    valid_from: Option<Spanned<Datetime>>,
    valid_until: Option<Spanned<Datetime>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityEntry {
    name: Spanned<String>,
    certificates: Spanned<String>,
    url: Option<Spanned<String>>,
    server_certificates: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "requirement::filled")]
    policies: Vec<Spanned<String>>,
    valid_from: Option<Spanned<Datetime>>,
    valid_until: Option<Spanned<Datetime>>,
}

impl Trust {
    /// Reads a trust file and the certificates that it names, relative to itself.
    ///
    /// # Errors
    /// Everything that is wrong with it, with line and column.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|e| {
            vec![
                Diagnostic::whole(&file, format!("the trust file cannot be read: {e}"))
                    .hint("Run `fabric init`, or name the trust file that your policy admin keeps."),
            ]
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&file, &text, |certificate| fs::read(folder.join(certificate)))
    }

    /// Reads the text of a trust file; `certificate` brings the bytes of a certificate file by its relative path.
    ///
    /// # Errors
    /// As [`Trust::load`].
    pub fn parse(
        file: &str,
        text: &str,
        certificate: impl Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let raw: File = toml::from_str(text).map_err(|e| {
            let offset = e.span().map_or(0, |span| span.start);
            vec![Diagnostic::at(file, text, offset, e.message().to_owned())]
        })?;
        let mut reading = Reading::of(file, text);
        if *raw.format.get_ref() != FORMAT {
            reading.fault(raw.format.span(), "the only format of a trust file is 1", "Write `format = 1`.");
        }
        let mut principals = Vec::new();
        for entry in raw.principals {
            principals.extend(reading.principal(entry.into_inner(), &certificate));
        }
        let mut authorities = Vec::new();
        for entry in raw.authorities {
            authorities.extend(reading.authority(entry, &certificate));
        }
        let requirements = raw.requirements.into_iter().map(|entry| reading.requirement(entry)).collect();
        let levels = reading.levels(raw.levels);
        let retentions = raw.retentions.into_iter().map(|entry| reading.retention(entry)).collect();
        let pruners = reading.pruners(raw.prune);
        reading.done().map(|()| Self {
            principals,
            authorities,
            requirements,
            levels,
            retentions,
            pruners,
            demanding: true,
            digest: Digest::of(text.as_bytes()),
        })
    }

    /// The digest of the trust file's text, which holds the fingerprint of every certificate.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Every certificate, revoked ones included.
    pub fn principals(&self) -> &[Trusted] {
        &self.principals
    }

    /// The authorities whose timestamps count.
    pub fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    /// What hangs on each severity, the least severe first.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// What hangs on this severity.
    pub fn level(&self, severity: Severity) -> Option<&Level> {
        self.levels.iter().find(|level| level.severity == severity)
    }

    /// The roles in which packets are pruned once their retention is over.
    pub fn pruners(&self) -> &[Slug] {
        &self.pruners
    }

    /// The same people and authorities, for whoever adds what the requirements demand.
    #[must_use]
    pub fn without_requirements(&self) -> Self {
        Self { demanding: false, ..self.clone() }
    }

    /// Every requirement.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// The requirements that are for a run.
    pub fn requirements_for(&self, run: &RunRecord) -> impl Iterator<Item = &Requirement> {
        self.requirements.iter().filter(|one| one.is_for(run))
    }

    /// What a packet lacks, as its run, its signers and its labels are.
    pub(crate) fn lacks(
        &self,
        run: &RunRecord,
        signers: &[SignedBy],
        has_statement: bool,
        labels: &Standing,
    ) -> Vec<Finding> {
        if !self.demanding {
            return Vec::new();
        }
        let mut found: Vec<Finding> =
            self.requirements_for(run).flat_map(|one| one.lacks(signers, has_statement, labels)).collect();
        found.extend(labels.lacking.iter().map(|role| {
            let message = format!("the trust file demands that its severity is signed as `{role}` too");
            Finding::whole("label.required", message)
        }));
        if let Some(level) = labels.severity.and_then(|severity| self.level(severity)) {
            found.extend(level.demand.lacks(signers));
        }
        found
    }

    /// Until when a packet of this seal is kept at least. Nothing where no rule is for it: then it is kept.
    pub fn kept_until(&self, run: &RunRecord, labels: &Standing, sealed: Stamp) -> Option<Stamp> {
        let of_runs = self.retentions.iter().filter(|rule| rule.is_for(run)).map(|rule| rule.days);
        let of_level =
            labels.severity.and_then(|severity| self.level(severity)).map(|level| level.retain_days);
        let days = of_runs.chain(of_level).max()?;
        Some(labels.retain_until.into_iter().fold(sealed.plus_days(days), Stamp::max))
    }

    /// The certificate with this primary fingerprint.
    pub fn principal(&self, fingerprint: &Fingerprint) -> Option<&Trusted> {
        self.principals.iter().find(|p| p.fingerprint == *fingerprint)
    }

    /// The roles of a certificate: none for one that is unknown or revoked.
    pub fn roles_of(&self, fingerprint: &Fingerprint) -> &[Slug] {
        self.principal(fingerprint).map_or(&[], |p| p.roles.as_slice())
    }
}
