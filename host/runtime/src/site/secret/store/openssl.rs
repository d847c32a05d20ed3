//! The encrypted file of the scripts before fabric: JSON in `openssl enc -aes-256-cbc -pbkdf2`. It is read once, to move in.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

use aes::cipher::{BlockModeDecrypt as _, KeyIvInit as _, block_padding::Pkcs7};
use fabric_model::Slug;
use fabric_model::exit::Exit;
use ring::pbkdf2;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use zeroize::Zeroizing;

use super::entries::SIZE_LIMIT;
use super::key::KeyPath;
use super::text::SecretText;
use crate::refusal::Refusal;

/// With what the file begins; the salt follows.
const MAGIC: &[u8; 8] = b"Salted__";
const SALT: usize = 8;
const KEY: usize = 32;
const IV: usize = 16;

/// What `openssl enc -pbkdf2` takes where `-iter` does not say otherwise.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// The largest file: a full store.
pub(super) const FILE_LIMIT: u64 = SIZE_LIMIT as u64 + 64;

/// One value of the file.
pub(super) struct Imported {
    /// Its key.
    pub(super) key: KeyPath,
    /// Its field.
    pub(super) field: Slug,
    /// The value.
    pub(super) value: SecretText,
}

/// A value as the file has it: text, or a number or truth value, which is taken as its text.
struct Scalar(SecretText);

/// Decrypts the file and reads everything in it.
///
/// # Errors
/// When the passphrase is wrong or the file is not such a file, which without a MAC cannot be told apart; or when it holds what a
/// store cannot. No message contains anything of what was decrypted but keys and fields.
pub(super) fn read(file: &[u8], passphrase: &[u8]) -> Result<Vec<Imported>, Refusal> {
    let plain = decrypt(file, passphrase).ok_or_else(unopened)?;
    let keys: BTreeMap<String, BTreeMap<String, Option<Scalar>>> =
        serde_json::from_slice(&plain).map_err(|_| unopened())?;
    let mut imported = Vec::new();
    for (key, fields) in keys {
        let path: KeyPath = key.parse().map_err(|error| unfit(&format!("{error}")))?;
        for (field, value) in fields {
            let name: Slug = field.parse().map_err(|error| unfit(&format!("`{path}`: {error}")))?;
            let at = |why: &dyn fmt::Display| unfit(&format!("`{path}` `{name}`: {why}"));
            let Scalar(value) = value.ok_or_else(|| at(&"the value is empty"))?;
            let value = value.checked().map_err(|error| at(&error))?;
            imported.push(Imported { key: path.clone(), field: name, value });
        }
    }
    Ok(imported)
}

fn decrypt(file: &[u8], passphrase: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (salt, sealed) = file.strip_prefix(MAGIC)?.split_at_checked(SALT)?;
    let mut derived = Zeroizing::new([0; KEY + IV]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, passphrase, derived.as_mut_slice());
    let (key, iv) = derived.split_at_checked(KEY)?;
    let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv).ok()?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let length = cipher.decrypt_padded::<Pkcs7>(&mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

fn unopened() -> Refusal {
    Refusal::new(
        Exit::Authentication,
        "the passphrase is wrong, or this is no file of `openssl enc -aes-256-cbc -pbkdf2` with keys, fields and values as JSON",
    )
    .hint("The store was not changed.")
}

fn unfit(why: &str) -> Refusal {
    Refusal::new(Exit::Configuration, format!("the file holds what the store cannot: {why}"))
        .hint("The store was not changed. Put that right in the older file, or import without it.")
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalars;
        impl Visitor<'_> for Scalars {
            type Value = SecretText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a truth value")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SecretText, E> {
                Ok(SecretText::from_store(text.to_owned()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<SecretText, E> {
                Ok(SecretText::from_store(value.to_string()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<SecretText, E> {
                Ok(SecretText::from_store(value.to_string()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<SecretText, E> {
                Ok(SecretText::from_store(value.to_string()))
            }
        }
        deserializer.deserialize_any(Scalars).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    const PASSPHRASE: &str = "correct horse";

    /// What the real `openssl` writes, as the older scripts called it.
    fn encrypted(plain: &str) -> Vec<u8> {
        let mut command = Command::new("openssl");
        command.args(["enc", "-aes-256-cbc", "-pbkdf2", "-salt", "-pass", "env:P"]).env("P", PASSPHRASE);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("openssl is installed");
        child.stdin.take().expect("it is piped").write_all(plain.as_bytes()).expect("it reads");
        child.wait_with_output().expect("it ends").stdout
    }

    fn read_as(plain: &str) -> Result<Vec<Imported>, Refusal> {
        read(&encrypted(plain), PASSPHRASE.as_bytes())
    }

    #[test]
    fn what_openssl_wrote_is_read() {
        let plain = r#"{"tenants/canary/database":{"username":"pg_1","password":"a\"b","port":5432,"tls":true},"x":{}}"#;
        let imported = read_as(plain).expect("it is such a file");
        let shown: Vec<String> =
            imported.iter().map(|one| format!("{} {} {}", one.key, one.field, one.value.expose())).collect();
        let wanted = ["password a\"b", "port 5432", "tls true", "username pg_1"];
        assert_eq!(shown, wanted.map(|rest| format!("tenants/canary/database {rest}")));
    }

    #[test]
    fn a_wrong_passphrase_and_any_other_file_are_refused() {
        let file = encrypted(r#"{"a":{"b":"hidden"}}"#);
        for wrong in ["", "correct hors", "correct horse\n"] {
            let refused = read(&file, wrong.as_bytes()).err().expect("it is wrong");
            assert_eq!(refused.exit, Exit::Authentication);
        }
        for length in 0..file.len() {
            assert!(read(&file[..length], PASSPHRASE.as_bytes()).is_err(), "cut at {length}");
        }
        for plain in ["", "hidden", "[]", r#"{"a":"hidden"}"#, r#"{"a":{"b":["hidden"]}}"#] {
            let refused = read_as(plain).err().expect("it has another form");
            assert!(!refused.to_string().contains("hidden"), "{refused}");
        }
    }

    #[test]
    fn what_a_store_cannot_hold_is_refused_by_its_name() {
        let cases = [
            (r#"{"../a":{"b":"hidden"}}"#, "`../a` is not a key"),
            (r#"{"a":{"b c":"hidden"}}"#, "`a`: `b c` is not a name"),
            (r#"{"a":{"b":""}}"#, "`a` `b`: the value is empty"),
            (r#"{"a":{"b":null}}"#, "`a` `b`: the value is empty"),
            (r#"{"a":{"b":"hidden\u0000"}}"#, "`a` `b`: the value holds control characters"),
        ];
        for (plain, why) in cases {
            let refused = read_as(plain).err().expect(why);
            assert!(refused.message.contains(why) && !refused.message.contains("hidden"), "{refused}");
        }
    }
}
