//! The twin of the Samakia site, asked through its seams.

mod changes;
mod conformance;
mod dns;
mod hosts;
mod network;
mod power;
mod process;
mod proxmox;
mod s3;
mod samakia;
mod vrrp;
