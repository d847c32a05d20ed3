//! A ruleset as data.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Everything that is loaded; nothing at all lets everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ruleset {
    pub(crate) tables: Vec<Table>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) family: String,
    pub(crate) name: String,
    pub(crate) sets: Vec<Set>,
    pub(crate) chains: Vec<Chain>,
}

/// A named set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) name: String,
    /// Such as `ipv4_addr`.
    pub(crate) kind: String,
    pub(crate) flags: Vec<String>,
    pub(crate) elements: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) name: String,
    /// None for a chain that is only jumped to.
    pub(crate) base: Option<Base>,
    pub(crate) rules: Vec<Rule>,
}

/// Where the kernel calls a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    /// `filter` or `nat`.
    pub(crate) kind: String,
    pub(crate) hook: String,
    pub(crate) priority: i32,
    pub(crate) drops: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) parts: Vec<Part>,
    pub(crate) comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A condition; where it does not hold, the rest of the rule is passed over.
    Match { key: Key, negated: bool, values: Values },
    /// What ends the rule.
    Verdict(Verdict),
    /// A statement that decides nothing, as it is written: `counter`, `log prefix "x"`, `limit rate 5/second`.
    Aside(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Drop,
    /// With what follows the word.
    Reject(String),
    Return,
    Jump(String),
    Goto(String),
    Masquerade,
    /// `snat`, `dnat` and `redirect`, as written.
    Translate(String),
}

/// What of a packet is looked at. A key that no packet of the model has stands as it is written and never matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// `iif`, `iifname`, `oif`, `oifname`.
    Interface {
        word: String,
        incoming: bool,
    },
    /// `ip saddr`, `ip daddr`.
    Address {
        source: bool,
    },
    /// `ip protocol`, `meta l4proto`.
    Protocol {
        word: String,
    },
    /// `tcp dport`, `udp sport`, `th dport`.
    Port {
        carrier: String,
        source: bool,
    },
    /// `ct state`.
    State,
    Foreign(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// One value, or several between commas as `ct state` has them.
    Listed(Vec<Item>),
    /// An anonymous set.
    Braced(Vec<Item>),
    /// `@name`.
    Named(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A network with a length below 32.
    Net(Ipv4Net),
    Address(Ipv4Addr),
    Addresses(Ipv4Addr, Ipv4Addr),
    Number(u32),
    Numbers(u32, u32),
    Word(String),
}

impl Ruleset {
    /// All rules of the chains at a hook.
    pub(crate) fn rules_at<'a>(&'a mut self, hook: &'a str) -> impl Iterator<Item = &'a mut Vec<Rule>> {
        let chains = self.tables.iter_mut().flat_map(|table| &mut table.chains);
        chains
            .filter(move |chain| chain.base.as_ref().is_some_and(|base| base.hook == hook))
            .map(|chain| &mut chain.rules)
    }
}

/// The priorities that have names, as nft prints them in the families `ip`, `ip6` and `inet`.
pub(super) const PRIORITIES: [(&str, i32); 6] =
    [("raw", -300), ("mangle", -150), ("dstnat", -100), ("filter", 0), ("security", 50), ("srcnat", 100)];
