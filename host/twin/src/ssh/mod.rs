//! SSH into the played hosts: who is reached through whom, who is let in, and what the commands print.

mod change;
mod commands;
mod facts;
mod session;
mod system;
mod tables;
mod transient;

pub(crate) use change::change;
pub(crate) use commands::run;
pub(crate) use session::{banner, forwarded, may_forward, probe, session, still};
