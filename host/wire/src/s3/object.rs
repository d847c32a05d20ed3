//! One object.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{code, document, etag, garbage, good};
use super::client::{Asked, Client};
use crate::deadline::Deadline;
use crate::error::{WireError, printable};
use crate::http::{Method, Response};

/// The largest text of a refusal that is taken, in bytes.
const REFUSAL_LIMIT: usize = 64 << 10;

/// What user metadata begins with among the header fields.
const METADATA: &str = "x-amz-meta-";

/// What a server says about an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectHead {
    /// The size in bytes.
    pub size: u64,
    /// The entity tag, without its quotes.
    pub etag: String,
    /// The media type.
    pub content_type: Option<String>,
    /// When it was last written, as the server says.
    pub modified: Option<String>,
    /// The version's id, where the bucket has versions.
    pub version: Option<String>,
    /// User metadata by lower-case name.
    pub metadata: BTreeMap<String, String>,
}

/// An object's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What the server says about it.
    pub head: ObjectHead,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// How long an object is kept from being deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retention {
    /// `GOVERNANCE` or `COMPLIANCE`; none without retention.
    pub mode: Option<String>,
    /// Until when, as the server says.
    pub until: Option<String>,
    /// Whether a legal hold keeps it beside that.
    pub legal_hold: bool,
}

impl Client {
    /// Reads what the server says about an object: HEAD /BUCKET/KEY. Needs s3:GetObject.
    ///
    /// # Errors
    /// As [`Client`]'s reads. An answer to HEAD has no text: a wrong key, a clock that is off and a missing right are all
    /// [`WireError::Permission`].
    pub async fn head(&self, bucket: &str, key: &str, deadline: Deadline) -> Result<ObjectHead, WireError> {
        let asked = Asked { bucket: Some(bucket), key: Some(key), query: &[] };
        head(&self.read(Method::Head, asked, 0, deadline).await?)
    }

    /// Reads an object of at most `limit` bytes: GET /BUCKET/KEY. Needs s3:GetObject.
    ///
    /// # Errors
    /// As [`Client`]'s reads; [`WireError::TooLarge`]; [`WireError::Closed`] when the content breaks off.
    pub async fn content(
        &self,
        bucket: &str,
        key: &str,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Content, WireError> {
        let asked = Asked { bucket: Some(bucket), key: Some(key), query: &[] };
        // A refusal has a text of its own, which may be larger than what is asked for.
        let response = self.read(Method::Get, asked, limit.max(REFUSAL_LIMIT), deadline).await;
        let response = response.map_err(|error| match error {
            WireError::TooLarge { .. } => WireError::TooLarge { limit },
            other => other,
        })?;
        let head = head(&response)?;
        if response.body.len() > limit {
            return Err(WireError::TooLarge { limit });
        }
        if u64::try_from(response.body.len()) != Ok(head.size) {
            return Err(garbage("another length than it announces"));
        }
        Ok(Content { head, bytes: response.body })
    }

    /// Reads what keeps an object from being deleted: GET /BUCKET/KEY?retention and ?legal-hold. Needs s3:GetObjectRetention and
    /// s3:GetObjectLegalHold.
    ///
    /// # Errors
    /// As [`Client`]'s reads; [`WireError::NotFound`] for an object that is not there.
    pub async fn retention(
        &self,
        bucket: &str,
        key: &str,
        deadline: Deadline,
    ) -> Result<Retention, WireError> {
        let asked = Asked { bucket: Some(bucket), key: Some(key), query: &[("retention", "")] };
        let (mode, until) = term(&self.get(asked, deadline).await?)?;
        let asked = Asked { query: &[("legal-hold", "")], ..asked };
        let legal_hold = hold(&self.get(asked, deadline).await?)?;
        Ok(Retention { mode, until, legal_hold })
    }
}

/// Mode and end of an object's retention.
pub(super) fn term(response: &Response) -> Result<(Option<String>, Option<String>), WireError> {
    if is_unlocked(response) {
        return Ok((None, None));
    }
    let read = document(response, "Retention")?;
    let text = |name| read.text_of(name).map(str::to_owned);
    Ok((text("Mode"), text("RetainUntilDate")))
}

/// Whether a legal hold is on an object.
pub(super) fn hold(response: &Response) -> Result<bool, WireError> {
    if is_unlocked(response) {
        return Ok(false);
    }
    Ok(document(response, "LegalHold")?.text_of("Status") == Some("ON"))
}

/// Whether the server says that the object or its whole bucket has no lock: servers differ in the status.
fn is_unlocked(response: &Response) -> bool {
    matches!(
        code(response).as_str(),
        "NoSuchObjectLockConfiguration"
            | "ObjectLockConfigurationNotFoundError"
            | "InvalidRequest"
            | "InvalidRequestParameter"
    ) && matches!(response.status, 400 | 404)
}

/// What the header fields of an answer say about an object.
pub(super) fn head(response: &Response) -> Result<ObjectHead, WireError> {
    good(response)?;
    let field = |name: &str| response.headers.get(name).map(|value| printable(value));
    let size = response.headers.get("content-length").and_then(|size| size.parse().ok());
    let metadata = response.headers.iter().filter_map(|(name, value)| {
        name.strip_prefix(METADATA).map(|name| (name.to_owned(), printable(value)))
    });
    Ok(ObjectHead {
        size: size.ok_or_else(|| garbage("an object without a length"))?,
        etag: etag(response.headers.get("etag").map(String::as_str))?,
        content_type: field("content-type"),
        modified: field("last-modified"),
        version: field("x-amz-version-id"),
        metadata: metadata.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status, reason: String::new(), headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn metadata_is_told_from_other_fields() {
        let fields =
            [("content-length", "3"), ("etag", "\"e\""), ("x-amz-meta-owner", "jd"), ("server", "x")];
        let read = head(&response(200, &fields, "")).expect("a head");
        assert_eq!((read.size, read.etag.as_str()), (3, "e"));
        assert_eq!(read.metadata, BTreeMap::from([("owner".to_owned(), "jd".to_owned())]));
        assert!(head(&response(200, &[("content-length", "3"), ("etag", "e")], "")).is_err());
        assert!(head(&response(200, &[("etag", "\"e\"")], "")).is_err());
    }

    #[test]
    fn no_lock_is_an_answer_and_no_right_is_an_error() {
        let refused = |status, code| response(status, &[], &format!("<Error><Code>{code}</Code></Error>"));
        assert!(is_unlocked(&refused(404, "NoSuchObjectLockConfiguration")));
        assert!(is_unlocked(&refused(400, "InvalidRequest")));
        for (status, code) in
            [(403, "AccessDenied"), (404, "NoSuchKey"), (404, "NoSuchBucket"), (501, "InvalidRequest")]
        {
            assert!(!is_unlocked(&refused(status, code)), "{code}");
        }
        assert!(matches!(
            super::super::answer::failure(&refused(403, "AccessDenied")),
            WireError::Permission(_)
        ));
    }
}
