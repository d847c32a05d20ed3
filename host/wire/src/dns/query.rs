//! One question to one server.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::message::Question;
use super::{Answer, DnsName, RrType, Transport};
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::seam::{BoxStream, Route, Seams};
use crate::tcp::millis_since;

/// How often a datagram is sent: at once, and at a third and two thirds of the deadline. Each may be lost.
const SENDINGS: u32 = 3;

/// Asks `server` for the records of one name and type and says what it answered, whatever the response code.
///
/// Over [`Transport::Udp`] the question is repeated twice within the deadline. A datagram that does not answer the question is passed over; if
/// nothing better comes, it is what is reported.
///
/// # Errors
/// Those of the seams; [`WireError::Garbage`] when what came back answers no such question; [`WireError::Unreachable`] for UDP
/// through a host, which SSH cannot carry.
pub async fn query(
    seams: &Seams,
    route: &Route,
    server: SocketAddr,
    name: &DnsName,
    rrtype: RrType,
    transport: Transport,
    deadline: Deadline,
) -> Result<Answer, WireError> {
    let question = Question::data(name, rrtype, seams.entropy.as_ref())?;
    let started = Instant::now();
    let (message, size) = match (transport, route) {
        (Transport::Udp | Transport::UdpOnce, Route::Via(_)) => {
            return Err(WireError::Unreachable("UDP cannot be forwarded through a host".into()));
        }
        (Transport::Udp, Route::Direct) => over_udp(seams, server, &question, SENDINGS, deadline).await?,
        (Transport::UdpOnce, Route::Direct) => over_udp(seams, server, &question, 1, deadline).await?,
        (Transport::Tcp, _) => {
            let exchange = async {
                let mut stream = seams.open(route, server, deadline).await?;
                send(&mut stream, &question.encode()?).await?;
                let bytes = receive(&mut stream).await?;
                Ok((question.read(&bytes)?, bytes.len()))
            };
            deadline.bound(exchange).await?
        }
    };
    let round_trip_ms = millis_since(started);
    question.answer(&message, size, round_trip_ms)
}

async fn over_udp(
    seams: &Seams,
    server: SocketAddr,
    question: &Question,
    sendings: u32,
    deadline: Deadline,
) -> Result<(hickory_proto::op::Message, usize), WireError> {
    let request = question.encode()?;
    let interval = deadline.left() / sendings;
    let mut exchanges = JoinSet::new();
    for sending in 0..sendings {
        let seam = seams.datagram.clone();
        let request = request.clone();
        exchanges.spawn(async move {
            tokio::time::sleep(interval * sending).await;
            // An answer to an early sending may still come while a later one is under way: all wait until the end.
            deadline.bound(seam.exchange(server, &request, deadline)).await
        });
    }
    let mut best_so_far = WireError::Timeout;
    while let Some(exchange) = exchanges.join_next().await {
        let exchange = exchange.unwrap_or_else(|e| Err(WireError::Unreachable(format!("UDP exchange: {e}"))));
        match exchange.and_then(|bytes| Ok((question.read(&bytes)?, bytes.len()))) {
            Err(garbage @ WireError::Garbage(_)) => best_so_far = garbage,
            Err(WireError::Timeout) => {}
            decisive => return decisive,
        }
    }
    Err(best_so_far)
}

/// Sends a message over TCP (RFC 1035, 4.2.2).
pub(super) async fn send(stream: &mut BoxStream, message: &[u8]) -> Result<(), WireError> {
    let length = u16::try_from(message.len()).map_err(|_| WireError::TooLarge { limit: u16::MAX.into() })?;
    let frame = [&length.to_be_bytes(), message].concat();
    stream.write_all(&frame).await.map_err(|e| WireError::from_io(&e))?;
    stream.flush().await.map_err(|e| WireError::from_io(&e))
}

/// Receives one message over TCP.
pub(super) async fn receive(stream: &mut BoxStream) -> Result<Vec<u8>, WireError> {
    let length = stream.read_u16().await.map_err(|e| WireError::from_io(&e))?;
    let mut message = vec![0; length.into()];
    stream.read_exact(&mut message).await.map_err(|e| WireError::from_io(&e))?;
    Ok(message)
}
