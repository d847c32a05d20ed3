//! Lists that conditions and sets hold: networks, ports, interfaces. Each is kept in one canonical form, so that two lists which mean the
//! same are equal, and equal to what the kernel gives back.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::Interface;

/// Why a list is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAList {
    /// It is empty.
    #[error("an empty list matches nothing: leave the condition out, or the rule")]
    Empty,
    /// It is not an address or network.
    #[error("`{0}` is no address or network of this family")]
    Network(String),
    /// A network has host bits.
    #[error("`{0}` is an address within a network: write the network `{1}`, or the address alone")]
    HostBits(String, String),
    /// It covers every address.
    #[error("the list holds every address: leave the condition out")]
    Everything,
    /// It is no port or range of ports.
    #[error("`{0}` is no port: 1 to 65535, or a range such as `1000-1010`")]
    Port(String),
}

macro_rules! networks {
    ($(#[$doc:meta])* $name:ident, $net:ident, $address:ident, $subnets:ident, $bits:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "Vec<String>", into = "Vec<String>")]
        #[schemars(with = "Vec<String>")]
        pub struct $name(Vec<$net>);

        impl $name {
            /// The fewest networks that hold the same addresses, in order.
            ///
            /// # Errors
            /// When there is none, one has host bits, or together they hold every address.
            pub fn new(networks: &[$net]) -> Result<Self, NotAList> {
                if let Some(within) = networks.iter().find(|network| network.trunc() != **network) {
                    return Err(NotAList::HostBits(within.to_string(), within.trunc().to_string()));
                }
                let mut fewest = $net::aggregate(&networks.to_vec());
                fewest.sort_unstable();
                match fewest.first() {
                    None => Err(NotAList::Empty),
                    Some(first) if first.prefix_len() == 0 => Err(NotAList::Everything),
                    Some(_) => Ok(Self(fewest)),
                }
            }

            /// The networks.
            pub fn iter(&self) -> impl Iterator<Item = $net> {
                self.0.iter().copied()
            }

            /// Whether an address is in one of them.
            pub fn holds(&self, address: $address) -> bool {
                self.0.iter().any(|network| network.contains(&address))
            }

            /// Whether every address of the other list is in this one.
            pub fn covers(&self, other: &Self) -> bool {
                other.iter().all(|inner| self.0.iter().any(|outer| outer.contains(&inner)))
            }

            /// Each as nft writes it: an address alone, or a network.
            pub fn words(&self) -> Vec<String> {
                let word = |network: &$net| match network.prefix_len() {
                    $bits => network.addr().to_string(),
                    _ => network.to_string(),
                };
                self.0.iter().map(word).collect()
            }

            /// The networks of a range, both ends in it.
            pub(super) fn of_range(first: $address, last: $address) -> Vec<$net> {
                $subnets::new(first, last, 0).collect()
            }
        }

        impl TryFrom<Vec<String>> for $name {
            type Error = NotAList;

            fn try_from(words: Vec<String>) -> Result<Self, NotAList> {
                let one = |word: &String| {
                    let address = || word.parse::<$address>().ok().map($net::from);
                    word.parse::<$net>().ok().or_else(address).ok_or_else(|| NotAList::Network(word.chars().take(80).collect()))
                };
                let networks: Result<Vec<$net>, NotAList> = words.iter().map(one).collect();
                Self::new(&networks?)
            }
        }

        impl From<$name> for Vec<String> {
            fn from(networks: $name) -> Self {
                networks.words()
            }
        }
    };
}

networks! {
    /// IPv4 addresses and networks, such as `10.0.0.1` and `10.0.0.0/24`.
    Networks4, Ipv4Net, Ipv4Addr, Ipv4Subnets, 32
}

networks! {
    /// IPv6 addresses and networks, such as `fe80::1` and `fe80::/10`.
    Networks6, Ipv6Net, Ipv6Addr, Ipv6Subnets, 128
}

/// One port, or a range of ports with both ends: `22`, `"1000-1010"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// A range.
    ///
    /// # Errors
    /// When it begins at 0 or ends before it begins.
    pub fn new(first: u16, last: u16) -> Result<Self, NotAList> {
        if first == 0 || last < first {
            Err(NotAList::Port(format!("{first}-{last}")))
        } else {
            Ok(Self { first, last })
        }
    }

    /// The first port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last port.
    pub fn last(self) -> u16 {
        self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl FromStr for PortRange {
    type Err = NotAList;

    fn from_str(text: &str) -> Result<Self, NotAList> {
        // `+22` and `022` are numbers for `parse`, and for nobody else.
        let port = |word: &str| word.parse::<u16>().ok().filter(|port| port.to_string() == word);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let both = port(first).zip(port(last)).and_then(|(first, last)| Self::new(first, last).ok());
        both.ok_or_else(|| NotAList::Port(text.chars().take(80).collect()))
    }
}

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.first == self.last {
            serializer.serialize_u16(self.first)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrRange)
    }
}

struct NumberOrRange;

impl Visitor<'_> for NumberOrRange {
    type Value = PortRange;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a port, or a range of ports such as `1000-1010`")
    }

    fn visit_u64<E: de::Error>(self, port: u64) -> Result<PortRange, E> {
        let range = u16::try_from(port).ok().and_then(|port| PortRange::new(port, port).ok());
        range.ok_or_else(|| E::custom(NotAList::Port(port.to_string())))
    }

    fn visit_i64<E: de::Error>(self, port: i64) -> Result<PortRange, E> {
        u64::try_from(port)
            .map_err(|_| E::custom(NotAList::Port(port.to_string())))
            .and_then(|port| self.visit_u64(port))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PortRange, E> {
        text.parse().map_err(E::custom)
    }
}

// Written by hand: no derived schema says that a number and a text are both a port.
impl JsonSchema for PortRange {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PortRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A port, or a range of ports such as `1000-1010`.",
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": u16::MAX },
                { "type": "string", "pattern": "^[1-9][0-9]*(-[1-9][0-9]*)?$" }
            ]
        })
    }
}

/// Ports and ranges of ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<PortRange>", into = "Vec<PortRange>")]
#[schemars(with = "Vec<PortRange>")]
pub struct Ports(Vec<PortRange>);

impl Ports {
    /// The fewest ranges that hold the same ports, in order.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(mut ranges: Vec<PortRange>) -> Result<Self, NotAList> {
        ranges.sort_unstable();
        let mut fewest: Vec<PortRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match fewest.last_mut() {
                Some(before) if u32::from(range.first) <= u32::from(before.last) + 1 => {
                    before.last = before.last.max(range.last)
                }
                _ => fewest.push(range),
            }
        }
        if fewest.is_empty() { Err(NotAList::Empty) } else { Ok(Self(fewest)) }
    }

    /// The ranges.
    pub fn iter(&self) -> impl Iterator<Item = PortRange> {
        self.0.iter().copied()
    }

    /// Whether a port is among them.
    pub fn holds(&self, port: u16) -> bool {
        self.0.iter().any(|range| (range.first..=range.last).contains(&port))
    }

    /// Whether every port of the other list is among these.
    pub fn covers(&self, other: &Self) -> bool {
        other
            .iter()
            .all(|inner| self.0.iter().any(|outer| outer.first <= inner.first && inner.last <= outer.last))
    }
}

impl TryFrom<Vec<PortRange>> for Ports {
    type Error = NotAList;

    fn try_from(ranges: Vec<PortRange>) -> Result<Self, NotAList> {
        Self::new(ranges)
    }
}

impl From<Ports> for Vec<PortRange> {
    fn from(ports: Ports) -> Self {
        ports.0
    }
}

/// Interfaces, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeSet<Interface>", into = "BTreeSet<Interface>")]
#[schemars(with = "BTreeSet<Interface>")]
pub struct Interfaces(BTreeSet<Interface>);

impl Interfaces {
    /// One interface.
    pub fn one(interface: Interface) -> Self {
        Self(BTreeSet::from([interface]))
    }

    /// The interfaces, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Interface> {
        self.0.iter()
    }

    /// Whether an interface is among them.
    pub fn holds(&self, interface: &Interface) -> bool {
        self.0.contains(interface)
    }

    /// Whether every interface of the other list is among these.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.is_superset(&other.0)
    }
}

impl TryFrom<BTreeSet<Interface>> for Interfaces {
    type Error = NotAList;

    fn try_from(interfaces: BTreeSet<Interface>) -> Result<Self, NotAList> {
        if interfaces.is_empty() { Err(NotAList::Empty) } else { Ok(Self(interfaces)) }
    }
}

impl From<Interfaces> for BTreeSet<Interface> {
    fn from(interfaces: Interfaces) -> Self {
        interfaces.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(words: &[&str]) -> Result<Networks4, NotAList> {
        Networks4::try_from(words.iter().map(|&word| word.to_owned()).collect::<Vec<String>>())
    }

    fn ports(json: &str) -> Result<Ports, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_that_mean_the_same_are_equal() {
        let one = networks(&["10.0.1.0/24", "10.0.0.0/24", "10.0.0.7"]).expect("a list");
        assert_eq!(
            (Ok(one.clone()), one.words()),
            (networks(&["10.0.0.0/23"]), vec!["10.0.0.0/23".to_owned()])
        );
        assert_eq!(ports("[80, \"22-30\", 31, \"25-40\"]"), ports("[\"22-40\", 80]"));
        assert_eq!(networks(&["10.0.0.1/32"]).expect("a list").words(), ["10.0.0.1"]);
    }

    #[test]
    fn ports_at_the_end_of_their_range_do_not_overflow() {
        let all = ports("[\"1-65535\", 65535, \"2-3\"]").expect("a list");
        assert_eq!(all.iter().map(|range| range.to_string()).collect::<Vec<_>>(), ["1-65535"]);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert_eq!(networks(&[]), Err(NotAList::Empty));
        assert_eq!(networks(&["0.0.0.0/1", "128.0.0.0/1"]), Err(NotAList::Everything));
        assert!(matches!(networks(&["10.0.0.5/24"]), Err(NotAList::HostBits(..))));
        for bad in ["10.0.0", "fe80::1", "eth0", "10.0.0.0/33", "10.0.0.1-10.0.0.9", "@set"] {
            assert!(matches!(networks(&[bad]), Err(NotAList::Network(_))), "{bad}");
        }
        for bad in [
            "[]",
            "[0]",
            "[65536]",
            "[-1]",
            "[\"30-20\"]",
            "[\"+22\"]",
            "[\"022\"]",
            "[\"ssh\"]",
            "[1.5]",
            "[\"1-2-3\"]",
        ] {
            assert!(ports(bad).is_err(), "{bad}");
        }
    }
}
