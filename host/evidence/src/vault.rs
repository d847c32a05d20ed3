//! Encryption of what an undo needs to the operator's own machine: the bytes of a file or a ruleset lie on the disk for as long as a
//! change stands, and a copy of the disk must not give them away.
//!
//! The same OpenPGP as that of the signatures, so that there is one cryptographic stack, and `gpg` opens in an emergency what this
//! program has sealed. The key agreement is X25519, whose implementation runs in constant time as Ed25519's does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sequoia_openpgp as openpgp;

use openpgp::Cert;
use openpgp::cert::{CertBuilder, CipherSuite};
use openpgp::crypto::SessionKey;
use openpgp::packet::{PKESK, SKESK};
use openpgp::parse::Parse as _;
use openpgp::parse::stream::{DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper};
use openpgp::policy::StandardPolicy;
use openpgp::serialize::SerializeInto as _;
use openpgp::serialize::stream::{Encryptor, LiteralWriter, Message, Recipient};
use openpgp::types::{Features, SymmetricAlgorithm};

use crate::key::KeyError;

/// The largest key file that is read, in bytes: ours has under 2 KiB.
const FILE_LIMIT: u64 = 1 << 16;

/// The largest thing that is opened, in bytes. The largest honest one is a file or ruleset of 4 MiB, with its envelope.
const OPENED_LIMIT: u64 = 8 << 20;

/// The key of one machine and operator, to which undo payloads are encrypted. Printing it shows nothing.
#[derive(Clone)]
pub struct HostKey(Cert);

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostKey(..)")
    }
}

impl HostKey {
    /// Reads the key, or makes it where there is none: mode 0600, whole or not at all, and on the disk before anything is encrypted to
    /// it.
    ///
    /// # Errors
    /// When the file is open to others, is no such key, or cannot be written.
    pub fn load_or_make(path: &Path, now: SystemTime) -> Result<Self, KeyError> {
        if !fs::exists(path).map_err(|source| at(path, source))? {
            Self::make(path, now)?;
        }
        Self::load(path)
    }

    fn make(path: &Path, now: SystemTime) -> Result<(), KeyError> {
        let cert = CertBuilder::new()
            .set_profile(openpgp::Profile::RFC4880)
            .and_then(|builder| {
                builder
                    .set_cipher_suite(CipherSuite::Cv25519)
                    .set_creation_time(now)
                    .add_userid("fabric undo store")
                    .add_storage_encryption_subkey()
                    .generate()
            })
            .map(|(cert, _revocation)| cert)
            .map_err(failed)?;
        let armored = cert.as_tsk().armored().to_vec().map_err(failed)?;
        place(path, &armored).map_err(|source| at(path, source))
    }

    fn load(path: &Path) -> Result<Self, KeyError> {
        let file = File::open(path).map_err(|source| at(path, source))?;
        // Of the open file: what is checked is what is read.
        let mode = file.metadata().map_err(|source| at(path, source))?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        file.take(FILE_LIMIT).read_to_end(&mut bytes).map_err(|source| at(path, source))?;
        let cert = Cert::from_bytes(&bytes)
            .map_err(|e| KeyError::Unreadable { path: path.to_owned(), reason: e.to_string() })?;
        if cert.keys().subkeys().unencrypted_secret().next().is_none() {
            let reason = "it holds no secret key that decrypts";
            return Err(KeyError::Unusable { path: path.to_owned(), reason });
        }
        Ok(Self(cert))
    }

    /// Encrypts bytes. Whoever changes one of them is found out by [`Self::open`].
    ///
    /// # Errors
    /// When there is no entropy.
    pub fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.encrypt(bytes).map_err(failed)
    }

    fn encrypt(&self, bytes: &[u8]) -> openpgp::Result<Vec<u8>> {
        // Not by the times in the certificate: with a clock that was set back, what a change needs could not be kept.
        let features = Features::empty().set_seipdv1();
        let recipients = self
            .0
            .keys()
            .subkeys()
            .map(|subkey| Recipient::new(features.clone(), subkey.key().key_handle(), subkey.key()));
        let mut sealed = Vec::new();
        let message = Encryptor::for_recipients(Message::new(&mut sealed), recipients).build()?;
        let mut literal = LiteralWriter::new(message).build()?;
        literal.write_all(bytes)?;
        literal.finalize()?;
        Ok(sealed)
    }

    /// Decrypts what [`Self::seal`] gave.
    ///
    /// # Errors
    /// When it was encrypted to another key, or changed since.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.decrypt(sealed).map_err(failed)
    }

    fn decrypt(&self, sealed: &[u8]) -> openpgp::Result<Vec<u8>> {
        let policy = StandardPolicy::new();
        let decryptor = DecryptorBuilder::from_bytes(sealed)?.with_policy(&policy, None, Opener(&self.0))?;
        let mut bytes = Vec::new();
        decryptor.take(OPENED_LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > OPENED_LIMIT {
            // Short of its end nobody has checked it.
            return Err(io::Error::other(format!("it holds more than {OPENED_LIMIT} bytes")).into());
        }
        Ok(bytes)
    }
}

/// Brings the session key of a message; there are no signatures in it.
struct Opener<'a>(&'a Cert);

impl VerificationHelper for Opener<'_> {
    fn get_certs(&mut self, _ids: &[openpgp::KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, _structure: MessageStructure<'_>) -> openpgp::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Opener<'_> {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _skesks: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> openpgp::Result<Option<Cert>> {
        for subkey in self.0.keys().subkeys().unencrypted_secret() {
            let mut pair = subkey.key().clone().into_keypair()?;
            let mut keys = pkesks.iter().filter_map(|pkesk| pkesk.decrypt(&mut pair, algorithm));
            if keys.any(|(algorithm, key)| decrypt(algorithm, &key)) {
                return Ok(None);
            }
        }
        Err(io::Error::other("it is not encrypted to this key").into())
    }
}

/// Puts a new file in its place in one step, for its owner alone. Where another process was faster, its file stays.
fn place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let unfinished = unfinished(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let placed = written.and_then(|()| match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    fs::remove_file(&unfinished)?;
    placed?;
    File::open(folder)?.sync_all()
}

/// A name beside the file that no other process uses.
fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn at(path: &Path, source: io::Error) -> KeyError {
    KeyError::Io { path: path.to_owned(), source }
}

fn failed(error: impl std::fmt::Display) -> KeyError {
    KeyError::OpenPgp(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    /// Any time will do.
    fn made() -> SystemTime {
        SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_760_000_000)
    }

    fn key(folder: &Path) -> HostKey {
        HostKey::load_or_make(&folder.join("host-key.asc"), made()).expect("room")
    }

    #[test]
    fn what_was_sealed_is_opened_with_the_key_that_was_made_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let sealed = key(folder.path()).seal(b"old ruleset").expect("sealed");
        assert!(!sealed.windows(11).any(|window| window == b"old ruleset"));
        assert_eq!(key(folder.path()).open(&sealed).expect("the same key"), b"old ruleset");
        let path = folder.path().join("host-key.asc");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn another_key_does_not_open_it() {
        let (own, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let sealed = key(own.path()).seal(b"old ruleset").expect("sealed");
        assert!(key(other.path()).open(&sealed).is_err());
    }

    #[test]
    fn a_changed_byte_anywhere_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = key(folder.path());
        let sealed = key.seal(b"old ruleset").expect("sealed");
        for place in (0..sealed.len()).step_by(7) {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            // A changed hint, such as the id of the key, leaves the content as it is.
            assert!(
                key.open(&changed).is_ok_and(|bytes| bytes == b"old ruleset") || key.open(&changed).is_err()
            );
        }
        let mut changed = sealed.clone();
        *changed.last_mut().expect("bytes") ^= 1;
        assert!(key.open(&changed).is_err());
        assert!(key.open(&sealed[..sealed.len() - 1]).is_err(), "cut off");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        key(folder.path());
        let path = folder.path().join("host-key.asc");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("ours");
        let refused = HostKey::load_or_make(&path, made());
        assert!(matches!(refused, Err(KeyError::Exposed { mode: 0o640, .. })), "{refused:?}");
    }
}
