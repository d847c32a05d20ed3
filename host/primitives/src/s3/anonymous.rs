//! Asks an S3 server without a name, to see whether it refuses.
//!
//! # Observes
//! Whether somebody without a name is given the listing of a bucket, or one of its objects. Only the server's own refusal is `denied`: a
//! connection that is refused, a host that is out of reach and a bucket that is not there are faults, and no proof of anything.
//!
//! # Denied when
//! `s3:SERVER/BUCKET/` is not granted, or with a key `s3:SERVER/BUCKET/KEY`.

use fabric_model::check::Basis;
use fabric_model::{BucketName, Folder, ObjectKey, S3Place, Slug, Value};
use fabric_wire::s3::{Anonymous as Met, Client};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::TimeoutMs;
use crate::need::Wanted;
use crate::s3_read::{EXAMPLE_KEY, OfS3, S3Read, example, of_s3};

/// Arguments of `s3.anonymous`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The S3 server, by its name in the site.
    pub server: Slug,
    /// The bucket.
    pub bucket: BucketName,
    /// The object that is asked for; without it, the listing of the bucket.
    #[serde(default)]
    pub key: Option<ObjectKey>,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

of_s3!(Args, |it| match &it.key {
    Some(key) => S3Place::Object(it.bucket.clone(), key.clone()),
    None => S3Place::Folder(it.bucket.clone(), Folder::default()),
});

pub(crate) struct Anonymous;

impl S3Read for Anonymous {
    const NAME: &'static str = "s3.anonymous";
    const SUMMARY: &'static str = "Asks an S3 server without a name, to see whether it refuses.";
    const WANTED: Wanted = Wanted::S3Nameless;
    const BASIS: Basis = Basis::Probed;

    type Args = Args;
    type Output = Met;

    async fn read(client: &Client, args: &Args, deadline: Deadline) -> Result<Met, WireError> {
        let key = args.key.as_ref().map(ObjectKey::as_str);
        client.anonymous(args.bucket.as_str(), key, deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![example(&[]), example(&[("key", EXAMPLE_KEY.into())])]
    }
}
