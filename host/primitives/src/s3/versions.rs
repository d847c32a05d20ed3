//! Lists versions of the objects of a bucket.
//!
//! # Observes
//! Each version, and each mark that an object was deleted, of the objects whose keys begin with the folder, however deep (GET
//! /BUCKET?versions), page by page up to the limit, and whether there are more.
//!
//! # Denied when
//! `s3:SERVER/BUCKET/FOLDER/` is not granted, or something is denied that the listing would show. A right that the keys lack is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::s3::{Client, Listing, VersionEntry};
use fabric_wire::{Deadline, WireError};

use crate::s3_read::{OfFolder, S3Read, example};

pub(crate) struct Versions;

impl S3Read for Versions {
    const NAME: &'static str = "s3.versions";
    const SUMMARY: &'static str = "Lists versions of the objects of a bucket.";

    type Args = OfFolder;
    type Output = Listing<VersionEntry>;

    async fn read(
        client: &Client,
        args: &OfFolder,
        deadline: Deadline,
    ) -> Result<Listing<VersionEntry>, WireError> {
        let OfFolder { bucket, folder, limit, .. } = args;
        client.versions(bucket.as_str(), folder.as_str(), limit.entries(), deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![example(&[("folder", "samakia-fabric/".into())])]
    }
}
