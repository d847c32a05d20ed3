//! SSH: pinned host keys, jump hosts in order, pooled sessions (design section 8).

mod channel;
mod client;
mod failure;
mod handshake;
mod host_key;
mod host_names;
mod identity;
mod known_hosts;
mod pool;
mod quick_ack;
mod route;
mod session;

pub use client::SshClient;
pub use known_hosts::{KnownHosts, KnownHostsError};
