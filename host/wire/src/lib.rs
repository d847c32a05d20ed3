//! The seams to the outside, and the typed clients above them.
//!
//! A seam carries bytes: a dialled stream, a datagram exchange, an SSH command's output. `fabric-connect` implements the seams
//! with real sockets, `fabric-twin` with a model of a site; the clients and parsers here are the same for both.

pub mod deadline;
pub mod dns;
pub mod endpoint;
pub mod error;
pub mod http;
pub mod nft;
pub mod proxmox;
pub mod s3;
pub mod seam;
pub mod ssh;
pub mod tcp;
pub mod timestamp;
pub mod tls;
pub mod vault;

pub use deadline::Deadline;
pub use error::WireError;
pub use seam::{BoxStream, Seams, Writing};
