//! Reads one object of an S3 server.
//!
//! # Observes
//! What the server says about the object, the digest of its content, and the content as text (GET /BUCKET/KEY). A content that is larger
//! than the limit, breaks off or has another length than announced is a fault.
//!
//! # Denied when
//! `s3:SERVER/BUCKET/KEY` is not granted. A right that the keys lack is a fault, not a denial.

use fabric_model::{BucketName, Digest, ObjectKey, S3Place, Slug, Value};
use fabric_wire::s3::{Client, ObjectHead};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{BodyLimit, TimeoutMs};
use crate::s3_read::{EXAMPLE_KEY, OfS3, S3Read, example, of_s3};

/// Arguments of `s3.get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The S3 server, by its name in the site.
    pub server: Slug,
    /// The bucket.
    pub bucket: BucketName,
    /// The object's key.
    pub key: ObjectKey,
    /// The largest content; a larger one is a fault.
    #[serde(default)]
    pub body_limit: BodyLimit,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

of_s3!(Args, |it| S3Place::Object(it.bucket.clone(), it.key.clone()));

/// An object with its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Found {
    /// What the server says about it.
    pub head: ObjectHead,
    /// The SHA-256 of the content as it was read.
    pub sha256: Digest,
    /// The content; none where it is no UTF-8.
    pub text: Option<String>,
}

pub(crate) struct Get;

impl S3Read for Get {
    const NAME: &'static str = "s3.get";
    const SUMMARY: &'static str = "Reads one object of an S3 server.";

    type Args = Args;
    type Output = Found;

    async fn read(client: &Client, args: &Args, deadline: Deadline) -> Result<Found, WireError> {
        let (bucket, key) = (args.bucket.as_str(), args.key.as_str());
        let content = client.content(bucket, key, args.body_limit.bytes(), deadline).await?;
        let sha256 = Digest::of(&content.bytes);
        Ok(Found { head: content.head, sha256, text: String::from_utf8(content.bytes).ok() })
    }

    fn examples() -> Vec<Value> {
        vec![example(&[("key", EXAMPLE_KEY.into())])]
    }
}
