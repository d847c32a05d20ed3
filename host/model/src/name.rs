//! Names that are safe to print, to put in a path and to send to a host as one word.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest name that is accepted, in bytes: the limit of a DNS name (RFC 1035, 2.3.4).
pub const NAME_LENGTH_LIMIT: usize = 255;

/// A name of `[A-Za-z0-9]` followed by `[A-Za-z0-9._@:+-]`: a host, a unit, a sysctl key, a zone. It holds no white space, no
/// quote, no `/` and no leading `-`, so it is one word for every shell and never an option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Slug(String);

/// Why a text is not a [`Slug`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a name: letters, digits and `._@:+-`, beginning with a letter or digit, at most 255 bytes"
)]
pub struct NotASlug(String);

impl Slug {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = NotASlug;

    fn from_str(text: &str) -> Result<Self, NotASlug> {
        let head = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        let body = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@:+-".contains(&b));
        if head && body && text.len() <= NAME_LENGTH_LIMIT {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotASlug(text.chars().take(80).collect()))
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = NotASlug;

    fn try_from(text: String) -> Result<Self, NotASlug> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for Slug {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_could_split_are_refused() {
        for bad in ["", "-n", ".x", "a b", "a/b", "a'b", "a$b", "a\n", "a*", "ä"] {
            assert!(bad.parse::<Slug>().is_err(), "{bad:?}");
        }
        for good in ["dns-edge-1", "net.ipv4.ip_forward", "getty@tty1.service", "_spf", "a:b"] {
            assert_eq!(good.parse::<Slug>().map(|s| s.to_string()).as_deref(), Ok(good));
        }
    }
}
