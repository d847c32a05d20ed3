//! Whether a port can be connected to.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::error::WireError;
use crate::seam::{Route, Seams};

/// What came of connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The port accepts connections.
    Open,
    /// The connection was refused: nothing listens, or a firewall rejects. Through a host, sshd reports every failure of its
    /// own connect this way, a time-out included.
    Refused,
    /// No answer within the deadline: a firewall drops, or the target is down.
    Timeout,
}

/// The result of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connected {
    /// What came of it.
    pub state: State,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Connects, and closes again at once without sending a byte.
///
/// # Errors
/// Whatever is neither an open, a refused nor a silent port: no route, forwarding refused, a host on the way that is untrusted,
/// hangs or cannot be reached.
pub async fn connect(
    seams: &Seams,
    route: &Route,
    to: SocketAddr,
    deadline: Deadline,
) -> Result<Connected, WireError> {
    let started = Instant::now();
    let state = match deadline.bound(seams.open(route, to, deadline)).await {
        Ok(_stream) => State::Open,
        Err(WireError::Refused) => State::Refused,
        Err(WireError::Timeout) => State::Timeout,
        Err(other) => return Err(other),
    };
    Ok(Connected { state, took_ms: millis_since(started) })
}

/// Milliseconds since `start`, rounded down.
pub(crate) fn millis_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
