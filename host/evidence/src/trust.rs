//! The trust file: whose signatures count, in which roles. It lies outside every packet.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Component, Path};

use sequoia_openpgp as openpgp;

use fabric_model::{Diagnostic, Digest, Slug};
use openpgp::Cert;
use openpgp::cert::CertParser;
use openpgp::parse::Parse as _;
use serde::Deserialize;
use toml::Spanned;

use crate::fingerprint::Fingerprint;
use crate::key;

/// The only format of the trust file so far.
pub const FORMAT: u32 = 1;

/// Whose signatures count.
#[derive(Clone, Debug)]
pub struct Trust {
    principals: Vec<Trusted>,
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
    pub(crate) cert: Cert,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Spanned<u32>,
    #[serde(default, rename = "principal")]
    principals: Vec<Spanned<Entry>>,
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
        let mut reading =
            Reading { file, text, found: Vec::new(), names: BTreeSet::new(), keys: BTreeSet::new() };
        if *raw.format.get_ref() != FORMAT {
            reading.fault(raw.format.span(), "the only format of a trust file is 1", "Write `format = 1`.");
        }
        let mut principals = Vec::new();
        for entry in raw.principals {
            principals.extend(reading.principal(entry.into_inner(), &certificate));
        }
        if reading.found.is_empty() {
            Ok(Self { principals, digest: Digest::of(text.as_bytes()) })
        } else {
            Err(reading.found)
        }
    }

    /// The digest of the trust file's text, which holds the fingerprint of every certificate.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Every certificate, revoked ones included.
    pub fn principals(&self) -> &[Trusted] {
        &self.principals
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

struct Reading<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Diagnostic>,
    names: BTreeSet<String>,
    keys: BTreeSet<Fingerprint>,
}

impl Reading<'_> {
    fn fault(&mut self, span: Range<usize>, message: impl Into<String>, hint: &str) {
        self.found.push(Diagnostic::at(self.file, self.text, span.start, message).hint(hint));
    }

    fn principal(
        &mut self,
        entry: Entry,
        certificate: &impl Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Option<Trusted> {
        let before = self.found.len();
        if !self.names.insert(entry.name.get_ref().clone()) {
            self.fault(entry.name.span(), "this name stands twice", "Give each principal one entry.");
        }
        let roles = self.roles(&entry.roles);
        let fingerprint = match Fingerprint::from_copied(entry.fingerprint.get_ref()) {
            Ok(fingerprint) => fingerprint,
            Err(e) => {
                self.fault(
                    entry.fingerprint.span(),
                    e.to_string(),
                    "Copy it from `gpg --show-keys` on the certificate's file.",
                );
                return None;
            }
        };
        if !self.keys.insert(fingerprint.clone()) {
            self.fault(
                entry.fingerprint.span(),
                "this certificate stands twice",
                "Give each certificate one entry.",
            );
        }
        let cert = self.certificate(&entry.certificate, certificate)?;
        if key::fingerprint(&cert).ok().as_ref() != Some(&fingerprint) {
            self.fault(
                entry.fingerprint.span(),
                format!("the certificate's fingerprint is {}, not this", cert.fingerprint().to_hex().to_lowercase()),
                "Ask the holder for his fingerprint by another way than the file came, then correct file or entry.",
            );
        }
        let name = entry.name.into_inner();
        let roles = if entry.revoked { Vec::new() } else { roles };
        (self.found.len() == before).then_some(Trusted {
            name,
            fingerprint,
            roles,
            revoked: entry.revoked,
            cert,
        })
    }

    fn roles(&mut self, stated: &Spanned<Vec<Spanned<String>>>) -> Vec<Slug> {
        if stated.get_ref().is_empty() {
            self.fault(
                stated.span(),
                "a principal without a role can sign nothing",
                "Name at least one role, such as `site-dev`, or write `revoked = true`.",
            );
        }
        let mut roles = Vec::new();
        for role in stated.get_ref() {
            match role.get_ref().parse::<Slug>() {
                Ok(slug) if roles.contains(&slug) => {
                    self.fault(role.span(), "this role stands twice", "Remove one of the two.");
                }
                Ok(slug) => roles.push(slug),
                Err(e) => {
                    self.fault(role.span(), e.to_string(), "Write a role as one word, such as `site-dev`.")
                }
            }
        }
        roles
    }

    fn certificate(
        &mut self,
        stated: &Spanned<String>,
        read: &impl Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Option<Cert> {
        let path = Path::new(stated.get_ref());
        if !path.components().all(|c| matches!(c, Component::Normal(_))) {
            self.fault(
                stated.span(),
                "a certificate lies beside the trust file or below it",
                "Write a relative path without `..`, such as `certs/site-dev.asc`.",
            );
            return None;
        }
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(e) => {
                self.fault(
                    stated.span(),
                    format!("the certificate cannot be read: {e}"),
                    "Put the armored public certificate there, as `gpg --armor --export` writes it.",
                );
                return None;
            }
        };
        let mut certs = CertParser::from_bytes(&bytes).into_iter().flatten();
        match (certs.next(), certs.next()) {
            (Some(Ok(cert)), None) if cert.is_tsk() => {
                self.fault(
                    stated.span(),
                    "the file holds a secret key",
                    "Replace it by the public certificate, and the key by a new one: this one is no longer secret.",
                );
                None
            }
            (Some(Ok(cert)), None) => Some(cert),
            _ => {
                self.fault(
                    stated.span(),
                    "the file does not hold exactly one OpenPGP certificate",
                    "Write one certificate to one file, as `gpg --armor --export FINGERPRINT` does.",
                );
                None
            }
        }
    }
}
