//! The fingerprint of an OpenPGP certificate.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The primary fingerprint of a version 4 certificate: 40 hexadecimal digits, lower-case as they stand in a packet's file names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Fingerprint(String);

/// Why a text is not a [`Fingerprint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 40 lower-case hexadecimal digits")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// The 40 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a fingerprint as people copy it: in either case, with white space between groups.
    ///
    /// # Errors
    /// When there are not 40 hexadecimal digits.
    pub fn from_copied(text: &str) -> Result<Self, NotAFingerprint> {
        let digits: String = text.split_whitespace().collect();
        digits.to_ascii_lowercase().parse()
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex && text.len() == 40 { Ok(Self(text.to_owned())) } else { Err(NotAFingerprint) }
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = NotAFingerprint;

    fn try_from(text: String) -> Result<Self, NotAFingerprint> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_fingerprint_is_brought_to_its_one_form() {
        let copied = "ABCD EF01 2345 6789 ABCD  EF01 2345 6789 ABCD EF01";
        assert_eq!(
            Fingerprint::from_copied(copied).as_ref().map(Fingerprint::as_str),
            Ok("abcdef0123456789abcdef0123456789abcdef01")
        );
        assert!(copied.parse::<Fingerprint>().is_err());
        assert!(Fingerprint::from_copied("../../etc").is_err());
    }
}
