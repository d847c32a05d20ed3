//! The text of a secret on its way into the store.

use std::fmt;

use fabric_connect::SystemEntropy;
use fabric_model::Fault;
use fabric_wire::seam::Entropy as _;
use zeroize::Zeroizing;

/// The longest text, in bytes: that of a secret in a file of its own.
const SIZE_LIMIT: usize = 64 * 1024;

/// What generated secrets consist of: no character that a shell, a URL or a configuration file would read as more than itself.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A secret's text: wiped when dropped, never printed, serialised by the store alone.
#[derive(PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

/// Why bytes are not the text of a secret. It never says what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASecret {
    /// There is nothing but white space.
    #[error("the value is empty")]
    Empty,
    /// It is not text.
    #[error("the value is not UTF-8 text")]
    NotText,
    /// A zero byte or another control character that no secret has.
    #[error("the value holds control characters other than tab and line breaks")]
    Control,
    /// It is too long.
    #[error("the value is larger than 64 KiB")]
    TooLong,
}

impl SecretText {
    /// Takes over bytes that somebody entered. What was entered stays as it is, a line break at its end included.
    ///
    /// # Errors
    /// When they are no text that could be a secret.
    pub fn from_bytes(mut bytes: Zeroizing<Vec<u8>>) -> Result<Self, NotASecret> {
        let text = match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Zeroizing::new(text),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                return Err(NotASecret::NotText);
            }
        };
        Self(text).checked()
    }

    pub(super) fn checked(self) -> Result<Self, NotASecret> {
        let text = &self.0;
        if text.len() > SIZE_LIMIT {
            return Err(NotASecret::TooLong);
        }
        if text.trim().is_empty() {
            return Err(NotASecret::Empty);
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(NotASecret::Control);
        }
        Ok(self)
    }

    /// A new random secret of letters and digits: 5.95 bits for each character.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate(length: usize) -> Result<Self, Fault> {
        let mut text = Zeroizing::new(String::with_capacity(length));
        let mut drawn = Zeroizing::new([0; 64]);
        while text.len() < length {
            SystemEntropy.fill(&mut *drawn)?;
            // Bytes from 248 on would make some characters more frequent than others.
            let fair = drawn.iter().filter(|&&byte| byte < 248);
            let picked = fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)).copied());
            let missing = length - text.len();
            text.extend(picked.take(missing).map(char::from));
        }
        Ok(Self(text))
    }

    /// A text that is taken over as it is; [`SecretText::checked`] says whether it could be a secret.
    pub(super) fn from_store(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(bytes: &[u8]) -> Result<SecretText, NotASecret> {
        SecretText::from_bytes(Zeroizing::new(bytes.to_vec()))
    }

    #[test]
    fn what_is_no_text_of_a_secret_is_refused() {
        assert_eq!(entered(b""), Err(NotASecret::Empty));
        assert_eq!(entered(b" \r\n"), Err(NotASecret::Empty));
        assert_eq!(entered(b"abc\xff"), Err(NotASecret::NotText));
        assert_eq!(entered(b"abc\0def"), Err(NotASecret::Control));
        assert_eq!(entered(&vec![b'x'; SIZE_LIMIT + 1]), Err(NotASecret::TooLong));
        assert!(entered("-----BEGIN\n\tä\r\n-----END\n".as_bytes()).is_ok());
    }

    #[test]
    fn generated_secrets_have_the_length_and_differ() {
        for length in [16, 62, 63, 64, 65, 1024] {
            let (one, other) = (SecretText::generate(length), SecretText::generate(length));
            let (one, other) = (one.expect("randomness"), other.expect("randomness"));
            assert_eq!((one.expose().len(), one == other), (length, false));
            assert!(one.expose().bytes().all(|byte| ALPHABET.contains(&byte)));
        }
    }

    #[test]
    fn debug_output_does_not_show_it() {
        assert_eq!(format!("{:?}", entered(b"hidden")), "Ok(SecretText(..))");
    }
}
