//! What a request asks for.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest path with query, in bytes. Servers commonly stop at 8,000; probes need a fraction.
const PATH_LIMIT: usize = 2048;

/// A path that begins with `/`, with its query if any, spelled as it is sent: printable ASCII, everything else percent-encoded,
/// no fragment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RequestPath(String);

/// Why a text is not a [`RequestPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a request path: it begins with `/` and holds printable ASCII without spaces, quotes, `<>\\^`{{|}}` or `#`"
)]
pub struct NotAPath(String);

impl RequestPath {
    /// The path as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RequestPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for RequestPath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        // RFC 3986, 3.3 and 3.4.
        let sendable = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&b);
        let good = text.starts_with('/') && text.len() <= PATH_LIMIT && text.bytes().all(sendable);
        if good { Ok(Self(text.to_owned())) } else { Err(NotAPath(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for RequestPath {
    type Error = NotAPath;

    fn try_from(text: String) -> Result<Self, NotAPath> {
        text.parse()
    }
}

impl From<RequestPath> for String {
    fn from(path: RequestPath) -> Self {
        path.0
    }
}

impl fmt::Display for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_sent_is_a_path() {
        for good in ["/", "/health?x=1&y=%20", "/a/b;c"] {
            assert_eq!(good.parse::<RequestPath>().map(String::from).as_deref(), Ok(good));
        }
        let long = format!("/{}", "a".repeat(PATH_LIMIT));
        for bad in ["", "a", "http://x/", "/a b", "/a\r\nHost: b", "/a#b", "/ä", &long] {
            assert!(bad.parse::<RequestPath>().is_err(), "{bad:?}");
        }
    }
}
