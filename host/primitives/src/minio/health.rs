//! Asks MinIO, or a server made to be like it, about its health.
//!
//! # Observes
//! Whether the node that answers runs and can serve, and whether the cluster has its quorum to write and to read, as the server itself says
//! without asking who wants to know (GET /minio/health/live, /ready, /cluster, /cluster/read). A no is a result; a server without these
//! paths is a fault.
//!
//! # Denied when
//! `s3:SERVER` is not granted.

use fabric_model::Value;
use fabric_wire::s3::{Client, Health as Told};
use fabric_wire::{Deadline, WireError};

use crate::need::Wanted;
use crate::s3_read::{OfServer, S3Read};

pub(crate) struct Health;

impl S3Read for Health {
    const NAME: &'static str = "minio.health";
    const SUMMARY: &'static str = "Asks MinIO, or a server made to be like it, about its health.";
    const WANTED: Wanted = Wanted::S3Nameless;

    type Args = OfServer;
    type Output = Told;

    async fn read(client: &Client, _: &OfServer, deadline: Deadline) -> Result<Told, WireError> {
        client.health(deadline).await
    }

    fn examples() -> Vec<Value> {
        vec![Value::table([("server", "minio".into())])]
    }
}
