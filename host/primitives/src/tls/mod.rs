//! TLS handshakes as such.

pub mod handshake;
