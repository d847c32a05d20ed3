//! Whose tokens count.

use std::time::SystemTime;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor};

use super::Refused;
use crate::stamp::Stamp;

/// An authority of the trust file.
#[derive(Clone, Debug)]
pub struct Authority {
    /// What people call it.
    pub name: String,
    /// Where it answers queries; nothing where it is only verified.
    pub url: Option<String>,
    /// The certificates, in PEM, that its server's chain must end at, where it answers over HTTPS.
    pub server_authority: Option<Vec<u8>>,
    /// The policies, as object identifiers, under which its tokens count; empty for any.
    pub policies: Vec<String>,
    /// From when on its tokens count.
    pub valid_from: Option<Stamp>,
    /// Until when they do.
    pub valid_until: Option<Stamp>,
    /// The certificates that its chains end at.
    pub anchors: Anchors,
}

/// Certificates that a chain may end at.
#[derive(Clone, Debug)]
pub struct Anchors(Vec<TrustAnchor<'static>>);

/// Why a file holds no certificates to end at.
#[derive(Debug, thiserror::Error)]
pub enum NotAnchors {
    /// No PEM block of a certificate is in it.
    #[error("the file holds no certificate in PEM")]
    None,
    /// One cannot be read.
    #[error("certificate {number} cannot be read: {reason}")]
    Unreadable {
        /// Which, from 1.
        number: usize,
        /// Why.
        reason: String,
    },
}

impl Anchors {
    /// Reads the certificates of a PEM file.
    ///
    /// # Errors
    /// When there is none, or one is none.
    pub fn from_pem(text: &[u8]) -> Result<Self, NotAnchors> {
        let mut anchors = Vec::new();
        for (index, found) in CertificateDer::pem_slice_iter(text).enumerate() {
            let unreadable = |reason: String| NotAnchors::Unreadable { number: index + 1, reason };
            let certificate = found.map_err(|error| unreadable(error.to_string()))?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate)
                .map_err(|error| unreadable(error.to_string()))?;
            anchors.push(anchor.to_owned());
        }
        if anchors.is_empty() { Err(NotAnchors::None) } else { Ok(Self(anchors)) }
    }

    pub(super) fn as_slice(&self) -> &[TrustAnchor<'static>] {
        &self.0
    }
}

impl Authority {
    /// Whether its tokens of that time count.
    pub(super) fn counts_at(&self, time: SystemTime) -> bool {
        let at = Stamp::of(time);
        self.valid_from.is_none_or(|from| from <= at) && self.valid_until.is_none_or(|until| at <= until)
    }

    pub(super) fn allows(&self, policy: &str) -> Result<(), Refused> {
        if self.policies.is_empty() || self.policies.iter().any(|allowed| allowed == policy) {
            return Ok(());
        }
        let message = format!("the trust file does not take tokens of `{}` under policy {policy}", self.name);
        Err(Refused::new("timestamp.policy", message))
    }
}
