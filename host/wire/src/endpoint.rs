//! Resolved targets: what the gate has checked and the seams connect to. Names in here are for messages, for SNI and for the
//! `Host` field; connections use the addresses.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use fabric_model::{Addressed, Slug};
use zeroize::Zeroizing;

/// A secret's bytes: wiped when dropped, never printed, never serialised.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    /// Takes over the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// The bytes, for the one place that hands them to the other side.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A host, VIP or address to probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What it is called in messages.
    pub name: String,
    /// The checked address.
    pub address: IpAddr,
}

/// A host to reach over SSH.
#[derive(Clone, Debug)]
pub struct SshHost {
    /// Its name in the site: what its host key is pinned under, beside its address.
    pub name: Slug,
    /// Where its sshd listens.
    pub address: SocketAddr,
    /// The operator's account.
    pub user: Slug,
    /// Hosts through which it is reached, tried in order; empty means directly.
    pub jump: Vec<SshHost>,
}

/// With what the operator proves who he is.
#[derive(Clone, Debug)]
pub enum SshIdentity {
    /// A private key in OpenSSH's format, without passphrase.
    Key(Secret),
    /// The agent on this socket; the text picks a key by comment or SHA-256 fingerprint, empty for any.
    Agent {
        /// The agent's socket.
        socket: std::path::PathBuf,
        /// Which key.
        key: String,
    },
}

/// A Proxmox API: the same cluster behind each node's address.
#[derive(Clone, Debug)]
pub struct ProxmoxApi {
    /// The nodes in the order in which they are tried: name (for TLS) and address.
    pub nodes: Vec<(Slug, SocketAddr)>,
    /// PEM certificates of the authority that signs the nodes' certificates.
    pub authority: Arc<Vec<u8>>,
    /// The token's public part, `user@realm!name`.
    pub token_id: String,
    /// The token's secret part.
    pub token: Secret,
}

/// An S3 server.
#[derive(Clone, Debug)]
pub struct S3Server {
    /// Its name in the site, for messages.
    pub name: Slug,
    /// Where it listens.
    pub address: SocketAddr,
    /// The name or address that its certificate must bear.
    pub server_name: String,
    /// PEM certificates of the authority that must have issued it.
    pub authority: Arc<Vec<u8>>,
    /// The region that requests are signed for.
    pub region: Slug,
    /// What requests are signed with; none for a caller without a name.
    pub keys: Option<S3Keys>,
}

/// What requests to an S3 server are signed with.
#[derive(Clone, Debug)]
pub struct S3Keys {
    /// The access key, which the server gets to see.
    pub access: Secret,
    /// The secret key, which it does not.
    pub secret: Secret,
}

impl Addressed for Endpoint {
    fn addresses(&self) -> Vec<IpAddr> {
        vec![self.address]
    }
}

impl Addressed for SshHost {
    fn addresses(&self) -> Vec<IpAddr> {
        let jumps = self.jump.iter().flat_map(Self::addresses);
        std::iter::once(self.address.ip()).chain(jumps).collect()
    }
}

impl Addressed for S3Server {
    fn addresses(&self) -> Vec<IpAddr> {
        vec![self.address.ip()]
    }
}

impl Addressed for ProxmoxApi {
    fn addresses(&self) -> Vec<IpAddr> {
        self.nodes.iter().map(|(_, address)| address.ip()).collect()
    }
}
