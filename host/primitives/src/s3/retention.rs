//! Reads what keeps one object from being deleted.
//!
//! # Observes
//! Mode and end of its retention, and whether a legal hold is on it (GET /BUCKET/KEY?retention, /BUCKET/KEY?legal-hold).
//!
//! # Denied when
//! `s3:SERVER/BUCKET/KEY` is not granted. A right that the keys lack is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::s3::{Client, Retention};
use fabric_wire::{Deadline, WireError};

use crate::s3_read::{EXAMPLE_KEY, OfObject, S3Read, example};

pub(crate) struct RetentionOf;

impl S3Read for RetentionOf {
    const NAME: &'static str = "s3.retention";
    const SUMMARY: &'static str = "Reads what keeps one object from being deleted.";

    type Args = OfObject;
    type Output = Retention;

    async fn read(client: &Client, args: &OfObject, deadline: Deadline) -> Result<Retention, WireError> {
        client.retention(args.bucket.as_str(), args.key.as_str(), deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![example(&[("key", EXAMPLE_KEY.into())])]
    }
}
