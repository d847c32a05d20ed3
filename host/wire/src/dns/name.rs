//! A name to ask for.

use std::fmt;
use std::str::FromStr;

use hickory_proto::rr::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest name in bytes without its final dot: 255 on the wire (RFC 1035, 2.3.4) less the first length and the root.
const NAME_LIMIT: usize = 253;

/// The longest label in bytes (RFC 1035, 2.3.4).
const LABEL_LIMIT: usize = 63;

/// A full DNS name of letters, digits, `-`, `_` and `*`, kept in lower case and with its final dot; `.` is the root. The final
/// dot may be left out: there is no search list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct DnsName(String);

/// Why a text is not a [`DnsName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a DNS name: labels of 1 to 63 letters, digits, `-`, `_` or `*`, separated by dots, at most 253 bytes"
)]
pub struct NotADnsName(String);

impl DnsName {
    /// The name's text, with the final dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn to_wire(&self) -> Name {
        let labels = self.0.split('.').filter(|label| !label.is_empty()).map(str::as_bytes);
        // The constructor holds every limit that the codec knows, so the root is never the answer for another name.
        let mut name = Name::from_labels(labels).unwrap_or_else(|_| Name::root());
        name.set_fqdn(true);
        name
    }
}

impl FromStr for DnsName {
    type Err = NotADnsName;

    fn from_str(text: &str) -> Result<Self, NotADnsName> {
        if text == "." {
            return Ok(Self(text.to_owned()));
        }
        let bare = text.strip_suffix('.').unwrap_or(text);
        let label_is_good = |label: &str| {
            (1..=LABEL_LIMIT).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_*".contains(&b))
        };
        if bare.len() <= NAME_LIMIT && bare.split('.').all(label_is_good) {
            Ok(Self(format!("{}.", bare.to_ascii_lowercase())))
        } else {
            Err(NotADnsName(text.chars().take(80).collect()))
        }
    }
}

impl TryFrom<String> for DnsName {
    type Error = NotADnsName;

    fn try_from(text: String) -> Result<Self, NotADnsName> {
        text.parse()
    }
}

impl From<DnsName> for String {
    fn from(name: DnsName) -> Self {
        name.0
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dns::present;

    #[test]
    fn spellings_of_one_name_are_equal() {
        let name: DnsName = "DNS.Infra.example".parse().expect("a name");
        assert_eq!(name.as_str(), "dns.infra.example.");
        assert_eq!("dns.infra.example.".parse(), Ok(name));
        assert_eq!(".".parse::<DnsName>().expect("the root").to_wire(), Name::root());
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        let long_label = "a".repeat(64);
        let long_name = vec!["a".repeat(63); 4].join(".");
        for bad in ["", "..", ".a", "a..b", "a b", "a\n", "ä.example", "a/b", &long_label, &long_name] {
            assert!(bad.parse::<DnsName>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_reaches_the_wire_unchanged(text in "([a-z0-9_*-]{1,63}\\.){1,3}") {
            let name: DnsName = text.parse().expect("in the grammar");
            prop_assert_eq!(present::name(&name.to_wire()), text);
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = text.parse::<DnsName>().map(|name| name.to_wire());
        }
    }
}
