//! TLS against a named authority, and nothing else: there is no system trust store and no way to skip verification.
//!
//! [`client()`] gives a stream only when the certificate verifies. [`handshake`] looks at what a server presents, verified or
//! not, and gives a report; its connection is closed before it returns, so no data can cross it.

mod authority;
mod certificate;
mod client;
mod handshake;

pub use authority::Authority;
pub use certificate::{Certificate, Problem};
pub use client::{TlsStream, client};
pub use handshake::{Handshake, handshake};
