//! One authenticated session, and what runs over it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fabric_wire::ssh::{CommandOutput, OUTPUT_LIMIT};
use fabric_wire::{BoxStream, WireError};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, Disconnect};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::channel::{CommandChannel, Forwarded, Opening};
use super::failure;
use super::handshake::Connection;

/// Commands that run at a time over one session. An sshd allows ten (`MaxSessions`); two are left for those that we have given
/// up on and it is still closing.
const COMMANDS_AT_A_TIME: usize = 8;

/// What is kept of standard error, in bytes.
const STDERR_LIMIT: usize = 4096;

/// The pauses before a command is tried again that the server has no session for although nothing else of ours runs: it may
/// still be closing one that we have given up on. After the last one the refusal is an answer.
const PAUSES_MS: [u64; 5] = [10, 20, 40, 80, 160];

/// An authenticated session.
pub(super) struct Session {
    connection: Connection,
    host: String,
    user: String,
    path: Vec<String>,
    places: Arc<Semaphore>,
    running: Arc<AtomicUsize>,
}

/// A command and what it is given.
pub(super) struct Order<'a> {
    /// Its line.
    pub(super) line: &'a str,
    /// Its standard input.
    pub(super) input: &'a [u8],
    /// Whether running it twice does no harm.
    pub(super) repeatable: bool,
}

/// What a server said to a new command.
enum Opened {
    Channel(CommandChannel),
    Refused(OwnedSemaphorePermit),
}

impl Session {
    pub(super) fn new(connection: Connection, host: String, user: String, path: Vec<String>) -> Self {
        let places = Arc::new(Semaphore::new(COMMANDS_AT_A_TIME));
        Self { connection, host, user, path, places, running: Arc::default() }
    }

    /// The jump hosts that it goes through, outermost first.
    pub(super) fn path(&self) -> &[String] {
        &self.path
    }

    /// Whether it is one with the host of that name, or goes through it.
    pub(super) fn leads_through(&self, name: &str) -> bool {
        self.host == name || self.path.iter().any(|jump| jump == name)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Runs one command line in `command`, one of [`Self::command_channel`]. From here on it may have taken effect, whatever this
    /// gives.
    ///
    /// # Errors
    /// [`WireError::Closed`] when the session ends first, [`WireError::TooLarge`] over [`OUTPUT_LIMIT`], [`WireError::Garbage`] when
    /// the command ends without an exit status, [`WireError::Permission`] when the account may not run commands.
    pub(super) async fn run(
        &self,
        mut command: CommandChannel,
        order: &Order<'_>,
    ) -> Result<CommandOutput, WireError> {
        let channel = command.get().ok_or(WireError::Closed)?;
        channel.exec(true, order.line).await.map_err(|error| failure::session(&error))?;
        let output = self.converse(channel, order.input).await?;
        command.closed();
        Ok(output)
    }

    /// Gives a command its input and takes what it gives, both at a time: it may fill its output before it takes all of its input.
    async fn converse(&self, channel: &mut Channel<Msg>, input: &[u8]) -> Result<CommandOutput, WireError> {
        let mut stdin = channel.make_writer();
        let (feeding, collecting) = (feed(&mut stdin, input), self.collect(channel));
        tokio::pin!(feeding, collecting);
        // A command that ends without taking all of its input decides by its status whether that was wrong; where the session ended,
        // nothing more comes.
        tokio::select! {
            biased;
            output = &mut collecting => output,
            _ = &mut feeding => collecting.await,
        }
    }

    /// Ends the session: everything that goes over it breaks off, and the server is told.
    pub(super) async fn close(&self) {
        // Where the session has ended already there is nobody to tell.
        let _ = self.connection.disconnect(Disconnect::ByApplication, "", "").await;
    }

    /// Opens a TCP connection from the host to `to`.
    ///
    /// # Errors
    /// Those of [`failure::forward`].
    pub(super) async fn forward(self: &Arc<Self>, to: SocketAddr) -> Result<BoxStream, WireError> {
        let session = self.clone();
        let opened = Opening::new(async move {
            let (address, port) = (to.ip().to_string(), u32::from(to.port()));
            // The originator is for the server's log; we have no listener that it could name.
            let channel = session.connection.channel_open_direct_tcpip(address, port, "127.0.0.1", 0).await;
            match channel {
                Ok(channel) => Ok(Forwarded::new(channel, session)),
                Err(error) => Err(failure::forward(&error, &session.host)),
            }
        });
        Ok(Box::new(opened.await?))
    }

    /// Whether the server still answers: a request of the protocol itself, which runs nothing and needs no right (RFC 4254, 4).
    ///
    /// # Errors
    /// [`WireError::Closed`] when the session has ended. A server that hangs never answers; the caller bounds the wait.
    pub(super) async fn answers(&self) -> Result<(), WireError> {
        self.connection.send_ping().await.map_err(|error| failure::session(&error))?;
        // The library lets a waiting ping go when the session ends.
        if self.is_closed() { Err(WireError::Closed) } else { Ok(()) }
    }

    /// Collects what a command gives until the server closes its channel.
    async fn collect(&self, channel: &mut Channel<Msg>) -> Result<CommandOutput, WireError> {
        let (mut stdout, mut stderr, mut discarded) = (Vec::new(), Vec::new(), 0);
        let mut status = None;
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Data { data } => stdout.extend_from_slice(&data),
                ChannelMsg::ExtendedData { data, .. } => {
                    let room = STDERR_LIMIT.saturating_sub(stderr.len()).min(data.len());
                    stderr.extend(data.iter().take(room));
                    discarded += data.len() - room;
                }
                ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
                ChannelMsg::ExitSignal { signal_name, .. } => {
                    return Err(WireError::Garbage(format!(
                        "the command was ended by signal {signal_name:?}"
                    )));
                }
                ChannelMsg::Failure => {
                    let (host, user) = (&self.host, &self.user);
                    return Err(WireError::Permission(format!("`{host}` runs no commands for `{user}`")));
                }
                ChannelMsg::Close => {
                    let status = status.ok_or_else(no_status)?;
                    return Ok(CommandOutput { status, stdout, stderr, path: self.path.clone() });
                }
                _ => {}
            }
            if stdout.len() > OUTPUT_LIMIT || discarded > OUTPUT_LIMIT {
                return Err(WireError::TooLarge { limit: OUTPUT_LIMIT });
            }
        }
        // The session ended and the channel with it: whatever has come may be cut short, the status included.
        Err(WireError::Closed)
    }

    /// Opens a channel for a command, waiting for its turn. The server has seen nothing of the command yet.
    ///
    /// # Errors
    /// [`WireError::Closed`] when the session has ended, [`WireError::Permission`] when the server opens no channel for a command.
    pub(super) async fn command_channel(self: &Arc<Self>) -> Result<CommandChannel, WireError> {
        let mut pauses = PAUSES_MS.iter();
        loop {
            let place = self.places.clone().acquire_owned().await.map_err(|_| WireError::Closed)?;
            match self.open_command(place).await? {
                Opened::Channel(channel) => return Ok(channel),
                // The server allows fewer at a time than we assume. This place is given up for good; one of those that run
                // now hands over its own when it ends, so at least one place stays.
                Opened::Refused(place) if self.running.load(Ordering::Acquire) > 0 => place.forget(),
                Opened::Refused(_) => {
                    let (host, user) = (&self.host, &self.user);
                    let refused = || WireError::Permission(format!("`{host}` opens no session for `{user}`"));
                    tokio::time::sleep(Duration::from_millis(*pauses.next().ok_or_else(refused)?)).await;
                }
            }
        }
    }

    async fn open_command(self: &Arc<Self>, place: OwnedSemaphorePermit) -> Result<Opened, WireError> {
        let session = self.clone();
        let opened = Opening::new(async move {
            match session.connection.channel_open_session().await {
                Ok(channel) => Ok(Opened::Channel(CommandChannel::new(channel, place, &session.running))),
                Err(russh::Error::ChannelOpenFailure(_)) => Ok(Opened::Refused(place)),
                Err(error) => Err(failure::session(&error)),
            }
        });
        opened.await
    }
}

/// Writes the whole of a command's standard input, and its end.
async fn feed(stdin: &mut (impl AsyncWrite + Unpin), input: &[u8]) -> io::Result<()> {
    stdin.write_all(input).await?;
    stdin.shutdown().await
}

fn no_status() -> WireError {
    WireError::Garbage("the command ended without an exit status".to_owned())
}
