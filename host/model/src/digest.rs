//! SHA-256 digests, written in lower-case hexadecimal as `sha256sum` does.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Digest([u8; 32]);

/// Why a text is not a [`Digest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 digest is 64 lower-case hexadecimal digits")]
pub struct NotADigest;

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of all that a stream gives, of which 64 KiB are held at a time.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn of_stream(mut stream: impl Read) -> io::Result<Self> {
        // Most streams are short, and a large buffer would cost more than they do.
        let mut buffer = vec![0; 8 << 10];
        let mut digest = Sha256::new();
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(Self(digest.finalize().into())),
                Ok(length) => {
                    digest.update(buffer.get(..length).unwrap_or_default());
                    if length == buffer.len() {
                        buffer.resize(64 << 10, 0);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece: a manifest has one for each file.
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
        let hex: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        f.write_str(&hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let nibble = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotADigest),
        };
        let bytes = text
            .as_bytes()
            .chunks(2)
            .map(|pair| match *pair {
                [high, low] => Ok(nibble(high)? << 4 | nibble(low)?),
                _ => Err(NotADigest),
            })
            .collect::<Result<Vec<u8>, _>>()?;
        bytes.try_into().map(Self).map_err(|_| NotADigest)
    }
}

impl TryFrom<String> for Digest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_input_has_the_published_digest() {
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), text);
        assert_eq!(text.parse(), Ok(Digest::of(b"")));
    }

    #[test]
    fn other_spellings_are_refused() {
        let upper = Digest::of(b"").to_string().to_uppercase();
        for bad in ["", "e3", upper.as_str(), &"0".repeat(63), &"0".repeat(66)] {
            assert_eq!(bad.parse::<Digest>(), Err(NotADigest));
        }
    }
}
