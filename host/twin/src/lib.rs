//! A fake peer on the seams: bytes and argv in, bytes out, over a model of a site.
//!
//! The clients and parsers above the seams are the real ones. A fault ([`TwinFault`]) changes the model, and every answer
//! follows from the model, so one fault shows wherever it would show in the real site.

pub mod conformance;
pub mod fault;
pub mod process;
pub mod proxmox;
pub mod tls;

mod clock;
mod control;
mod digest;
mod dns;
mod dns_stream;
mod files;
mod happen;
mod history;
mod net;
mod nft;
mod plant;
mod power;
mod ruleset;
mod s3;
mod seams;
mod sockets;
mod ssh;
mod state;
mod timer;
mod twin;
mod unit;
mod vrrp;
mod web;
mod world;
mod writes;
mod zone;

pub use control::{Hold, Moment, Operations};
pub use fault::{DriftedPart, DriftedView, NoSuchPart, TwinFault};
pub use history::Made;
pub use power::Switch;
pub use s3::S3Ill;
pub use twin::Twin;
