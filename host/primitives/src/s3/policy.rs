//! Reads the policy of a bucket.
//!
//! # Observes
//! The policy, or that there is none (GET /BUCKET?policy). A bucket without a policy is private.
//!
//! # Denied when
//! `s3:SERVER/BUCKET` is not granted. A right that the keys lack is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::s3::Client;
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::s3_read::{OfBucket, S3Read, example};

/// The policy of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Found {
    /// The policy as JSON; none where the bucket has none.
    pub policy: Option<String>,
}

pub(crate) struct Policy;

impl S3Read for Policy {
    const NAME: &'static str = "s3.policy";
    const SUMMARY: &'static str = "Reads the policy of a bucket.";

    type Args = OfBucket;
    type Output = Found;

    async fn read(client: &Client, args: &OfBucket, deadline: Deadline) -> Result<Found, WireError> {
        Ok(Found { policy: client.policy(args.bucket.as_str(), deadline).await? })
    }

    fn examples() -> Vec<Value> {
        vec![example(&[])]
    }
}
