//! Lists objects of a bucket.
//!
//! # Observes
//! Key, size, entity tag and date of each object whose key begins with the folder, however deep (GET /BUCKET?list-type=2), page by page up to the
//! limit, and whether there are more.
//!
//! # Denied when
//! `s3:SERVER/BUCKET/FOLDER/` is not granted, or something is denied that the listing would show. A right that the keys lack is a fault, not a denial.

use fabric_model::Value;
use fabric_wire::s3::{Client, Listing, ObjectEntry};
use fabric_wire::{Deadline, WireError};

use crate::s3_read::{OfFolder, S3Read, example};

pub(crate) struct Objects;

impl S3Read for Objects {
    const NAME: &'static str = "s3.objects";
    const SUMMARY: &'static str = "Lists objects of a bucket.";

    type Args = OfFolder;
    type Output = Listing<ObjectEntry>;

    async fn read(
        client: &Client,
        args: &OfFolder,
        deadline: Deadline,
    ) -> Result<Listing<ObjectEntry>, WireError> {
        let OfFolder { bucket, folder, limit, .. } = args;
        client.objects(bucket.as_str(), folder.as_str(), limit.entries(), deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![example(&[]), example(&[("folder", "samakia-fabric/".into()), ("limit", 2.into())])]
    }
}
