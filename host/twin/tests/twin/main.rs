//! The twin of the Samakia site, asked through its seams.

mod conformance;
mod dns;
mod hosts;
mod network;
mod proxmox;
mod samakia;
