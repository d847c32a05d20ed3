//! A twin in a process of its own, on a Unix socket: it outlives whoever uses it, and its timers run on.
//!
//! A connection carries length-framed JSON, as the door does: one request, one reply, over and over. After the reply that a dialled
//! or forwarded connection is open, its bytes follow in both directions and nothing else.

mod frame;
mod remote;
mod remote_clock;
mod server;

pub use remote::Remote;
pub use server::serve;
