//! UDP exchanges from this machine.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use fabric_wire::seam::{Datagram, Pending};
use fabric_wire::{Deadline, WireError};
use tokio::net::UdpSocket;

/// The largest UDP payload there can be, in bytes.
const DATAGRAM_LIMIT: usize = 65_535;

/// Exchanges datagrams, each over a socket of its own: with a port that the kernel picks at random, an answer cannot be forged
/// without seeing the question (RFC 5452).
#[derive(Clone, Copy, Debug, Default)]
pub struct UdpDatagram;

impl Datagram for UdpDatagram {
    fn exchange<'a>(&'a self, to: SocketAddr, request: &'a [u8], deadline: Deadline) -> Pending<'a, Vec<u8>> {
        Box::pin(deadline.bound(async move {
            let exchange = async {
                let any: SocketAddr = match to {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any).await?;
                // A connected socket receives from this peer alone, and learns of its "port unreachable".
                socket.connect(to).await?;
                socket.send(request).await?;
                let mut answer = vec![0; DATAGRAM_LIMIT];
                let length = socket.recv(&mut answer).await?;
                answer.truncate(length);
                Ok(answer)
            };
            exchange.await.map_err(|e: std::io::Error| WireError::from_io(&e))
        }))
    }
}
