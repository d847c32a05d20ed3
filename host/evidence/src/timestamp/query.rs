//! What an authority is asked.

use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use der::asn1::{Int, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _};
use fabric_model::Digest;

use super::digest::OF_SHA256;
use super::form::{MessageImprint, TimeStampReq};

/// Random bytes of a query, which its answer repeats.
pub const NONCE_BYTES: usize = 8;

/// The largest query that is read, in bytes. One of ours has 70.
pub const FILE_LIMIT: u64 = 1 << 10;

/// Why a file is no query.
#[derive(Debug, thiserror::Error)]
pub enum NotAQuery {
    /// It cannot be parsed, or is spelt in another way.
    #[error("it is not a query of RFC 3161: {0}")]
    Form(#[from] der::Error),
    /// It asks for something else.
    #[error("a query here has version 1, a SHA-256 imprint, a nonce, and asks for the certificate")]
    Shape,
}

/// A question about some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(TimeStampReq);

impl Query {
    /// A query about these bytes. The nonce is random, so that no earlier answer fits.
    ///
    /// # Errors
    /// Never for a policy that is an object identifier.
    pub fn about(
        stamped: &[u8],
        policy: Option<&str>,
        mut nonce: [u8; NONCE_BYTES],
    ) -> Result<Self, NotAQuery> {
        // Positive, and its first byte is one of its shortest form.
        nonce[0] = (nonce[0] & 0x7f) | 0x40;
        let policy = policy
            .map(|policy| ObjectIdentifier::new(policy).map_err(|error| NotAQuery::Form(error.into())))
            .transpose()?;
        Ok(Self(TimeStampReq {
            version: 1,
            message_imprint: MessageImprint {
                hash_algorithm: AlgorithmIdentifierOwned {
                    oid: OF_SHA256,
                    parameters: Some(der::Any::null()),
                },
                hashed_message: OctetString::new(Digest::of(stamped).bytes().to_vec())?,
            },
            req_policy: policy,
            nonce: Some(Int::new(&nonce)?),
            cert_req: true,
            extensions: None,
        }))
    }

    /// Reads a query file.
    ///
    /// # Errors
    /// When it is not one of ours or of `openssl ts -query -sha256 -cert`.
    pub fn read(bytes: &[u8]) -> Result<Self, NotAQuery> {
        let request = TimeStampReq::from_der(bytes)?;
        let imprint = &request.message_imprint.hash_algorithm;
        let whole = request.version == 1
            && imprint.oid == OF_SHA256
            && imprint.parameters.as_ref().is_none_or(der::Any::is_null)
            && request.nonce.is_some()
            && request.cert_req
            && request.extensions.is_none();
        if whole && request.to_der()? == bytes { Ok(Self(request)) } else { Err(NotAQuery::Shape) }
    }

    /// Its bytes, as they are sent and kept.
    ///
    /// # Errors
    /// Never for a query that was made or read.
    pub fn to_der(&self) -> Result<Vec<u8>, NotAQuery> {
        Ok(self.0.to_der()?)
    }

    /// Whether it is about these bytes.
    pub fn is_about(&self, stamped: &[u8]) -> bool {
        self.0.message_imprint.hashed_message.as_bytes() == Digest::of(stamped).bytes()
    }

    pub(super) fn imprint(&self) -> &[u8] {
        self.0.message_imprint.hashed_message.as_bytes()
    }

    pub(super) fn nonce(&self) -> Option<&[u8]> {
        self.0.nonce.as_ref().map(Int::as_bytes)
    }

    pub(super) fn policy(&self) -> Option<ObjectIdentifier> {
        self.0.req_policy
    }
}
