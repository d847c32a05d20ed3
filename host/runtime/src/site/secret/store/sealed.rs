//! The encryption: age, to one X25519 identity.

use std::io::Read as _;
use std::iter;

use age::x25519::Identity;
use age::{DecryptError, Decryptor};
use zeroize::Zeroizing;

use super::entries::SIZE_LIMIT;

/// Why a sealed store is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unopened {
    /// It is for somebody else.
    #[error("is encrypted to another identity")]
    OtherIdentity,
    /// Its bytes are not the ones that were written.
    #[error("is damaged, cut off or no age file")]
    Damaged,
    /// It holds more than a store does.
    #[error("holds more than a store may")]
    TooLarge,
}

/// Encrypts to the identity's own public key.
pub(super) fn seal(plain: &[u8], identity: &Identity) -> Result<Vec<u8>, String> {
    age::encrypt(&identity.to_public(), plain).map_err(|error| error.to_string())
}

/// Decrypts; every byte is authenticated, the end included.
pub(super) fn open(sealed: &[u8], identity: &Identity) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let decryptor = Decryptor::new(sealed).map_err(|_| Unopened::Damaged)?;
    let identities = iter::once(identity as &dyn age::Identity);
    let reader = decryptor.decrypt(identities).map_err(|error| match error {
        DecryptError::NoMatchingKeys => Unopened::OtherIdentity,
        _ => Unopened::Damaged,
    })?;
    // It never grows, because growing would leave copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(SIZE_LIMIT + 32));
    let limit = u64::try_from(SIZE_LIMIT).unwrap_or(u64::MAX);
    reader.take(limit + 1).read_to_end(&mut plain).map_err(|_| Unopened::Damaged)?;
    if plain.len() > SIZE_LIMIT {
        return Err(Unopened::TooLarge);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_byte_and_any_cut_is_refused() {
        let identity = Identity::generate();
        let sealed = seal(b"what is in the store", &identity).expect("it is sealed");
        assert_eq!(open(&sealed, &identity).expect("it opens").as_slice(), b"what is in the store");
        for place in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[place] ^= 1;
            assert!(open(&flipped, &identity).is_err(), "byte {place}");
            assert!(open(&sealed[..place], &identity).is_err(), "cut at {place}");
        }
        assert!(open(&[&sealed[..], b"x"].concat(), &identity).is_err(), "something follows");
    }

    #[test]
    fn another_identity_is_told_apart_from_damage() {
        let sealed = seal(b"what is in the store", &Identity::generate()).expect("it is sealed");
        assert_eq!(open(&sealed, &Identity::generate()), Err(Unopened::OtherIdentity));
    }
}
