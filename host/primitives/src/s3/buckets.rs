//! Lists the buckets of an S3 server.
//!
//! # Observes
//! Name and date of each bucket that belongs to the keys (GET /).
//!
//! # Denied when
//! `s3:SERVER` is not granted. A right that the keys lack is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::s3::{Bucket, Client};
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::s3_read::{OfServer, S3Read};

/// The buckets of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Found {
    /// The buckets, in the server's order.
    pub buckets: Vec<Bucket>,
}

pub(crate) struct Buckets;

impl S3Read for Buckets {
    const NAME: &'static str = "s3.buckets";
    const SUMMARY: &'static str = "Lists the buckets of an S3 server.";

    type Args = OfServer;
    type Output = Found;

    async fn read(client: &Client, _: &OfServer, deadline: Deadline) -> Result<Found, WireError> {
        let buckets = client.buckets(deadline).await?;
        Ok(Found { buckets })
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("server", "minio".into())])]
    }
}
