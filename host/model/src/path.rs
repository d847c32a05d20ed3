//! Paths on hosts, as commands and grants name them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Slug;

/// The longest path, in bytes; Linux takes 4,095, and no configuration file needs a tenth of it.
const LIMIT: usize = 255;

/// An absolute path without `.`, `..`, empty segments or characters that a shell would read as anything but themselves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RemotePath(String);

/// Why a text is not a [`RemotePath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an absolute path of names (letters, digits and `._@:+-`) without `.` and `..`")]
pub struct NotARemotePath(String);

impl RemotePath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RemotePath {
    type Err = NotARemotePath;

    fn from_str(text: &str) -> Result<Self, NotARemotePath> {
        // With one leading dot taken off, `.` and `..` are no names any more.
        let name = |segment: &str| segment.strip_prefix('.').unwrap_or(segment).parse::<Slug>().is_ok();
        let sound = text.len() <= LIMIT && text.strip_prefix('/').is_some_and(|p| p.split('/').all(name));
        if sound { Ok(Self(text.to_owned())) } else { Err(NotARemotePath(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for RemotePath {
    type Error = NotARemotePath;

    fn try_from(text: String) -> Result<Self, NotARemotePath> {
        text.parse()
    }
}

impl From<RemotePath> for String {
    fn from(path: RemotePath) -> Self {
        path.0
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_absolute_paths_are_taken() {
        for good in ["/etc/keepalived/keepalived.conf", "/run/fabric-1.nft", "/etc/.hidden"] {
            assert!(good.parse::<RemotePath>().is_ok(), "{good}");
        }
        for bad in ["", "/", "etc/x", "/etc//x", "/etc/../x", "/etc/./x", "/etc/x/", "/a b", "/a;b", "/a$(b)"]
        {
            assert!(bad.parse::<RemotePath>().is_err(), "{bad}");
        }
    }
}
