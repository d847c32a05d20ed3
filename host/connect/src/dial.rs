//! TCP connections from this machine.

use std::net::SocketAddr;

use fabric_wire::seam::{BoxStream, Dial, Pending};
use fabric_wire::{Deadline, WireError};
use tokio::net::TcpStream;

/// Opens TCP connections with the kernel's own source address and port.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    fn dial(&self, to: SocketAddr, deadline: Deadline) -> Pending<'_, BoxStream> {
        Box::pin(deadline.bound(async move {
            let stream = TcpStream::connect(to).await.map_err(|e| WireError::from_io(&e))?;
            // Requests are single small writes that wait for an answer: Nagle's algorithm would only delay them.
            stream.set_nodelay(true).map_err(|e| WireError::from_io(&e))?;
            Ok(Box::new(stream) as BoxStream)
        }))
    }
}
