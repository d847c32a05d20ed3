//! Names by the resolver of this machine: for what the operator himself names, never for what a script does.

use std::net::SocketAddr;

use fabric_wire::{Deadline, WireError};

/// The addresses of a name or of an address in text, in the order in which they should be tried.
///
/// # Errors
/// [`WireError::NotFound`] when the resolver knows none; [`WireError::Timeout`].
pub async fn addresses(host: &str, port: u16, deadline: Deadline) -> Result<Vec<SocketAddr>, WireError> {
    let asked = async {
        let found = tokio::net::lookup_host((host, port)).await;
        found.map(Iterator::collect).map_err(|error| WireError::NotFound(format!("{host}: {error}")))
    };
    deadline.bound(asked).await
}
