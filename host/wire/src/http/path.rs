//! What a request asks for.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest path with query, in bytes: where servers commonly stop (RFC 9110, 4.1 asks for no less). An object's key may have 3,072.
const PATH_LIMIT: usize = 8000;

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

/// A text percent-encoded (RFC 3986, 2.1), so that nothing in it ends a segment of a path or a part of a query.
pub(crate) fn encoded(text: &str) -> String {
    encoded_but(text, &[])
}

/// The same, with further bytes that stand for themselves.
pub(crate) fn encoded_but(text: &str, plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_holds_nothing_that_ends_it() {
        assert_eq!(encoded("a+b@c:d.e-f_g"), "a%2Bb%40c%3Ad.e-f_g");
        assert_eq!(encoded("a/../b?c#d%e!"), "a%2F..%2Fb%3Fc%23d%25e%21");
        assert_eq!(encoded_but("a/ä b", b"/"), "a/%C3%A4%20b");
    }

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
