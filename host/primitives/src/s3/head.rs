//! Reads what an S3 server says about one object.
//!
//! # Observes
//! Size, entity tag, media type, date, version and user metadata (HEAD /BUCKET/KEY).
//!
//! # Denied when
//! `s3:SERVER/BUCKET/KEY` is not granted. A right that the keys lack is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::s3::{Client, ObjectHead};
use fabric_wire::{Deadline, WireError};

use crate::s3_read::{EXAMPLE_KEY, OfObject, S3Read, example};

pub(crate) struct Head;

impl S3Read for Head {
    const NAME: &'static str = "s3.head";
    const SUMMARY: &'static str = "Reads what an S3 server says about one object.";

    type Args = OfObject;
    type Output = ObjectHead;

    async fn read(client: &Client, args: &OfObject, deadline: Deadline) -> Result<ObjectHead, WireError> {
        client.head(args.bucket.as_str(), args.key.as_str(), deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![example(&[("key", EXAMPLE_KEY.into())])]
    }
}
