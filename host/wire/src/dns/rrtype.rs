//! The type of a record to ask for.

use std::fmt;
use std::str::FromStr;

use hickory_proto::rr::RecordType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A type of data, by name (`A`, `SOA`) or number (`TYPE257`, RFC 3597). Types that ask for an operation, such as `AXFR` and
/// `ANY`, are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RrType(RecordType);

/// Why a text is not an [`RrType`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a record type that can be asked for; write `A`, `AAAA`, `NS`, `SOA` … or `TYPE` and a number"
)]
pub struct NotAnRrType(String);

impl RrType {
    /// An IPv4 address.
    pub const A: Self = Self(RecordType::A);
    /// The start of a zone.
    pub const SOA: Self = Self(RecordType::SOA);

    pub(super) fn wire(self) -> RecordType {
        self.0
    }
}

/// The type's name, or `TYPE` and its number.
pub(super) fn present(rrtype: RecordType) -> String {
    match rrtype {
        RecordType::Unknown(code) => format!("TYPE{code}"),
        named => <&str>::from(named).to_owned(),
    }
}

impl FromStr for RrType {
    type Err = NotAnRrType;

    fn from_str(text: &str) -> Result<Self, NotAnRrType> {
        let upper = text.to_ascii_uppercase();
        let rrtype = match upper.strip_prefix("TYPE") {
            Some(code) => code.parse().ok().map(<RecordType as From<u16>>::from),
            None => upper.parse().ok(),
        };
        // 0 is reserved, 41 is the EDNS pseudo-record, 128 to 255 are questions and meta types (RFC 6895, 3.1).
        rrtype
            .filter(|rrtype| !matches!(u16::from(*rrtype), 0 | 41 | 128..=255))
            .map(Self)
            .ok_or_else(|| NotAnRrType(text.chars().take(80).collect()))
    }
}

impl TryFrom<String> for RrType {
    type Error = NotAnRrType;

    fn try_from(text: String) -> Result<Self, NotAnRrType> {
        text.parse()
    }
}

impl From<RrType> for String {
    fn from(rrtype: RrType) -> Self {
        present(rrtype.0)
    }
}

impl fmt::Display for RrType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&present(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_by_name_and_by_number() {
        assert_eq!("a".parse(), Ok(RrType::A));
        assert_eq!("TYPE6".parse(), Ok(RrType::SOA));
        assert_eq!("TYPE65280".parse::<RrType>().map(|t| t.to_string()).as_deref(), Ok("TYPE65280"));
    }

    #[test]
    fn operations_are_no_types() {
        for bad in ["", "AXFR", "IXFR", "ANY", "*", "OPT", "TSIG", "TYPE252", "TYPE0", "TYPE70000", "Z"] {
            assert!(bad.parse::<RrType>().is_err(), "{bad:?}");
        }
    }
}
