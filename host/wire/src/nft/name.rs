//! The names that a ruleset holds. Each is one token of nft's language, or stands between its quotes, whatever it is.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest name of a table, chain or set, in bytes. The kernel takes 127 for tables and less for sets in old versions (31).
const WORD_LIMIT: usize = 31;

/// The longest name of an interface, in bytes (`IFNAMSIZ` less its end).
const INTERFACE_LIMIT: usize = 15;

/// The longest comment, in bytes. The kernel takes 127.
const COMMENT_LIMIT: usize = 120;

/// The longest log prefix, in bytes, without the `: ` that follows it. The kernel takes 127.
const LOG_PREFIX_LIMIT: usize = 60;

/// Words of nft's language (1.0.6, and those that came since) that it takes for nothing else where a name may stand.
const RESERVED: &[&str] = &[
    "accept",
    "add",
    "ah",
    "all",
    "and",
    "arp",
    "bridge",
    "cgroup",
    "chain",
    "comment",
    "comp",
    "constant",
    "continue",
    "counter",
    "cpu",
    "create",
    "ct",
    "day",
    "dccp",
    "define",
    "delete",
    "describe",
    "destroy",
    "device",
    "devices",
    "dnat",
    "drop",
    "dst",
    "dup",
    "dynamic",
    "ecn",
    "egress",
    "element",
    "elements",
    "eq",
    "esp",
    "ether",
    "exists",
    "expires",
    "export",
    "exthdr",
    "fib",
    "flags",
    "flow",
    "flowtable",
    "flush",
    "frag",
    "fwd",
    "ge",
    "geneve",
    "get",
    "goto",
    "gre",
    "gretap",
    "gt",
    "handle",
    "hbh",
    "hook",
    "hour",
    "ibriport",
    "icmp",
    "icmpv6",
    "igmp",
    "iif",
    "iifgroup",
    "iifname",
    "iiftype",
    "import",
    "include",
    "index",
    "inet",
    "inner",
    "insert",
    "interval",
    "ip",
    "ip6",
    "ipsec",
    "jhash",
    "jump",
    "last",
    "le",
    "limit",
    "list",
    "ll",
    "log",
    "lshift",
    "lt",
    "map",
    "mark",
    "masquerade",
    "meta",
    "meter",
    "mh",
    "missing",
    "mod",
    "monitor",
    "ne",
    "netdev",
    "nftrace",
    "nh",
    "not",
    "notrack",
    "numgen",
    "obrname",
    "offload",
    "oif",
    "oifgroup",
    "oifname",
    "oiftype",
    "or",
    "osf",
    "pkttype",
    "policy",
    "priority",
    "queue",
    "quota",
    "random",
    "raw",
    "redefine",
    "redirect",
    "reject",
    "rename",
    "replace",
    "reset",
    "return",
    "rshift",
    "rt",
    "rt0",
    "rt2",
    "rtclassid",
    "rule",
    "ruleset",
    "sctp",
    "secmark",
    "set",
    "size",
    "skgid",
    "skuid",
    "snat",
    "socket",
    "srh",
    "symhash",
    "synproxy",
    "table",
    "tcp",
    "th",
    "time",
    "timeout",
    "tproxy",
    "type",
    "typeof",
    "udp",
    "udplite",
    "undefine",
    "update",
    "vlan",
    "vmap",
    "vxlan",
    "xor",
    "xt",
];

/// Why a text is none of the names of a ruleset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// It has other characters, or is too long.
    #[error("`{0}` is no name of a table, chain or set: a letter, then letters, digits and `_`, at most 31")]
    Word(String),
    /// It is a word of nft's language.
    #[error("`{0}` is a reserved word of nft and can be no name")]
    Reserved(String),
    /// It is no name of an interface.
    #[error(
        "`{0}` is no name of an interface: letters, digits and `._@:+-`, beginning with a letter or digit, at most 15"
    )]
    Interface(String),
    /// It is no comment.
    #[error("`{0}` is no comment: printable ASCII without quotes and backslashes, at most 120")]
    Comment(String),
    /// It is no log prefix.
    #[error("`{0}` is no log prefix: letters, digits and `._-`, at most 60")]
    LogPrefix(String),
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $fault:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                let fault: fn(&str) -> Option<fn(String) -> NotAName> = $fault;
                match fault(text) {
                    None => Ok(Self(text.to_owned())),
                    Some(fault) => Err(fault(text.chars().take(80).collect())),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAName;

            fn try_from(text: String) -> Result<Self, NotAName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of a table, chain or set: a letter followed by letters, digits and `_`, at most 31, and no word of nft's language such
    /// as `fwd`.
    Word, |text| {
        let head = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        let body = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        match head && body && text.len() <= WORD_LIMIT {
            true if RESERVED.binary_search(&text).is_ok() => Some(NotAName::Reserved),
            true => None,
            false => Some(NotAName::Word),
        }
    }
}

name! {
    /// The name of a network interface, in full: no `*` stands for others.
    Interface, |text| {
        let head = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let body = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@:+-".contains(&b));
        (!(head && body && text.len() <= INTERFACE_LIMIT)).then_some(NotAName::Interface)
    }
}

name! {
    /// A comment on a rule: printable ASCII without quotes and backslashes, 1 to 120 bytes.
    Comment, |text| {
        let plain = text.bytes().all(|b| (b.is_ascii_graphic() || b == b' ') && b != b'"' && b != b'\\');
        (!plain || text.is_empty() || text.len() > COMMENT_LIMIT).then_some(NotAName::Comment)
    }
}

name! {
    /// What a logged packet's line begins with; `: ` follows it. Letters, digits and `._-`, 1 to 60 bytes.
    LogPrefix, |text| {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        (!plain || text.is_empty() || text.len() > LOG_PREFIX_LIMIT).then_some(NotAName::LogPrefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted_and_no_names() {
        assert!(RESERVED.is_sorted());
        for word in RESERVED {
            assert_eq!(word.parse::<Word>(), Err(NotAName::Reserved((*word).to_owned())));
        }
        assert!("fwd".parse::<Word>().is_err() && "forward".parse::<Word>().is_ok());
    }

    #[test]
    fn what_could_end_a_token_or_a_quote_is_in_no_name() {
        for bad in ["", "a b", "a;b", "a\"b", "a\nb", "a{", "a#", "a$", "@a", "a*", "\u{e4}", "a\\"] {
            assert!(bad.parse::<Word>().is_err(), "{bad:?}");
            assert!(bad.parse::<Interface>().is_err(), "{bad:?}");
            assert!(bad.parse::<LogPrefix>().is_err(), "{bad:?}");
        }
        for bad in ["", "say \"hi\"", "a\nb", "a\\", "\u{e4}"] {
            assert!(bad.parse::<Comment>().is_err(), "{bad:?}");
        }
        assert!(
            "eth0.100@if3".parse::<Interface>().is_ok()
                && "SSH; from #control {x}".parse::<Comment>().is_ok()
        );
    }

    #[test]
    fn names_over_their_length_are_refused() {
        assert!("a".repeat(WORD_LIMIT).parse::<Word>().is_ok());
        assert!("a".repeat(WORD_LIMIT + 1).parse::<Word>().is_err());
        assert!("a".repeat(INTERFACE_LIMIT + 1).parse::<Interface>().is_err());
        assert!("a".repeat(COMMENT_LIMIT + 1).parse::<Comment>().is_err());
        assert!("a".repeat(LOG_PREFIX_LIMIT + 1).parse::<LogPrefix>().is_err());
    }
}
