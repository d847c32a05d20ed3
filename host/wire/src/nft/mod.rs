//! A packet filter as typed data: what a site wants of nftables, rendered for `nft`, read back from the kernel, and looked over before
//! it can lock anybody out.

mod conditions;
mod element;
mod json;
mod kernel;
mod lint;
mod name;
pub mod profile;
mod ruleset;
mod sound;
mod text;
mod walk;

pub use conditions::{Addresses, Conditions, Icmp, Icmp6, Limit, Period, PortsOf, Protocol, State};
pub use element::{Interfaces, Networks4, Networks6, PortRange, Ports};
pub use json::document;
pub use kernel::{Held, HeldTable, held};
pub use lint::{ControlPath, Finding, Origin, Phase, Problem, lint};
pub use name::{Comment, Interface, LogPrefix, NotAName, Word};
pub use ruleset::{
    Base, Chain, ChainType, Draft, Family, Hook, Policy, Replace, Rule, Ruleset, Set, SetOf, Table,
    Translation, Verdict,
};
pub use sound::Unsound;
pub use text::{restoring, script};
