//! What a value in the store is filed under.

use std::fmt;
use std::str::FromStr;

use fabric_model::Slug;
use serde::{Deserialize, Serialize};

/// The most names in a key.
const DEPTH_LIMIT: usize = 8;

/// A key: up to eight names with `/` between them, such as `tenants/canary/postgres`. It is flat: no key contains another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyPath(String);

/// Why a text is not a [`KeyPath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key: it is one to eight names with `/` between them, such as `proxmox/token`")]
pub struct NotAKey(String);

impl FromStr for KeyPath {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let names = || text.split('/');
        let good = names().count() <= DEPTH_LIMIT && names().all(|name| name.parse::<Slug>().is_ok());
        if good { Ok(Self(text.to_owned())) } else { Err(NotAKey(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for KeyPath {
    type Error = NotAKey;

    fn try_from(text: String) -> Result<Self, NotAKey> {
        text.parse()
    }
}

impl From<KeyPath> for String {
    fn from(key: KeyPath) -> Self {
        key.0
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_few_names() {
        for good in ["token", "proxmox/token", "tenants/canary/database/rotations/20260101T000000Z"] {
            assert_eq!(good.parse::<KeyPath>().map(String::from).as_deref(), Ok(good));
        }
        for bad in ["", "/", "a/", "/a", "a//b", "../a", "a b", "a\nb", "1/2/3/4/5/6/7/8/9"] {
            assert!(bad.parse::<KeyPath>().is_err(), "{bad:?}");
        }
    }
}
