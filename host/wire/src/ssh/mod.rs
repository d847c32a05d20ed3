//! What may be asked of a host over SSH, and what comes back: bytes from the seam, facts from the parsers. A fact is read as
//! data in the form its tool documents, never searched for in text.

mod account;
mod address;
mod change;
mod clock;
mod command;
mod done;
mod file;
mod identity;
mod integrity;
mod lock;
mod nft;
mod nft_expression;
mod output;
mod package;
mod process;
mod properties;
mod route;
mod socket;
mod sysctl;
mod timer;
mod unit;

pub use account::{Account, accounts};
pub use address::{Interface, InterfaceAddress, addresses};
pub use change::{ChangeCommand, LOCK_UNIT, Restore, Signal};
pub use clock::{ClockOffset, clock, host_time};
pub use command::ReadCommand;
pub use done::done;
pub use file::{FileFacts, FileKind, file_content, file_facts};
pub use identity::{Identity, identity};
pub use integrity::{FileDigest, NotWatched, WatchedFile, file_digest};
pub use lock::lock_owner;
pub use nft::{NftChain, NftRule, NftRuleset, NftSet, NftTable, nft_document, nft_ruleset, nft_text};
pub use nft_expression::{NftMatch, NftStatement};
pub use package::{Package, packages};
pub use process::{Process, processes};
pub use route::{HostRoute, routes};
pub use socket::{Socket, Transport, sockets};
pub use sysctl::sysctl;
pub use timer::{Timer, timer};
pub use unit::{UnitState, unit_state};

/// The largest output of one command that is read, in bytes. The largest honest one is an nftables ruleset of some hundred
/// KiB.
pub const OUTPUT_LIMIT: usize = 4 << 20;

/// What a command gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    /// Its exit status.
    pub status: u32,
    /// Standard output, at most [`OUTPUT_LIMIT`].
    pub stdout: Vec<u8>,
    /// Standard error, cut at 4 KiB.
    pub stderr: Vec<u8>,
    /// The jump hosts that the session goes through, outermost first.
    pub path: Vec<String>,
}

/// What an authentication attempt gave. That the server cannot be reached is an error, never an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthProbe {
    /// Whether the server let the account in.
    pub accepted: bool,
    /// The methods that the server offers for the account before any credential is shown (RFC 4252, 5.2).
    pub methods: Vec<String>,
    /// The jump hosts that the connection went through, outermost first.
    pub path: Vec<String>,
}
