//! Reads what is kept from being deleted in a bucket.
//!
//! # Observes
//! Whether the bucket keeps versions, whether its objects can be locked, and the retention of an object that says nothing of its own (GET
//! /BUCKET?versioning, /BUCKET?object-lock).
//!
//! # Denied when
//! `s3:SERVER/BUCKET` is not granted. A right that the keys lack is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::s3::{Client, LockSettings};
use fabric_wire::{Deadline, WireError};

use crate::s3_read::{OfBucket, S3Read, example};

pub(crate) struct LockSettingsOf;

impl S3Read for LockSettingsOf {
    const NAME: &'static str = "s3.lock_settings";
    const SUMMARY: &'static str = "Reads what is kept from being deleted in a bucket.";

    type Args = OfBucket;
    type Output = LockSettings;

    async fn read(client: &Client, args: &OfBucket, deadline: Deadline) -> Result<LockSettings, WireError> {
        client.lock_settings(args.bucket.as_str(), deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![example(&[])]
    }
}
