//! SSH into the played hosts: who is reached through whom, who is let in, and what the commands print.

mod commands;
mod facts;
mod nft;
mod session;
mod tables;

pub(crate) use commands::run;
pub(crate) use session::{banner, forwarded, may_forward, probe, session};
