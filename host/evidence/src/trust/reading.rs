//! Reading a trust file: everything that is wrong with it, each at its place.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Component, Path};

use sequoia_openpgp as openpgp;

use der::asn1::ObjectIdentifier;
use fabric_model::{Diagnostic, Slug};
use openpgp::Cert;
use openpgp::cert::CertParser;
use openpgp::parse::Parse as _;
use toml::Spanned;
use toml::value::Datetime;

use super::{AuthorityEntry, Entry, Trusted};
use crate::fingerprint::Fingerprint;
use crate::key;
use crate::stamp::Stamp;
use crate::timestamp::{Anchors, Authority};

/// What was found so far.
pub(super) struct Reading<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Diagnostic>,
    names: BTreeSet<String>,
    keys: BTreeSet<Fingerprint>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(file: &'a str, text: &'a str) -> Self {
        Self { file, text, found: Vec::new(), names: BTreeSet::new(), keys: BTreeSet::new() }
    }

    pub(super) fn done(self) -> Result<(), Vec<Diagnostic>> {
        if self.found.is_empty() { Ok(()) } else { Err(self.found) }
    }

    pub(super) fn fault(&mut self, span: Range<usize>, message: impl Into<String>, hint: &str) {
        self.found.push(Diagnostic::at(self.file, self.text, span.start, message).hint(hint));
    }

    pub(super) fn principal(
        &mut self,
        entry: Entry,
        certificate: &impl Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Option<Trusted> {
        let before = self.found.len();
        if !self.names.insert(entry.name.get_ref().clone()) {
            self.fault(entry.name.span(), "this name stands twice", "Give each principal one entry.");
        }
        let roles = self.roles(&entry.roles);
        let (valid_from, valid_until) = self.validity(entry.valid_from.as_ref(), entry.valid_until.as_ref());
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
            valid_from,
            valid_until,
            cert,
        })
    }

    pub(super) fn authority(
        &mut self,
        entry: AuthorityEntry,
        read: &impl Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Option<Authority> {
        let before = self.found.len();
        if !self.names.insert(entry.name.get_ref().clone()) {
            self.fault(entry.name.span(), "this name stands twice", "Give each authority one entry.");
        }
        let (valid_from, valid_until) = self.validity(entry.valid_from.as_ref(), entry.valid_until.as_ref());
        for policy in &entry.policies {
            if ObjectIdentifier::new(policy.get_ref()).is_err() {
                let hint = "Write it as numbers with dots, such as `1.3.6.1.4.1.13762.3`.";
                self.fault(policy.span(), "this is no object identifier", hint);
            }
        }
        if let Some(url) = entry.url.as_ref()
            && !["http://", "https://"].iter().any(|scheme| url.get_ref().starts_with(scheme))
        {
            let hint = "Write where the authority answers, such as `http://tsa.example.net/`.";
            self.fault(url.span(), "this is no address of HTTP", hint);
        }
        let server_authority = self.server(&entry, read);
        let bytes =
            self.beside(&entry.certificates, read, "Put the authority's root certificate there, in PEM.")?;
        let anchors = match Anchors::from_pem(&bytes) {
            Ok(anchors) => anchors,
            Err(error) => {
                let hint = "Write the certificates that its chains end at, in PEM, one behind the other.";
                self.fault(entry.certificates.span(), error.to_string(), hint);
                return None;
            }
        };
        let policies = entry.policies.into_iter().map(Spanned::into_inner).collect();
        let (name, url) = (entry.name.into_inner(), entry.url.map(Spanned::into_inner));
        (self.found.len() == before).then_some(Authority {
            name,
            url,
            server_authority,
            policies,
            valid_from,
            valid_until,
            anchors,
        })
    }

    /// Whose certificate the authority's server must have, where it is asked over TLS.
    fn server(
        &mut self,
        entry: &AuthorityEntry,
        read: &impl Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let Some(url) = entry.url.as_ref().filter(|url| url.get_ref().starts_with("https://")) else {
            if let Some(certificates) = &entry.server_certificates {
                let hint = "Write an `https://` address, or leave it out: a token's own signature is checked anyhow.";
                self.fault(certificates.span(), "this is for an authority that is asked over TLS", hint);
            }
            return None;
        };
        match &entry.server_certificates {
            Some(certificates) => {
                self.beside(certificates, read, "Put the certificate there that issued the server's, in PEM.")
            }
            None => {
                let hint = "Add `server_certificates = \"FILE\"`; no certificate is trusted but those that you name.";
                self.fault(
                    url.span(),
                    "an authority that is asked over TLS needs certificates to trust",
                    hint,
                );
                None
            }
        }
    }

    /// From when until when something counts.
    fn validity(
        &mut self,
        from: Option<&Spanned<Datetime>>,
        until: Option<&Spanned<Datetime>>,
    ) -> (Option<Stamp>, Option<Stamp>) {
        let (from_at, until_at) = (self.moment(from), self.moment(until));
        if let (Some(first), Some(last), Some(written)) = (from_at, until_at, until)
            && last < first
        {
            self.fault(written.span(), "this is before it begins", "Write a time after `valid_from`.");
        }
        (from_at, until_at)
    }

    fn moment(&mut self, written: Option<&Spanned<Datetime>>) -> Option<Stamp> {
        let written = written?;
        match written.get_ref().to_string().parse::<jiff::Timestamp>() {
            Ok(time) => Some(Stamp::of(time.into())),
            Err(_) => {
                let hint = "Write date, time and zone, such as `2026-05-04T03:02:01Z`.";
                self.fault(written.span(), "this is no point in time", hint);
                None
            }
        }
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
        let hint = "Put the armored public certificate there, as `gpg --armor --export` writes it.";
        let bytes = self.beside(stated, read, hint)?;
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

    /// The bytes of a file that lies beside the trust file or below it.
    fn beside(
        &mut self,
        stated: &Spanned<String>,
        read: &impl Fn(&Path) -> std::io::Result<Vec<u8>>,
        hint: &str,
    ) -> Option<Vec<u8>> {
        let path = Path::new(stated.get_ref());
        if !path.components().all(|c| matches!(c, Component::Normal(_))) {
            self.fault(
                stated.span(),
                "a certificate lies beside the trust file or below it",
                "Write a relative path without `..`, such as `certs/site-dev.asc`.",
            );
            return None;
        }
        match read(path) {
            Ok(bytes) => Some(bytes),
            Err(e) => {
                self.fault(stated.span(), format!("the certificate cannot be read: {e}"), hint);
                None
            }
        }
    }
}
