//! The SSH seam over real connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fabric_wire::endpoint::{SshHost, SshIdentity};
use fabric_wire::seam::{Pending, Ssh, SshWrite};
use fabric_wire::ssh::{AuthProbe, ChangeCommand, CommandOutput, ReadCommand};
use fabric_wire::{BoxStream, Deadline, WireError};
use russh::Disconnect;

use super::handshake::{Connection, shake_hands};
use super::identity::{Identity, Proof};
use super::known_hosts::KnownHosts;
use super::pool::{Pool, Pooled};
use super::session::{Order, Session};

/// Reaches hosts over SSH with pinned host keys only. Sessions are pooled for as long as it lives.
pub struct SshClient {
    known_hosts: KnownHosts,
    identity: Identity,
    pool: Pool,
}

impl SshClient {
    /// A client that trusts the keys of `known_hosts` and authenticates with `identity`. Nothing is connected yet, and an unusable
    /// identity is reported by the first call that needs it.
    pub fn new(known_hosts: KnownHosts, identity: SshIdentity) -> Self {
        Self { known_hosts, identity: Identity::new(identity), pool: Pool::default() }
    }

    /// Runs a command on a host; the one way for those that read and those that change.
    async fn run(
        &self,
        host: &SshHost,
        order: &Order<'_>,
        deadline: Deadline,
    ) -> Result<CommandOutput, WireError> {
        let pooled = self.session(host, deadline).await?;
        match attempt(&pooled.session, order, deadline).await {
            // A pooled session may have died unnoticed, or all its places may be held by commands that hang on the host. What has
            // not been sent can be sent again; what has been can only where running it twice does no harm.
            Err(Lost { error: WireError::Closed | WireError::Permission(_), sent })
                if !pooled.fresh && (order.repeatable || !sent) =>
            {
                self.pool.forget(host, &pooled.session).await;
                let again = self.session(host, deadline).await?;
                attempt(&again.session, order, deadline).await.map_err(|lost| lost.error)
            }
            Err(Lost { error: WireError::Timeout, .. }) => {
                // The host may have gone away without a word; the next call finds out with a new connection.
                self.pool.forget(host, &pooled.session).await;
                Err(WireError::Timeout)
            }
            result => result.map_err(|lost| lost.error),
        }
    }

    pub(super) async fn session(&self, host: &SshHost, deadline: Deadline) -> Result<Pooled, WireError> {
        self.pool.session(host, deadline, self.open(host, deadline)).await
    }

    async fn open(&self, host: &SshHost, deadline: Deadline) -> Result<Session, WireError> {
        let (mut connection, path) = self.connect(host, deadline).await?;
        let user = host.user.as_str();
        match deadline.bound(self.identity.prove(&mut connection, user)).await? {
            Proof::Accepted => Ok(Session::new(connection, host.name.to_string(), user.to_owned(), path)),
            Proof::Refused { methods, partial } => {
                let name = &host.name;
                let methods = methods.join(", ");
                Err(WireError::Authentication(if partial {
                    format!("`{name}` wants more than the operator's key from `{user}`: {methods}")
                } else {
                    format!("`{name}` does not accept the operator's key for `{user}`; it offers: {methods}")
                }))
            }
        }
    }

    /// Opens a connection from `host`; gives it with the names of the hosts up to and including `host`.
    pub(super) async fn forward_from(
        &self,
        host: &SshHost,
        to: SocketAddr,
        deadline: Deadline,
    ) -> Result<(BoxStream, Vec<String>), WireError> {
        let shares = Shares::of(deadline);
        let on_the_way = |error: WireError| error.on_the_way(&format!("host `{}`", host.name));
        let mut pooled = self.session(host, shares.session).await.map_err(on_the_way)?;
        let mut stream = shares.forward.bound(pooled.session.forward(to)).await;
        if matches!(stream, Err(WireError::Closed)) && !pooled.fresh {
            self.pool.forget(host, &pooled.session).await;
            pooled = self.session(host, shares.session).await.map_err(on_the_way)?;
            stream = shares.forward.bound(pooled.session.forward(to)).await;
        }
        let stream = match stream {
            // Silence of the target, or of a host that hung after it had let us in.
            Err(WireError::Timeout) => match shares.answer.bound(pooled.session.answers()).await {
                Ok(()) => Err(WireError::Timeout),
                Err(error) => {
                    self.pool.forget(host, &pooled.session).await;
                    Err(on_the_way(error))
                }
            },
            Err(WireError::Closed) => Err(on_the_way(WireError::Closed)),
            stream => stream,
        };
        let path = pooled.session.path().iter().cloned().chain([host.name.to_string()]).collect();
        Ok((stream?, path))
    }

    /// Whether the server lets `user` in with the operator's key, and the methods that it offers beforehand.
    async fn try_account(
        &self,
        connection: &mut Connection,
        user: &str,
    ) -> Result<(bool, Vec<String>), WireError> {
        match Identity::ask_methods(connection, user).await? {
            // It wants no credential at all.
            Proof::Accepted => Ok((true, vec!["none".to_owned()])),
            Proof::Refused { methods, .. } if !methods.iter().any(|method| method == "publickey") => {
                Ok((false, methods))
            }
            Proof::Refused { methods, .. } => {
                let proof = self.identity.prove(connection, user).await?;
                Ok((matches!(proof, Proof::Accepted), methods))
            }
        }
    }

    /// A session with a server that has proven to be `host`, before any authentication of ours.
    async fn connect(
        &self,
        host: &SshHost,
        deadline: Deadline,
    ) -> Result<(Connection, Vec<String>), WireError> {
        let (stream, path) = self.reach(host, deadline).await?;
        let trusted = self.known_hosts.trusted_for(host);
        let connection = deadline.bound(shake_hands(stream, trusted)).await?;
        Ok((connection, path))
    }
}

/// A command that gave nothing.
struct Lost {
    error: WireError,
    /// Whether the server may have run it.
    sent: bool,
}

async fn attempt(
    session: &Arc<Session>,
    order: &Order<'_>,
    deadline: Deadline,
) -> Result<CommandOutput, Lost> {
    let channel = deadline.bound(session.command_channel()).await;
    let channel = channel.map_err(|error| Lost { error, sent: false })?;
    deadline.bound(session.run(channel, order)).await.map_err(|error| Lost { error, sent: true })
}

/// Until when the parts of a forwarding may last, so that each failure is told from the next: reaching the host, opening the
/// connection, and asking a host whose target is silent whether it is still there. What is left then is for the caller, who waits
/// until the whole deadline and would take our end for the target's.
struct Shares {
    session: Deadline,
    forward: Deadline,
    answer: Deadline,
}

impl Shares {
    fn of(deadline: Deadline) -> Self {
        let left = deadline.left();
        // A host that is there answers in a round trip; two seconds are enough for any.
        let kept = (left / 4).min(Duration::from_secs(2));
        Self {
            session: Deadline::after((left - kept) / 3 * 2),
            forward: Deadline::after(left - kept),
            answer: Deadline::after(left - kept / 4),
        }
    }
}

impl Ssh for SshClient {
    fn read<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ReadCommand,
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        Box::pin(async move {
            let order = Order { line: &command.line(), input: &[], repeatable: true };
            self.run(host, &order, deadline).await
        })
    }

    fn forward<'a>(
        &'a self,
        host: &'a SshHost,
        to: SocketAddr,
        deadline: Deadline,
    ) -> Pending<'a, BoxStream> {
        Box::pin(async move { self.forward_from(host, to, deadline).await.map(|(stream, _)| stream) })
    }

    fn probe_authentication<'a>(
        &'a self,
        host: &'a SshHost,
        user: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, AuthProbe> {
        Box::pin(async move {
            let (mut connection, path) = self.connect(host, deadline).await?;
            let (accepted, methods) = deadline.bound(self.try_account(&mut connection, user)).await?;
            // What the server was told is known by now; whether it hears the goodbye does not matter.
            let _ = connection.disconnect(Disconnect::ByApplication, "", "").await;
            Ok(AuthProbe { accepted, methods, path })
        })
    }
}

impl SshWrite for SshClient {
    fn change<'a>(
        &'a self,
        host: &'a SshHost,
        command: &'a ChangeCommand,
        input: &'a [u8],
        deadline: Deadline,
    ) -> Pending<'a, CommandOutput> {
        Box::pin(async move {
            let order = Order { line: &command.line(), input, repeatable: false };
            self.run(host, &order, deadline).await
        })
    }

    fn forget<'a>(&'a self, host: &'a SshHost) -> Pending<'a, ()> {
        Box::pin(async move {
            self.pool.forget_way(host.name.as_str()).await;
            Ok(())
        })
    }
}
