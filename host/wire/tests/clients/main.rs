//! The clients against scripted peers, in memory.

mod dns;
mod http;
mod peers;
mod proxmox;
mod tcp;
mod tls;
mod vault;
