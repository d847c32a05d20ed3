//! What MinIO, and servers made to be like it, say about their own health ("Healthcheck API" of its documentation). It is asked for
//! without a name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::failure;
use super::client::Client;
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::http::Response;

/// What the server says to each question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Whether the node that answers runs.
    pub live: Probe,
    /// Whether it can serve requests.
    pub ready: Probe,
    /// Whether enough nodes and drives are there to write.
    pub cluster: Probe,
    /// Whether enough are there to read.
    pub cluster_read: Probe,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// Whether the server says yes.
    pub healthy: bool,
    /// The status of its answer.
    pub status: u16,
    /// How many drives the quorum needs, where the server says so (`X-Minio-Write-Quorum`).
    pub quorum: Option<u32>,
}

impl Client {
    /// Asks each of the four questions: GET /minio/health/live, /ready, /cluster, /cluster/read. An answer of 503 is a no and is not asked
    /// for again.
    ///
    /// # Errors
    /// Those of the seams and of TLS; [`WireError::NotFound`] for a server that has no such paths; [`WireError::Garbage`] for any other
    /// answer.
    pub async fn health(&self, deadline: Deadline) -> Result<Health, WireError> {
        Ok(Health {
            live: self.probe("live", deadline).await?,
            ready: self.probe("ready", deadline).await?,
            cluster: self.probe("cluster", deadline).await?,
            cluster_read: self.probe("cluster/read", deadline).await?,
        })
    }

    async fn probe(&self, what: &str, deadline: Deadline) -> Result<Probe, WireError> {
        probe(&self.get_beside(&format!("/minio/health/{what}"), deadline).await?)
    }
}

/// What a server says to one question.
pub(super) fn probe(response: &Response) -> Result<Probe, WireError> {
    let healthy = match response.status {
        200 => true,
        // MinIO says 412 while a node is taken out on purpose (`cluster?maintenance=true`), which is not asked here.
        503 => false,
        _ => return Err(failure(response)),
    };
    let quorum = response.headers.get("x-minio-write-quorum").and_then(|quorum| quorum.parse().ok());
    Ok(Probe { healthy, status: response.status, quorum })
}
