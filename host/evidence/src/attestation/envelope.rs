//! The DSSE envelope, in one spelling: canonical JSON, padded standard base64, exactly one signature.

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};

use super::PAYLOAD_TYPE;
use crate::canonical::{self, NotCanonical};
use crate::fingerprint::Fingerprint;
use crate::packet::json_file;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<FormSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FormSignature {
    keyid: String,
    sig: String,
}

/// What an envelope of the right type holds.
pub(super) struct Envelope {
    pub(super) payload: Vec<u8>,
    /// The fingerprint of the key, as it stands there.
    pub(super) key: String,
    pub(super) signature: Vec<u8>,
}

/// Why bytes are not an envelope that could count.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAnEnvelope {
    #[error("the line end is missing")]
    LineEnd,
    #[error(transparent)]
    Json(#[from] NotCanonical),
    #[error("it has not exactly one signature")]
    Signatures,
    #[error("its base64 is not in the one padded spelling")]
    Base64,
    #[error("its content is of type `{0}`")]
    Type(String),
}

impl Envelope {
    pub(super) fn of(payload: &[u8], key: &Fingerprint, signature: &[u8]) -> Self {
        Self { payload: payload.to_owned(), key: key.to_string(), signature: signature.to_owned() }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, NotCanonical> {
        json_file(&Form {
            payload: Base64::encode_string(&self.payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![FormSignature {
                keyid: self.key.clone(),
                sig: Base64::encode_string(&self.signature),
            }],
        })
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, NotAnEnvelope> {
        let json = bytes.strip_suffix(b"\n").ok_or(NotAnEnvelope::LineEnd)?;
        let form: Form = canonical::read(json)?;
        let decoded = |text: &str| Base64::decode_vec(text).map_err(|_| NotAnEnvelope::Base64);
        let [signature] = form.signatures.as_slice() else { return Err(NotAnEnvelope::Signatures) };
        let envelope = Self {
            payload: decoded(&form.payload)?,
            key: signature.keyid.clone(),
            signature: decoded(&signature.sig)?,
        };
        // Last, so that an envelope of another type is one.
        if form.payload_type == PAYLOAD_TYPE {
            Ok(envelope)
        } else {
            Err(NotAnEnvelope::Type(form.payload_type))
        }
    }
}

/// What is signed: type and content, each with its length, so that neither can pass for the other (DSSE 1.0, PAE).
pub(super) fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the DSSE specification, protocol.md.
    #[test]
    fn what_is_signed_is_what_the_specification_shows() {
        let encoded = pre_authentication("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
