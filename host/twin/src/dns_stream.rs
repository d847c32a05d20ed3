//! DNS over TCP: messages with a length of two bytes in front (RFC 7766, 8).

use std::io;
use std::sync::Arc;

use fabric_model::site::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::dns;
use crate::net::Landing;
use crate::world::World;

/// Answers requests until the client closes. A daemon that stays silent on UDP closes here.
pub(crate) async fn serve(world: &Arc<World>, landing: &Landing, mut stream: DuplexStream) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut request = vec![0; usize::from(length)];
        stream.read_exact(&mut request).await?;
        let answers = dns::answer(&world.state(), landing, Protocol::Tcp, &request);
        let Some(answers) = answers else { return stream.shutdown().await };
        for answer in answers {
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_u16(length).await?;
            stream.write_all(&answer).await?;
        }
    }
}
