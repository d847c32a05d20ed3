//! The floor: the least that russh needs for the same work, with the host key compared and nothing else.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use russh::client::{Config, Handle, Handler, connect_stream};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate, load_secret_key};
use russh::{ChannelMsg, Disconnect};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::fleet::Fleet;
use crate::{COMMAND, Outcome};

struct Expect(PublicKey);

impl Handler for Expect {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(key.public_key().key_data() == self.0.key_data())
    }
}

struct Keys {
    operator: Arc<PrivateKey>,
    host: PublicKey,
}

pub(crate) async fn fan_out(fleet: &Fleet) -> Outcome<()> {
    let keys = Arc::new(keys(fleet)?);
    let runs: Vec<_> = fleet
        .addresses
        .iter()
        .map(|&address| {
            let keys = keys.clone();
            tokio::spawn(async move {
                let session = connect(address, &keys).await?;
                run(&session).await?;
                Outcome::Ok(session.disconnect(Disconnect::ByApplication, "", "").await?)
            })
        })
        .collect();
    for finished in runs {
        finished.await??;
    }
    Ok(())
}

pub(crate) async fn sequence(fleet: &Fleet, count: usize) -> Outcome<()> {
    let session = connect(address(fleet, 0)?, &keys(fleet)?).await?;
    for _ in 0..count {
        run(&session).await?;
    }
    Ok(session.disconnect(Disconnect::ByApplication, "", "").await?)
}

pub(crate) async fn jump(fleet: &Fleet) -> Outcome<()> {
    let keys = keys(fleet)?;
    let outer = connect(address(fleet, 0)?, &keys).await?;
    let to = address(fleet, 1)?;
    let channel =
        outer.channel_open_direct_tcpip(to.ip().to_string(), to.port().into(), "127.0.0.1", 0).await?;
    run(&log_in(channel.into_stream(), &keys).await?).await
}

fn keys(fleet: &Fleet) -> Outcome<Keys> {
    let operator = Arc::new(load_secret_key(fleet.file("operator"), None)?);
    Ok(Keys { operator, host: PublicKey::from_openssh(&fleet.host_key)? })
}

fn address(fleet: &Fleet, index: usize) -> Outcome<SocketAddr> {
    fleet.addresses.get(index).copied().ok_or_else(|| "no such host".into())
}

async fn connect(address: SocketAddr, keys: &Keys) -> Outcome<Handle<Expect>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    log_in(QuickAck(stream), keys).await
}

async fn log_in<S>(stream: S, keys: &Keys) -> Outcome<Handle<Expect>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut session = connect_stream(Arc::new(Config::default()), stream, Expect(keys.host.clone())).await?;
    let key = PrivateKeyWithHashAlg::new(keys.operator.clone(), None);
    match session.authenticate_publickey("root", key).await?.success() {
        true => Ok(session),
        false => Err("the key was refused".into()),
    }
}

async fn run(session: &Handle<Expect>) -> Outcome<()> {
    let mut channel = session.channel_open_session().await?;
    channel.exec(true, COMMAND).await?;
    let (mut output, mut status) = (Vec::new(), None);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => output.extend_from_slice(&data),
            ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
            _ => {}
        }
    }
    if status == Some(0) && !output.is_empty() { Ok(()) } else { Err("the command failed".into()) }
}

/// The floor has quick acknowledgements as well; without them it would be no floor.
struct QuickAck(TcpStream);

impl AsyncRead for QuickAck {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(context, buffer);
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.0, true);
        read
    }
}

impl AsyncWrite for QuickAck {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
