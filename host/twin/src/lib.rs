//! A fake peer on the seams: bytes and argv in, bytes out, over a model of a site.
//!
//! The clients and parsers above the seams are the real ones. A fault ([`TwinFault`]) changes the model, and every answer
//! follows from the model, so one fault shows wherever it would show in the real site.

pub mod conformance;
pub mod fault;
pub mod proxmox;
pub mod tls;

mod dns;
mod dns_stream;
mod firewall;
mod net;
mod plant;
mod ruleset;
mod seams;
mod sockets;
mod ssh;
mod state;
mod twin;
mod web;
mod world;
mod zone;

pub use fault::{DriftedPart, DriftedView, NoSuchPart, TwinFault};
pub use twin::Twin;
