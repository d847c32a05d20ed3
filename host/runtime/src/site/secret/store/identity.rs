//! The identity that opens the store: one line as `age-keygen` writes it.

use age::secrecy::ExposeSecret as _;
use age::x25519::Identity;
use zeroize::Zeroizing;

/// Why a text is not the identity of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAnIdentity {
    #[error("holds no identity: a line that begins with `AGE-SECRET-KEY-1`")]
    None,
    #[error("holds more than one identity")]
    Many,
    #[error("holds an identity that is misspelled")]
    Misspelled,
}

/// Reads the identity file; lines that begin with `#` are remarks.
pub(super) fn parse(bytes: &[u8]) -> Result<Identity, NotAnIdentity> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotAnIdentity::None)?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next().ok_or(NotAnIdentity::None)?;
    if lines.next().is_some() {
        return Err(NotAnIdentity::Many);
    }
    line.parse().map_err(|_| NotAnIdentity::Misspelled)
}

/// The identity file, with its public key in a remark.
pub(super) fn to_file(identity: &Identity) -> Zeroizing<String> {
    let secret = identity.to_string();
    Zeroizing::new(format!("# public key: {}\n{}\n", identity.to_public(), secret.expose_secret()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_file_holds_one_identity() {
        let identity = Identity::generate();
        let text = to_file(&identity);
        let read = parse(text.as_bytes()).expect("it is ours");
        assert_eq!(read.to_public().to_string(), identity.to_public().to_string());
        let other = to_file(&Identity::generate());
        let refused = |text: &[u8]| parse(text).err().expect("it is refused");
        assert_eq!(refused(b"# nothing\n"), NotAnIdentity::None);
        assert_eq!(refused([text.as_bytes(), other.as_bytes()].concat().as_slice()), NotAnIdentity::Many);
        assert_eq!(refused(&text.as_bytes()[..text.len() - 2]), NotAnIdentity::Misspelled);
    }
}
