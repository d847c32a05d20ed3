//! A ruleset: tables with named sets, chains and rules.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::Conditions;
use super::element::{Networks4, Networks6, Ports};
use super::name::{Comment, LogPrefix, Word};
use super::sound::{self, Unsound};

/// A ruleset that `nft` takes: names resolve, addresses and protocols do not contradict each other, statements stand where the kernel
/// allows them. Tables, sets and chains are in the order of their names, rules in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Draft", into = "Draft")]
#[schemars(with = "Draft")]
pub struct Ruleset(Draft);

/// A ruleset as somebody writes it, before it was looked over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What it takes the place of.
    #[serde(default)]
    pub replace: Replace,
    /// Its tables.
    pub tables: Vec<Table>,
}

/// What a ruleset takes the place of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Replace {
    /// The tables that it names; those of others are left alone.
    #[default]
    Tables,
    /// Everything that the host has.
    Ruleset,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Which packets it sees.
    pub family: Family,
    /// Its name.
    pub name: Word,
    /// Its named sets.
    #[serde(default)]
    pub sets: Vec<Set>,
    /// Its chains.
    #[serde(default)]
    pub chains: Vec<Chain>,
}

/// Which packets a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
}

impl Family {
    /// As nft's language writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
        }
    }

    /// Whether a table of this family sees packets of that other one; every family sees itself.
    pub fn sees(self, other: Self) -> bool {
        self == Self::Inet || self == other
    }

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ip,
            IpAddr::V6(_) => Self::Ip6,
        }
    }
}

/// A named set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Its name, by which rules of the table know it.
    pub name: Word,
    /// What it holds.
    pub of: SetOf,
}

/// What a named set holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SetOf {
    /// IPv4 addresses and networks.
    Ipv4(Networks4),
    /// IPv6 addresses and networks.
    Ipv6(Networks6),
    /// Ports and ranges.
    Ports(Ports),
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Its name, by which rules of the table jump to it.
    pub name: Word,
    /// Where the kernel enters it by itself; none where rules jump to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Its rules, in the order in which they are tried.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// Where the kernel enters a chain by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// Whether it filters or translates addresses.
    #[serde(rename = "type")]
    pub chain_type: ChainType,
    /// When.
    pub hook: Hook,
    /// Its place among the chains of the hook; lower comes first. Filters are usually at 0, translations at -100 (`dstnat`) and 100
    /// (`srcnat`).
    pub priority: i16,
    /// What becomes of a packet that no rule decides. A chain that translates addresses accepts.
    pub policy: Policy,
}

/// What a base chain is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChainType {
    /// It lets packets through or not.
    Filter,
    /// It translates the addresses of new connections.
    Nat,
}

/// When the kernel enters a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Hook {
    /// A packet came in.
    Prerouting,
    /// It is for this host.
    Input,
    /// It goes on to another.
    Forward,
    /// This host sends it.
    Output,
    /// It goes out.
    Postrouting,
}

/// What becomes of a packet that no rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It goes on.
    Accept,
    /// It is thrown away.
    Drop,
}

macro_rules! lower_case {
    ($name:ident { $($variant:ident = $text:literal,)* }) => {
        impl $name {
            /// As nft's language writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

lower_case! { ChainType { Filter = "filter", Nat = "nat", } }
lower_case! { Hook {
    Prerouting = "prerouting", Input = "input", Forward = "forward", Output = "output", Postrouting = "postrouting",
} }
lower_case! { Policy { Accept = "accept", Drop = "drop", } }

/// A rule: what it does to packets for which its conditions hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its conditions; without any it applies to every packet.
    #[serde(default)]
    pub when: Conditions,
    /// Counts the packets.
    #[serde(default)]
    pub counter: bool,
    /// Writes a line to the kernel's log for each packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogPrefix>,
    /// What becomes of the packet.
    pub then: Verdict,
    /// A word to whoever reads the ruleset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Comment>,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It leaves this hook's chain; chains of a higher priority still see it.
    Accept,
    /// It is thrown away.
    Drop,
    /// It is thrown away, and the sender told with an ICMP error (port unreachable).
    Reject,
    /// It is thrown away, and the sender told with a TCP reset.
    Reset,
    /// The chain that jumped here goes on after the jump; in a base chain its policy decides.
    Return,
    /// Nothing: the next rule is tried.
    Continue,
    /// The rules of another chain are tried, then the next one here.
    Jump(Word),
    /// Its source becomes the address of the interface that it goes out over.
    Masquerade,
    /// Its source becomes another.
    Snat(Translation),
    /// Its destination becomes another.
    Dnat(Translation),
}

/// What an address is translated to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// The address.
    pub to: IpAddr,
    /// The port; needs a protocol that has ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
}

impl Ruleset {
    /// What it takes the place of.
    pub fn replace(&self) -> Replace {
        self.0.replace
    }

    /// Its tables, by family and name.
    pub fn tables(&self) -> &[Table] {
        &self.0.tables
    }
}

impl TryFrom<Draft> for Ruleset {
    type Error = Unsound;

    fn try_from(mut draft: Draft) -> Result<Self, Unsound> {
        draft.tables.sort_by(|a, b| (a.family, &a.name).cmp(&(b.family, &b.name)));
        for table in &mut draft.tables {
            table.sets.sort_by(|a, b| a.name.cmp(&b.name));
            table.chains.sort_by(|a, b| a.name.cmp(&b.name));
        }
        sound::check(&draft)?;
        Ok(Self(draft))
    }
}

impl From<Ruleset> for Draft {
    fn from(ruleset: Ruleset) -> Self {
        ruleset.0
    }
}

impl Table {
    /// The set of that name.
    pub fn set(&self, name: &Word) -> Option<&Set> {
        self.sets.iter().find(|set| set.name == *name)
    }

    /// The chain of that name.
    pub fn chain(&self, name: &Word) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.name == *name)
    }
}
