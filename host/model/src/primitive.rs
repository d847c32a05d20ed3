//! What a primitive is called and what it may do.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The strength of a primitive. The order is the order of authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Reads and leaves everything as it was.
    Observe,
    /// Changes something, usually with an inverse.
    Change,
    /// Destroys something; never matched by a wildcard.
    Destroy,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observe => "observe",
            Self::Change => "change",
            Self::Destroy => "destroy",
        })
    }
}

/// A primitive's name, `area.verb` in lower case: `dns.query`, `unit.state`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PrimitiveName {
    text: String,
    dot: usize,
}

/// Why a text is not a [`PrimitiveName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a primitive: it is written `area.verb` in lower case, such as `dns.query`")]
pub struct NotAPrimitiveName(String);

impl PrimitiveName {
    /// The whole name, `area.verb`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the dot: the script's namespace.
    pub fn area(&self) -> &str {
        self.text.get(..self.dot).unwrap_or_default()
    }

    /// The part behind the dot: the script's function.
    pub fn verb(&self) -> &str {
        self.text.get(self.dot + 1..).unwrap_or_default()
    }
}

impl FromStr for PrimitiveName {
    type Err = NotAPrimitiveName;

    fn from_str(text: &str) -> Result<Self, NotAPrimitiveName> {
        let word = |part: &str| {
            part.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        match text.split_once('.') {
            Some((area, verb)) if word(area) && word(verb) && text.len() <= 64 => {
                Ok(Self { text: text.to_owned(), dot: area.len() })
            }
            _ => Err(NotAPrimitiveName(text.chars().take(80).collect())),
        }
    }
}

impl TryFrom<String> for PrimitiveName {
    type Error = NotAPrimitiveName;

    fn try_from(text: String) -> Result<Self, NotAPrimitiveName> {
        text.parse()
    }
}

impl From<PrimitiveName> for String {
    fn from(name: PrimitiveName) -> Self {
        name.text
    }
}

impl fmt::Display for PrimitiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
