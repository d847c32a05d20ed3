//! nftables as the played hosts have it: rulesets as data, read from nft's text form, printed in both of its forms, and asked about
//! packets.

mod judge;
mod lexer;
mod print;
mod read;
mod ruleset;
mod show;

pub(crate) use judge::{Carried, Packet, Passage};
pub(crate) use ruleset::{Item, Key, Part, Rule, Ruleset, Values, Verdict};
pub(crate) use show::json;
